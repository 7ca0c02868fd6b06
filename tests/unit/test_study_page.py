"""The study's page in Chromium, as a participant uses it, on a wide screen and on a phone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.study_project import METHODS, study_project, synthetic_study
from tests.unit.study_server import StudyServer
from tgvac.stage import Context
from tgvac.study.ballot import ballot
from tgvac.study.plan import Study
from tgvac.study.static import collect, write_static
from tgvac.study.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install -e '.[study]'")
WAIT_MS = 30_000
WIDE, PHONE = (1440, 900), (390, 844)
PICTURES = os.environ.get("TGVAC_SCREENSHOTS", "")
"""A folder for pictures of each page, for people who look at them."""


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return study_project(tmp_path_factory.mktemp("study") / "project", easy=2, hard=2)


@pytest.fixture
def study(ctx: Context, tmp_path: Path) -> Study:
    return synthetic_study(ctx, tmp_path / "s", per_class=2, contact="Ada, ada@lab.example")


def codes_of(study: Study) -> list[str]:
    with Store(study) as store:
        return [each.code for each in store.participants()]


def opened(browser: Browser, size: tuple[int, int], url: str, asked: list[str]) -> Page:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, has_touch=size == PHONE, is_mobile=size == PHONE
    )
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda each: asked.append(each.url))
    page.goto(url)
    page.faults = faults  # type: ignore[attr-defined]
    return page


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def enter(page: Page, code: str) -> None:
    page.fill("#code", code)
    page.click("#enter button")


def fill_in(page: Page) -> None:
    page.get_by_label("an undergraduate student").check()
    page.fill("#field", "computer science")
    page.get_by_role("checkbox").check()
    page.click("#form button.main")


def can_select(page: Page) -> None:
    page.locator(".select:not([disabled])").first.wait_for()


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_participant_gets_from_the_first_page_to_the_last_vote(
    size: tuple[int, int], browser: Browser, study: Study
) -> None:
    asked: list[str] = []
    kind = "wide" if size == WIDE else "phone"
    code = codes_of(study)[0]
    with StudyServer(study.folder) as server:
        page = opened(browser, size, server.url, asked)
        picture(page, f"{kind}-1-welcome")
        enter(page, "WRNG-CODE")
        page.get_by_text("This code is not known").wait_for()
        assert fits(page)
        enter(page, code)
        page.locator("#about h1").wait_for()
        picture(page, f"{kind}-2-form")
        assert fits(page)
        fill_in(page)
        page.locator("#how h1").wait_for()
        for criterion in ("Perceptual completeness", "Realism", "Temporal consistency"):
            assert page.get_by_text(criterion).is_visible()
        picture(page, f"{kind}-3-instructions")
        assert fits(page)
        page.click("#begin")
        for number in range(1, 5):
            page.get_by_text(f"Video {number} of 4").wait_for()
            can_select(page)
            assert fits(page)
            titles = page.locator(".panel h2").all_inner_texts()
            assert titles == ["Input video", "Ground truth", "Method 1", "Method 2", "Method 3"]
            boxes = [box for box in (each.bounding_box() for each in page.locator(".panel video").all()) if box]
            assert all(box["width"] > 150 for box in boxes)
            if size == WIDE:
                assert len({round(box["y"]) for box in boxes}) == 1, "side by side"
                assert all(box["y"] + box["height"] < size[1] - 60 for box in boxes), "all seen without scrolling"
            else:
                assert len({round(box["x"]) for box in boxes}) == 1, "one below the other"
            picture(page, f"{kind}-4-vote-{number}")
            page.get_by_role("button", name=f"Select Method {number % 3 + 1}").click()
        page.get_by_role("heading", name="Thank you!").wait_for()
        assert "All 4 of your choices are saved" in page.locator("#done").inner_text()
        assert code in page.locator("#mine").inner_text()
        picture(page, f"{kind}-5-end")
        assert page.faults == []  # type: ignore[attr-defined]
        page.context.close()
    elsewhere = [url for url in asked if not url.startswith((server.url, "data:"))]
    assert elsewhere == [], "nothing is asked of other hosts"
    assert not any(word in url for url in asked for word in ("ours", "copy_visible", "flow"))
    with Store(study) as store:
        found = store.votes()
        assert [each.number for each in store.participants() if each.field == "computer science"] == [1]
    assert len(found) == 4
    assert all(each.ms > 500 for each in found), "one round was watched"
    assert {each.choice for each in found} <= set(METHODS)


def test_the_videos_play_in_step_and_stop_together(browser: Browser, study: Study) -> None:
    with StudyServer(study.folder) as server:
        page = opened(browser, WIDE, server.url, [])
        enter(page, codes_of(study)[0])
        fill_in(page)
        page.click("#begin")
        can_select(page)
        apart = page.evaluate(
            """async () => {
                const videos = [...document.querySelectorAll("video")], found = [];
                for (let i = 0; i < 60; i++) {
                    await new Promise((done) => setTimeout(done, 50));
                    if (tgvacLoop.turning) continue;
                    const at = videos.map((video) => video.currentTime);
                    found.push(Math.max(...at) - Math.min(...at));
                }
                return found;
            }"""
        )
        step = 1 / study.plan.fps
        assert len(apart) > 20
        assert sorted(apart)[len(apart) // 2] < step, "the median is within a frame"
        assert max(apart) < 3 * step
        assert page.evaluate("tgvacLoop.rounds") >= 2, "they repeat"
        page.click("#pause")
        at = "[...document.querySelectorAll('video')].map((video) => video.currentTime)"
        page.wait_for_timeout(300)
        stopped = page.evaluate(at)
        assert max(stopped) - min(stopped) < 0.01
        page.wait_for_timeout(300)
        assert page.evaluate(at) == stopped
        page.click("#pause")
        page.click("#slow")
        assert page.evaluate("[...document.querySelectorAll('video')].map((video) => video.playbackRate)") == [0.5] * 5
        page.context.close()


def test_where_a_browser_plays_nothing_by_itself_the_page_asks_for_a_touch(browser: Browser, study: Study) -> None:
    with StudyServer(study.folder) as server:
        page = opened(browser, PHONE, server.url, [])
        page.evaluate(
            """() => {
                const play = HTMLMediaElement.prototype.play;
                HTMLMediaElement.prototype.play = function () {
                    return window.touched ? play.call(this) : Promise.reject(new DOMException("", "NotAllowedError"));
                };
            }"""
        )
        enter(page, codes_of(study)[0])
        fill_in(page)
        page.click("#begin")
        page.get_by_text("Press Play to start the videos.").wait_for()
        page.evaluate("() => { window.touched = true; }")
        page.get_by_role("button", name="Play").click()
        can_select(page)
        assert page.faults == []  # type: ignore[attr-defined]
        page.context.close()


def test_the_keyboard_alone_is_enough(browser: Browser, study: Study) -> None:
    with StudyServer(study.folder) as server:
        page = opened(browser, WIDE, server.url, [])
        page.keyboard.type(codes_of(study)[0])
        page.keyboard.press("Enter")
        page.locator("#about h1").wait_for()
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.type("law")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        page.locator("#how h1").wait_for()
        page.keyboard.press("Enter")
        for number in range(1, 5):
            page.get_by_text(f"Video {number} of 4").wait_for()
            page.keyboard.press("2")
            page.keyboard.press("Enter")  # too early: nothing was watched yet
            can_select(page)
            assert page.get_by_text(f"Video {number} of 4").is_visible()
            page.keyboard.press("3")
            page.keyboard.press("1")
            assert page.locator(".panel.marked h2").inner_text() == "Method 1"
            page.keyboard.press("Enter")
        page.get_by_role("heading", name="Thank you!").wait_for()
        page.context.close()


def test_a_server_that_is_killed_between_click_and_answer_costs_nothing(browser: Browser, study: Study) -> None:
    code = codes_of(study)[0]
    server = StudyServer(study.folder)
    page = opened(browser, WIDE, server.url, [])
    enter(page, code)
    fill_in(page)
    page.click("#begin")
    can_select(page)
    server.kill()
    page.get_by_role("button", name="Select Method 2").click()
    page.get_by_text("does not answer. Trying again; please keep this page open").wait_for()
    picture(page, "wide-6-no-answer")
    with StudyServer(study.folder, server.port):
        page.get_by_text("Video 2 of 4").wait_for()
        page.reload()
        page.locator("#how h1").wait_for()
        page.click("#begin")
        page.get_by_text("Video 2 of 4").wait_for()
        can_select(page)
        page.get_by_role("button", name="Select Method 1").dblclick()
        page.get_by_text("Video 3 of 4").wait_for()
        page.context.close()
    with Store(study) as store:
        assert len(store.votes()) == 2


def test_without_a_server_the_page_opens_from_a_folder_and_saves_a_file(
    browser: Browser, study: Study, tmp_path: Path
) -> None:
    assert write_static(study, tmp_path / "static") == 4
    asked: list[str] = []
    code = codes_of(study)[0]
    page = opened(browser, PHONE, (tmp_path / "static" / "index.html").as_uri(), asked)
    enter(page, "ABCD-2345")
    page.get_by_text("This code is not known").wait_for()
    enter(page, code.lower())
    fill_in(page)
    page.click("#begin")
    for number in range(1, 5):
        page.get_by_text(f"Video {number} of 4").wait_for()
        can_select(page)
        page.get_by_role("button", name="Select Method 2").click()
        if number == 2:  # the browser is closed, and the page opened again later
            page.get_by_text("Video 3 of 4").wait_for()
            page.reload()
            page.click("#begin")
    page.get_by_role("heading", name="Thank you!").wait_for()
    picture(page, "phone-7-static-end")
    with page.expect_download() as begun:
        page.click("#save")
    assert begun.value.suggested_filename == f"answers-{code}.json"
    saved = tmp_path / "answers.json"
    begun.value.save_as(saved)
    assert page.faults == []  # type: ignore[attr-defined]
    page.context.close()
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked), "no network"
    found = collect(study, [saved])
    assert (found.new, found.known, found.refused) == (4, 0, ())
    with Store(study) as store:
        votes = store.votes()
    trials = {trial.item.key: trial for trial in ballot(study, 1)}
    assert [each.choice for each in votes] == [trials[each.item].order[1] for each in votes]
    assert all(each.ms > 500 and each.way == "file" for each in votes)


def test_a_browser_that_keeps_nothing_is_told_so_and_a_field_of_spaces_is_refused(
    browser: Browser, study: Study, tmp_path: Path
) -> None:
    write_static(study, tmp_path / "static")
    page = opened(browser, WIDE, (tmp_path / "static" / "index.html").as_uri(), [])
    enter(page, codes_of(study)[0])
    page.get_by_label("an undergraduate student").check()
    page.get_by_role("checkbox").check()
    page.fill("#field", "   ")
    page.click("#form button.main")
    page.get_by_text("Say what you study, in at most 80 characters.").wait_for()
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('', 'SecurityError'); } });"
    )
    page.evaluate("sessionStorage.clear()")
    page.reload()
    page.get_by_text("This browser may not keep your answers. Allow this page").wait_for()
    enter(page, codes_of(study)[0])
    page.get_by_text("This browser may not keep your answers. Allow this page").wait_for()
    assert page.faults == []  # type: ignore[attr-defined]
    page.context.close()


def test_a_browser_that_is_let_in_no_more_shows_the_server_s_sentence_and_a_wide_screen_shows_large_videos(
    browser: Browser, study: Study
) -> None:
    with StudyServer(study.folder, 0, "--host", "0.0.0.0") as server:
        link = f"http://127.0.0.1:{server.port}/?token={server.url.partition('?token=')[2]}"
        page = opened(browser, (2560, 1440), link, [])
        enter(page, codes_of(study)[0])
        fill_in(page)
        page.click("#begin")
        can_select(page)
        boxes = [box for box in (each.bounding_box() for each in page.locator(".panel video").all()) if box]
        assert sum(box["width"] for box in boxes) > 0.9 * 2560
        assert all(box["y"] + box["height"] < 1440 - 60 for box in boxes)
        picture(page, "huge-4-vote")
        page.context.clear_cookies()
        page.get_by_role("button", name="Select Method 1").click()
        page.get_by_text("Open the study by the full link that its staff gave you.").wait_for()
        assert page.faults == []  # type: ignore[attr-defined]
        page.context.close()


def test_what_a_participant_types_is_text_wherever_it_is_shown(browser: Browser, ctx: Context, tmp_path: Path) -> None:
    study = synthetic_study(ctx, tmp_path / "s", per_class=1, contact="<img src=x onerror=alert(1)>")
    with StudyServer(study.folder) as server:
        page = opened(browser, WIDE, server.url, [])
        page.get_by_text("<img src=x onerror=alert(1)>").first.wait_for()
        enter(page, "<img src=x>")
        page.get_by_text("This code is not known").wait_for()
        assert page.locator("img").count() == 0
        page.context.close()


def test_two_people_on_one_device_do_not_mix(browser: Browser, ctx: Context, tmp_path: Path) -> None:
    study = synthetic_study(ctx, tmp_path / "s", per_class=1)
    with StudyServer(study.folder) as server:
        page = opened(browser, WIDE, server.url, [])
        for code in codes_of(study)[:2]:
            enter(page, code)
            fill_in(page)
            page.click("#begin")
            for number in (1, 2):
                page.get_by_text(f"Video {number} of 2").wait_for()
                can_select(page)
                page.get_by_role("button", name="Select Method 1").click()
            page.get_by_role("heading", name="Thank you!").wait_for()
            page.click("#another")
            page.locator("#code").wait_for()
            assert page.input_value("#code") == ""
        page.context.close()
    with Store(study) as store:
        assert sorted(each.participant for each in store.votes()) == [1, 1, 2, 2]
        assert json.dumps(store.everything_of(1))
