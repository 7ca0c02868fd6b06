"""Participants and votes in SQLite. A vote that was accepted is on the disk before the answer leaves.

The journal is a write-ahead log that is flushed at each commit (``synchronous=FULL``). A repeated vote changes nothing,
because a participant has one row a video. Order and time of choices never come from the computer's clock: rows are
numbered, and times are measured by the page's own clock, which only counts up. ``at`` is for people who look.
"""

from __future__ import annotations

import csv
import io
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self, cast, get_args

from tgvac.clips.votes import Level
from tgvac.errors import BadInput
from tgvac.files import write_text
from tgvac.study.plan import CODES, Study

STORE_FORMAT = "tgvac-study-store-1"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Of codes: none that are taken for each other."""
_TABLES = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS participants (
    number INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT UNIQUE, level TEXT, field TEXT, consented TEXT, deleted TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS shown (
    participant INTEGER NOT NULL REFERENCES participants, item TEXT NOT NULL, times INTEGER NOT NULL,
    PRIMARY KEY (participant, item)
) STRICT;
CREATE TABLE IF NOT EXISTS votes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, participant INTEGER NOT NULL REFERENCES participants, item TEXT NOT NULL,
    choice TEXT NOT NULL, ms INTEGER NOT NULL, times_shown INTEGER NOT NULL, way TEXT NOT NULL, at TEXT NOT NULL,
    UNIQUE (participant, item)
) STRICT;
"""

