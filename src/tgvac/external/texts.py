"""Sentences on the objects of a data set, which a user gives in a file: CSV with the columns ``name`` and ``text``."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from tgvac.clips.text_files import read_text
from tgvac.clips.track import file_stem
from tgvac.config import nearest
from tgvac.errors import BadInput

_COLUMNS = ("name", "text")


def read_texts(path: Path, samples: Iterable[str]) -> dict[str, str]:
    """The sentence of each sample that has one.

    Args:
        path: columns are divided by commas or tabs. A name is a sample's id, with or without the data set, or the name
            of its folder in the export.
        samples: of the whole data set.

    Raises:
        BadInput: when it cannot be read, or names something that is no sample, or one sample twice.
    """
    try:
        content = read_text(path.read_bytes(), str(path))
    except OSError as error:
        raise BadInput(f"--texts {path} cannot be read ({error.strerror}); give a CSV file.") from None
    lines = content.splitlines()
    reader = csv.DictReader(lines, delimiter="\t" if lines and "\t" in lines[0] else ",")
    if not set(_COLUMNS) <= set(reader.fieldnames or ()):
        raise BadInput(f"--texts {path} lacks the columns 'name' and 'text'; write them in its first line.")
    known = {name: sample for sample in samples for name in (sample, file_stem(sample), sample.partition("/")[2])}
    found: dict[str, str] = {}
    for row in reader:
        name, text = ((row[column] or "").strip() for column in _COLUMNS)
        where = f"--texts {path}, line {reader.line_num}"
        if row.get(None):  # what is beyond the last column
            raise BadInput(f"{where}, has more columns than its first line; put a text with commas in quotes.")
        if name not in known:
            raise BadInput(f"{where}: '{name}' is no sample; {nearest(name, list(known), sorted(known)[:3])}")
        if known[name] in found:
            raise BadInput(f"{where}: '{name}' has a text already; keep one.")
        found[known[name]] = " ".join(text.split())
    return found
