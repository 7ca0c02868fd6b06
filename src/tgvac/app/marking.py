"""What a visitor has marked, frame by frame: points on the object and beside it, a box, or a painted mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tgvac.clips.box import Box
from tgvac.errors import BadInput
from tgvac.tracking.prompts import Point, Prompt, check_prompts


@dataclass(frozen=True)
class Marking:
    """All marks of a visitor; each change is a new marking that can be undone.

    Attributes:
        prompts: one for each marked frame, in the order of their frames.
        corner: the first corner of a box, with its frame, while the second is still to be clicked.
    """

    prompts: tuple[Prompt, ...] = ()
    corner: tuple[int, Point] | None = None
    _before: Marking | None = field(default=None, compare=False, repr=False)

    def __bool__(self) -> bool:
        return bool(self.prompts)

    def at(self, frame: int) -> Prompt:
        """What is marked in a frame; an empty prompt if nothing is."""
        return next((prompt for prompt in self.prompts if prompt.frame == frame), Prompt(frame=frame))

    def corner_at(self, frame: int) -> Point | None:
        """The first corner of a box in this frame."""
        return self.corner[1] if self.corner is not None and self.corner[0] == frame else None

    def with_point(self, frame: int, point: Point) -> Marking:
        """A point on the object.

        Raises:
            BadInput: when it contradicts other marks of the frame.
        """
        return self._edited(frame, lambda old: {"points": (*old.points, point)})

    def with_not_point(self, frame: int, point: Point) -> Marking:
        """A point on something else.

        Raises:
            BadInput: as :meth:`with_point`.
        """
        return self._edited(frame, lambda old: {"not_points": (*old.not_points, point)})

    def with_corner(self, frame: int, point: Point) -> Marking:
        """The first corner of a box; or the second, which completes it and replaces an earlier box of that frame.

        Raises:
            BadInput: when the two corners have no area between them, or a point on the object is outside.
        """
        first = self.corner_at(frame)
        if first is None:
            self._refuse_beside_mask(frame)
            return replace(self, corner=(frame, point), _before=self)
        (left, right), (top, bottom) = sorted((first[0], point[0])), sorted((first[1], point[1]))
        if right - left < 1 or bottom - top < 1:
            raise BadInput("The two corners are less than a pixel apart; click the opposite corner of the object.")
        box = Box(x=left, y=top, w=right - left, h=bottom - top)
        return self._edited(frame, lambda _: {"box": box})

    def with_mask(self, frame: int, file: str) -> Marking:
        """A painted mask, in place of all that was marked in that frame."""
        return self._put(Prompt(frame=frame, mask=file))

    def without(self, frame: int) -> Marking:
        """Nothing marked in a frame."""
        return self._put(Prompt(frame=frame))

    def undone(self) -> Marking:
        """Before the last change."""
        return self if self._before is None else self._before

    def _edited(self, frame: int, edit: Callable[[Prompt], dict[str, object]]) -> Marking:
        self._refuse_beside_mask(frame)
        old = self.at(frame)
        edited = old.model_copy(update=edit(old))
        _check(edited)
        return self._put(edited)

    def _put(self, prompt: Prompt) -> Marking:
        others = [each for each in self.prompts if each.frame != prompt.frame]
        kept = [*others, prompt] if prompt != Prompt(frame=prompt.frame) else others
        return Marking(tuple(sorted(kept, key=lambda each: each.frame)), None, self)

    def _refuse_beside_mask(self, frame: int) -> None:
        if self.at(frame).mask:
            raise BadInput(f"Frame {frame} has a painted mask, which stands alone; press “Clear this frame” first.")


def _check(prompt: Prompt) -> None:
    """Refuse marks of a frame that contradict each other, as ``tgvac complete`` does, in the page's own words."""
    if not prompt.points:
        return
    try:
        check_prompts([prompt])
    except BadInput:
        raise BadInput(
            "This contradicts another mark of this frame: points on the object lie in its box, and not where “Not this”"
            " says; press “Undo” or “Clear this frame”, or click elsewhere."
        ) from None


def in_words(marking: Marking) -> str:
    """What is marked where, for people."""
    if not marking:
        return "Nothing is marked yet."
    return "Marked: " + "; ".join(f"frame {prompt.frame}: {_of_frame(prompt)}" for prompt in marking.prompts) + "."


def _of_frame(prompt: Prompt) -> str:
    parts = [
        "painted mask" if prompt.mask else "",
        "box" if prompt.box else "",
        _counted(len(prompt.points), "point"),
        _counted(len(prompt.not_points), "point “not this”", "points “not this”"),
    ]
    return ", ".join(part for part in parts if part)


def _counted(count: int, one: str, several: str = "") -> str:
    return "" if not count else f"{count} {one if count == 1 else several or one + 's'}"
