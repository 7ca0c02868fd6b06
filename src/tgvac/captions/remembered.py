"""A cache of generated captions by the content of the image, the model and the prompt.

It is in ``scratch/``, one small database per shard, because hundreds of thousands of files would be slow to list and to
remove. A killed stage loses at most one batch. A change of the steps after generation does not generate captions again.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from tgvac.errors import BadInput

Generate = Callable[[Sequence[np.ndarray]], list[str]]


class Remembered:
    """Describes each image once; call :meth:`close` at the end.

    Args:
        path: the database.
        identity: a digest of everything that determines a caption, except the image.
        load: loads the model; called for the first new image.
        batch: number of images that the model takes at once.
    """

    def __init__(self, path: Path, identity: str, load: Callable[[], Generate], batch: int) -> None:
        self._path = path
        self._opened: sqlite3.Connection | None = None
        self._identity, self._load, self._batch = identity, load, batch
        self._generate: Generate | None = None

    @property
    def _base(self) -> sqlite3.Connection:
        """The database, created on first use, because most scales do not describe images."""
        if self._opened is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._opened = sqlite3.connect(self._path)
            try:
                self._opened.execute("CREATE TABLE IF NOT EXISTS sentences (key TEXT PRIMARY KEY, raw TEXT NOT NULL)")
            except sqlite3.DatabaseError as error:
                self.close()
                raise BadInput(
                    f"{self._path} is not a database of captions ({error}); delete it to generate them again."
                ) from None
        return self._opened

    def close(self) -> None:
        """Close the database; the next query opens it again."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def key(self, image_SS3: np.ndarray) -> str:
        """The key of an image in the database."""
        content = hashlib.sha256(f"{self._identity} {image_SS3.shape} {image_SS3.dtype}".encode())
        content.update(np.ascontiguousarray(image_SS3).tobytes())
        return content.hexdigest()

    def find(self, image_SS3: np.ndarray) -> str | None:
        """The caption, if it is known."""
        return self._find(self.key(image_SS3))

    def _find(self, key: str) -> str | None:
        row = self._base.execute("SELECT raw FROM sentences WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def fill(self, images: Iterable[np.ndarray], at_most: int | None = None) -> None:
        """Describe all new images, batch by batch.

        Args:
            images: read one at a time; at most one batch is held in memory.
            at_most: maximum number of new images to describe.
        """
        waiting: dict[str, np.ndarray] = {}
        done = 0
        for image in images:
            key = self.key(image)
            if key in waiting or self._find(key) is not None:
                continue
            waiting[key] = image
            done += 1
            if len(waiting) == self._batch:
                self._describe(waiting)
                waiting = {}
            if done == at_most:
                break
        if waiting:
            self._describe(waiting)

    def __call__(self, image_SS3: np.ndarray) -> str:
        """The caption of one image."""
        known = self.find(image_SS3)
        if known is None:
            self.fill([image_SS3])
            known = self.find(image_SS3)
        return known or ""

    def _describe(self, waiting: dict[str, np.ndarray]) -> None:
        if self._generate is None:
            self._generate = self._load()
        texts = self._generate(list(waiting.values()))
        with self._base:
            self._base.executemany("INSERT INTO sentences VALUES (?, ?)", zip(waiting, texts, strict=True))
