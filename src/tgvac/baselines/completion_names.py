"""The methods by name, ``<method>/<variant>``, and which trained weights each needs; no networks are imported here."""

from __future__ import annotations

from collections.abc import Mapping

from tgvac.completion.params import MethodParams
from tgvac.config import nearest

KINDS: dict[str, str | None] = {
    "ours": "motion",
    "copy_visible": None,
    "temporal_copy": None,
    "mean_colour": None,
    "autoencoder": "backbones",
}
"""What can complete, and the phase whose weights it takes; ours takes the frame model where ``motion`` is false."""

Methods = Mapping[str, MethodParams]


def method_of(name: str, methods: Methods) -> MethodParams:
    """The params of ``<method>/<variant>``.

    Raises:
        ValueError: when ``methods`` has no such name; names the nearest.
    """
    if name not in methods:
        raise ValueError(f"method '{name}' is unknown; {nearest(name, list(methods))}")
    return methods[name]


def model_phase(name: str, methods: Methods) -> str | None:
    """The phase whose weights a method uses: ``frame``, ``motion``, ``backbones`` alone, or None."""
    found = method_of(name, methods)
    phase = KINDS[name.partition("/")[0]]
    return "frame" if phase == "motion" and not found.motion else phase


def is_trained(name: str, methods: Methods) -> bool:
    """Whether a training of this workflow has part in a method."""
    return model_phase(name, methods) in ("frame", "motion")


def seeds_of(name: str, train_seeds: tuple[int, ...], methods: Methods) -> tuple[int, ...]:
    """The seeds with which a method is run: all of them where training has part in it, else the first."""
    return train_seeds if is_trained(name, methods) else train_seeds[:1]


def trainings(names: tuple[str, ...], phase: str, methods: Methods) -> tuple[str, ...]:
    """The trained variants of a phase that some methods need, sorted; a motion model stands on its frame model."""
    above = {"frame": ("frame", "motion"), "motion": ("motion",)}[phase]
    return tuple(sorted({methods[n].trained for n in names if model_phase(n, methods) in above}))
