"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, one: str, several: str = "") -> str:
    """A number with its noun, such as "1 sample" or "2 samples".

    Args:
        several: the plural, if it is not ``one`` with an s.
    """
    return f"{number} {one if number == 1 else several or one + 's'}"