_FORBIDDEN = {sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_RIGHTS = "give your user the right to write this file and its folder, or copy the folder to where you may."

Kept = Literal["new", "same", "other"]
"""What became of a vote: recorded, there already, or refused for another choice that is there already."""
Way = Literal["server", "file"]


class Unsaved(Exception):
    """A vote could not be written; its message is for the participant."""


@dataclass(frozen=True)
class Participant:
    """A participant who is not deleted.

    Attributes:
        number: from 1; never used again for another one.
        level, field: None until the form is filled in.
    """

    number: int
    code: str
    level: Level | None
    field: str | None


@dataclass(frozen=True)
class Choice:
    """A row of votes."""

    participant: int
    item: str
    choice: str
    ms: int
    times_shown: int
    way: Way
    at: str


class Store:
    """A study's database. One connection, used by one thread at a time.

    Args:
        new: create the file, as a build does; all others need the one that is there.

    Raises:
        BadInput: when the file is missing, damaged, not to be written, or belongs to another study.
    """

    def __init__(self, study: Study, new: bool = False) -> None:
        self._path, self._lock = study.store, threading.RLock()
        try:
            if not new and not self._path.is_file():
                raise BadInput(
                    f"{self._path} is missing, which has the participants and their votes; restore it from a copy, or"
                    " build the study anew."
                )
            self._db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=10)
        except (OSError, sqlite3.OperationalError) as error:
            raise BadInput(f"{self._path} cannot be opened ({error}); {_RIGHTS}") from None
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._db.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten
            self._db.executescript(_TABLES)
            mine = {"format": STORE_FORMAT, "study": study.plan.study, "origin": study.plan.origin}
            with self._writing():
                for key, value in mine.items():
                    self._db.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (key, value))
            found = dict(self._db.execute("SELECT key, value FROM about"))
        except (sqlite3.DatabaseError, Unsaved) as error:
            self._db.close()
            cause = error.__context__ if isinstance(error, Unsaved) else error
            if getattr(cause, "sqlite_errorcode", 0) & 0xFF in _FORBIDDEN:
                raise BadInput(f"{self._path} cannot be written ({error}); {_RIGHTS}") from None
            raise BadInput(
                f"{self._path} cannot be used ({error}); free some space if the disk is full, or else restore the file"
                " from a copy."
            ) from None
        if found != mine:
            self._db.close()
            raise BadInput(
                f"{self._path} is of study {found.get('study')} ({found.get('origin')}, {found.get('format')}), not of"
                f" {mine['study']} ({mine['origin']}, {STORE_FORMAT}); keep each study in its own folder."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction: all of it is on the disk afterwards, or nothing.

        Raises:
            Unsaved: when the disk is full or the file cannot be written.
        """
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                self._undo()
                full = "full" in str(error)
                raise Unsaved(
                    "The study's computer has no space left, so this is not saved yet; please call the study's staff."
                    if full
                    else f"The study's computer cannot save at the moment ({error}); please call the study's staff."
                ) from None
            except BaseException:
                self._undo()
                raise

    def _undo(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    # ------------------------------------------------------------ participants

    def add(self, count: int) -> list[str]:
        """Draw codes for new participants; returns the codes of all, in order."""
        with self._writing():
            for _ in range(count):
                letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
                self._db.execute("INSERT INTO participants (code) VALUES (?)", (f"{letters[:4]}-{letters[4:]}",))
        return [each.code for each in self.participants()]

    def participants(self) -> list[Participant]:
        """All participants who are not deleted."""
        found = self._rows("SELECT number, code, level, field FROM participants WHERE deleted IS NULL ORDER BY number")
        return [Participant(*row) for row in found]

    def find(self, code: str) -> Participant | None:
        """The participant with a code, however it is written; None if there is none."""
        letters = "".join(c for c in code.upper() if c in _LETTERS)
        found = self._rows(
            "SELECT number, code, level, field FROM participants WHERE code = ? AND deleted IS NULL",
            f"{letters[:4]}-{letters[4:]}",
        )
        return Participant(*found[0]) if found else None

    def consent(self, participant: int, level: Level, field: str) -> None:
        """Keep the form; only the first one counts."""
        if level not in get_args(Level):
            raise ValueError(f"'{level}' is no level")
        with self._writing():
            self._db.execute(
                "UPDATE participants SET level = ?, field = ?, consented = ? WHERE number = ? AND consented IS NULL",
                (level, field, _now(), participant),
            )

    def delete(self, participant: int) -> int:
        """Delete everything of a participant but the number; returns how many votes were deleted."""
        with self._writing():
            count = self._db.execute("DELETE FROM votes WHERE participant = ?", (participant,)).rowcount
            self._db.execute("DELETE FROM shown WHERE participant = ?", (participant,))
            self._db.execute(
                "UPDATE participants SET code = NULL, level = NULL, field = NULL, consented = NULL, deleted = ?"
                " WHERE number = ?",
                (_now(), participant),
            )
        with self._lock:
            # The log still has what was deleted, until it is written back and emptied.
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return int(count)

    def deleted(self) -> int:
        """How many participants were deleted."""
        return int(self._rows("SELECT COUNT(*) FROM participants WHERE deleted IS NOT NULL")[0][0])

    # ------------------------------------------------------------ votes

    def show(self, participant: int, item: str) -> None:
        """An item was sent to a participant, once more."""
        with self._writing():
            self._db.execute(
                "INSERT INTO shown VALUES (?, ?, 1) ON CONFLICT (participant, item) DO UPDATE SET times = times + 1",
                (participant, item),
            )

    def times_shown(self, participant: int, item: str) -> int:
        found = self._rows("SELECT times FROM shown WHERE participant = ? AND item = ?", participant, item)
        return int(found[0][0]) if found else 0

    def vote(self, participant: int, item: str, choice: str, ms: int, times_shown: int, way: Way) -> Kept:
        """Record a choice; when this returns ``new``, it is on the disk.

        Raises:
            Unsaved: when it cannot be written.
        """
        with self._writing():
            # Looked up in the same transaction: two submits at once are one after the other here.
            found = self._rows("SELECT choice FROM votes WHERE participant = ? AND item = ?", participant, item)
            if found:
                return "same" if found[0][0] == choice else "other"
            self._db.execute(
                "INSERT INTO votes (participant, item, choice, ms, times_shown, way, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (participant, item, choice, ms, times_shown, way, _now()),
            )
        return "new"

    def voted(self, participant: int) -> set[str]:
        """The items that a participant has voted on."""
        return {row[0] for row in self._rows("SELECT item FROM votes WHERE participant = ?", participant)}

    def votes(self, participant: int | None = None) -> list[Choice]:
        """All votes, or those of one participant, in the order in which they came."""
        query = "SELECT participant, item, choice, ms, times_shown, way, at FROM votes"
        if participant is None:
            return [Choice(*row) for row in self._rows(f"{query} ORDER BY id")]
        return [Choice(*row) for row in self._rows(f"{query} WHERE participant = ? ORDER BY id", participant)]

    def count(self) -> int:
        return int(self._rows("SELECT COUNT(*) FROM votes")[0][0])

    def everything_of(self, participant: int) -> dict[str, Any]:
        """All that is kept of a participant, as plain values."""
        with self._lock:
            cursor = self._db.execute("SELECT * FROM participants WHERE number = ?", (participant,))
            names = [each[0] for each in cursor.description]
            person = dict(zip(names, cast(tuple[Any, ...], cursor.fetchone()), strict=True))
        shown = dict(self._rows("SELECT item, times FROM shown WHERE participant = ? ORDER BY item", participant))
        return {"participant": person, "shown": shown, "votes": [vars(each) for each in self.votes(participant)]}


def write_codes(study: Study, codes: list[str]) -> None:
    """Write the codes as a file for the staff, who give each to one person."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([("code",), *((code,) for code in codes)])
    write_text(study.folder / CODES, stream.getvalue())
    (study.folder / CODES).chmod(0o600)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
