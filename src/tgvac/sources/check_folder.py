"""``tgvac data check``: what a folder or archive would be taken as, before anything runs.

A table in the terminal, and a page with a picture of each video's first masks, so that people see whether they fit.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from tgvac.clips.images import encode_jpeg, resize_rgb
from tgvac.clips.mask_values import VOID, davis_palette
from tgvac.errors import BadInput
from tgvac.fetch.registry import Source
from tgvac.files import write_text
from tgvac.sources.account import Row, readable
from tgvac.sources.adapter import Adapter, Video
from tgvac.sources.faults import check_share, valid_videos
from tgvac.sources.manifest import LAYOUTS, open_adapter
from tgvac.sources.params import SourcesParams
from tgvac.sources.rejected import reason_of
from tgvac.sources.same_footage import without_duplicates

_SIDE = 240
"""Longer side of a picture on the page, in pixels."""
_SHARE = 0.55
"""How much of an object's colour is laid over it."""


@dataclass(frozen=True)
class Checked:
    """What a source would be taken as.

    Attributes:
        layout: its layout.
        rows: the account of its files.
        pictures: the first frame of each video that is taken, with its masks and boxes drawn in, ``uint8 [H,W,3]``.
        refused: why a run would refuse the source as a whole, such as too many faulty videos; "" if it would not.
    """

    layout: str
    rows: tuple[Row, ...]
    pictures: dict[str, np.ndarray]
    refused: str = ""

    @property
    def taken(self) -> int:
        """Number of videos that are taken."""
        return len({row.video for row in self.rows if row.use == "taken" and row.video})


def check(path: Path, layout: str = "", sources: SourcesParams | None = None) -> Checked:
    """Read a folder or archive as a run would: list its videos, and decode each frame of them.

    Args:
        layout: one of the layouts of sources; "" for the first that fits.
        sources: what a run does about faulty videos and those that are there twice; None: that is not checked.

    Raises:
        BadInput: when it fits no layout, or not the given one.
    """
    if not path.exists():
        raise BadInput(f"{path} does not exist; give the folder or archive with your footage.")
    if path.is_file() and path.suffix.lower() not in (".zip", ".tar", ".gz", ".tgz"):
        raise BadInput(f"{path} is a file; give the folder that has your footage.")
    refusals = []
    for name in (layout,) if layout else LAYOUTS:
        try:
            adapter = open_adapter(Source("given", name, "given", None, None, ""), path)
            videos, faulty = valid_videos(adapter, path)
        except BadInput as error:
            refusals.append(f"{name}: {error}")
            continue
        pictures, damaged = {}, dict[str, str]()
        for video in videos:
            try:
                pictures[video.name] = _drawn(adapter, video)
                _decode(adapter, video)
            except BadInput as error:
                # Found by decoding only, as in the phase `tracks`.
                damaged[video.name] = reason_of(error, path)
        lengths = {video.name: len(video.frame_numbers) for video in videos}
        refused, twice = "", dict[str, str]()
        if sources is not None:
            try:
                # The phases `sources` and `tracks` each compare their own share.
                check_share(sources, "given", faulty, len(faulty) + len(videos))
                check_share(sources, "given", damaged, len(videos))
                _, twice = without_duplicates({"given": videos}, sources.same_footage)
            except BadInput as error:
                refused = str(error)
        rows = (_completed(row, lengths, twice) for row in adapter.account(faulty | damaged))
        return Checked(name, tuple(rows), pictures, refused)
    raise BadInput(f"{path} is in none of the known layouts. " + " ".join(refusals))


def _decode(adapter: Adapter, video: Video) -> None:
    """Read all frames and masks of a video.

    Raises:
        BadInput: when one cannot be decoded, or has another size than the first frame.
    """
    height, width = adapter.frame(video, 0).shape[:2]
    for i, number in enumerate(video.frame_numbers):
        for what, found in (("frame", adapter.frame(video, i)), ("mask", adapter.annotation(video, i))):
            if found is not None and found.shape[:2] != (height, width):
                raise BadInput(
                    f"the {what} of frame {number:05d} is {found.shape[1]}x{found.shape[0]}, the first frame"
                    f" {width}x{height}; all must have the same size."
                )


def _completed(row: Row, lengths: Mapping[str, int], twice: Mapping[str, str]) -> Row:
    """A row that also says what a run finds later: videos that are there twice, and the number of frames."""
    if row.use != "taken" or not row.video:
        return row
    if reason := twice.get(f"given/{row.video}"):
        return replace(row, use="rejected", note=reason.replace("given/", ""))
    return row if row.note else replace(row, note=f"{lengths[row.video]} frames")


