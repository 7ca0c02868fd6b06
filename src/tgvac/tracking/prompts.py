"""What a user points at: boxes, points and masks in any frames, as the command line and records have them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from pathlib import Path

from tgvac.clips.box import Box
from tgvac.clips.pictures import SUFFIXES
from tgvac.config import Record
from tgvac.errors import BadInput

Point = tuple[float, float]
"""x and y in pixels of the video; pixel ``i`` covers ``[i, i + 1)``."""

NOTHING = "Select the object by --box x,y,w,h, by --point x,y, by --mask FILE or, in words, by --find TEXT."
_IN_FRAME = re.compile(r"(-?\d+):(.+)", re.DOTALL)


class Prompt(Record):
    """What is said of the object in one frame.

    Attributes:
        frame: from 0.
        box: around what is seen of the object, in pixels.
        points: on the object.
        not_points: on something else.
        mask: the file of a mask of what is seen of it, or "". A mask stands alone in its frame.
    """

    frame: int
    box: Box | None = None
    points: tuple[Point, ...] = ()
    not_points: tuple[Point, ...] = ()
    mask: str = ""


class Selection(Record):
    """How a user selects an object.

    Attributes:
        prompts: one a frame, in the order of their frames.
        every: a folder or a video of one mask a frame, in place of prompts; or "".
    """

    prompts: tuple[Prompt, ...] = ()
    every: str = ""

    def files(self) -> list[Path]:
        """The files and folders that it names."""
        return [Path(name) for name in (*(prompt.mask for prompt in self.prompts), self.every) if name]


def read_selection(
    frame: int = 0,
    boxes: Sequence[str] = (),
    points: Sequence[str] = (),
    not_points: Sequence[str] = (),
    masks: Sequence[str] = (),
) -> Selection:
    """The selection that options describe; those of one frame are joined.

    Args:
        frame: of the options that name none.
        boxes: ``[FRAME:]x,y,w,h``.
        points, not_points: ``[FRAME:]x,y[,x,y…]``.
        masks: ``[FRAME:]FILE``, or a folder or a video of one mask a frame.

    Raises:
        BadInput: when nothing is selected, an option cannot be read, or two of them contradict each other.
    """
    if not (boxes or points or not_points or masks):
        raise BadInput(NOTHING)
    if (every := next((text for text in masks if _is_every(text)), None)) is not None:
        return _every(every, (*boxes, *points, *not_points, *masks))
    found: dict[int, Prompt] = {}

    def add(at: int, **more: object) -> None:
        found[at] = found.get(at, Prompt(frame=at)).model_copy(update=more)

    for at, text in _in_frames(boxes, frame):
        if at in found:
            raise BadInput(
                f"Two --box are given for frame {at} (--find gives one, too); keep one, or write FRAME:x,y,w,h for"
                " another frame."
            )
        add(at, box=read_box(text))
    for at, text in _in_frames(points, frame):
        add(at, points=(*(found[at].points if at in found else ()), *_read_points("--point", text)))
    for at, text in _in_frames(not_points, frame):
        add(at, not_points=(*(found[at].not_points if at in found else ()), *_read_points("--not-point", text)))
    for at, text in _in_frames(masks, frame):
        if at in found and found[at].mask:
            raise BadInput(f"Two --mask are given for frame {at}; keep one, or write FRAME:FILE for another frame.")
        add(at, mask=str(Path(text).expanduser().absolute()))
    selection = Selection(prompts=tuple(found[at] for at in sorted(found)))
    check_prompts(selection.prompts)
    return selection


def of_one_frame(frame: int, box: str, mask: str) -> Selection:
    """A selection by one box or one mask, either of which may be "".

    Raises:
        BadInput: as :func:`read_selection`.
    """
    return read_selection(frame, [box] if box else [], masks=[mask] if mask else [])


def check_prompts(prompts: Sequence[Prompt]) -> None:
    """Refuse prompts that contradict each other.

    Raises:
        BadInput: when two are about one frame, one marks nothing, a mask is not alone in its frame, they only say what
            the object is not, or a point is on the object and not on it.
    """
    frames = [prompt.frame for prompt in prompts]
    if twice := [frame for frame in frames if frames.count(frame) > 1]:
        raise BadInput(f"Two prompts are about frame {twice[0]}; join them, or leave one out.")
    for prompt in prompts:
        _check(prompt)
    if not any(prompt.box or prompt.points or prompt.mask for prompt in prompts):
        raise BadInput(
            f"--not-point in frame {prompts[0].frame} only says what the object is not; add a --point, a --box or a"
            " --mask."
        )


def _check(prompt: Prompt) -> None:
    at, box = f"frame {prompt.frame}", prompt.box
    others = bool(box or prompt.points or prompt.not_points)
    if not prompt.mask and not others:
        raise BadInput(f"The prompt of {at} marks nothing; give a box, points or a mask, or leave it out.")
    if prompt.mask and others:
        raise BadInput(
            f"--mask {prompt.mask}: {at} has a mask beside a box or points; keep one, since a mask says alone what is"
            " seen."
        )
    if both := {_pixel(point) for point in prompt.points} & {_pixel(point) for point in prompt.not_points}:
        raise BadInput("--point and --not-point both name pixel {},{} of {}; leave one out.".format(*min(both), at))
    for x, y in prompt.points:
        if box is not None and not (box.x <= x <= box.x + box.w and box.y <= y <= box.y + box.h):
            raise BadInput(f"--point {x:g},{y:g} of {at} is outside of its --box; enlarge the box, or leave one out.")


def read_box(text: str) -> Box:
    """A box from ``x,y,w,h``.

    Raises:
        BadInput: when it is not four numbers, or has no area.
    """
    numbers = _numbers(text)
    if len(numbers) != 4:
        raise BadInput(f"--box {text} is not x,y,w,h; give four numbers in pixels, such as 120,40,200,160.")
    x, y, w, h = numbers
    if not (w > 0 and h > 0):
        raise BadInput(f"--box {text} has no area; give x,y,w,h with a positive width and height.")
    return Box(x=x, y=y, w=w, h=h)


def _read_points(option: str, text: str) -> tuple[Point, ...]:
    numbers = _numbers(text)
    if not numbers or len(numbers) % 2:
        raise BadInput(f"{option} {text} is not x,y or x,y,x,y; give two numbers in pixels a point, such as 120,40.")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _numbers(text: str) -> list[float]:
    """The finite numbers between commas; none if one of them is none."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        return []
    return found if all(map(isfinite, found)) else []


def _in_frames(texts: Iterable[str], frame: int) -> Iterator[tuple[int, str]]:
    """Each option's frame, and the rest of it."""
    for text in texts:
        match = _IN_FRAME.fullmatch(text)
        yield (int(match[1]), match[2]) if match else (frame, text)


def _is_every(text: str) -> bool:
    """Whether a mask is that of every frame: a folder or a video."""
    _, name = next(_in_frames([text], 0))
    path = Path(name).expanduser()
    return path.is_dir() or (path.is_file() and path.suffix.lower() not in SUFFIXES)


def _every(text: str, given: Sequence[str]) -> Selection:
    match = _IN_FRAME.fullmatch(text)
    if match:
        raise BadInput(f"--mask {text} is a folder or a video, which has a mask of every frame; leave {match[1]}: out.")
    if len(given) > 1:
        raise BadInput(
            f"--mask {text} has a mask of every frame already; leave every other --box, --point and --mask out."
        )
    return Selection(every=str(Path(text).expanduser().absolute()))


def _pixel(point: Point) -> tuple[int, int]:
    return int(point[0] // 1), int(point[1] // 1)
