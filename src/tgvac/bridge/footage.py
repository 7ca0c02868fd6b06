"""The user's own footage: whether a scale uses it and it is there, and whether it has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.params import Params

GIVEN = "TGVAC_GIVEN"
"""The environment variable in which ``tgvac run`` passes the user's footage: JSON, paths by source."""


def check_given(given: Mapping[str, str], params: Params, scale: str) -> None:
    """Refuse footage that the scale would not use, or that does not exist.

    Args:
        given: folders or archives by the name of their source.

    Raises:
        BadInput: with the source and the scale, or the path.
    """
    used = (*params.sources.use, *params.sources.instead, *params.sources.pairs)
    for name, path in given.items():
        if name not in used:
            raise BadInput(
                f"Scale '{scale}' does not use the source '{name}', but {', '.join(used)};"
                " choose another scale, or add it to sources.use."
            )
        if not Path(path).expanduser().exists():
            raise BadInput(f"{path}, given as source '{name}', does not exist; give the right path.")


def fingerprint(registered: str, given: Mapping[str, str]) -> str:
    """Digest of the registry's rows, and of names, sizes and dates of the files that the user gives.

    Args:
        registered: the digest of the rows.
        given: folders or archives by the name of their source.
    """
    found = hashlib.sha256(registered.encode())
    for name, path in sorted(given.items()):
        base = Path(path).expanduser()
        files = sorted(p for p in base.rglob("*") if p.is_file()) if base.is_dir() else [base]
        for file in files:
            if file.exists():
                stat = file.stat()
                found.update(f"{name}:{file.relative_to(base)}:{stat.st_size}:{stat.st_mtime_ns}\n".encode())
    return found.hexdigest()
