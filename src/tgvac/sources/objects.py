"""``objects.json``: category and captions of each object, for sources whose own files have none."""

from __future__ import annotations

from pydantic import BaseModel, RootModel, ValidationError

from tgvac.clips.archive import Store
from tgvac.clips.text_files import read_text
from tgvac.errors import BadInput


class ObjectEntry(BaseModel):
    """The entry of one object in ``objects.json``; further keys are ignored."""

    category: str = ""
    captions: tuple[str, ...] = ()


class _Objects(RootModel[dict[str, dict[str, ObjectEntry]]]):
    pass


def read_objects(store: Store, name: str) -> dict[str, dict[str, ObjectEntry]]:
    """``{video: {object id: ObjectEntry}}`` from a member of a store; empty when there is no such member.

    Raises:
        BadInput: when the member has another structure.
    """
    if name not in store:
        return {}
    try:
        return _Objects.model_validate_json(read_text(store.read(name), store.describe(name))).root
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(
            f"{store.describe(name)} has an invalid '{'.'.join(map(str, first['loc']))}' ({first['msg']});"
            ' write {sequence: {id: {"category": text, "captions": [text]}}} or remove it.'
        ) from None
