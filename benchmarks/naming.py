"""Whether a person can name what was completed: category and main colour, each out of ten, from completions alone.

    python -m benchmarks.naming sheets --results results/tiny --method ours/full --out FOLDER     pictures and questions
    python -m benchmarks.naming score --out FOLDER --answers answers.json                         the tally

``questions.json`` has ten categories and ten colours for each number on the sheets, shuffled by name; the answers are
``{"1": ["boat", "pink"], …}``. The same with ``--method truth`` says how well the truth itself is named. Nothing on the
sheets says which method it is, and ``key.json`` stays closed until the answers are written.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tgvac.clips.completion import Completions
from tgvac.clips.images import encode_png
from tgvac.clips.recipe import read_recipes
from tgvac.completion.evaluated import SHORT, evaluated, frames_of
from tgvac.params import load_params
from tgvac.report.sheets import Tiles, sheet
from tgvac.seeds import rng
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener
from tgvac.world.colours import PALETTE
from tgvac.world.creatures import CREATURES

CHOICES = 10
SIDE, COLUMNS, ON_A_SHEET = 192, 4, 12


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("sheets", "score"))
    parser.add_argument("--results", type=Path, default=Path("results/tiny"))
    parser.add_argument("--method", default="ours/full", help="or truth")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--answers", type=Path)
    given = parser.parse_args(arguments)
    if given.what == "sheets":
        write_sheets(given.results, given.method, given.out)
    else:
        print(json.dumps(score(given.out, given.answers), indent=1))


def facts(results: Path) -> dict[str, dict[str, Any]]:
    """What the world says of each track: category and main colour."""
    found: dict[str, dict[str, Any]] = {}
    for truth in sorted((results / "sources").glob("world*/truth.zip")):
        with zipfile.ZipFile(truth) as archive:
            for video, objects in json.loads(archive.read("truth.json")).items():
                found |= {f"{truth.parent.name}/{video}/{k}": each for k, each in objects.items()}
    return found


def write_sheets(results: Path, method: str, out: Path) -> None:
    """Write sheets of the most hidden frame of each evaluated sample, the questions, and the key."""
    ctx = Context(results.parents[1], results.name, "report", "")
    params = load_params(ctx.root, ctx.scale)
    recipes = evaluated(read_recipes(ctx.results / "synthesis" / "recipes.parquet"), params.evaluation, SHORT)
    clips, said = RecipeClips(recipes, track_opener(ctx)), facts(results)
    done = {} if method == "truth" else _completions(results, method)
    tiles, questions, key = [], {}, {}
    order = rng("naming", ctx.scale).permutation(len(recipes))
    for number, recipe in enumerate((recipes[i] for i in order), 1):
        clip = clips.render(recipe.recipe, range(frames_of(recipe, params.evaluation, SHORT)))
        worst = int(np.nanargmax(np.where(np.isfinite(clip.occlusion_F), clip.occlusion_F, -1)))
        rgb_FHW3 = clip.whole_FHW3 if method == "truth" else done[recipe.recipe].read(recipe.recipe).rgb_FHW3
        tiles.append(Tiles(str(number), "", [rgb_FHW3[worst]]))
        about = said[recipe.target]
        true = {"category": about["category"], "colour": about["main"]}
        pools = {"category": sorted(CREATURES), "colour": sorted(PALETTE)}
        questions[number] = {what: _choices(true[what], pool, recipe.recipe, what) for what, pool in pools.items()}
        key[number] = {**true, "sample": recipe.recipe, "rate": float(clip.occlusion_F[worst])}
    out.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(tiles), ON_A_SHEET):
        picture_HW3 = sheet(tiles[first : first + ON_A_SHEET], COLUMNS, SIDE)
        (out / f"sheet-{first // ON_A_SHEET + 1}.png").write_bytes(encode_png(picture_HW3))
    for name, value in (("questions", questions), ("key", key)):
        (out / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n")


def _completions(results: Path, method: str) -> dict[str, Completions]:
    found: dict[str, Completions] = {}
    for shard in sorted((results / "completion" / method).glob("seed*/shard-*.zip")):
        completions = Completions(shard)
        found |= dict.fromkeys(completions.samples(), completions)
    return found


def _choices(true: str, pool: Sequence[str], *names: str) -> list[str]:
    """Ten choices, or all there are, one of which is true, shuffled by name."""
    draw = rng("naming choices", *names)
    others = [name for name in pool if name != true]
    picked = [others[i] for i in draw.permutation(len(others))[: CHOICES - 1]] + [true]
    return [picked[i] for i in draw.permutation(len(picked))]


def score(out: Path, answers: Path) -> dict[str, float]:
    """Shares of right answers."""
    key = json.loads((out / "key.json").read_text())
    given = json.loads(answers.read_text())
    if missing := sorted(set(key) - set(given), key=int):
        raise SystemExit(f"{answers} has no answer for {', '.join(missing)}")
    right = [(given[n][0] == key[n]["category"], given[n][1] == key[n]["colour"]) for n in key]
    return {
        "samples": len(right),
        "category": sum(a for a, _ in right) / len(right),
        "colour": sum(b for _, b in right) / len(right),
        "both": sum(a and b for a, b in right) / len(right),
    }


if __name__ == "__main__":
    main()
