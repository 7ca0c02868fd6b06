"""The data of one participant: exported as a file, or deleted."""

from __future__ import annotations

from pathlib import Path

from tgvac.clips.votes import read_votes
from tgvac.errors import BadInput
from tgvac.files import write_json
from tgvac.study.counting import written
from tgvac.study.plan import Study, open_study
from tgvac.study.store import Participant, Store, write_codes


def export_one(folder: Path, code: str, path: Path) -> Path:
    """Write all that is kept of a participant as JSON.

    Raises:
        BadInput: when nobody has the code, or the file is there already.
    """
    if path.exists():
        raise BadInput(f"{path} is there already; give another --export, or move that file.")
    study = open_study(folder)
    with Store(study) as store:
        write_json(path, store.everything_of(_find(study, store, code).number))
    return path


def delete_one(root: Path, folder: Path, code: str) -> str:
    """Delete all that is kept of a participant, but for the number; returns what was deleted, and what still has it.

    Args:
        root: the project's folder, which may have the votes of this study for its tables.

    Raises:
        BadInput: when nobody has the code.
    """
    study = open_study(folder)
    with Store(study) as store:
        who = _find(study, store, code)
        count = store.delete(who.number)
        write_codes(study, [each.code for each in store.participants()])
    said = f"participant {who.number} is deleted, with {count} votes"
    try:
        still = [path for path in written(root, study) if who.number in read_votes(path).people]
    except BadInput as error:
        return f"{said}; whether a report still has these votes cannot be told: {error}"
    if still:
        said += (
            f"; {' and '.join(map(str, still))} still {'has' if len(still) == 1 else 'have'} these votes: run `tgvac"
            f" study report --study {folder}` now, which writes {'it' if len(still) == 1 else 'them'} anew"
        )
    return f"{said}; delete copies of the folder and the participant's file of answers, if there are any"


def _find(study: Study, store: Store, code: str) -> Participant:
    found = store.find(code)
    if found is None:
        raise BadInput(f"No participant of {study.folder} has the code '{code}'; `tgvac study codes` lists them.")
    return found
