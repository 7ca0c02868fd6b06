"""The environment: one lock, and what reads it."""

from __future__ import annotations

import re
import tomllib
from functools import reduce
from pathlib import Path

import pytest
import yaml

from tests.conftest import CLONE
from tgvac import config, scales

LOCK = (CLONE / "requirements.lock").read_text().splitlines()


def names(lines: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines if line.strip() and not line.startswith("#"))
    return {m[0].lower().replace("_", "-").replace(".", "-") for m in found if m}


def test_the_lock_pins_every_package_exactly() -> None:
    for line in LOCK:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+( *;.*)?", line), line


def test_the_lock_holds_all_that_is_asked_for() -> None:
    asked = names((CLONE / "requirements.in").read_text().splitlines())
    needed = names(tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]["dependencies"])
    assert needed <= asked
    assert asked - names(LOCK) <= {"setuptools", "wheel"}


def test_environment_yml_reads_the_same_lock() -> None:
    rattler = pytest.importorskip("rattler")
    environment = yaml.safe_load((CLONE / "environment.yml").read_text())
    specs = [d for d in environment["dependencies"] if isinstance(d, str)]
    parsed = [rattler.MatchSpec(spec) for spec in specs]
    assert {"python", "pip"} <= {str(p.name.normalized) for p in parsed if p.name}
    assert {"pip": ["-r requirements.lock"]} in environment["dependencies"]


@pytest.mark.parametrize("path", sorted((CLONE / "workflow" / "scales").glob("*.yaml")), ids=lambda p: p.stem)
def test_an_overlay_holds_only_keys_that_it_changes(path: Path) -> None:
    *below, (_, over) = scales.layers(CLONE / "params.yaml", path.parent, path.stem)
    base = reduce(config.merge, (tree for _, tree in below))
    for leaf in scales.leaves(over):
        new, old = over, base
        for key in leaf:
            # An entry that the scale adds has nothing below.
            new, old = new[key], (old or {}).get(key)
        assert new != old, ".".join(leaf)
