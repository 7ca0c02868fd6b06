"""Where a source lies: given by the user, in the project, or among the archives that are fetched."""

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
    """Where archives are kept; it may lead to a larger disk."""
    return root / "data"


def locate(source: Source, root: Path, given: str | None, params: FetchParams, parts: tuple[str, ...] = ()) -> Path:
    """Where a source's archive or folder lies, fetched first where its licence was accepted; checked and verified.

    Args:
        root: the project's folder; archives are kept in ``data/<name>/`` below it.
        given: a folder or an archive named by the user, in place of the registry's location.
        parts: which of its archives are needed; none named means all.

    Returns:
        The archive; the folder of archives, where the source has several.

    Raises:
        BadInput: when it is missing, fails its size or checksum, or is no archive to be trusted.
    """
    if given:
        path = Path(given).expanduser().absolute()
        if not path.exists():
            raise BadInput(f"{path}, given as source '{source.name}', does not exist; give its right path.")
    elif source.location == "given":
        raise BadInput(
            f"Source '{source.name}' has no location of its own; name its folder, as in `--config {source.name}=PATH`."
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
        check_folder(path, params)
    else:
        check_archive(path, params)
    return path


def _verify(source: Source, path: Path) -> None:
    """Compare an archive of the project with the registry's size and checksum, where it states them."""
    if source.bytes is not None and path.stat().st_size != source.bytes:
        raise BadInput(
            f"{path} has {path.stat().st_size} bytes, the registry says {source.bytes};"
            " it is not whole: delete it and fetch it again."
        )
    if source.sha256 is not None and (found := sha256(path)) != source.sha256:
        raise BadInput(
            f"{path} has the checksum {found[:12]}…, the registry says {source.sha256[:12]}…;"
            " delete it and fetch it again."
        )
