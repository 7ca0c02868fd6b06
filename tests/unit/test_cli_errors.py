"""System errors on the command line: one sentence, exit code 2, no traceback."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from tgvac import cli


def outcome(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception) -> str:
    """What is printed when a command raises an error."""

    def fail(args: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    return printed


def test_a_full_disk_is_reported_with_the_file_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "results/x")
    said = outcome(monkeypatch, capsys, full)
    assert said == ("tgvac: results/x: No space left on device; free some space, then run the same command again.\n")


def test_a_full_disk_while_weights_are_written_is_reported_alike(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
    said = outcome(monkeypatch, capsys, full)
    assert said == "tgvac: No space left on device; free some space, then run the same command again.\n"


def test_a_system_error_inside_safetensors_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SafetensorError) as caught:
        save_file({"x": torch.zeros(3)}, tmp_path / "no folder" / "x.safetensors")
    said = outcome(monkeypatch, capsys, caught.value)
    assert said.startswith("tgvac: No such file or directory; run the phase that makes it")


def test_any_other_error_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (ValueError("a mistake of ours"), SafetensorError("invalid header")):

        def fail(args: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(cli, "app", fail)
        with pytest.raises(type(error)):
            cli.main([])


@pytest.mark.parametrize(("given", "policy"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_waiting_threads_sleep_unless_the_user_has_another_policy(
    monkeypatch: pytest.MonkeyPatch, given: str | None, policy: str
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if given:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    with pytest.raises(SystemExit):
        cli.main(["version"])
    assert os.environ["OMP_WAIT_POLICY"] == policy
