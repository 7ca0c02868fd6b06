"""How ``tgvac app`` is started: only for this machine unless asked, and a sentence where Gradio is missing."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

import httpx
import pytest

from tgvac.app.serve import _emptied, guards
from tgvac.cli import main
from tgvac.errors import BadInput
from tgvac.loopback import is_loopback


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.168.1.5", False),
        ("me", False),
    ],
)
def test_which_addresses_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_without_gradio_there_is_one_sentence_that_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "gradio" else found(name, *more)
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["app"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "tgvac: tgvac app needs Gradio; install it with `pip install -e '.[app]'` in the project's folder.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_tracker_is_refused_before_the_page_opens(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["app", "--tracker", "magic"])
    assert "'tracker' is 'magic'" in capsys.readouterr().err


def test_a_folder_of_the_user_s_own_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "served"
    own.mkdir()
    (own / "holiday.txt").write_text("mine")
    told = "served is not of this page, which would empty it; give another --out"
    with pytest.raises(BadInput, match=told), _emptied(own):
        pass
    (tmp_path / "link").symlink_to(own)
    with pytest.raises(BadInput, match="link is not of this page"), _emptied(tmp_path / "link"):
        pass
    assert (own / "holiday.txt").read_text() == "mine"


def test_what_an_earlier_page_left_when_it_was_killed_is_emptied(tmp_path: Path) -> None:
    served = tmp_path / "app" / "served"
    killed = _emptied(served)
    killed.__enter__()
    (served / "results").mkdir()
    (served / "results" / "layer.zip").write_text("old")
    with _emptied(served):
        assert not (served / "results").exists()
        (served / "new.txt").write_text("new")
    assert list((tmp_path / "app").iterdir()) == []


def status(host: str, path: str = "/", **headers: str) -> int:
    """The answer to a request where the page listens on ``host``."""
    applications = pytest.importorskip("starlette.applications")
    responses = pytest.importorskip("starlette.responses")
    page = applications.Starlette(middleware=guards(host))
    page.add_route("/{path:path}", lambda _: responses.PlainTextResponse("page"), methods=["GET", "POST"])

    async def ask() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(page)) as client:
            return (await client.post(f"http://127.0.0.1:7860{path}", headers=headers)).status_code

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("host", "listening", "answer"),
    [
        ("127.0.0.1:7860", "127.0.0.1", 200),
        ("localhost:7860", "127.0.0.1", 200),
        ("[::1]:7860", "::1", 200),
        ("127.0.0.2:7860", "127.0.0.2", 200),
        ("evil.example", "127.0.0.1", 400),
        ("evil.example:7860", "localhost", 400),
        ("me.example:7860", "0.0.0.0", 200),
    ],
)
def test_a_page_of_this_machine_alone_answers_to_no_other_name(host: str, listening: str, answer: int) -> None:
    assert status(listening, Host=host) == answer


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        ("http://127.0.0.1:7860", 200),
        ("http://127.0.0.1:7861", 403),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
def test_requests_from_pages_of_other_sites_are_refused(origin: str, answer: int) -> None:
    assert status("127.0.0.1", Host="127.0.0.1:7860", Origin=origin) == answer
    assert status("0.0.0.0", Host="127.0.0.1:7860", Origin=origin) == 200, "a server may lie between"


def test_nothing_is_fetched_from_other_hosts_for_a_visitor() -> None:
    assert status("127.0.0.1", "/gradio_api/file=https://example.org/a.png") == 403
    assert status("0.0.0.0", "/gradio_api/file=https://example.org/a.png") == 403
