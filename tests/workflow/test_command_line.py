"""The command line: help without heavy imports, phases, params, version."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

from tests.conftest import CLONE, Command

HEAVY = (
    "torch",
    "numpy",
    "pandas",
    "diffusers",
    "transformers",
    "cv2",
    "PIL",
    "pyarrow",
    "pydantic",
    "yaml",
    "mlflow",
    "dvc",
)


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom tgvac.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"sys.exit(', '.join(m for m in {HEAVY!r} if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"help imports {done.stderr}"


def test_phases_are_listed_in_their_order(tgvac: Command) -> None:
    done = tgvac(CLONE, "phases", "--scale", "smoke")
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == [
        *("sources", "tracks", "masks", "select", "synthesis", "captions", "dataset"),
        *("backbones", "latents", "frame", "motion", "completion", "metrics", "report"),
    ]


def test_params_of_a_scale_are_printed_with_the_digest_of_each_phase(tgvac: Command) -> None:
    done = tgvac(CLONE, "params", "--scale", "smoke")
    assert yaml.safe_load(done.stdout)["sampler"]["steps"] == 3
    assert "# frame: " in done.stdout


def test_the_version_is_the_package_s(tgvac: Command, tmp_path: Path) -> None:
    from tgvac import __version__

    assert tgvac(tmp_path, "version").stdout.strip() == __version__
