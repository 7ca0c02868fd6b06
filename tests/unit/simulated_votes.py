"""Votes that a program draws, from a model whose truth is known. They exist in tests only."""

from __future__ import annotations

import numpy as np

from tests.unit.test_votes import METHODS, study, vote
from tgvac.clips.votes import Vote, Votes


def choices(
    draw: np.random.Generator,
    people: int,
    videos: int,
    utilities: tuple[float, ...],
    spread: tuple[float, float] = (0.0, 0.0),
    places: tuple[float, ...] = (0.0, 0.0, 0.0),
) -> tuple[np.ndarray, np.ndarray]:
    """Chosen methods, and which method stood in which place: ``int [P,V]`` and ``int [P,V,K]``.

    Args:
        spread: how much participants and videos differ in what they favour, in standard deviations of utilities.
        places: what each place adds.
    """
    count = len(utilities)
    order = np.argsort(draw.random((people, videos, count)), axis=-1)
    favour = draw.normal(0, spread[0], (people, 1, count)) + draw.normal(0, spread[1], (1, videos, count))
    added = np.take_along_axis(np.broadcast_to(np.array(places), order.shape), np.argsort(order, axis=-1), -1)
    noise = draw.gumbel(size=(people, videos, count))
    return np.argmax(np.array(utilities) + favour + added + noise, axis=-1), order


def simulated(
    draw: np.random.Generator,
    people: int = 20,
    videos: int = 10,
    utilities: tuple[float, ...] = (0.0, 0.0, 0.0),
    spread: tuple[float, float] = (0.0, 0.0),
    places: tuple[float, ...] = (0.0, 0.0, 0.0),
    ms: int = 8000,
) -> list[Vote]:
    """Votes on easy videos, as if people had cast them."""
    chosen, order = choices(draw, people, videos, utilities, spread, places)
    return [
        vote(
            p + 1,
            f"s/{v}/1/r0",
            number=v + 1,
            video=f"s/{v}",
            shown=[(METHODS[k], f"{k:016x}") for k in order[p, v]],
            choice=METHODS[chosen[p, v]],
            ms=ms,
        )
        for p in range(people)
        for v in range(videos)
    ]


def as_file(votes: list[Vote], **changes: object) -> Votes:
    return Votes(study(**changes), tuple(votes))
