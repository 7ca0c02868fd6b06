"""A project folder whose scale smoke has a trained model of tiny networks, with provenance, and rows of metrics."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from tests.unit.params_project import ROOT, copy_params
from tests.unit.tiny_models import backbones, unet_4, unet_12, video_unet
from tgvac.clips.rows import Row, write_rows
from tgvac.config import merge, read_yaml
from tgvac.files import write_json, write_text
from tgvac.models.schedule import network_scheduler
from tgvac.params import Params, load_params
from tgvac.phases import params_digest, phase
from tgvac.provenance import write_provenance
from tgvac.training.outputs import place_parts, save_model, write_folder_index

SCALE = "smoke"
DATA = ("synthesis/recipes.parquet", "captions/captions.parquet", "backbones/index.json", "latents/index.json")
# Rate and value by frame: the mean over all is 0.5, of easy ones 0.625, of hard ones 0.25.
FRAMES = ((0.0, 0.75), (0.4, 0.5), (0.5, 0.25))
CHANGED = {
    "framing": {"size": 32},
    "motion_module": {"heads": 2, "max_frames": 16, "max_distance": 3},
    "sampler": {"steps": 2, "clip_frames": 4, "stride": 2},
    "completion": {"white_threshold": 200},
}


def model_project(root: Path, block: str = "animatediff", prediction: str = "epsilon") -> Path:
    """The project; its model is that of ``tiny_models.video_unet``."""
    copy_params(root)
    shutil.copytree(ROOT / "reference", root / "reference")
    path = root / "workflow" / "scales" / f"{SCALE}.yaml"
    more = {"motion_module": {"block": block}, "diffusion": {"prediction": prediction}}
    path.write_text(yaml.safe_dump(merge(merge(read_yaml(path), CHANGED), more)), encoding="utf-8")
    params, results, parts = load_params(root, SCALE), root / "results" / SCALE, backbones()
    sources = {"world": {"layout": "davis", "licence": "Apache-2.0 (made | here)", "videos": {}}}
    write_json(results / "sources" / "manifest.json", {"format": "tgvac-sources-2", "sources": sources})
    named = {"vae": parts.vae, "text_encoder": parts.text_encoder, "tokenizer": parts.tokenizer, "unet": unet_4()}
    folder = results / "backbones"
    for name, part in named.items():
        place_parts(folder / name, part)
    network_scheduler(params.diffusion).save_pretrained(folder / "scheduler")
    write_json(folder / "provenance.json", {"origin": "train"})
    write_folder_index(folder, sorted(p for p in folder.rglob("*") if p.is_file()))
    for name in DATA:
        if not (results / name).exists():
            write_text(results / name, f"bytes of {name}")
    events = [{"step": 5, "loss": 0.5}, {"step": 12, "loss": 0.125}]
    save_model(results / "frame" / "full" / "seed0", "unet", unet_12(), events)
    seal(root, params, "frame", DATA)
    save_model(results / "motion" / "full" / "seed0", "unet", video_unet(block=block), events)
    seal(root, params, "motion", (*DATA, "frame/full/seed0/index.json"))
    return root


def seal(root: Path, params: Params, name: str, inputs: tuple[str, ...]) -> None:
    """Provenance of a training, as the runner writes it."""
    results, options = root / "results" / SCALE, {"method": "", "variant": "full", "seed": "0"}
    digest = params_digest(params, phase(name), options)
    index = results / name / "full" / "seed0" / "index.json"
    write_provenance(index, name, digest, "c0de" * 16, {i: results / i for i in inputs})


def evaluate(root: Path) -> None:
    """Rows of the model and of a trivial baseline, with provenance back to the weights."""
    results, parts, rows = root / "results" / SCALE, {}, []
    for method, variant, inputs in (
        ("ours", "full", ["motion/full/seed0/index.json"]),
        ("copy_visible", "plain", []),
    ):
        where = f"{method}/{variant}/seed0/shard-000"
        made, seed = results / "completion" / f"{where}.json", 0 if inputs else -1
        write_json(made, {})
        write_provenance(made, "completion", "", "", {i: results / i for i in inputs})
        mine = [
            Row(SCALE, method, variant, "given", seed, 0, "world/a/1/r0", "world/a", i, "clip", rate, value)
            for i, (rate, value) in enumerate(FRAMES)
        ]
        path = results / "metrics" / f"{where}.parquet"
        write_rows(path, mine)
        write_provenance(path, "metrics", "", "", {f"completion/{where}.json": made})
        parts[f"metrics/{where}.parquet"] = path
        rows += mine
    write_rows(results / "metrics" / "rows.parquet", rows)
    write_provenance(results / "metrics" / "rows.parquet", "metrics", "", "", parts)
