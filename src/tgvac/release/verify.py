"""Checks a release on any machine, without network: each file against all records of it.

These are the manifest, the crate's metadata, the provenance of results, and the indices of the report and the card. A
file of which all of them were altered together is found by the manifest's own digest alone, if that is known.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tgvac.clips.archive import Store
from tgvac.errors import BadInput
from tgvac.release.checksums import MANIFEST, read_manifest
from tgvac.release.crate_metadata import METADATA, digests_in

_RESULTS, _RECORD = "results/", ".prov.json"


@dataclass(frozen=True)
class Verified:
    """What a check found.

    Attributes:
        files: how many files were read.
        digest: the SHA-256 of the manifest; "" without one. Who knows it from elsewhere knows the whole crate.
        differences: one phrase for each file that is not as it was released.
    """

    files: int
    digest: str
    differences: tuple[str, ...]


def verify(crate: Path) -> Verified:
    """Compare each file of a release with the manifest, the metadata, the provenance of results, and indices.

    Args:
        crate: a folder or a zip.

    Raises:
        BadInput: when there is no such file, or it cannot be read as a zip.
    """
    store = Store(crate)
    names = store.names()
    if METADATA not in names and MANIFEST not in names:
        raise BadInput(
            f"{crate} is no release: it has neither {METADATA} nor {MANIFEST}; give what `tgvac release` wrote."
        )
    contents = {}
    differences: dict[str, str] = {}
    for name in names:
        try:
            contents[name] = store.read(name)
        except BadInput:
            differences[name] = "cannot be read"
    found = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    for check in (_manifest, _metadata, _provenance, _indices):
        for name, said in check(contents, found):
            differences.setdefault(name, said)
    return Verified(
        len(names), found.get(MANIFEST, ""), tuple(f"{name} {said}" for name, said in sorted(differences.items()))
    )


Found = Iterator[tuple[str, str]]
"""Names of files, and what is wrong with each."""


def _manifest(contents: dict[str, bytes], found: dict[str, str]) -> Found:
    if MANIFEST not in contents:
        yield MANIFEST, "is missing"
        return
    wanted, wrong = read_manifest(contents[MANIFEST].decode("utf-8", "replace"))
    for number in wrong:
        yield MANIFEST, f"has no checksum in line {number}"
    yield from _compared(wanted, {name: digest for name, digest in found.items() if name != MANIFEST})


def _metadata(contents: dict[str, bytes], found: dict[str, str]) -> Found:
    if METADATA not in contents:
        yield METADATA, "is missing"
        return
    try:
        wanted = digests_in(contents[METADATA].decode("utf-8", "replace"))
    except ValueError as error:
        yield METADATA, str(error)
        return
    yield from _compared(wanted, {name: digest for name, digest in found.items() if name not in (MANIFEST, METADATA)})


def _compared(wanted: dict[str, str], found: dict[str, str]) -> Found:
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            yield name, "is missing"
        elif name not in wanted:
            yield name, "was not released"
        elif wanted[name] != found[name]:
            yield name, "has changed"


def _provenance(contents: dict[str, bytes], found: dict[str, str]) -> Found:
    """What records of provenance say of results, of their own and of those they were made from."""
    for name, data in contents.items():
        if not (name.startswith(_RESULTS) and name.endswith(_RECORD)):
            continue
        try:
            record = json.loads(data)
            output, inputs = record["output"]["sha256"], dict(record["inputs"])
        except (KeyError, TypeError, ValueError):
            yield name, "is no record of provenance"
            continue
        made = name.removesuffix(_RECORD)
        if found.get(made) != output:
            yield made, "is not what its provenance says"
        for read, digest in inputs.items():
            if found.get(_RESULTS + read, digest) != digest:
                yield _RESULTS + read, f"is not what {made} was made from"


def _indices(contents: dict[str, bytes], found: dict[str, str]) -> Found:
    """What the indices of phases say of the files that they list, as far as these are released."""
    for name, data in contents.items():
        folder, _, last = name.rpartition("/")
        if not (name.startswith(_RESULTS) and last == "index.json"):
            continue
        try:
            listed = {f"{folder}/{entry['file']}": entry["sha256"] for entry in json.loads(data)["entries"]}
        except (KeyError, TypeError, ValueError):
            yield name, "is no index"
            continue
        for path, digest in listed.items():
            if found.get(path, digest) != digest:
                yield path, f"is not what {name} lists"
