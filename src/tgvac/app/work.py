"""The long work behind the page, all of it by ``tgvac complete``: open a video, track the object, complete it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tgvac.app.results import Served, serve
from tgvac.app.session import Session, Tracked
from tgvac.app.videos import Video, Videos
from tgvac.complete.command import Completing, Options
from tgvac.config import Record, parse
from tgvac.errors import BadInput
from tgvac.tracking.prompts import Prompt, Selection


class Settings(Record):
    """How the page was started.

    Attributes:
        model: as in :func:`tgvac.complete.model.load_model`.
        tracker: the segmenter of ``masks.first``.
        device: a torch device.
        paths: whether visitors may open videos of this machine by their path.
    """

    model: str = ""
    tracker: Literal["follow", "sam2"] = "follow"
    device: str = "cpu"
    paths: bool = True


@dataclass(frozen=True)
class Wish:
    """What a visitor asks for beside the marks; None for the model's own."""

    text: str = ""
    formats: Sequence[str] = ("png",)
    steps: int | None = None
    seed: int = 0
    fast: bool = False


@dataclass(frozen=True)
class Work:
    """Everything that takes more than a moment.

    Attributes:
        root: the project's folder.
        out: the work folder.
    """

    root: Path
    out: Path
    settings: Settings

    @property
    def served(self) -> Path:
        """The only folder whose files the page gives away."""
        return self.out / "served"

    def take(self, upload: Path) -> Video:
        """Open an upload."""
        return Videos(self.out).take(upload, upload.name)

    def visit(self, path: str) -> Video:
        """Open a video of this machine.

        Raises:
            BadInput: when visitors may not, or there is none.
        """
        if not self.settings.paths:
            raise BadInput("Videos of this machine can be opened only when the page listens on 127.0.0.1; upload it.")
        if not path.strip():
            raise BadInput("Write the path of a video, such as /home/me/dog.mp4, or upload one.")
        return Videos(self.out).visit(Path(path.strip()).expanduser().absolute())

    def track(self, session: Session) -> tuple[Tracked, Served]:
        """Track the marked object.

        Raises:
            BadInput: when nothing is marked, or as ``tgvac complete`` does.
        """
        return self._track(session), serve(session.opened(), self.served, ())

    def complete(self, session: Session, wish: Wish) -> tuple[Tracked, Served]:
        """Complete the marked object, which is tracked if it is not yet.

        Raises:
            BadInput: as :meth:`track`, or when no format is chosen.
        """
        if not wish.formats:
            raise BadInput("Choose at least one kind of file to download.")
        completing = self._completing(session, wish)
        tracked = self._track(session) if session.tracked is None or session.outdated else session.tracked
        completing.run()
        return tracked, serve(session.opened(), self.served, wish.formats)

    def _track(self, session: Session) -> Tracked:
        masks = self._completing(session, Wish()).track()
        found = (tuple(frames) for frames in (masks.lost(), masks.doubtful(), masks.unused()))
        return Tracked(session.marking.prompts, masks, *found)

    def _completing(self, session: Session, wish: Wish) -> Completing:
        video = session.opened()
        asked = {
            **{"video": video.known.file, "text": wish.text.strip(), "steps": wish.steps, "seed": wish.seed},
            "fast": wish.fast,
            **{"formats": list(wish.formats), "model": self.settings.model, "tracker": self.settings.tracker},
            "selection": _selection(session.marking.prompts).model_dump(mode="json"),
        }
        return Completing(self.root, parse(Options, asked, "The page"), video.result, self.settings.device)


def _selection(prompts: Sequence[Prompt]) -> Selection:
    """The marks as a selection of ``tgvac complete``, whose messages name options of the command."""
    if not prompts:
        raise BadInput("Mark the object first: click on it, click two corners around it, or paint over it.")
    if not any(prompt.box or prompt.points or prompt.mask for prompt in prompts):
        raise BadInput("All marks say “Not this”; mark the object, too: click on it in the mode “Object”.")
    return Selection(prompts=tuple(prompts))
