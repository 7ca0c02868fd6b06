"""The same footage under two names: one stays, the others are listed, or the run is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.unit.archive_server import PARAMS
from tests.unit.builders import Array, davis_tree, zipped
from tests.unit.layouts import lasot_sequence, write
from tests.unit.test_tracks_stage import SOURCES, pair
from tgvac.errors import BadInput
from tgvac.sources import sources_stage
from tgvac.sources.adapter import Video
from tgvac.sources.rejected import Rejected, read_rejected
from tgvac.sources.same_footage import without_duplicates
from tgvac.stage import Context

HEADER = "name,layout,location,bytes,sha256,licence\n"


def video(name: str, footage: str) -> Video:
    return Video(name, (0,), f"digest of {name}", footage)


def test_the_first_by_name_stays_and_the_others_have_a_reason() -> None:
    listed = {"two": [video("b", "x"), video("a", "y")], "one": [video("z", "x"), video("y", "w"), video("c", "w")]}
    kept, skipped = without_duplicates(listed, "skip")
    assert {name: [v.name for v in videos] for name, videos in kept.items()} == {"one": ["c", "z"], "two": ["a"]}
    assert skipped == {"one/y": "the same frames as one/c", "two/b": "the same frames as one/z"}


def test_duplicates_are_refused_if_the_rule_says_so() -> None:
    listed = {"one": [video("a", "x")], "two": [video("b", "x")]}
    with pytest.raises(BadInput, match=r"two/b has the same frames as one/a \(1 in total\); remove one of the two"):
        without_duplicates(listed, "refuse")


def test_videos_with_unknown_footage_are_never_duplicates() -> None:
    assert without_duplicates({"one": [video("a", ""), video("b", "")]}, "refuse")[1] == {}


def staged(root: Path, videos: dict[str, dict[str, list[tuple[Array, Array]]]], rule: str) -> dict[str, object]:
    for name, tree in videos.items():
        davis_tree(root / name, tree)
    write(root / "reference/registry.csv", HEADER + "".join(f"{n},davis,given,,,mine\n" for n in videos))
    params = SOURCES.model_copy(update={"use": tuple(videos), "same_footage": rule})
    ctx = Context(root, "t", "sources", "d", locations={name: str(root / name) for name in videos})
    sources_stage.run(ctx, sources=params, fetch=PARAMS)
    record: dict[str, object] = json.loads((ctx.out / "manifest.json").read_text())
    return record


def test_a_copy_under_another_name_and_with_other_masks_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dog, hound = [pair(i, 1) for i in (1, 2)], [pair(i, 2) for i in (1, 2)]
    assert all(np.array_equal(a[0], b[0]) and not np.array_equal(a[1], b[1]) for a, b in zip(dog, hound, strict=True))
    videos = {"one": {"dog": dog, "cat": [pair(3, 1), pair(4, 1)]}, "two": {"hound": hound}}
    with pytest.raises(BadInput, match="two/hound has the same frames as one/dog"):
        staged(tmp_path / "a", videos, "refuse")
    record = staged(tmp_path / "b", videos, "skip")
    assert record["skipped"] == {"two/hound": "the same frames as one/dog"}
    assert "two/hound is left out: the same frames as one/dog" in capsys.readouterr().out
    assert record["sources"]["two"]["videos"] == {}  # type: ignore[index]
    assert read_rejected(tmp_path / "b/results/t/sources/rejected.csv") == [
        Rejected("two/hound", "", "the same frames as one/dog")
    ]


def test_without_duplicates_the_manifest_does_not_mention_them(tmp_path: Path) -> None:
    assert "skipped" not in staged(tmp_path, {"one": {"dog": [pair(1, 1), pair(2, 1)]}}, "skip")
    assert read_rejected(tmp_path / "results/t/sources/rejected.csv") == []


# ---------------------------------------------------------------- parts of a source


def zoo(root: Path, *parts: str) -> dict[str, object]:
    for name in ("cat", "dog"):
        lasot_sequence(root / f"tree/{name}/{name}-1", ["1,1,2,2"] * 2)
    (root / "zoo").mkdir(exist_ok=True)
    zipped(root / "tree/cat", root / "zoo/cat.zip", "cat/")
    if not (root / "zoo/dog").exists():
        (root / "tree/dog").rename(root / "zoo/dog")
    write(root / "reference/registry.csv", f"{HEADER}zoo,lasot,given,,,mine\n")
    params = SOURCES.model_copy(update={"use": ("zoo",), "parts": parts})
    ctx = Context(root, "t", "sources", "d", locations={"zoo": str(root / "zoo")})
    sources_stage.run(ctx, sources=params, fetch=PARAMS)
    record = json.loads((ctx.out / "manifest.json").read_text())
    found: dict[str, object] = record["sources"]["zoo"]["videos"]
    return found


@pytest.mark.parametrize(
    ("parts", "expected"), [((), ["cat-1", "dog-1"]), (("zoo/dog",), ["dog-1"]), (("zoo/cat",), ["cat-1"])]
)
def test_only_the_parts_in_use_are_listed(tmp_path: Path, parts: tuple[str, ...], expected: list[str]) -> None:
    assert sorted(zoo(tmp_path, *parts)) == expected


def test_missing_parts_and_parts_of_unused_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"zoo has neither emu\.zip nor a folder emu, which sources\.parts lists"):
        zoo(tmp_path, "zoo/emu")
    with pytest.raises(BadInput, match=r"sources\.parts lists 'zo/cat', but its source is not in use"):
        zoo(tmp_path, "zo/cat")


def test_a_single_archive_has_no_parts(tmp_path: Path) -> None:
    zoo(tmp_path)
    params = SOURCES.model_copy(update={"use": ("zoo",), "parts": ("zoo/cat",)})
    ctx = Context(tmp_path, "t", "sources", "d", locations={"zoo": str(tmp_path / "zoo/cat.zip")})
    with pytest.raises(BadInput, match=r"cat\.zip is a single archive without parts; remove it from sources\.parts"):
        sources_stage.run(ctx, sources=params, fetch=PARAMS)
