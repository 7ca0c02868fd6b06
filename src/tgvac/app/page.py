"""The page: what is where, and what each control does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, get_args

import gradio as gr

from tgvac.app import wording
from tgvac.app.jobs import STARTING, Jobs, Stopped
from tgvac.app.results import Served
from tgvac.app.session import Mode, Session, Tracked, Visitor
from tgvac.app.videos import Video
from tgvac.app.work import Wish, Work
from tgvac.errors import BadInput

T = TypeVar("T")
Updates = dict[Any, Any]
"""New values by component."""

_FORMATS = {"png": "PNG (zip)", "webm": "WebM", "prores": "ProRes (MOV)", "mask": "Mask (zip)"}
_HINTS = {
    "Object": "Click on the object; a few clicks on its parts say more than one.",
    "Not this": "Click on what is not the object.",
    "Box": "Click two opposite corners around what is seen of the object.",
    "Paint": "Paint over what is seen of the object, then press “Use this mask”.",
}
_DEMONSTRATION = (
    "The demonstration model completes: it is small, has seen cartoons alone, and paints 64 × 64 pixels. Start the page"
    " with `--model FOLDER` to use a model of your own."
)


class Page:
    """Builds the page, and answers its events.

    Every answer gets the visitor, and gives the controls that change.
    """

    def __init__(self, work: Work) -> None:
        self._work, self._jobs = work, Jobs()

    def build(self) -> gr.Blocks:
        """The page, not yet served."""
        blocks = gr.Blocks(title="Complete an object", analytics_enabled=False, delete_cache=(3600, 86400))
        with blocks:
            self._visitor = gr.State(Visitor())
            gr.Markdown(
                "# Complete an object in your video\nOpen a video, mark an object, and get it whole, as a layer."
            )
            with gr.Row(elem_id="columns"):
                with gr.Column(min_width=320):
                    self._build_open()
                    with gr.Column(visible=False, elem_id="mark") as self._mark:
                        self._build_mark()
                with gr.Column(min_width=320, visible=False, elem_id="results") as self._steps:
                    self._build_track()
                    self._build_complete()
            self._wire(blocks)
        return blocks

    def _build_open(self) -> None:
        gr.Markdown("## 1. Open a video")
        self._upload = gr.File(label="A video file", height=130, elem_id="upload")
        with gr.Row(visible=self._work.settings.paths, elem_id="by-path"):
            self._path = gr.Textbox(
                show_label=False, placeholder="or the path of a video or of a folder of frames", scale=4, max_lines=1,
                min_width=200, container=False, elem_id="path",
            )  # fmt: skip
            self._visit = gr.Button("Open", scale=1, min_width=90, elem_id="visit")
        self._opening = gr.HTML(elem_id="opening")

    def _build_mark(self) -> None:
        gr.Markdown("## 2. Mark the object")
        self._mode = gr.Radio(list(get_args(Mode)), value="Object", show_label=False, container=False, elem_id="mode")
        self._hint = gr.Markdown(_HINTS["Object"], elem_id="hint")
        self._picture = gr.Image(
            show_label=False, interactive=False, format="jpeg", buttons=[], elem_id="picture", container=False
        )
        with gr.Column(visible=False) as self._painting:
            self._editor = gr.ImageEditor(
                show_label=False, type="numpy", sources=(), transforms=(), layers=False, buttons=[], elem_id="editor",
                brush=gr.Brush(default_size=24, colors=["#ff4040"], color_mode="fixed"),
            )  # fmt: skip
            self._use = gr.Button("Use this mask", variant="primary", elem_id="use")
        self._frame = gr.Slider(0, 1, value=0, step=1, label="Frame", buttons=[], elem_id="frame")
        self._marked = gr.Markdown(elem_id="marked")
        with gr.Row():
            self._undo = gr.Button("Undo", size="md", min_width=100, elem_id="undo")
            self._clear = gr.Button("Clear this frame", size="md", min_width=140, elem_id="clear")

    def _build_track(self) -> None:
        gr.Markdown("## 3. Track it")
        gr.Markdown("Look at the tracked mask. Where it is wrong, go to that frame, mark more, and track again.")
        self._track = gr.Button("Track the object", elem_id="track")
        self._tracking = gr.HTML(elem_id="tracking")
        self._stop_track = gr.Button("Stop", variant="stop", visible=False, elem_id="stop-track")
        self._tracked = _player("tracked")

    def _build_complete(self) -> None:
        gr.Markdown("## 4. Complete it")
        self._text = gr.Textbox(label="The whole object in a sentence", placeholder="a brown dog", elem_id="text")
        self._formats = gr.CheckboxGroup(
            [(label, name) for name, label in _FORMATS.items()], value=["png"], label="To download", elem_id="formats"
        )
        with gr.Accordion("More", open=False, elem_id="more"):
            self._fast = gr.Checkbox(
                False,
                label="Fast",
                info="At most ten steps, and windows that do not overlap: for long videos.",
                elem_id="fast",
            )
            self._seed = gr.Number(0, label="Seed", info="Another one gives another completion.", precision=0)
            self._sampling = gr.Number(
                # Gradio shows an empty number as 0.
                0,
                label="Steps",
                info="0 for the model's own, or those of Fast.",
                precision=0,
                minimum=0,
                maximum=1000,
            )
        self._complete = gr.Button("Complete the object", variant="primary", elem_id="complete")
        if not self._work.settings.model:
            gr.Markdown(_DEMONSTRATION, elem_id="demonstration")
        self._completing = gr.HTML(elem_id="completing")
        self._stop_complete = gr.Button("Stop", variant="stop", visible=False, elem_id="stop-complete")
        self._beside = _player("beside")
        with gr.Row():
            self._downloads = {
                name: gr.DownloadButton(
                    f"Download {label}", visible=False, size="md", min_width=140, elem_id=f"download-{name}"
                )
                for name, label in _FORMATS.items()
            }

    def _wire(self, blocks: gr.Blocks) -> None:
        who = [self._visitor]
        view = [
            self._mode, self._picture, self._editor, self._marked, self._hint, self._painting, self._tracking,
            self._frame,
        ]  # fmt: skip
        tracked = [*view, self._tracked, self._stop_track, self._track, self._complete]
        completed = [*tracked, self._completing, self._beside, self._stop_complete, *self._downloads.values()]
        opened = [*completed, self._opening, self._mark, self._steps, self._upload, self._path]
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        # One at a time, in the order of the clicks.
        quick = {**private, "concurrency_id": "quick", "concurrency_limit": 1}
        # Jobs wait for their turn in Jobs, where the page can say so.
        long = {**private, "concurrency_id": "long", "concurrency_limit": None}
        self._upload.upload(self._take, [*who, self._upload], opened, **long)
        for event in (self._visit.click, self._path.submit):
            event(self._go, [*who, self._path], opened, **long)
        self._frame.input(self._show, [*who, self._frame], view, trigger_mode="always_last", **quick)
        self._mode.input(self._use_mode, [*who, self._mode], view, **quick)
        self._picture.select(self._click, who, view, trigger_mode="multiple", **quick)
        self._use.click(self._paint, [*who, self._frame, self._editor], view, **quick)
        self._undo.click(self._undone, who, view, trigger_mode="multiple", **quick)
        self._clear.click(self._cleared, who, view, **quick)
        self._track.click(self._tracks, who, tracked, **long)
        asked = [self._text, self._formats, self._sampling, self._seed, self._fast]
        self._complete.click(self._completes, [*who, *asked], completed, **long)
        for button in (self._stop_track, self._stop_complete):
            button.click(self._stops, None, None, queue=False, **private)
        blocks.unload(self._leaves)

    def _take(self, visitor: Visitor, upload: str | None, request: gr.Request) -> Iterator[Updates]:
        if upload is not None:
            yield from self._open(visitor, partial(self._work.take, Path(upload)), {self._path: ""}, request)

    def _go(self, visitor: Visitor, path: str, request: gr.Request) -> Iterator[Updates]:
        yield from self._open(visitor, partial(self._work.visit, path), {self._upload: None}, request)

    def _open(
        self, visitor: Visitor, work: Callable[[], Video], also: Updates, request: gr.Request
    ) -> Iterator[Updates]:
        def done(video: Video) -> Updates:
            count = video.known.count
            visitor.results.clear()
            return {
                **also,
                **self._view(visitor.change(lambda _: Session(video))),
                self._opening: wording.facts(video),
                self._frame: gr.update(maximum=max(count - 1, 1), value=0, visible=count > 1, interactive=True),
                self._mark: gr.update(visible=True),
                self._steps: gr.update(visible=True),
                self._completing: "",
                **{each: _hidden() for each in (self._tracked, self._beside, *self._downloads.values())},
            }

        yield from self._job(request, None, work, done, self._opening, None)

    def _view(self, session: Session) -> Updates:
        """The shown frame and what belongs to it."""
        painting = session.mode == "Paint"
        found: Updates = {
            self._mode: session.mode,
            self._hint: _HINTS[session.mode],
            self._marked: wording.marked(session),
            self._tracking: wording.notes(wording.tracked(session)),
            self._painting: gr.update(visible=painting),
            # Strokes belong to the frame that they were painted on.
            self._frame: gr.update(interactive=not painting),
        }
        if painting:
            plain = session.plain()
            empty = {"background": plain, "layers": [], "composite": plain}
            return {**found, self._editor: empty, self._picture: gr.update(visible=False)}
        return {**found, self._picture: gr.update(value=session.picture(), visible=True)}

    def _edit(self, visitor: Visitor, edit: Callable[[Session], Session]) -> Updates:
        try:
            return self._view(visitor.change(edit))
        except BadInput as error:
            _warn(error, visitor.session.video)
            return {self._marked: gr.skip()}

    def _show(self, visitor: Visitor, frame: int) -> Updates:
        return self._edit(visitor, lambda session: session.at(int(frame)))

    def _use_mode(self, visitor: Visitor, mode: Mode) -> Updates:
        return self._edit(visitor, lambda session: session.using(mode))

    def _click(self, visitor: Visitor, click: gr.SelectData) -> Updates:
        return self._edit(visitor, lambda session: session.clicked(*click.index))

    def _paint(self, visitor: Visitor, frame: int, strokes: dict[str, Any] | None) -> Updates:
        layers = [] if strokes is None else strokes["layers"]
        return self._edit(visitor, lambda session: session.with_strokes(int(frame), layers))

    def _undone(self, visitor: Visitor) -> Updates:
        return self._edit(visitor, Session.undone)

    def _cleared(self, visitor: Visitor) -> Updates:
        return self._edit(visitor, Session.cleared)

    def _tracks(self, visitor: Visitor, request: gr.Request) -> Iterator[Updates]:
        session = visitor.session

        def done(found: tuple[Tracked, Served]) -> Updates:
            served = found[1]
            if (now := _offered(visitor, session, *found)) is None:
                return {}
            return {**self._view(now), self._tracked: gr.update(value=str(served.tracked), visible=True)}

        work = partial(self._work.track, session)
        yield from self._job(request, session.video, work, done, self._tracking, self._stop_track)

    def _completes(
        self, visitor: Visitor, text: str, formats: list[str], steps: float | None, seed: float | None,
        fast: bool, request: gr.Request,
    ) -> Iterator[Updates]:  # fmt: skip
        session = visitor.session
        wish = Wish(text, tuple(formats), int(steps or 0) or None, int(seed or 0), fast)

        def done(found: tuple[Tracked, Served]) -> Updates:
            served = found[1]
            if (now := _offered(visitor, session, *found)) is None:
                return {}
            layers = {
                button: gr.update(value=str(served.layers[name]), visible=True) if name in served.layers else _hidden()
                for name, button in self._downloads.items()
            }
            return {
                **self._view(now),
                self._completing: "",
                self._tracked: gr.update(value=str(served.tracked), visible=True),
                self._beside: gr.update(value=str(served.beside), visible=True),
                **layers,
            }

        work = partial(self._work.complete, session, wish)
        yield from self._job(request, session.video, work, done, self._completing, self._stop_complete)

    def _job(
        self,
        request: gr.Request,
        video: Video | None,
        work: Callable[[], T],
        done: Callable[[T], Updates],
        status: gr.HTML,
        stop: gr.Button | None,
    ) -> Iterator[Updates]:
        """Run a job, tell of its progress, and give what is to be shown when it is done."""
        starters = (self._track, self._complete) if stop is not None else ()
        buttons = {} if stop is None else {stop: gr.update(visible=False)}
        after: Updates = {**buttons, **{each: gr.update(interactive=True) for each in starters}}
        job = self._jobs.start(request.session_hash or "", work)
        busy = {} if stop is None else {stop: gr.update(visible=True)}
        yield {status: wording.progress(STARTING), **busy, **{each: gr.update(interactive=False) for each in starters}}
        for heard in job.heard():
            yield {status: wording.progress(heard)}
        try:
            yield {**after, **done(job.result())}
        except Stopped:
            yield {**after, status: wording.notes([wording.STOPPED])}
        except BadInput as error:
            _warn(error, video)
            yield {**after, status: wording.fault(wording.sentence(error, video))}
        except Exception:
            yield {**after, status: wording.fault(wording.UNEXPECTED)}
            raise

    def _stops(self, request: gr.Request) -> None:
        self._jobs.stop(request.session_hash or "")

    def _leaves(self, request: gr.Request) -> None:
        self._jobs.leave(request.session_hash or "")


def _offered(visitor: Visitor, session: Session, tracked: Tracked, served: Served) -> Session | None:
    """The visitor's session with what a job made; None if another video was opened since the job began."""
    if visitor.session.video is not session.video:
        served.drop()
        return None
    visitor.results.show(served)
    return visitor.change(lambda each: replace(each, tracked=tracked))


def _player(name: str) -> gr.Video:
    return gr.Video(
        show_label=False, visible=False, interactive=False, autoplay=True, loop=True, buttons=[], elem_id=name
    )


def _hidden() -> Any:
    return gr.update(value=None, visible=False)


def _warn(error: BadInput, video: Video | None) -> None:
    gr.Warning(wording.sentence(error, video))
