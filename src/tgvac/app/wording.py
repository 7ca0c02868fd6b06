"""What the page says: progress, videos and errors, in words."""

from __future__ import annotations

import html
from collections.abc import Sequence

from tgvac.app.marking import in_words
from tgvac.app.session import Session
from tgvac.app.videos import Video
from tgvac.complete.told import ranges
from tgvac.progress import Heard, clock

_DOING = {
    "starting": "Starting",
    "stopping": "Stopping after this step",
    "waiting": "Waiting for the job before this one",
    "opening": "Opening the video",
    "reading": "Reading the frames",
    "tracking": "Tracking the object",
    "tracked.mp4": "Drawing the tracked mask",
    "framing": "Cutting out the object's surroundings",
    "encoding": "Encoding the object's surroundings",
    "completing": "Completing",
    "decoding": "Decoding the object",
    "layer": "Writing the layer",
    "beside.mp4": "Writing input beside result",
}
"""What is being done, by the first word of its label."""


STOPPED = "Stopped. What was done is kept; the same button goes on from it."
UNEXPECTED = "Something went wrong that should not; the window in which tgvac app runs says what."


def progress(heard: Heard) -> str:
    """A bar with the step and the time left, as HTML."""
    doing = _DOING.get(heard.label.split()[0], heard.label)
    if not heard.done:
        return f'<div class="status"><span>{html.escape(doing)} …</span><progress></progress></div>'
    # The first step often includes what is done once.
    left = "" if heard.left is None or heard.done < 2 else f", about {clock(heard.left)} left"
    return (
        f'<div class="status"><span>{html.escape(doing)}: {heard.done} of {heard.total}{left}</span>'
        f'<progress max="{heard.total}" value="{heard.done}"></progress></div>'
    )


def notes(sentences: Sequence[str]) -> str:
    """Sentences, each a paragraph, as HTML."""
    return "".join(f'<p class="note">{html.escape(each)}</p>' for each in sentences)


def fault(message: str) -> str:
    """An error of the visitor, as HTML."""
    return f'<p class="fault" role="alert">{html.escape(message)}</p>'


def facts(video: Video) -> str:
    """What was opened."""
    known = video.known
    frames = "1 frame" if known.count == 1 else f"{known.count} frames"
    return notes([f"{known.name}: {frames} of {known.width} × {known.height} pixels.", *known.said])


def marked(session: Session) -> str:
    """What is marked, and whether it was tracked so."""
    again = " The marks have changed: track again." if session.outdated else ""
    return in_words(session.marking) + again


def tracked(session: Session) -> list[str]:
    """What a visitor should look at in the tracked mask."""
    found = session.tracked
    if found is None:
        return []
    said = []
    if found.lost:
        said.append(
            f"The object is not found in {len(found.lost)} of {len(found.masks)} frames: {ranges(found.lost)}. Where it"
            " is hidden, that is right. Elsewhere, mark it there and track again."
        )
    if found.doubtful:
        said.append(f"Look at {ranges(found.doubtful)}: the mask changes at once, or does not fit the box.")
    if found.unused:
        said.append(
            f"“Not this” corrects nothing in {ranges(found.unused)}, where the object is not found; mark the object"
            " there, too."
        )
    return said


def sentence(error: Exception, video: Video | None) -> str:
    """An error, with the name that the visitor knows in place of the file in the work folder."""
    return str(error) if video is None else str(error).replace(video.known.file, video.known.name)
