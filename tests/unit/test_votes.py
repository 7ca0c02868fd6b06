"""Contract 5: votes are read back equal, and a file that breaks the contract is refused with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tgvac.clips.votes import Vote, VotedStudy, Votes, completion_digest, read_votes, write_votes
from tgvac.errors import BadInput

METHODS = ("copy_visible/plain", "ours/full", "pix2gestalt/full")
NAMES = st.text(st.characters(exclude_categories=["Z", "C"], exclude_characters="=,"), min_size=1, max_size=12)
SAMPLES = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=12)


def study(**changes: object) -> VotedStudy:
    known = {
        "study": "0123456789abcdef",
        "origin": "people",
        "scale": "tiny",
        "methods": METHODS,
        "per_class": 10,
        "truth": True,
        "hard_from": 0.5,
    }
    return VotedStudy.model_validate(known | changes)


def vote(participant: int = 1, sample: str = "s/v/1/r0", **changes: object) -> Vote:
    known = {
        "participant": participant,
        "level": "graduate",
        "number": 1,
        "kind": "vote",
        "sample": sample,
        "video": "s/v",
        "difficulty": "easy",
        "shown": [(name, f"{i:016x}") for i, name in enumerate(METHODS)],
        "choice": "ours/full",
        "ms": 5000,
        "times_shown": 1,
    }
    return Vote.model_validate(known | changes)


@st.composite
def votes(draw: st.DrawFn) -> Votes:
    methods = draw(st.lists(NAMES, min_size=2, max_size=5, unique=True))
    samples = draw(st.lists(SAMPLES, min_size=1, max_size=4, unique=True))
    found = []
    for participant in draw(st.lists(st.integers(1, 10**6), max_size=4, unique=True)):
        level = draw(st.sampled_from(["graduate", "undergraduate"]))
        for number, sample in enumerate(draw(st.permutations(samples)), 1):
            order = draw(st.permutations(methods))
            found.append(
                vote(
                    participant,
                    sample,
                    level=level,
                    number=number,
                    difficulty=["easy", "hard"][samples.index(sample) % 2],
                    shown=[(name, completion_digest(np.array([len(sample), methods.index(name)]))) for name in order],
                    choice=draw(st.sampled_from(methods)),
                    ms=draw(st.integers(0, 10**8)),
                    times_shown=draw(st.integers(1, 9)),
                )
            )
    about = study(methods=tuple(sorted(methods)), scale=draw(st.text(max_size=8)), truth=draw(st.booleans()))
    return Votes(about, tuple(found))


@given(made=votes(), seed=st.randoms())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_votes_are_read_back_equal_and_in_any_order_give_the_same_bytes(
    made: Votes, seed: object, tmp_path: Path
) -> None:
    mixed = list(made.votes)
    seed.shuffle(mixed)  # type: ignore[attr-defined]
    write_votes(tmp_path / "a.csv", made)
    write_votes(tmp_path / "b.csv", Votes(made.study, tuple(mixed)))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    found = read_votes(tmp_path / "a.csv")
    assert found.study == made.study
    assert sorted(found.votes, key=str) == sorted(made.votes, key=str)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([vote(), vote(number=2)], r"participant 1, 's/v/1/r0' is there twice; keep the first vote"),
        ([vote(choice="truth/plain")], "the choice 'truth/plain' is not one of the shown"),
        ([vote(shown=vote().shown[:2])], "but the study compares"),
        ([vote(), vote(2, shown=[(n, "f" * 16) for n in METHODS])], "copy_visible/plain has another digest elsewhere"),
        ([vote(), vote(2, difficulty="hard")], "its video or class is another elsewhere"),
        ([vote(), vote(1, "s/v/1/r1", level="undergraduate")], "level is 'undergraduate' here and another elsewhere"),
    ],
)
def test_votes_that_contradict_each_other_are_refused(others: list[Vote], message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        write_votes(tmp_path / "v.csv", Votes(study(), tuple(others)))
    assert not (tmp_path / "v.csv").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tgvac-votes-1", "tgvac-votes-0", "is of format 'tgvac-votes-0', expected 'tgvac-votes-1'"),
        ('"people"', '"robots"', r"line 1: 'origin' is wrong"),
        ("participant,level", "who,level", "line 2: the columns are not participant,level"),
        ("5000", "-5", "line 3: 'ms' is wrong"),
        ("graduate", "professor", "line 3: 'level' is wrong"),
        ("=0000000000000001", "=01", "line 3: 'shown.1.1' is wrong"),
        ("=0000000000000001", "", "line 3: 'shown.1' is wrong|line 3: 'shown.1.1' is wrong"),
        (",5000,1", ",5000", "line 3: 'times_shown' is wrong"),
        (",5000,1", ",5000,1,7", "line 3: .* is wrong"),
    ],
)
def test_a_file_that_breaks_the_contract_is_refused_with_its_line(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "v.csv"
    write_votes(path, Votes(study(), (vote(),)))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(BadInput, match=message):
        read_votes(path)


def test_an_empty_file_and_one_that_is_cut_off_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.csv"
    write_votes(path, Votes(study(), (vote(),)))
    whole = path.read_bytes()
    for size in (0, 10, 80, len(whole) - 4):
        path.write_bytes(whole[:size])
        with pytest.raises(BadInput, match=r"v\.csv"):
            read_votes(path)


def test_the_digest_tells_pixels_and_shapes_apart() -> None:
    video = np.zeros((2, 3, 4, 3), np.uint8)
    other = video.copy()
    other[1, 2, 3, 0] = 1
    assert len({completion_digest(video), completion_digest(other), completion_digest(video.reshape(2, 4, 3, 3))}) == 3
