"""Ctrl+C in a command that takes long: a sentence on what is kept, and the exit code of an interrupted command."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from tgvac import cli

GOES_ON = "stopped; the same command goes on from what is done"


@pytest.mark.parametrize(
    ("command", "where", "said"),
    [
        ("evaluate --outputs o --method-name m", "tgvac.evaluate.command.evaluate", GOES_ON),
        ("evaluate --outputs o --method-name m --truth tabe51:d", "tgvac.evaluate.external.evaluate_external", GOES_ON),
        ("export --truth tabe51:d --out e", "tgvac.external.truth.open_truth", GOES_ON),
        ("export --scale smoke --out e", "tgvac.params.load_params", "stopped; nothing was written or replaced"),
        ("complete-export e --out o", "tgvac.complete.export.complete_export", GOES_ON),
        ("complete v --out o --box 1,2,3,4", "tgvac.complete.command.Completing.run", GOES_ON),
    ],
)
def test_a_stopped_command_says_what_is_kept(
    command: str, where: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*rest: object, **options: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(where, stop)
    ended = CliRunner().invoke(cli.app, command.split())
    assert said in ended.output
    assert ended.exit_code == 130
