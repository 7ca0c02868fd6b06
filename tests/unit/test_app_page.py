"""The page of ``tgvac app`` in Chromium, as a visitor uses it, on a wide screen and on a phone."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.conftest import CLONE
from tests.unit.moving_square import COUNT, HEIGHT, WIDTH, at, centre_at, picture
from tgvac.complete.outputs import write_video

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
_HINTS = {"Object": "a few clicks", "Not this": "what is not the object", "Box": "two opposite corners"}
pytest.importorskip("gradio", reason="Gradio is not installed: pip install -e '.[app]'")
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
WAIT_MS = 300_000
NARROW, WIDE = 390, 1400


class App:
    """``tgvac app`` as a process of its own."""

    def __init__(self, out: Path, *options: str) -> None:
        self.out = out
        command = [sys.executable, "-m", "tgvac", "app", "--port", "0", "--out", str(out), *options]
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
            # Tests that were started in the background ignore Ctrl+C, and so would their processes.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(command, cwd=CLONE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.said: list[str] = []
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(r"open (http://\S+) in a browser", line):
                self.url = found[1]
                return
        raise AssertionError(f"tgvac app ended with {self.process.wait()}: {self.said}")

    def interrupt(self) -> int:
        """Ctrl+C; returns the exit code."""
        try:
            self.process.send_signal(signal.SIGINT)
            return self.process.wait(60)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    started = App(tmp_path_factory.mktemp("app") / "work", "--max-upload", "1")
    yield started
    started.interrupt()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "square.mp4"
    write_video(path, (picture(i) for i in range(COUNT)), 12)
    return path


@pytest.fixture
def asked() -> list[str]:
    """The addresses that the page asks for."""
    return []


@pytest.fixture(params=[WIDE, NARROW])
def page(request: pytest.FixtureRequest, browser: Browser, app: App, asked: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": request.param, "height": 900})
    context.set_default_timeout(WAIT_MS)
    opened = context.new_page()
    opened.on("request", lambda each: asked.append(each.url))
    opened.goto(app.url)
    opened.wait_for_selector("#upload input[type=file]", state="attached")
    yield opened
    context.close()


def upload(page: Page, file: Path) -> None:
    page.set_input_files("#upload input[type=file]", str(file))


def click_in_frame(page: Page, x: float, y: float) -> None:
    """A click on a point of the video."""
    image = page.locator("#picture img")
    image.scroll_into_view_if_needed()
    shown = image.bounding_box()
    assert shown is not None
    image.click(position={"x": x / WIDTH * shown["width"], "y": y / HEIGHT * shown["height"]})


def mark(page: Page, mode: str, x: float, y: float, words: str) -> None:
    """A click in a mode, until the page tells of it."""
    page.get_by_role("radio", name=mode, exact=True).check()
    page.locator("#hint", has_text=_HINTS[mode]).wait_for()
    click_in_frame(page, x, y)
    page.locator("#marked", has_text=words).wait_for()


def go_to(page: Page, frame: int) -> None:
    """Another frame is shown."""
    before = page.locator("#picture img").get_attribute("src")
    page.locator("#frame input[type=range]").fill(str(frame))
    page.wait_for_function("before => document.querySelector('#picture img').src !== before", arg=before)


def mark_box(page: Page, frame: int = 0) -> None:
    rows, columns = at(frame)
    page.get_by_role("radio", name="Box", exact=True).check()
    page.locator("#hint", has_text=_HINTS["Box"]).wait_for()
    before = page.locator("#picture img").get_attribute("src")
    click_in_frame(page, columns.start, rows.start)
    page.wait_for_function("before => document.querySelector('#picture img').src !== before", arg=before)
    click_in_frame(page, columns.stop - 0.5, rows.stop - 0.5)
    page.locator("#marked", has_text="box").wait_for()


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def plays(page: Page, player: str) -> bool:
    page.wait_for_function("name => document.querySelector(`#${name} video`)?.readyState >= 2", arg=player)
    return bool(page.evaluate("name => document.querySelector(`#${name} video`).videoWidth", player))


def test_a_visitor_gets_from_a_video_to_the_whole_object_as_a_layer(
    page: Page, app: App, clip: Path, asked: list[str]
) -> None:
    upload(page, clip)
    page.wait_for_selector("#picture img")
    assert f"square.mp4: {COUNT} frames of {WIDTH} × {HEIGHT} pixels." in page.locator("#opening").inner_text()
    mark_box(page)
    page.click("#track")
    assert plays(page, "tracked")
    go_to(page, 5)
    mark(page, "Object", *centre_at(5), "frame 5: 1 point")
    mark(page, "Not this", 5, 5, "1 point “not this”")
    assert "track again" in page.locator("#marked").inner_text()
    page.locator("#text textarea, #text input").first.fill("a red square")
    page.get_by_role("checkbox", name="WebM").check()
    page.get_by_role("button", name="More").click()
    # An untouched number of steps is the model's own.
    assert page.get_by_label("Steps").input_value() == "0"
    page.get_by_role("checkbox", name="Fast").check()
    page.click("#complete")
    assert plays(page, "beside")
    records = [json.loads(path.read_text())["options"] for path in app.out.rglob("complete.json")]
    assert records
    assert all(record["fast"] and record["steps"] is None for record in records)
    assert page.locator("#download-prores").count() == 0 or page.locator("#download-prores").is_hidden()
    with page.expect_download() as begun:
        page.click("#download-webm")
    assert begun.value.suggested_filename == "square-layer.webm"
    with page.expect_download() as begun:
        page.click("#download-png")
    assert begun.value.suggested_filename == "square-layer.zip"
    with zipfile.ZipFile(begun.value.path()) as archive, Image.open(io.BytesIO(archive.read("layer/00002.png"))) as it:
        alpha_HW = np.asarray(it.getchannel("A"))
    truth_HW = np.zeros((HEIGHT, WIDTH), bool)
    truth_HW[at(2)] = True
    assert (alpha_HW[truth_HW] == 255).mean() > 0.8
    assert (alpha_HW[:20] == 0).all()
    assert fits(page), "nothing is wider than the screen"
    elsewhere = [url for url in asked if not url.startswith((app.url, "data:", "blob:"))]
    assert elsewhere == [], "nothing is asked of other hosts"


def test_a_painted_mask_selects_the_object(page: Page, clip: Path) -> None:
    upload(page, clip)
    page.wait_for_selector("#picture img")
    page.get_by_role("radio", name="Paint", exact=True).check()
    canvas = page.locator("#editor canvas").last
    canvas.wait_for()
    page.wait_for_timeout(1500)  # the editor places its picture after it is shown
    page.click("#use")
    page.get_by_text("Nothing is painted").wait_for()
    canvas.scroll_into_view_if_needed()
    shown = canvas.bounding_box()
    assert shown is not None
    x, y = shown["x"] + shown["width"] / 2, shown["y"] + shown["height"] / 2
    page.mouse.move(x - 30, y)
    page.mouse.down()
    page.mouse.move(x + 30, y, steps=12)
    page.mouse.up()
    page.click("#use")
    page.locator("#marked", has_text="frame 0: painted mask").wait_for()
    page.wait_for_selector("#picture img")
    page.click("#undo")
    page.locator("#marked", has_text="Nothing is marked yet").wait_for()
    assert fits(page)


def test_mistakes_get_one_sentence_and_the_page_stays_usable(page: Page, clip: Path, tmp_path: Path) -> None:
    bad = tmp_path / "holiday.mp4"
    bad.write_text("no video")
    upload(page, bad)
    assert "holiday.mp4 is truncated, or not a video" in page.locator("#opening .fault").inner_text()
    page.fill("#path textarea, #path input", str(clip))
    page.click("#visit")
    page.wait_for_selector("#picture img")
    page.click("#track")
    assert "Mark the object first" in page.locator("#tracking .fault").inner_text()
    mark_box(page)
    assert page.locator("#tracking .fault").count() == 0
    page.get_by_role("radio", name="Object", exact=True).check()
    page.locator("#hint", has_text=_HINTS["Object"]).wait_for()
    click_in_frame(page, 100, 90)
    page.get_by_text("This contradicts another mark of this frame").wait_for()
    mark(page, "Object", *centre_at(0), "box, 1 point")


def test_only_the_page_s_own_files_are_given_away(app: App, clip: Path) -> None:
    video = app.out / "0" / "video.mp4"
    video.parent.mkdir(parents=True, exist_ok=True)
    video.write_bytes(b"of a visitor")
    for path in (
        CLONE / "params.yaml",
        clip,
        video,
        Path("/etc/passwd"),
        app.out / "served" / ".." / "0" / "video.mp4",
    ):
        assert httpx.get(f"{app.url}gradio_api/file={path}").status_code == 403, path
    for url in ("https://example.org/a.png", "http:/example.org/a.png"):
        assert httpx.get(f"{app.url}gradio_api/file={url}").status_code == 403, "nothing is fetched from other hosts"
    given = app.out / "served" / "given.txt"
    given.write_text("to give away")
    assert httpx.get(f"{app.url}gradio_api/file={given}").text == "to give away"


def test_other_sites_do_not_reach_the_page_through_the_visitor_s_browser(app: App) -> None:
    assert httpx.get(app.url).status_code == 200
    assert httpx.get(app.url, headers={"Host": "evil.example"}).status_code == 400
    own, upload_url = app.url.rstrip("/"), f"{app.url}gradio_api/upload"
    for origin, answer in ((own, 200), ("https://evil.example", 403)):
        files = {"files": ("small.mp4", io.BytesIO(b"small"))}
        assert httpx.post(upload_url, files=files, headers={"Origin": origin}).status_code == answer, origin


def test_an_upload_beyond_the_limit_is_refused(app: App) -> None:
    files = {"files": ("large.mp4", io.BytesIO(os.urandom(1_100_000)))}
    assert httpx.post(f"{app.url}gradio_api/upload", files=files).status_code == 413


def test_the_page_listens_on_this_machine_alone_unless_asked_which_gets_a_warning(app: App, tmp_path: Path) -> None:
    assert app.url.startswith("http://127.0.0.1:")
    assert not any("warning" in line for line in app.said)
    public = App(tmp_path / "work", "--host", "0.0.0.0")
    assert public.interrupt() == 0
    assert [path.name for path in (tmp_path / "work").iterdir()] == [".lock"], "what was served is gone"
    assert public.said[0].startswith("warning: everyone who reaches 0.0.0.0 on port ")
