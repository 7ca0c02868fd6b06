"""Thirty participants at once, while the server is killed and started again: no accepted vote is lost or doubled."""

from __future__ import annotations

import importlib.util
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.unit.study_project import study_project, synthetic_study
from tests.unit.study_server import StudyServer
from tgvac.errors import BadInput
from tgvac.study.ballot import ballot
from tgvac.study.plan import Study
from tgvac.study.serve import _listening, serve
from tgvac.study.store import Store

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install -e '.[study]'")

PEOPLE = 30


class Person:
    """A participant as the page acts: it asks until there is an answer, and again after a lost one."""

    def __init__(self, url: str, code: str, number: int) -> None:
        self.client = httpx.Client(base_url=url, timeout=20)
        self.code, self.draw = code, np.random.default_rng(number)
        self.accepted: dict[str, str] = {}
        self.repeats = 0

    def post(self, what: str, **body: Any) -> dict[str, Any]:
        while True:
            try:
                answer = self.client.post(f"/api/{what}", json={"code": self.code, **body})
            except httpx.TransportError:
                self.repeats += 1
                time.sleep(0.05)
                continue
            if answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
            assert answer.status_code == 429, answer.text
            time.sleep(0.2)

    def walk(self, voted: threading.Event) -> None:
        state = self.post("form", level="graduate", field="biology", consent=True)
        while state["stage"] == "vote":
            trial, choice = state["trial"], state["methods"][self.draw.integers(3)]["choice"]
            for _ in range(1 + self.draw.integers(2)):  # half of all votes are sent twice
                state = self.post("vote", trial=trial, choice=choice, ms=1000.0)
            self.accepted[trial] = choice
            voted.set()
        self.client.close()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("crowd")
    return synthetic_study(study_project(folder / "project"), folder / "s", per_class=10, participants=PEOPLE)


def test_thirty_people_vote_while_the_server_is_killed_twice_and_every_accepted_vote_is_there_once(
    study: Study,
) -> None:
    with Store(study) as store:
        codes = {each.code: each.number for each in store.participants()}
    server = StudyServer(study.folder)
    people = [Person(server.url, code, number) for code, number in codes.items()]
    voted = threading.Event()
    with ThreadPoolExecutor(PEOPLE) as pool:
        walks = [pool.submit(person.walk, voted) for person in people]
        for _ in range(2):
            voted.wait(60)
            time.sleep(0.5)
            server.kill()
            server = StudyServer(study.folder, server.port)
            voted.clear()
        for walk in walks:
            walk.result(timeout=300)
    assert server.interrupt() == 0
    assert sum(person.repeats for person in people) > 0, "some requests met no server"
    with Store(study) as store:
        found = store.votes()
    assert len(found) == PEOPLE * 20
    assert set(Counter((each.participant, each.item) for each in found).values()) == {1}
    kept = {(each.participant, each.item): each.choice for each in found}
    for person in people:
        number = codes[person.code]
        trials = {trial.token: trial for trial in ballot(study, number)}
        assert len(person.accepted) == 20
        for token, choice in person.accepted.items():
            trial = trials[token]
            assert kept[number, trial.item.key] == trial.chosen(choice), "the choice that was answered is the kept one"


def test_the_server_tells_its_address_and_how_many_votes_it_keeps(study: Study) -> None:
    server = StudyServer(study.folder)
    assert server.url.startswith("http://127.0.0.1:")
    assert server.interrupt() == 0
    assert f"votes are in {study.store}" in server.said[-1]


def test_a_server_that_ends_while_a_call_is_half_sent_prints_no_traceback(
    study: Study, capfd: pytest.CaptureFixture[str]
) -> None:
    half = (
        b"POST /api/enter HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    server = StudyServer(study.folder)
    with socket.create_connection(("127.0.0.1", server.port)) as stays:
        stays.sendall(half)
        with socket.create_connection(("127.0.0.1", server.port)) as leaves:
            leaves.sendall(half)
            assert httpx.get(server.url).status_code == 200  # it has read what came before
        assert server.interrupt() == 0
    assert capfd.readouterr().err == ""
    assert "votes are in" in server.said[-1]


def test_a_second_server_is_refused_at_once_by_the_process_that_runs(
    study: Study, capfd: pytest.CaptureFixture[str]
) -> None:
    with StudyServer(study.folder) as server:
        with pytest.raises(AssertionError, match="ended with 2"):
            StudyServer(study.folder)
        assert f"Process {server.process.pid} serves or builds" in capfd.readouterr().err


def test_elsewhere_the_link_has_a_token_that_outlives_a_restart(study: Study) -> None:
    links = []
    for _ in range(2):
        with StudyServer(study.folder, 0, "--host", "0.0.0.0") as server:
            links.append(server.url.partition("?token=")[2])
            there = f"http://127.0.0.1:{server.port}"
            assert httpx.get(there).status_code == 403
            assert httpx.get(f"{there}/?token=wrong").status_code == 403
            with httpx.Client(base_url=there, follow_redirects=True) as client:
                assert client.get(f"/?token={links[0]}").status_code == 200
    assert len(links[0]) >= 20
    assert links[0] == links[1]


def test_a_study_that_lacks_a_video_is_not_served(
    study: Study, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lost = next(study.media.iterdir())
    lost.rename(tmp_path / lost.name)
    try:
        with pytest.raises(AssertionError, match="ended with 2"):
            StudyServer(study.folder)
        assert f"lacks 1 videos, such as {lost.name}; copy the study's folder again" in capfd.readouterr().err
    finally:
        (tmp_path / lost.name).rename(lost)


def test_without_starlette_there_is_one_sentence_that_says_how_to_install_it(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "starlette" else found(name, *more)
    )
    with pytest.raises(BadInput, match=r"needs starlette; install it with `pip install -e '.\[study\]'`"):
        serve(study.folder, "127.0.0.1", 0)


def test_an_address_that_is_taken_is_said(study: Study) -> None:
    with StudyServer(study.folder) as server, socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = _listening("127.0.0.1", other.getsockname()[1])
        with pytest.raises(BadInput, match=r"cannot be listened on .*; choose another --port or --host"):
            taken.__enter__()
        assert httpx.get(server.url).status_code == 200
