"""How ``tgvac app`` is started: only for this machine unless asked, and a sentence where Gradio is missing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tgvac.app.serve import is_loopback
from tgvac.cli import main


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
