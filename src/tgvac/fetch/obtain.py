"""``tgvac data fetch``: show licences, record their acceptance, then fetch the chosen archives."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.fetch.archives import Fetch
from tgvac.fetch.locate import data_folder
from tgvac.fetch.params import FetchParams
from tgvac.fetch.registry import Archive, Source, choose_archives, find_source, read_registry
from tgvac.fetch.trust import Trust


def obtain(
    root: Path,
    names: Sequence[str],
    only: tuple[str, ...],
    params: FetchParams,
    accept: bool,
    ask: Callable[[str], bool] | None,
) -> None:
    """Fetch sources of the registry, or parts of them.

    Args:
        only: names of parts of any of the sources; empty means all.
        accept: whether the user accepts the licences that are shown.
        ask: asks the user a question; None when nobody can answer.

    Raises:
        BadInput: when a source or part is unknown, a licence is not accepted, or an archive cannot be fetched.
    """
    registry_file = root / "reference" / "registry.csv"
    registry = read_registry(registry_file)
    chosen = [find_source(registry, name, registry_file) for name in dict.fromkeys(names)]
    for source in chosen:
        if not source.archives:
            raise BadInput(f"Source '{source.name}' is not fetched: {_origin(source)}.")
    wanted = _choose(chosen, only, registry_file.with_name("archives.csv"))
    trust = Trust(data_folder(root))
    for source in {s.name: s for s, _ in wanted}.values():
        _settle_licence(trust, source, accept, ask)
    Fetch(data_folder(root), params).run(wanted)
    for source, archive in wanted:
        print(f"{source.name}/{archive.file} is complete: {data_folder(root) / source.name / archive.file}")


def _origin(source: Source) -> str:
    if source.location == "generated":
        return "the workflow generates it"
    if source.location == "given":
        return f"give your own folder or archive in a run with --at {source.name}=PATH"
    return f"it is in the project, at {source.location}"


def _choose(chosen: Sequence[Source], only: tuple[str, ...], file: Path) -> list[tuple[Source, Archive]]:
    """The archives to fetch; each part is searched in all of the sources."""
    if not only or len(chosen) == 1:
        return [(s, archive) for s in chosen for archive in choose_archives(s, only, file)]
    known = {part: s for s in chosen for part in (archive.part for archive in s.archives) if part}
    for part in only:
        if part not in known:
            near = difflib.get_close_matches(part, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "`tgvac data status` lists their parts."
            raise BadInput(f"None of {', '.join(s.name for s in chosen)} has a part '{part}'; {hint}")
    of = {s.name: tuple(p for p in only if known[p] is s) for s in chosen}
    # A source without a named part is fetched only if it has no parts.
    return [
        (s, archive)
        for s in chosen
        if of[s.name] or not any(a.part for a in s.archives)
        for archive in choose_archives(s, of[s.name], file)
    ]


def _settle_licence(trust: Trust, source: Source, accept: bool, ask: Callable[[str], bool] | None) -> None:
    """Show a licence that is not accepted yet, and record the answer."""
    if trust.accepted(source):
        return
    print(f"{source.name}: {source.licence}" + (f"\n  terms: {source.terms}" if source.terms else ""), flush=True)
    if accept or (ask is not None and ask(f"Do you accept the licence of {source.name}?")):
        trust.accept(source)
        return
    raise BadInput(
        f"The licence of source '{source.name}' is not accepted, so nothing was fetched; read its terms"
        f"{f' at {source.terms}' if source.terms else ''} and give --accept-licences if you accept them."
    )