def as_table(checked: Checked) -> str:
    """The account as text: a line for each video, then what is unused."""
    order = {"taken": 0, "rejected": 1, "unused": 2}
    rows = sorted(checked.rows, key=lambda r: (order[r.use], r.video, r.files))
    rejected = len({row.video for row in rows if row.use == "rejected"})
    unused = sum(len(row.files) for row in rows if row.use == "unused")
    taken = f"{_videos(checked.taken)} taken, {rejected} rejected; {unused} files are not used"
    lines = [f"read as layout {checked.layout}: {taken}"]
    for row in _joined(rows):
        name = row.video or (row.files[0] if row.files else "")
        more = f" and {len(row.files) - 1} more" if not row.video and len(row.files) > 1 else ""
        lines.append(readable(f"{row.use:9} {name}{more}" + (f": {row.note}" if row.note else "")))
    if checked.refused:
        lines.append(f"a run would refuse all of it: {checked.refused}")
    return "\n".join(lines)


def _joined(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows, those of unused files with one reason as one row."""
    unused: dict[str, tuple[str, ...]] = {}
    for row in rows:
        if row.use == "unused" and not row.video:
            unused[row.note] = (*unused.get(row.note, ()), *row.files)
        else:
            yield row
    for note, files in unused.items():
        yield Row("unused", "", files, note)


def write_page(checked: Checked, path: Path) -> None:
    """Write a page that needs no network, with a picture of each video."""
    cells = []
    for row in sorted(checked.rows, key=lambda r: r.video):
        if row.video not in checked.pictures or row.use != "taken":
            continue
        data = base64.b64encode(encode_jpeg(checked.pictures[row.video])).decode()
        name, note = html.escape(row.video), html.escape(row.note)
        picture = f'<img alt="{name}" src="data:image/jpeg;base64,{data}">'
        cells.append(f"<figure>{picture}<figcaption><b>{name}</b><br>{note}")
    rest = list(_joined(row for row in checked.rows if row.use != "taken"))
    lines = "".join(
        f"<tr><td>{row.use}<td>{html.escape(row.video or (row.files[0] if row.files else ''))}<td>{len(row.files)}"
        f"<td>{html.escape(row.note)}"
        for row in sorted(rest, key=lambda r: (r.use, r.video, r.files))
    )
    refused = f"<p><b>A run would refuse all of it:</b> {html.escape(checked.refused)}" if checked.refused else ""
    table = f"<h2>Not taken</h2><table><tr><th>use<th>what<th>files<th>why{lines}</table>" if rest else ""
    page = _PAGE.format(
        layout=checked.layout, taken=_videos(checked.taken), figures="\n".join(cells), rest=table, refused=refused
    )
    write_text(path, readable(page))


def _videos(count: int) -> str:
    return "1 video is" if count == 1 else f"{count} videos are"


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>What would be taken</title>
<style>
body {{ font: 16px/1.4 system-ui, sans-serif; margin: 1.5rem; color: #222; background: #fff }}
figure {{ display: inline-block; vertical-align: top; margin: 0 1rem 1rem 0; max-width: 15rem }}
img {{ max-width: 100%; border: 1px solid #ccc }}
td, th {{ text-align: left; vertical-align: top; padding: 0.2rem 0.8rem 0.2rem 0 }}
</style>
<h1>{taken} taken</h1>
<p>Read as layout <code>{layout}</code>. Each picture is a video's first annotated frame; colours show its objects,
white lines their boxes.</p>
{refused}
{figures}
{rest}
</html>
"""


def _drawn(adapter: Adapter, video: Video) -> np.ndarray:
    """The first annotated frame with its objects in colours and their boxes in white."""
    i = next(_annotated(adapter, video), 0)
    frame_HW3 = adapter.frame(video, i)
    height, width = frame_HW3.shape[:2]
    factor = _SIDE / max(height, width)
    size = max(1, round(height * factor)), max(1, round(width * factor))
    out_HW3 = resize_rgb(frame_HW3, *size).copy()
    ids_HW = adapter.annotation(video, i)
    if ids_HW is not None:
        if ids_HW.shape != (height, width):
            raise BadInput(
                f"the mask is {ids_HW.shape[1]}x{ids_HW.shape[0]}, its frame {width}x{height}; both must have the same"
                " size."
            )
        ids_HW = cv2.resize(ids_HW, size[::-1], interpolation=cv2.INTER_NEAREST)
        only_void = not ((ids_HW > 0) & (ids_HW < VOID)).any()
        white = adapter.white_object(video) if only_void else None
        ids_HW = np.where(ids_HW == VOID, white or 0, ids_HW).astype(np.uint8)
        colours_HW3 = davis_palette()[ids_HW]
        mixed_HW3 = (out_HW3 * (1 - _SHARE) + colours_HW3 * _SHARE).astype(np.uint8)
        out_HW3 = np.where(ids_HW[..., None] > 0, mixed_HW3, out_HW3)
    for box in (adapter.boxes(video, i) or {}).values():
        if box is not None and (box := box.clipped(height, width)) is not None:
            corners = [round(v * factor) for v in (box.x, box.y, box.x + box.w, box.y + box.h)]
            cv2.rectangle(out_HW3, tuple(corners[:2]), tuple(corners[2:]), (255, 255, 255), 2)
    return out_HW3


def _annotated(adapter: Adapter, video: Video) -> Iterator[int]:
    """Frames with a mask or a box, in order."""
    for i in range(len(video.frame_numbers)):
        if adapter.annotation(video, i) is not None or adapter.boxes(video, i):
            yield i
