"""``objects.json``: category and captions of each object, beside sources whose own files do not hold them."""

from __future__ import annotations

from pydantic import BaseModel, RootModel, ValidationError

from tgvac.clips.archive import Store
from tgvac.errors import BadInput


class Said(BaseModel):
    """What ``objects.json`` says of one object; further keys are its own affair."""

    category: str = ""
    captions: tuple[str, ...] = ()


class _Objects(RootModel[dict[str, dict[str, Said]]]):
    pass


def read_objects(store: Store, name: str) -> dict[str, dict[str, Said]]:
    """``{video: {object id: Said}}`` from a member of a store; empty where there is no such member.

    Raises:
        BadInput: when the member has another form.
    """
    if name not in store:
        return {}
    try:
        return _Objects.model_validate_json(store.read(name)).root
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(
            f"{store.describe(name)} has a wrong '{'.'.join(map(str, first['loc']))}' ({first['msg']});"
            ' write {sequence: {id: {"category": text, "captions": [text]}}} or remove it.'
        ) from None
