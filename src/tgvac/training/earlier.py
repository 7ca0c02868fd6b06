"""What an earlier run of a training left behind that this one cannot go on from."""

from __future__ import annotations

import json
from pathlib import Path

from tgvac.training.checkpoint import SHOWN, found_in


def earlier_state(state: Path, name: str, key: str) -> str:
    """A sentence on the newest state of the training of this name that other params, data or code decided.

    Args:
        state: where this training keeps its own; others, of other names too, have their folders beside.

    Returns:
        "" where there is none, or where it has checkpoints of its own, of which each was passed over with a line.
    """
    others = [] if found_in(state) else _others(state, name)
    if not others:
        return ""
    # Whether it may be deleted is not ours to say: of a run that diverged it holds the last good weights.
    _, found, path = max(others)
    return (
        f"{name}: begins from nothing, since params, data or code differ: {path} is of {found[:SHOWN]}, and"
        f" {key[:SHOWN]} is wanted; it is left as it is"
    )


def _others(state: Path, name: str) -> list[tuple[int, str, Path]]:
    """When a training of this name was saved, its key and its checkpoint; what cannot be read is left out."""
    found = []
    for path in state.parent.glob("*/step-*/state.json"):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["name"] == name:
                found.append((path.stat().st_mtime_ns, str(record["key"]), path.parent))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found
