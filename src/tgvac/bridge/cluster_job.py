"""A stage in a job of a cluster: signals reach it, what surrounds it outlives them, and nothing asks the network.

A stage runs below several processes: the job's Snakemake, a shell, and ``tee``, which writes the log. A cluster sends
its signals to all of them. If one of the others ended first, the job would be over before the stage has saved.
"""

from __future__ import annotations

import os
import signal

from tgvac.training.interruption import NOTICE

REQUEUE = "TGVAC_REQUEUE"
"""The environment variable that tells a stage to put its job back into the queue when time is nearly up."""
ONLINE = "TGVAC_ONLINE"
"""The environment variable that lets jobs use the network: "1" where compute nodes have one."""

SHELL = "trap : TERM USR1; tee() { trap '' TERM USR1; exec tee \"$@\"; }; "
"""What the shell of each rule begins with. It waits for the stage whatever the signal; so does ``tee``."""

_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


def prepare_job() -> None:
    """Prepare the Snakemake process of a cluster's job, and with it all that it starts.

    It ignores the notice that time is nearly up, which the stage alone acts upon; and the stage does not look for
    newer weights on the network, which compute nodes often lack, but takes those that were fetched before.
    """
    signal.signal(NOTICE, signal.SIG_IGN)
    os.environ.setdefault(REQUEUE, "1")
    if os.environ.get(ONLINE) != "1":
        os.environ.update(dict.fromkeys(_OFFLINE, "1"))
