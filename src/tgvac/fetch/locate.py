"""The path of a source: given by the user, in the project, or among the fetched archives."""

from __future__ import annotations

from pathlib import Path

from tgvac.errors import BadInput
from tgvac.fetch.archive_checks import check_archive, check_folder
from tgvac.fetch.archives import Fetch
from tgvac.fetch.params import FetchParams
from tgvac.fetch.registry import Source, choose_archives
from tgvac.fetch.verify import archive_path
from tgvac.files import sha256


def data_folder(root: Path) -> Path:
    """The folder of archives; it may be a link to a larger disk."""
    return root / "data"


def locate(source: Source, root: Path, given: str | None, params: FetchParams, parts: tuple[str, ...] = ()) -> Path:
    """The verified archive or folder of a source. It is fetched first if its licence was accepted.

    Args:
        root: the project's folder; archives are kept in ``data/<name>/`` below it.
        given: a folder or an archive from the user, which replaces the registry's location.
        parts: the archives that are needed; empty means all.

    Returns:
        The archive, or the folder of archives if the source has several.

    Raises:
        BadInput: when it is missing, has another size or checksum, or is not a safe archive.
    """
    if given:
        path = Path(given).expanduser().absolute()
        if not path.exists():
            raise BadInput(f"{path}, given as source '{source.name}', does not exist; give the correct path.")
    elif source.location == "given":
        raise BadInput(
            f"Source '{source.name}' has no location of its own; give its folder with `--at {source.name}=PATH`."
        )
    elif source.archives:
        data, chosen = data_folder(root), choose_archives(source, parts, root / "reference" / "archives.csv")
        Fetch(data, params, f"fetching {source.name}").run([(source, archive) for archive in chosen])
        several = len(source.archives) > 1
        return data / source.name if several else archive_path(data, source, chosen[0])
    else:
        path = root / source.location
        if not path.exists():
            raise BadInput(f"{path}, the archive of source '{source.name}', does not exist; put it there.")
        _verify(source, path)
    if path.is_dir():
        check_folder(path, params, source.layout)
    else:
        check_archive(path, params)
    return path


def _verify(source: Source, path: Path) -> None:
    """Compare an archive of the project with the registry's size and checksum, if it states them."""
    if source.bytes is not None and path.stat().st_size != source.bytes:
        raise BadInput(
            f"{path} has {path.stat().st_size} bytes, but the registry says {source.bytes};"
            " it is not complete: delete it and fetch it again."
        )
    if source.sha256 is not None and (found := sha256(path)) != source.sha256:
        raise BadInput(
            f"{path} has the checksum {found[:12]}…, but the registry says {source.sha256[:12]}…;"
            " delete it and fetch it again."
        )
