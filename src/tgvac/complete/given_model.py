"""What ``--model`` names: a folder of this machine, or a model on a hub."""

from __future__ import annotations

from pathlib import Path


def given_model(model: str) -> str:
    """The option as commands pass it on: a folder by its full path, from the folder that the command is run in.

    Args:
        model: as typed; "" for none.

    Returns:
        the full path of a folder that is there, or of what can only be a path; else the name, which is a hub's.
    """
    if not model:
        return ""
    path = Path(model).expanduser()
    # A hub's names have at most one slash, and begin neither with a dot nor with a tilde.
    is_path = path.exists() or model.startswith(("/", ".", "~")) or model.endswith("/") or len(path.parts) > 2
    return str(path.absolute()) if is_path else model
