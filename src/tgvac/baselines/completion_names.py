"""The methods by name, and which trained weights each needs; no networks are imported here."""

from __future__ import annotations

_NEEDS: dict[str, str | None] = {
    "ours/full": "motion",
    "ours/no_motion": "frame",
    "copy_visible/plain": None,
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
