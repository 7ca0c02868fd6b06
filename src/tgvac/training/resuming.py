"""Where a training starts: at its own newest checkpoint, at that of another run that the user names, or at step 0."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tgvac.errors import BadInput, wording
from tgvac.training.checkpoint import (
    CHECKPOINT_FORMAT,
    SHOWN,
    Found,
    Identity,
    found_in,
    load_checkpoint,
    verified,
    write_record,
)

if TYPE_CHECKING:
    from accelerate import Accelerator


def find_start(
    folder: Path,
    identity: Identity,
    name: str,
    shapes: list[list[Any]],
    resume_from: Path | None,
    accelerator: Accelerator,
) -> Found | None:
    """The checkpoint that a training resumes from; None to start at step 0.

    Args:
        folder: where this training keeps its checkpoints; those of other runs are in folders beside it.
        name: of the training; it tells its earlier runs from other trainings.
        shapes: names and shapes of the trained parameters.
        resume_from: the folder of a run that differs only in its code; it is used while this training has no later
            checkpoint of its own.

    Raises:
        BadInput: in all processes, when ``resume_from`` does not fit or the processes start at different steps.
    """
    if resume_from is not None:
        refusal = _adopt(resume_from, folder, identity, name, shapes) if accelerator.is_main_process else ""
        # The main process must not leave alone: the others would wait for it.
        if refusal := _broadcast_text(accelerator, refusal):
            raise BadInput(refusal)
    accelerator.wait_for_everyone()
    found = load_checkpoint(folder, identity.key)
    _check_same_start(name, accelerator, found, folder)
    if accelerator.is_main_process:
        _announce(name, found, folder, identity)
    return found


def _adopt(resume_from: Path, folder: Path, identity: Identity, name: str, shapes: list[list[Any]]) -> str:
    """Adopt a checkpoint of another run unless this one has come as far; returns why that failed, or ""."""
    own, theirs = _newest_whole(folder), _newest_whole(resume_from)
    if own is not None and theirs is not None and own[1]["step"] >= theirs[1]["step"]:
        print(f"{name}: its own checkpoint {own[0]} is as far, so {resume_from} is not used", file=sys.stderr)
        return ""
    try:
        adopt_checkpoint(resume_from, folder, identity, name, shapes)
    except BadInput as error:
        return str(error)
    except OSError as error:
        return f"The checkpoint in {resume_from} cannot be copied to {folder} ({error}); fix that, and start again."
    return ""


def _broadcast_text(accelerator: Accelerator, text: str) -> str:
    """The main process's text, in every process."""
    if accelerator.num_processes == 1:
        return text
    from accelerate.utils import broadcast_object_list

    said: list[str] = broadcast_object_list([text])
    return said[0]


def adopt_checkpoint(resume_from: Path, folder: Path, identity: Identity, name: str, shapes: list[list[Any]]) -> Path:
    """Copy the newest whole checkpoint of another run to this run's folder; the copy records the other run.

    Args:
        resume_from: the other run's folder of checkpoints, or one checkpoint in it.
        folder: this run's folder.
        shapes: names and shapes of the trained parameters, in order; the optimizer's state goes by that order.

    Returns:
        the copy.

    Raises:
        BadInput: when there is no whole checkpoint, the trained parameters differ, or more than the code differs.
    """
    found = _newest_whole(resume_from)
    if found is None:
        raise BadInput(
            f"--resume-from {resume_from} has no whole checkpoint of format {CHECKPOINT_FORMAT}; give a folder with"
            " step-… folders below scratch/."
        )
    path, record = found
    if record["name"] != name:
        raise BadInput(
            f"--resume-from {path} is of the training '{record['name']}', not '{name}'; give a run of the same name."
        )
    if not identity.rest or record["rest"] != identity.rest:
        raise BadInput(
            f"--resume-from {path} was trained with other params, data or initial weights than {name} has now, and only"
            " the code may differ; leave --resume-from out to start at step 0."
        )
    if record["parameters"] != shapes:
        ours, theirs = _first_difference(shapes, record["parameters"])
        raise BadInput(
            f"--resume-from {path} has other trained parameters than {name} has now (here {ours}, there {theirs}), so"
            " the code has changed the network; leave --resume-from out to start at step 0."
        )
    final, part = folder / path.name, folder / f".{path.name}.part"
    for old in (part, final):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(path, part)
    earlier = [*record["resumed_from"], {"code": record["code"], "step": record["step"]}]
    own = {"key": identity.key, "code": identity.code, "rest": identity.rest, "resumed_from": earlier}
    write_record(part, {**record, **own})
    part.rename(final)
    try:
        verified(final)
    except (OSError, ValueError) as error:
        shutil.rmtree(final, ignore_errors=True)
        raise BadInput(f"The copy of {path} is damaged ({error}); check the disk, and start again.") from None
    return final


