"""``tgvac study serve`` as a process of its own, which tests can kill."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]


class StudyServer:
    """A server for a study's folder.

    Args:
        port: 0 for any free one.
        options: of the command.
    """

    def __init__(self, folder: Path, port: int = 0, *options: str) -> None:
        command = [sys.executable, "-m", "tgvac", "study", "serve", "--study", str(folder), "--port", str(port)]
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
            # Tests that were started in the background ignore Ctrl+C, and so would their processes.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdout is not None
        self.said: list[str] = []
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(r"(http://\S+)", line):
                self.url = found[1].rstrip("/")
                self.port = int(re.search(r":(\d+)", self.url.removeprefix("http://"))[1])  # type: ignore[index]
                return
        self.process.stdout.close()
        raise AssertionError(f"tgvac study serve ended with {self.process.wait()}: {self.said}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.interrupt()

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def interrupt(self) -> int:
        """Ctrl+C; returns the exit code."""
        try:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGINT)
            return self.process.wait(60)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.said += list(self.process.stdout)
            self.process.stdout.close()
