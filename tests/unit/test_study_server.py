"""The study's server: what it accepts, what it refuses and how, and that no accepted vote is lost or doubled."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.study_project import METHODS, study_project, synthetic_study
from tgvac.errors import BadInput
from tgvac.stage import Context
from tgvac.study.ballot import ballot, media_names
from tgvac.study.limits import Limit
from tgvac.study.plan import Study
from tgvac.study.store import Store, Unsaved

pytest.importorskip("starlette", reason="Starlette is not installed: pip install -e '.[study]'")
from starlette.testclient import TestClient

from tgvac.study.server import Server

FORM = {"level": "graduate", "field": "biology", "consent": True}


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return study_project(tmp_path_factory.mktemp("study") / "project", easy=2, hard=2)


@pytest.fixture
def study(ctx: Context, tmp_path: Path) -> Study:
    return synthetic_study(ctx, tmp_path / "s", per_class=1, contact="<b>Ada</b> & Co")


@pytest.fixture
def store(study: Study) -> Iterator[Store]:
    with Store(study) as opened:
        yield opened


@pytest.fixture
def client(study: Study, store: Store) -> Iterator[TestClient]:
    with TestClient(Server(study, store).app("127.0.0.1", None), base_url="http://127.0.0.1:80") as made:
        yield made


@pytest.fixture
def codes(store: Store) -> list[str]:
    return [each.code for each in store.participants()]


def post(client: TestClient, what: str, **body: Any) -> httpx.Response:
    return client.post(f"/api/{what}", json=body)


def said(answer: Any) -> str:
    return str(answer.json()["detail"])


def test_a_participant_walks_from_the_code_to_the_end_and_comes_back_where_she_was(
    client: TestClient, codes: list[str], store: Store
) -> None:
    code = codes[0]
    assert post(client, "enter", code=code.lower().replace("-", " ")).json()["stage"] == "form"
    state = post(client, "form", code=code, **FORM).json()
    seen = []
    while state["stage"] == "vote":
        assert (state["done"], state["of"]) == (len(seen), 2)
        assert post(client, "enter", code=code).json()["trial"] == state["trial"], "the same code goes on"
        for video in (state["input"], state["truth"], *(each["video"] for each in state["methods"])):
            found = client.get(f"/{video}")
            assert (found.status_code, found.headers["content-type"]) == (200, "video/mp4")
        seen.append(state["trial"])
        choice = state["methods"][1]["choice"]
        state = post(client, "vote", code=code, trial=state["trial"], choice=choice, ms=1234.5).json()
    assert state == {"stage": "end", "code": code, "of": 2}
    assert len(set(seen)) == 2
    assert [(each.ms, each.times_shown, each.way) for each in store.votes()] == [(1234, 2, "server")] * 2


def test_a_repeated_vote_changes_nothing_and_another_choice_is_refused(
    client: TestClient, codes: list[str], store: Store
) -> None:
    state = post(client, "form", code=codes[0], **FORM).json()
    first, second = (each["choice"] for each in state["methods"][:2])
    for _ in range(3):
        assert post(client, "vote", code=codes[0], trial=state["trial"], choice=first, ms=9).status_code == 200
    other = post(client, "vote", code=codes[0], trial=state["trial"], choice=second, ms=9)
    assert (other.status_code, said(other)) == (
        409,
        "You have voted on this video already, and the first choice counts; reload the page.",
    )
    assert store.count() == 1


def test_only_what_was_shown_to_the_participant_can_be_voted_for(
    client: TestClient, codes: list[str], store: Store, study: Study
) -> None:
    state = post(client, "form", code=codes[0], **FORM).json()
    later = ballot(study, 1)[1]
    others = ballot(study, 2)[0]
    good = {"code": codes[0], "trial": state["trial"], "choice": state["methods"][0]["choice"], "ms": 1}
    for wrong, status, message in [
        ({"trial": "0" * 24}, 400, "not in your study"),
        ({"trial": others.token, "choice": others.choices[0]}, 400, "not in your study"),
        ({"choice": later.choices[0]}, 400, "none of the videos that were shown"),
        ({"choice": "ours/full"}, 400, "none of the videos that were shown"),
        ({"trial": later.token, "choice": later.choices[0]}, 409, "has not been shown to you yet"),
        ({"code": "AAAA-AAAA"}, 403, "This code is not known"),
        ({"ms": -1}, 400, "The ms is not as it should be"),
        ({"ms": "1"}, 400, "The ms is not as it should be"),
        ({"trial": None}, 400, "The trial is not as it should be"),
        ({"extra": 1}, 400, "The extra is not as it should be"),
        ({"code": codes[1]}, 409, "Fill in the form before you vote"),
    ]:
        answer = post(client, "vote", **(good | wrong))
        assert (answer.status_code, message in said(answer)) == (status, True), (wrong, answer.text)
    assert store.count() == 0
    assert post(client, "vote", **good).status_code == 200


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"consent": False}, "Tick the box if you agree"),
        ({"level": "professor"}, "an undergraduate or a graduate student."),
        ({"field": "  \n "}, "Say what you study, in at most 80"),
        ({"field": "x" * 81}, "Say what you study, in at most 80 characters."),
        ({"name": "Ada"}, "The name is not as it should be; reload"),
    ],
)
def test_the_form_takes_what_it_asks_for_and_no_more(
    change: dict[str, Any], message: str, client: TestClient, codes: list[str], store: Store
) -> None:
    answer = post(client, "form", code=codes[0], **(FORM | change))
    assert answer.status_code == 400
    assert message in said(answer)
    assert store.participants()[0].level is None


def test_what_is_typed_is_kept_as_text_and_the_first_form_counts(
    client: TestClient, codes: list[str], store: Store
) -> None:
    hostile = "<script>alert(1)</script>\x00 '; DROP TABLE votes;--"
    assert post(client, "form", code=codes[0], **(FORM | {"field": hostile})).status_code == 200
    assert post(client, "form", code=codes[0], **(FORM | {"level": "undergraduate"})).status_code == 200
    who = store.participants()[0]
    assert (who.level, who.field) == ("graduate", "<script>alert(1)</script> '; DROP TABLE votes;--")


def test_the_page_escapes_what_the_staff_gave_and_forbids_foreign_scripts(client: TestClient) -> None:
    page = client.get("/")
    assert "&lt;b&gt;Ada&lt;/b&gt; &amp; Co" in page.text
    assert "<b>Ada" not in page.text
    assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]
    assert not any(word in page.text + client.get("/study.js").text for word in METHODS)
    assert "http" not in client.get("/study.css").text + client.get("/study.js").text, "nothing comes from elsewhere"


def test_no_header_of_a_video_tells_when_or_what_it_was_written_from(client: TestClient, study: Study) -> None:
    for path in study.media.iterdir():
        os.utime(path, (path.stat().st_ino, path.stat().st_ino))  # as after a copy that keeps no times
    names = sorted(media_names(study))
    found = [client.get(f"/media/{name}").headers for name in names]
    assert {each["last-modified"] for each in found} == {"Sat, 01 Jan 2000 00:00:00 GMT"}
    assert [each["etag"] for each in found] == [f'"{name}"' for name in names]
    part = client.get(f"/media/{names[0]}", headers={"Range": "bytes=0-9", "If-Range": found[0]["etag"]})
    assert (part.status_code, len(part.content)) == (206, 10)


@pytest.mark.parametrize(
    "path", ["../study.json", "..%2Fstudy.json", "%2e%2e/secret", "secret", "votes.sqlite", "x.mp4", "/etc/passwd"]
)
def test_only_the_study_s_videos_are_given_away(path: str, client: TestClient) -> None:
    assert client.get(f"/media/{path}").status_code == 404
    assert client.get(f"/{path}").status_code == 404


def test_requests_of_another_form_size_or_site_are_refused(client: TestClient, codes: list[str]) -> None:
    assert client.post("/api/enter", content=b"{", headers={"content-type": "application/json"}).status_code == 400
    assert client.post("/api/enter", data={"code": codes[0]}).status_code == 415
    assert post(client, "enter", code="x" * 5000).status_code == 413
    foreign = client.post("/api/enter", json={"code": codes[0]}, headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_guessing_codes_is_stopped_but_known_codes_from_the_same_room_go_on(study: Study, store: Store) -> None:
    app = Server(study, store, attempts=Limit(burst=3, rate=0)).app("127.0.0.1", None)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        told = [said(post(client, "enter", code=f"AAAA-AAA{i}")) for i in range(2, 7)]
        assert [("Too many unknown codes" in each) for each in told] == [False, False, False, True, True]
        assert post(client, "enter", code=store.participants()[0].code).status_code == 200


def test_one_participant_cannot_flood_the_server(study: Study, store: Store) -> None:
    app = Server(study, store, calls=Limit(burst=3, rate=0)).app("127.0.0.1", None)
    one, two = (each.code for each in store.participants()[:2])
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert [post(client, "enter", code=one).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
        assert post(client, "enter", code=two).status_code == 200


def test_a_limit_fills_up_again_and_remembers_a_bounded_number_of_keys() -> None:
    now = [0.0]
    limit = Limit(burst=2, rate=1, keys=2, clock=lambda: now[0])
    assert [limit.allows("a") for _ in range(3)] == [True, True, False]
    now[0] = 1.5
    assert [limit.allows("a") for _ in range(2)] == [True, False]
    assert all(limit.allows(key) for key in "bcdef")
    assert len(limit._left) == 2


def test_on_another_address_than_this_machine_s_own_every_browser_needs_the_token(study: Study, store: Store) -> None:
    token = "a-token-of-the-study"
    app = Server(study, store, attempts=Limit(burst=2, rate=0)).app("0.0.0.0", token)
    code = store.participants()[0].code
    video = next(study.media.iterdir()).name
    with TestClient(app, base_url="http://lab.example", follow_redirects=False) as client:
        for path in ("/", "/study.js", f"/media/{video}", "/?token=wrong"):
            assert client.get(path).status_code == 403, path
        assert post(client, "enter", code=code).status_code == 403
        answers = [client.get("/?token=wrong").text for _ in range(2)]
        assert "Too many wrong links" in answers[-1]
        let_in = client.get(f"/?token={token}")
        assert (let_in.status_code, let_in.headers["location"]) == (303, "/")
        assert "httponly" in let_in.headers["set-cookie"].lower()
        assert "samesite=lax" in let_in.headers["set-cookie"].lower()
        assert client.get("/").status_code == 200
        assert client.get(f"/media/{video}").status_code == 200
        assert post(client, "enter", code=code).json()["stage"] == "form"


def fill_up(store: Store) -> int:
    """Let SQLite say that the disk is full: the file may not grow, and no row of votes fits any more."""
    pages = int(store._db.execute("PRAGMA page_count").fetchone()[0])
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    for size in (200, 1):
        with contextlib.suppress(Unsaved):
            for n in itertools.count():
                store.vote(2, f"{size}-{n}", "x" * size, 1, 1, "server")
    return pages


def test_on_a_full_disk_a_vote_is_not_accepted_and_counts_once_there_is_space(
    client: TestClient, codes: list[str], store: Store
) -> None:
    state = post(client, "form", code=codes[0], **FORM).json()
    given = {"code": codes[0], "trial": state["trial"], "choice": state["methods"][0]["choice"], "ms": 1}
    pages = fill_up(store)
    count = store.count()
    refused = post(client, "vote", **given)
    assert refused.status_code == 507
    assert "has no space left, so this is not saved yet; please call" in said(refused)
    assert store.count() == count
    store._db.execute(f"PRAGMA max_page_count = {pages + 1000}")
    assert post(client, "vote", **given).status_code == 200
    assert store.count() == count + 1


def test_a_participant_s_data_can_be_exported_and_deleted_to_the_last_byte(
    client: TestClient, codes: list[str], store: Store, study: Study
) -> None:
    state = post(client, "form", code=codes[0], level="graduate", field="palaeobotany", consent=True).json()
    post(client, "vote", code=codes[0], trial=state["trial"], choice=state["methods"][0]["choice"], ms=1)
    kept = json.loads(json.dumps(store.everything_of(1)))
    assert (kept["participant"]["field"], kept["participant"]["code"]) == ("palaeobotany", codes[0])
    assert len(kept["votes"]) == 1
    on_disk = b"".join(path.read_bytes() for path in study.folder.glob("votes.sqlite*"))
    assert b"palaeobotany" in on_disk
    assert store.delete(1) == 1
    on_disk = b"".join(path.read_bytes() for path in study.folder.glob("votes.sqlite*"))
    assert b"palaeobotany" not in on_disk
    assert codes[0].encode() not in on_disk
    assert said(post(client, "enter", code=codes[0])) == "This code is not known; check it, or ask the study's staff."
    assert store.count() == 0
    assert [each.number for each in store.participants()] == [2, 3, 4]
    store.add(1)
    assert [each.number for each in store.participants()] == [2, 3, 4, 5], "a number is never used again"


def test_a_store_of_another_study_or_a_damaged_one_is_refused(study: Study, ctx: Context, tmp_path: Path) -> None:
    other = synthetic_study(ctx, tmp_path / "other", per_class=1)
    study.store.unlink()
    other.store.rename(study.store)
    with pytest.raises(BadInput, match=f"is of study {other.plan.study} .*not of {study.plan.study}"):
        Store(study)
    study.store.write_bytes(b"not a database, and long enough to be looked at" * 100)
    with pytest.raises(BadInput, match="cannot be used"):
        Store(study)


def test_a_clock_that_is_set_back_changes_neither_order_nor_times(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tgvac.study.store._now", lambda: "2030-01-01T00:00:00+00:00")
    store.vote(1, "a", "x", 5000, 1, "server")
    monkeypatch.setattr("tgvac.study.store._now", lambda: "1999-01-01T00:00:00+00:00")
    store.vote(1, "b", "x", 4000, 1, "server")
    assert [(each.item, each.ms) for each in store.votes()] == [("a", 5000), ("b", 4000)]