def _first_difference(ours: list[list[Any]], theirs: list[list[Any]]) -> tuple[str, str]:
    """The first parameter in which two networks differ, in words, on either side."""
    pairs = zip_longest(ours, theirs, fillvalue=None)
    a, b = next((a, b) for a, b in pairs if a != b)
    words = ["nothing" if each is None else f"{each[0]} {'x'.join(map(str, each[1]))}" for each in (a, b)]
    return words[0], words[1]


def resumed_from(folder: Path) -> list[dict[str, Any]]:
    """The runs of other code that a training was resumed from, oldest first: ``code`` and ``step`` of each."""
    states = [path / "state.json" for path in found_in(folder)]
    return list(json.loads(states[-1].read_text(encoding="utf-8"))["resumed_from"]) if states else []


def _newest_whole(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    candidates = [folder] if (folder / "state.json").is_file() else list(reversed(found_in(folder)))
    for path in candidates:
        try:
            return path, verified(path)
        except (OSError, ValueError, KeyError):
            continue
    return None


def _check_same_start(name: str, accelerator: Accelerator, found: Found | None, folder: Path) -> None:
    """Refuse processes that start at different steps, for example if one cannot read the checkpoint; all refuse."""
    if accelerator.num_processes == 1:
        return
    step, pending = (0, False) if found is None else (found.step, found.watch_pending)
    gathered: torch.Tensor = accelerator.gather(torch.tensor([[step, int(pending)]], device=accelerator.device))
    starts = [(int(first), bool(waits)) for first, waits in gathered.tolist()]
    if len(set(starts)) > 1:
        said = ", ".join(f"{first}{' (pictures pending)' * waits}" for first, waits in starts)
        raise BadInput(
            f"{name}: the {len(starts)} processes start at different steps, in order {said}; make sure that all of them"
            f" can read the same checkpoints in {folder} (see the lines about skipped ones above), and start again."
        )


def _announce(name: str, found: Found | None, folder: Path, identity: Identity) -> None:
    said = f"{name}: resuming from step {found.step}" if found is not None else _earlier_run(folder, name, identity)
    if said:
        print(said, file=sys.stderr, flush=True)


def _earlier_run(folder: Path, name: str, identity: Identity) -> str:
    """A sentence on the newest checkpoint of this training with other params, data or code; "" if there is none.

    It is "" also if the folder has damaged checkpoints, since each of them was reported when it was skipped.
    """
    others = [] if found_in(folder) else list(_others(folder, name))
    if not others:
        return ""
    _, path, record = max(others, key=lambda each: each[0])
    same = record.get("format") == CHECKPOINT_FORMAT and identity.rest != "" and record.get("rest") == identity.rest
    return _other_run(name, path, str(record["key"]), identity.key, only_code=same)


@wording
def _other_run(name: str, path: Path, theirs: str, ours: str, only_code: bool) -> str:
    # It does not advise to delete the checkpoint, which may have the last good weights of a run that diverged.
    what = "the code has" if only_code else "params, data or code have"
    advice = f"; to use it, give --resume-from {path.parent}" if only_code else ""
    return (
        f"{name}: starts at step 0, since {what} changed: {path} has the key {theirs[:SHOWN]}, this run has"
        f" {ours[:SHOWN]}; that checkpoint is kept{advice}"
    )


def _others(folder: Path, name: str) -> Iterator[tuple[int, Path, dict[str, Any]]]:
    """Time, path and record of each readable checkpoint of other runs of this training."""
    for path in folder.parent.glob("*/step-*/state.json"):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["name"] == name and record["key"]:
                yield path.stat().st_mtime_ns, path.parent, record
        except (OSError, ValueError, KeyError, TypeError):
            continue
