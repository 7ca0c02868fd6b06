"""World, sizes and claims are settled before a test seed is evaluated, and rows of one table are of one kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import benchmarks.power
from tests.unit.report_project import EVALUATION, METHOD_PARAMS, PROJECT, SMOKE, report_project, run_report
from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.files import write_json, write_text
from tgvac.params import load_params
from tgvac.provenance import write_provenance
from tgvac.report import report_stage
from tgvac.report.frozen import Frozen, Power, Settled, check_frozen, read_frozen, settled
from tgvac.report.row_checks import check_digests, check_seeds
from tgvac.stage import Context
from tgvac.world.publish import world_digest

CLAIMS = PROJECT / "reference" / "claims.yaml"
BLOCKS: dict[str, Any] = {
    name: getattr(SMOKE, name) for name in ("sources", "synthesis", "evaluation", "methods", "metrics", "report")
}


def now(claims: Path = CLAIMS, world: str = "generator", **changed: Any) -> Settled:
    return settled(world, claims, **(BLOCKS | changed))


def changed(block: str, **keys: Any) -> dict[str, Any]:
    return {block: BLOCKS[block].model_copy(update=keys)}


def test_each_digest_covers_its_own_part_and_nothing_else(tmp_path: Path) -> None:
    before = now()
    world = SMOKE.sources.world.model_copy(update={"seed": 99})
    smallest = SMOKE.report.smallest.model_copy(update={"clip": 0.02})
    other = tmp_path / "claims.yaml"
    write_text(other, CLAIMS.read_text(encoding="utf-8").replace("within: 0.015", "within: 0.03"))
    after = {
        "world": [now(world="edited"), now(**changed("sources", world=world))],
        "sizes": [
            now(**changed("evaluation", train_seeds=(0, 1, 2))),
            now(**changed("evaluation", per_video=1)),
            now(**changed("report", smallest=smallest)),
            now(**changed("metrics", confidence=0.9)),
        ],
        "claims": [now(claims=other)],
    }
    for part, settings in after.items():
        for found in settings:
            differing = {name for name in ("world", "sizes", "claims") if getattr(found, name) != getattr(before, name)}
            assert differing == {part}


def test_what_changes_no_verdict_changes_no_digest(tmp_path: Path) -> None:
    commented = tmp_path / "claims.yaml"
    write_text(commented, "# A remark.\n" + CLAIMS.read_text(encoding="utf-8"))
    unused = SMOKE.methods | {"ours/new": SMOKE.methods["ours/full"]}
    assert now(commented, methods=unused, **changed("report", strips=1)) == now()


@pytest.mark.parametrize("scale", read_frozen(PROJECT))
def test_a_frozen_scale_is_still_as_it_was_frozen(scale: str) -> None:
    """The report refuses another one only after hours of work."""
    params = load_params(PROJECT, scale)
    blocks = {name: getattr(params, name) for name in BLOCKS}
    check_frozen(scale, read_frozen(PROJECT)[scale], settled(world_digest(), CLAIMS, **blocks))


@pytest.mark.parametrize("part", ["world", "sizes", "claims"])
def test_a_changed_digest_is_refused_in_a_sentence(part: str) -> None:
    frozen = Frozen(world="w", sizes="s", claims="c", power={})
    check_frozen("tiny-claims", frozen, Settled("w", "s", "c"))
    with pytest.raises(BadInput, match=f"The {part} of scale 'tiny-claims' changed .* decides no claim; restore"):
        check_frozen("tiny-claims", frozen, Settled(**{"world": "w", "sizes": "s", "claims": "c", part: "other"}))


def test_the_report_of_a_frozen_scale_refuses_a_change_and_passes_on_the_power(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = report_project(tmp_path)
    seen: list[Any] = []

    def write(staged: Context, *given: Any) -> None:
        seen.append(given[-1])
        staged.out.mkdir(parents=True)

    monkeypatch.setattr(report_stage, "_write", write)
    run_report(ctx)
    assert seen == [None], "a scale that is not frozen has no power"
    world = json.loads((ctx.results / "sources" / "manifest.json").read_text(encoding="utf-8"))["world_digest"]
    given = run_blocks()
    good = settled(world, ctx.root / "reference" / "claims.yaml", **given)
    power = {"better a b": Power(videos=40, power=0.9)}
    entry = {"world": good.world, "sizes": good.sizes, "claims": good.claims}
    entries = {"fake": entry | {"power": {name: each.model_dump() for name, each in power.items()}}}
    write_json(ctx.root / "reference" / "frozen.json", {"format": 1, "scales": entries})
    run_report(ctx)
    assert seen[-1] == Frozen(**entry, power=power)
    with (ctx.root / "reference" / "claims.yaml").open("a", encoding="utf-8") as claims:
        claims.write("\n# A remark changes nothing.\n")
    run_report(ctx)
    entries["fake"] = entries["fake"] | {"world": digest("another")}
    write_json(ctx.root / "reference" / "frozen.json", {"format": 1, "scales": entries})
    with pytest.raises(BadInput, match="The world of scale 'fake' changed"):
        run_report(ctx)


def run_blocks() -> dict[str, Any]:
    """The blocks with which :func:`run_report` runs."""
    from tests.unit.report_project import METRICS, REPORT

    return {
        **{"sources": SMOKE.sources, "synthesis": SMOKE.synthesis, "evaluation": EVALUATION},
        **{"methods": METHOD_PARAMS, "metrics": METRICS, "report": REPORT},
    }


def test_nothing_is_frozen_once_a_completion_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks.power, "ROOT", tmp_path)
    write_text(tmp_path / "reference" / "claims.yaml", CLAIMS.read_text(encoding="utf-8"))
    power = {"better a b": Power(videos=40, power=0.9)}
    benchmarks.power.freeze("smoke", SMOKE, power)
    (frozen,) = read_frozen(tmp_path).values()
    assert (frozen.power, frozen.claims) == (power, now().claims)
    shard = tmp_path / "results" / "smoke" / "completion" / "ours" / "full" / "seed0" / "shard-000.zip"
    write_text(shard, "")
    with pytest.raises(BadInput, match=r"Scale 'smoke' has been evaluated \(results/smoke/completion/ours/full"):
        benchmarks.power.freeze("smoke", SMOKE, {})
    assert read_frozen(tmp_path)["smoke"] == frozen


def test_a_damaged_file_of_frozen_scales_is_refused(tmp_path: Path) -> None:
    assert read_frozen(tmp_path) == {}
    write_text(tmp_path / "reference" / "frozen.json", "{")
    with pytest.raises(BadInput, match=r"frozen\.json is not JSON; restore it"):
        read_frozen(tmp_path)


def test_rows_that_two_versions_scored_are_not_put_in_one_table(tmp_path: Path) -> None:
    ctx = Context(root=tmp_path, scale="fake", phase="report", digest="0" * 64)
    evaluation = EVALUATION.model_copy(update={"methods": ("ours/full", "copy_visible/plain")})

    def scored(method: str, code: str) -> None:
        path = ctx.results / "metrics" / method / "seed0" / "shard-000.parquet"
        write_text(path, method)
        write_provenance(path, "metrics", "params", code, {})

    scored("ours/full", "one")
    check_digests(ctx, evaluation, METHOD_PARAMS)
    scored("copy_visible/plain", "one")
    check_digests(ctx, evaluation, METHOD_PARAMS)
    scored("copy_visible/plain", "another")
    with pytest.raises(BadInput, match=r"two digests.*ours/full/seed0.*copy_visible/plain/seed0.*run `tgvac run"):
        check_digests(ctx, evaluation, METHOD_PARAMS)
    check_digests(ctx, evaluation.model_copy(update={"methods": ("ours/full",)}), METHOD_PARAMS)


def test_a_training_seed_that_one_method_alone_lacks_is_refused() -> None:
    evaluation = EVALUATION.model_copy(
        update={"methods": ("ours/full", "ours/no_text", "ours/hop4", "copy_visible/plain"), "train_seeds": (0, 1, 2)}
    )
    methods = METHOD_PARAMS | {"ours/hop4": METHOD_PARAMS["ours/hop4"].model_copy(update={"seeds": (0,)})}

    def rows(of_no_text: tuple[int, ...]) -> pd.DataFrame:
        seeds = {"ours/full": (0, 1, 2), "ours/no_text": of_no_text, "ours/hop4": (0,), "copy_visible/plain": (-1,)}
        return pd.DataFrame(
            [
                dict(zip(("method", "variant"), name.split("/"), strict=True)) | {"train_seed": seed}
                for name, mine in seeds.items()
                for seed in mine
            ]
        )

    check_seeds(rows((0, 1, 2)), evaluation, methods)
    with pytest.raises(BadInput, match=r"ours/no_text has no rows of training seed 1, which .* lists \(0, 1, 2\)"):
        check_seeds(rows((0, 2)), evaluation, methods)
