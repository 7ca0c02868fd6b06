"""What is said of tracked masks: in which frames the object was lost."""

from __future__ import annotations

from collections.abc import Iterable

from tgvac.complete.kept import PREVIEW
from tgvac.tracking.tracker import VisibleMasks


def told(visible: VisibleMasks) -> list[str]:
    """A sentence for each thing that a user should look at; none if the object was found everywhere."""
    said = []
    if lost := visible.lost():
        said.append(
            f"the object is not found in {len(lost)} of {len(visible)} frames: {ranges(lost)}; look at {PREVIEW}, and"
            " add a --point or a --box in one of them, or give a mask in every frame; as it is, the layer there is the"
            " model's guess, or nothing with --lost empty"
        )
    if doubtful := visible.doubtful():
        said.append(
            f"its mask changes at once, or does not fit the given box, in {ranges(doubtful)}; look at {PREVIEW}"
        )
    if unused := visible.unused():
        said.append(
            f"--not-point corrects nothing in {ranges(unused)}, where the object is not found; add a --point or a --box"
            " there"
        )
    return said


def ranges(numbers: Iterable[int]) -> str:
    """Frames in words, such as ``frame 4`` or ``frames 12 to 30 and 44``.

    Args:
        numbers: at least one, in their order.
    """
    spans: list[tuple[int, int]] = []
    for i in numbers:
        if spans and i == spans[-1][1] + 1:
            spans[-1] = spans[-1][0], i
        else:
            spans.append((i, i))
    parts = [str(first) if first == last else f"{first} to {last}" for first, last in spans]
    several = len(spans) > 1 or spans[0][0] != spans[0][1]
    words = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"{'frames' if several else 'frame'} {words}"
