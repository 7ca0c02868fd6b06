"""What a training resumes from: its own newest checkpoint, that of another run which the user names, or nothing."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tgvac.errors import BadInput, wording
from tgvac.training.checkpoint import SHOWN, Found, Identity, found_in, load_checkpoint, verified, write_record

if TYPE_CHECKING:
    from accelerate import Accelerator


def find_start(
    folder: Path, identity: Identity, name: str, resume_from: Path | None, accelerator: Accelerator
) -> Found | None:
    """The checkpoint that a training resumes from; None to start from nothing.

    Args:
        folder: where this very training keeps its checkpoints; those of others have folders beside it.
        name: of the training, by which it finds earlier runs among those of others.
        resume_from: the folder of a run that only the code separates from this one; taken only while this one has no
            checkpoint of its own.

    Raises:
        BadInput: when ``resume_from`` does not fit, or the processes start at different steps.
    """
    if resume_from is not None and accelerator.is_main_process:
        if found_in(folder):
            print(f"{name}: has checkpoints of its own in {folder}, so {resume_from} is not read", file=sys.stderr)
        else:
            adopt_checkpoint(resume_from, folder, identity, name)
    accelerator.wait_for_everyone()
    found = load_checkpoint(folder, identity.key)
    _check_same_start(name, accelerator, found, folder)
    if accelerator.is_main_process:
        _announce(name, found, folder, identity.key)
    return found


def adopt_checkpoint(resume_from: Path, folder: Path, identity: Identity, name: str) -> Path:
    """Copy the newest whole checkpoint of another run into this run's folder, marked as what it is.

    Args:
        resume_from: the other run's folder of checkpoints, or a single checkpoint in it.
        folder: this run's folder.

    Returns:
        the copy.

    Raises:
        BadInput: when there is no whole checkpoint, or anything but the code differs.
    """
    found = _newest_whole(resume_from)
    if found is None:
        raise BadInput(
            f"--resume-from {resume_from} holds no whole checkpoint; name a folder of step-… folders below scratch/."
        )
    path, record = found
    if record["name"] != name:
        raise BadInput(f"{path} is of the training '{record['name']}', not '{name}'; name a run of the same training.")
    if not identity.rest or record["rest"] != identity.rest:
        raise BadInput(
            f"{path} was trained with other params, data or first weights than {name} has now; only a run that"
            " nothing but the code separates from this one can be resumed. Leave --resume-from out to start anew."
        )
    final, part = folder / path.name, folder / f".{path.name}.part"
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(path, part)
    earlier = [*record["resumed_from"], {"code": record["code"], "step": record["step"]}]
    own = {"key": identity.key, "code": identity.code, "rest": identity.rest, "resumed_from": earlier}
    write_record(part, {**record, **own})
    part.rename(final)
    return final


def resumed_from(folder: Path) -> list[dict[str, Any]]:
    """The runs of other code that a finished training's weights come from, oldest first: ``code`` and ``step``."""
    newest = _newest_whole(folder)
    return [] if newest is None else list(newest[1]["resumed_from"])


def _newest_whole(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    candidates = [folder] if (folder / "state.json").is_file() else list(reversed(found_in(folder)))
    for path in candidates:
        try:
            return path, verified(path)
        except (OSError, ValueError, KeyError):
            continue
    return None


def _check_same_start(name: str, accelerator: Accelerator, found: Found | None, folder: Path) -> None:
    """Refuse processes that start at different steps, as when one cannot read what the others can; all refuse."""
    if accelerator.num_processes == 1:
        return
    step, pending = (0, False) if found is None else (found.step, found.watch_pending)
    gathered: torch.Tensor = accelerator.gather(torch.tensor([[step, int(pending)]], device=accelerator.device))
    starts = [(int(first), bool(waits)) for first, waits in gathered.tolist()]
    if len(set(starts)) > 1:
        said = ", ".join(f"{first}{' (pictures pending)' * waits}" for first, waits in starts)
        raise BadInput(
            f"{name}: its {len(starts)} processes start at different steps, in order {said}; give all of them the same"
            f" checkpoints to read in {folder} (the lines above say which were skipped), and start again."
        )


def _announce(name: str, found: Found | None, folder: Path, key: str) -> None:
    said = f"{name}: resuming from step {found.step}" if found is not None else _earlier_run(folder, name, key)
    if said:
        print(said, file=sys.stderr, flush=True)


@wording
def _earlier_run(folder: Path, name: str, key: str) -> str:
    """A sentence on the newest checkpoint of this training with other params, data or code; "" where there is none.

    Where the folder has checkpoints of its own, each has been skipped with a line, and nothing is added.
    """
    others = [] if found_in(folder) else list(_others(folder, name))
    if not others:
        return ""
    # Whether it may be deleted is not ours to say: of a run that diverged it holds the last good weights.
    _, other, path = max(others)
    return (
        f"{name}: starts from nothing, since params, data or code differ: {path} is of {other[:SHOWN]}, and"
        f" {key[:SHOWN]} is wanted; it is left as it is (where only the code differs, --resume-from takes it)"
    )


def _others(folder: Path, name: str) -> Iterator[tuple[int, str, Path]]:
    """When other runs of this training were saved, their keys and checkpoints; what cannot be read is left out."""
    for path in folder.parent.glob("*/step-*/state.json"):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["name"] == name:
                yield path.stat().st_mtime_ns, str(record["key"]), path.parent
        except (OSError, ValueError, KeyError, TypeError):
            continue
