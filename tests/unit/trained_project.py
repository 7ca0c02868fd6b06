"""A tiny finished scale for imports into MLflow: trainings, rows, and the provenance that joins them; no networks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from tgvac.clips.images import encode_png
from tgvac.clips.rows import Row, write_rows
from tgvac.files import sha256, write_json, write_text
from tgvac.params import load_params
from tgvac.phases import params_digest, phase
from tgvac.provenance import write_provenance

CLONE = Path(__file__).resolve().parents[2]
SCALE = "smoke"
STEPS = (5, 10, 12)

# Rate and value of each frame. By hand: the easy ones are 1 and 2, the hard one is 6; the absent frame has no class.
FRAMES = ((0.0, 1.0), (0.4, 2.0), (0.5, 6.0), (float("nan"), 100.0))
MEANS = {"all": 3.0, "easy": 1.5, "hard": 6.0}


def trained_project(root: Path) -> Path:
    """A project folder in which scale smoke has backbones, and a frame and a motion training with their evaluations."""
    shutil.copytree(CLONE / "workflow" / "scales", root / "workflow" / "scales")
    shutil.copytree(CLONE / "reference", root / "reference")
    shutil.copy(CLONE / "params.yaml", root)
    results = root / "results" / SCALE
    write_events(results / "backbones" / "events" / "vae.jsonl", loss=0.25)
    seal(root, "backbones", "index.json", {"events": ["vae"]}, [])
    train(root, "frame", loss=0.5)
    train(root, "motion", loss=0.125, inputs=["backbones/index.json", "frame/full/seed0/index.json"])
    evaluate(root)
    return root


def write_events(path: Path, loss: float) -> None:
    """Events as the training loop writes them; the loss halves at each."""
    events = [{"step": s, "loss": loss / 2**i, "lr": 1e-3, "grad_norm": 2.0} for i, s in enumerate(STEPS)]
    write_text(path, "".join(json.dumps(event, sort_keys=True) + "\n" for event in events))


def seal(root: Path, name: str, file: str, content: object, inputs: list[str]) -> None:
    """Write a phase's small file, if it is not there yet, and its provenance."""
    results = root / "results" / SCALE
    path = results / name / file
    if content is not None:
        write_json(path, content)
    wanted = phase(name)
    # The runner gives the options of one job; without options, the digest is that of all jobs.
    options = {"variant": "full", "seed": "0"} if "variant" in wanted.wildcards else {}
    digest = params_digest(load_params(root, SCALE), wanted, options)
    write_provenance(path, name, digest, "c0de", {i: results / i for i in inputs})


def train(root: Path, name: str, loss: float, inputs: list[str] | None = None) -> None:
    """A training of variant full, seed 0; another loss gives another index."""
    folder = root / "results" / SCALE / name / "full" / "seed0"
    write_events(folder / "events.jsonl", loss)
    content = {"events.jsonl": sha256(folder / "events.jsonl")}
    seal(root, name, "full/seed0/index.json", content, inputs or ["backbones/index.json"])


def sample(root: Path, name: str, step: int, grey: int) -> None:
    """A sample image of a training."""
    folder = root / "results" / SCALE / name / "full" / "seed0" / "samples"
    folder.mkdir(exist_ok=True)
    (folder / f"step-{step:08d}.png").write_bytes(encode_png(np.full((8, 8), grey, np.uint8)))


def evaluate(root: Path, scale_values: float = 1.0) -> None:
    """Completions, rows of each, and all rows joined: ours by the motion model, without motion by the frame model."""
    parts = []
    for method, variant, weights in (
        ("ours", "full", ["motion/full/seed0/index.json"]),
        ("ours", "no_motion", ["frame/full/seed0/index.json"]),
        ("copy_visible", "plain", []),
    ):
        where = f"{method}/{variant}/seed0/shard-000"
        seal(root, "completion", f"{where}.json", {"value": scale_values}, ["backbones/index.json", *weights])
        rows = [
            Row(SCALE, method, variant, "given", 0, 0, "world/a/1/r0", "world/a", i, "psnr", rate, value * scale_values)
            for i, (rate, value) in enumerate(FRAMES)
        ]
        rows.append(Row(SCALE, method, variant, "given", 0, 0, "world/a/1/r0", "world/a", 4, "psnr", 0.0, float("nan")))
        write_rows(root / "results" / SCALE / "metrics" / f"{where}.parquet", rows)
        seal(root, "metrics", f"{where}.parquet", None, [f"completion/{where}.json"])
        parts.append((f"metrics/{where}.parquet", rows))
    write_rows(root / "results" / SCALE / "metrics" / "rows.parquet", [row for _, rows in parts for row in rows])
    seal(root, "metrics", "rows.parquet", None, [part for part, _ in parts])
