"""Files appear complete under their names or not at all; a lock ends with its holder."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tgvac.files import locked, sha256, write_json, write_text, writing, writing_apart


def test_a_file_has_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    with writing(path) as part:
        part.write_text("half")
        assert part.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "half"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_an_error_while_writing_keeps_the_old_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with writing(path) as part:
            part.write_text("new")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_files_of_a_killed_library_are_removed_by_the_next_write(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    killed = f"""
import os
from pathlib import Path
from tgvac.files import writing_apart
with writing_apart(Path({str(path)!r})) as part:
    (part.parent / ".tmp1KZ9se").write_bytes(b"half")
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == 9
    assert [p.name.startswith(".") for p in tmp_path.iterdir()] == [True]
    with writing_apart(path) as part:
        save_file({"x": torch.ones(2)}, part)
        assert not path.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]
    assert load_file(path)["x"].tolist() == [1.0, 1.0]
    assert path.stat().st_mode & 0o777 == 0o644


def test_json_is_the_same_bytes_for_the_same_value(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": ["é", 0.1]})
    write_json(tmp_path / "b.json", {"a": ["é", 0.1], "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"a": ["é", 0.1], "b": 1}


def test_nan_is_not_written_as_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", float("nan"))
    assert list(tmp_path.iterdir()) == []


def test_text_is_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "ü")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xbc"


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    (tmp_path / "a").write_bytes(data)
    assert sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_a_lock_of_a_killed_process_is_free_and_the_holder_was_named_to_the_one_that_waits(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "run.lock"
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom tgvac.files import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        entered = threading.Event()

        def enter() -> None:
            with locked(lock):
                entered.set()

        waiting = threading.Thread(target=enter)
        waiting.start()
        assert not entered.wait(0.2)
        holder.send_signal(signal.SIGKILL)
        assert entered.wait(10)
        waiting.join()
    assert capfd.readouterr().out == f"waiting for process {holder.pid}, which holds {lock}\n"
    assert lock.read_text() == f"{os.getpid()}\n"
