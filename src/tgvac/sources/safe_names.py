"""Names of videos that are safe in paths and ids, for files of any name."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]*")
_LONGEST = 100
_KEPT = 48
"""Characters of a name that are kept before its digest."""


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """An id for each name: the name itself where it is safe, else what is plain of it and a digest.

    Safe is a name of letters, digits, spaces, ``_``, ``.`` and single ``-``, of at most a hundred characters. Names
    that differ only in case get digests as well, since their files would be one on some file systems.

    >>> safe_names(["my dog", "Bär #1"])
    {'my dog': 'my dog', 'Bär #1': 'Bar-1-e6e30c60'}
    """
    listed = sorted(names)
    folded = Counter(name.casefold() for name in listed)
    return {name: name if _is_safe(name) and folded[name.casefold()] == 1 else _with_digest(name) for name in listed}


def _is_safe(name: str) -> bool:
    return bool(_SAFE.fullmatch(name)) and "--" not in name and len(name) <= _LONGEST


def _with_digest(name: str) -> str:
    # Composed and decomposed forms of a letter are one name: file systems exchange them.
    digest = hashlib.sha256(unicodedata.normalize("NFC", name).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", plain).strip("-._")[:_KEPT].strip("-._") or "video"
    return f"{plain}-{digest}"
