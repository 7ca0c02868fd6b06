"""What a cluster offers, and requests that it can never meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tgvac.cluster.requests import Request, check_requests
from tgvac.cluster.site import Nodes, Partition, Site, parse_gpus, parse_minutes, parse_partitions, read_site
from tgvac.errors import BadInput

# As `sinfo --format=%P|%l|%c|%m|%G` prints them on real clusters: several kinds of nodes, sockets, mixed sizes.
SINFO = """\
cpu*|1-00:00:00|64|256000+|(null)
gpu|2-00:00:00|48|512000|gpu:a100:4(S:0-1)
gpu|2-00:00:00|128+|1031000|gpu:h100:8(S:0-7),shard:h100:16
short|30:00|16|64000|gpu:2
free|infinite|8|32000|(null)
"""

SITE = Site(parse_partitions(SINFO), accounts=("alpha", "beta"), account_needed=True)
FITS = Request("train_motion", "gpu", "alpha", 2880, 256000, 32, 8, "h100")


def test_partitions_have_their_limits_and_all_kinds_of_nodes() -> None:
    cpu, gpu, short, free = parse_partitions(SINFO)
    assert cpu == Partition("cpu", True, 1440, (Nodes(64, 256000, {}),))
    assert gpu.minutes == 2880
    assert gpu.nodes == (Nodes(48, 512000, {"a100": 4}), Nodes(128, 1031000, {"h100": 8}))
    assert short.nodes[0].gpus == {"": 2}
    assert free.minutes is None


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("(null)", {}),
        ("gpu:8", {"": 8}),
        ("gpu:nvidia_a100_80gb_pcie_1g.10gb:7(S:0)", {"nvidia_a100_80gb_pcie_1g.10gb": 7}),
        ("gpu:a100:2(S:0),gpu:v100:2(S:1)", {"a100": 2, "v100": 2}),
        ("craynetwork:4,gpu:a100:4", {"a100": 4}),
        ("mps:100", {}),
    ],
)
def test_gpus_are_read_from_generic_resources(shown: str, expected: dict[str, int]) -> None:
    assert parse_gpus(shown) == expected


@pytest.mark.parametrize(
    ("shown", "minutes"),
    [("7-00:00:00", 10080), ("1:30:00", 90), ("45:00", 45), ("2-00:00", 2880), ("UNLIMITED", None)],
)
def test_time_limits_are_read(shown: str, minutes: int | None) -> None:
    assert parse_minutes(shown) == minutes


def answers(command: Sequence[str]) -> str:
    """A cluster that keeps accounts."""
    return {
        "sinfo": SINFO,
        "scontrol": "AccountingStorageEnforce = associations,limits\nMaxArraySize = 1001\n",
        "sacctmgr": "beta\nalpha\nbeta\n",
    }[command[0]]


def test_a_site_is_read_from_what_the_cluster_answers() -> None:
    assert read_site(answers) == SITE


def test_a_cluster_that_keeps_no_accounts_is_known_as_such() -> None:
    config = "AccountingStorageType   = accounting_storage/none\n"
    assert not read_site(lambda command: {"sinfo": SINFO, "scontrol": config}.get(command[0], "")).remembers
    assert read_site(answers).remembers


def test_a_machine_without_slurm_is_named_as_such() -> None:
    with pytest.raises(BadInput, match=r"SLURM does not answer.*login node"):
        read_site(lambda command: "")


def test_a_cluster_without_accounts_needs_none() -> None:
    site = read_site(lambda command: SINFO if command[0] == "sinfo" else "")
    check_requests(site, [replace(FITS, account=""), replace(FITS, account="whatever")])


def test_what_fits_passes() -> None:
    check_requests(SITE, [FITS, Request("tracks_shard", "", "beta", 240, 4000, 1, 0, "")])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"partition": "gpuu"}, "partition 'gpuu', which this cluster does not have; did you mean 'gpu'"),
        ({"account": "gamma"}, "account 'gamma', but yours are alpha, beta; set slurm_account"),
        ({"account": ""}, "refuses jobs without an account: set slurm_account .*alpha, beta"),
        ({"minutes": 2881}, "2881 minutes, but jobs in the partition 'gpu' get 2880 at most"),
        ({"model": "a6000"}, "type 'a6000', but the partition 'gpu' has a100, h100; set gpu_model"),
        ({"model": "a100"}, "8 GPUs, but nodes of the partition 'gpu' have 4 at most"),
        ({"partition": "cpu", "minutes": 60}, "a GPU in the partition 'cpu', which has none"),
        ({"memory": 2_000_000}, "2000000 MB of memory, but such nodes .* have 1031000 at most"),
        ({"cpus": 200}, "200 CPUs, but such nodes .* have 128 at most; set its cpus_per_gpu"),
    ],
)
def test_what_the_cluster_does_not_have_is_refused_with_the_key_to_change(changes: dict, said: str) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        check_requests(SITE, [replace(FITS, **changes)])
    assert "train_motion" in str(refused.value) or "account" in changes
    assert "workflow/profiles/slurm/profile.yaml" in str(refused.value)


def test_without_a_default_partition_a_job_must_name_one() -> None:
    site = Site(parse_partitions(SINFO.replace("cpu*", "cpu")))
    with pytest.raises(BadInput, match=r"names no partition.*cpu, gpu, short, free"):
        check_requests(site, [Request("tracks_shard", "", "", 60, 100, 1, 0, "")])
