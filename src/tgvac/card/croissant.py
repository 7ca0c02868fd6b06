"""Croissant metadata of the data set: its tables column by column, and the archives that it was made from.

Written and validated by ``mlcroissant``, which takes seconds to import. The validator checks the structure: properties,
types, references between fields, keys. It contacts no server, so it does not check that an archive can still be
downloaded or that its checksum is still right; loading the archive does. The tables are beside the metadata, so their
records can be read offline.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tgvac import __version__
from tgvac.card.archives import Used
from tgvac.card.facts import Facts
from tgvac.card.fields import PUBLISHED
from tgvac.card.params import DatasetParams
from tgvac.files import sha256, write_json
from tgvac.report.paper import Paper

if TYPE_CHECKING:
    import mlcroissant as mlc

PARQUET = "application/x-parquet"


def bibtex(paper: Paper) -> str:
    """The BibTeX entry of the paper."""
    authors = " and ".join(paper.authors.split(", "))
    return f"@misc{{TextGuidedVAC, title = {{{paper.title}}}, author = {{{authors}}}, url = {{{paper.page}}}}}"


def write_croissant(path: Path, facts: Facts, sources: Sequence[Used], description: str, params: DatasetParams) -> None:
    """Write ``croissant.json`` beside the folder ``data/`` with the published tables, and validate it.

    Args:
        description: what the data set is, in a paragraph.

    Raises:
        ValueError: the validator refuses it; the message is the validator's.
    """
    import mlcroissant as mlc

    context = mlc.Context()
    licences = list(dict.fromkeys(source.terms or source.licence for source in sources))
    with _quiet(), _as_value_error():
        metadata = mlc.Metadata(
            ctx=context,
            name=f"tgvac-{facts.scale}",
            description=description,
            license=licences,
            cite_as=bibtex(facts.paper),
            url=params.url or facts.paper.page,
            version=__version__,
            date_published=params.published or None,
            creators=[mlc.Organization(ctx=context, name="The TGVAC authors")],
            keywords=["video amodal completion", "amodal segmentation", "occlusion", "text-guided video generation"],
            in_language=["en"],
            distribution=[*_tables(context, path.parent), *_archives(context, sources)],
            record_sets=[_records(context, name) for name in PUBLISHED],
        )
        write_json(path, metadata.to_json())
    validate(path)


def validate(path: Path) -> dict[str, Any]:
    """Validate a ``croissant.json`` and return its content.

    Raises:
        ValueError: it is not valid; the message is the validator's.
    """
    import mlcroissant as mlc

    with _quiet(), _as_value_error():
        mlc.Dataset(jsonld=path)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@contextmanager
def _as_value_error() -> Iterator[None]:
    import mlcroissant as mlc

    try:
        yield
    except mlc.ValidationError as error:
        raise ValueError(f"croissant.json is not valid: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide recommendations in the log: they ask for fields that only a publisher can fill in."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _tables(context: mlc.Context, folder: Path) -> Iterator[mlc.FileObject]:
    import mlcroissant as mlc

    for name, table in PUBLISHED.items():
        file = f"data/{name}.parquet"
        yield mlc.FileObject(
            ctx=context,
            id=f"{name}.parquet",
            name=f"{name}.parquet",
            description=table.description,
            content_url=file,
            encoding_formats=[PARQUET],
            sha256=sha256(folder / file),
        )


def _archives(context: mlc.Context, sources: Sequence[Used]) -> Iterator[mlc.FileObject]:
    import mlcroissant as mlc

    for source in sources:
        for archive in source.archives:
            origin = "made by this project's workflow" if source.made else "the copy that this data set was made from"
            yield mlc.FileObject(
                ctx=context,
                id=f"{source.name}/{archive.file}",
                name=f"{source.name}-{archive.file}",
                description=f"Footage of {source.name}, in {source.layout} layout; {origin}. {source.licence}.",
                content_url=archive.url,
                encoding_formats=[archive.encoding],
                sha256=archive.sha256,
            )


def _records(context: mlc.Context, name: str) -> mlc.RecordSet:
    import mlcroissant as mlc

    kinds = {"text": mlc.DataType.TEXT, "integer": mlc.DataType.INTEGER, "number": mlc.DataType.FLOAT}
    table = PUBLISHED[name]
    fields = []
    for column, field in table.fields.items():
        refers = table.refers.get(column)
        reference = {"references": mlc.Source(ctx=context, field="/".join(refers))} if refers else {}
        fields.append(
            mlc.Field(
                ctx=context,
                id=f"{name}/{column}",
                name=column,
                description=field.description,
                data_types=[kinds[field.kind]],
                source=mlc.Source(
                    ctx=context, file_object=f"{name}.parquet", extract=mlc.Extract(ctx=context, column=column)
                ),
                **reference,
            )
        )
    return mlc.RecordSet(
        ctx=context,
        id=name,
        name=name,
        description=table.description,
        key=[f"{name}/{column}" for column in table.key],
        fields=fields,
    )
