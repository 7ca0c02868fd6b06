"""The checksums of a release: one line a file, as ``sha256sum -c`` reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping

MANIFEST = "manifest-sha256.txt"
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


def manifest_text(digests: Mapping[str, str]) -> str:
    """The manifest of files, by name; sorted, so that the same files give the same bytes."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))


def read_manifest(text: str) -> tuple[dict[str, str], list[int]]:
    """The digests of a manifest by name, and the numbers of lines that are no such lines, from 1."""
    digests: dict[str, str] = {}
    wrong: list[int] = []
    for number, line in enumerate(text.splitlines(), 1):
        found = _LINE.fullmatch(line)
        if found is None or found[2] in digests:
            wrong.append(number)
        else:
            digests[found[2]] = found[1]
    return digests, wrong
