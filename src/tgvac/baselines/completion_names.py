"""The methods by name, and which trained weights each needs; no networks are imported here."""

from __future__ import annotations

_NEEDS: dict[str, str | None] = {
    "ours/full": "motion",
    "ours/no_motion": "frame",
    "copy_visible/plain": None,
    "temporal_copy/plain": None,
    "mean_colour/plain": None,
    "autoencoder/ceiling": "backbones",
}
METHODS = tuple(_NEEDS)


def model_phase(method: str, variant: str) -> str | None:
    """The phase whose weights a method uses: ``frame``, ``motion``, ``backbones`` alone, or None.

    Raises:
        ValueError: when the method is unknown; names the known ones.
    """
    name = f"{method}/{variant}"
    if name not in _NEEDS:
        raise ValueError(f"method '{name}' is unknown; known are {', '.join(METHODS)}")
    return _NEEDS[name]


def seeds_of(method: str, train_seeds: tuple[int, ...]) -> tuple[int, ...]:
    """The seeds with which ``method/variant`` is run: all of them where training has part in it, else the first."""
    head, _, tail = method.partition("/")
    return train_seeds if model_phase(head, tail) in ("frame", "motion") else train_seeds[:1]
