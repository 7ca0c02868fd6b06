"""A finished run of the workflow is released, and the release is as it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Command

pytestmark = pytest.mark.workflow


def test_a_finished_run_is_released_and_verified(smoke: Path, tmp_path: Path, tgvac: Command) -> None:
    released = tgvac(smoke, "release", "--scale", "smoke", "--to", str(tmp_path / "crate"))
    assert released.returncode == 0, released.stderr
    for name in ("results/report/index.html", "results/dataset/croissant.json", "results/metrics/rows.parquet"):
        assert (tmp_path / "crate" / name).is_file()
    verified = tgvac(tmp_path, "verify", "crate")
    assert verified.returncode == 0, verified.stdout
    assert "as it was released" in verified.stdout
