"""Loading params: one strict tree, layered by scale; every mistake gives one sentence."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from tests.unit.params_project import ROOT, copy_params, overlay, refusal
from tgvac import config, scales
from tgvac.config import canonical, digest
from tgvac.errors import BadInput
from tgvac.params import Params, load_params

SCALES = sorted(path.stem for path in (ROOT / "workflow" / "scales").glob("*.yaml"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_params(tmp_path)


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_loads(scale: str) -> None:
    assert isinstance(load_params(ROOT, scale), Params)


SAMPLED_IN = {"completion": {"precision": "bfloat16"}}
"""What scale `paper` sets: the paper names no precision, and its GPUs sample twice as fast in this one."""


def test_the_paper_scale_is_params_yaml_but_for_the_precision_of_sampling() -> None:
    found = scales.load_tree(ROOT / "params.yaml", ROOT / "workflow" / "scales", "paper")
    assert found == config.merge(config.read_yaml(ROOT / "params.yaml"), SAMPLED_IN)


def test_an_overlay_changes_its_keys_and_no_other(project: Path) -> None:
    overlay(project, "")
    before = load_params(project, "mine").model_dump()
    overlay(project, "frame: {steps: 7}\n")
    after = load_params(project, "mine").model_dump()
    assert after["frame"].pop("steps") == 7
    assert before["frame"].pop("steps") == 500000
    assert after == before


def test_a_scale_is_layered_over_the_one_it_extends(project: Path) -> None:
    overlay(project, "extends: base\nframe: {steps: 7}\n")
    overlay(project, "frame: {steps: 6, batch: 5}\n", "base")
    params = load_params(project, "mine")
    assert (params.frame.steps, params.frame.batch) == (7, 5)


def test_a_preset_is_below_the_keys_of_the_scale_that_names_it(project: Path) -> None:
    overlay(project, "preset: safe\nframe: {warmup: 7}\n")
    params, paper = load_params(project, "mine"), load_params(project, "paper")
    assert (params.frame.lr, params.frame.warmup, params.motion.warmup) == (1e-4, 7, 500)
    assert params.frame.steps == paper.frame.steps


def test_the_preset_paper_resets_what_presets_change_and_nothing_else(project: Path) -> None:
    overlay(project, "extends: tiny\npreset: paper\n")
    tiny, found, paper = (load_params(project, name) for name in ("tiny", "mine", "paper"))
    assert (found.frame.lr, found.frame.warmup, found.frame.pairs_share) == (5e-4, 0, 1.0)
    assert found.frame.lr == paper.frame.lr != tiny.frame.lr
    assert found.frame.steps == tiny.frame.steps != paper.frame.steps
    assert found.sources == tiny.sources


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("preset: saef\n", ["'saef'", "did you mean 'safe'"]),
        ("preset: [safe]\n", ["preset", "did you mean 'safe'"]),
    ],
)
def test_an_unknown_preset_names_the_nearest(project: Path, text: str, parts: list[str]) -> None:
    overlay(project, text)
    message = refusal(project)
    assert all(part in message for part in parts)


def test_a_preset_with_an_unknown_key_is_refused_with_its_file(project: Path) -> None:
    (project / "workflow" / "presets" / "safe.yaml").write_text("frame: {lrr: 1.0}\n")
    overlay(project, "preset: safe\n")
    assert "safe.yaml sets 'frame.lrr'" in refusal(project)


def test_a_list_in_an_overlay_replaces_the_whole_list(project: Path) -> None:
    overlay(project, "sources: {use: [world]}\n")
    assert load_params(project, "mine").sources.use == ("world",)


def test_a_scale_adds_entries_to_the_open_tables(project: Path) -> None:
    overlay(project, "")
    paper = load_params(project, "mine")
    overlay(project, "variants: {thin: {text: false}}\nmethods: {ours/thin: {trained: thin, guidance: 2.0}}\n")
    params = load_params(project, "mine")
    assert params.variants.keys() - paper.variants.keys() == {"thin"}
    assert params.methods.keys() - paper.methods.keys() == {"ours/thin"}
    assert not params.variants["thin"].of(params.conditions).text
    assert (params.methods["ours/thin"].trained, params.methods["ours/thin"].guidance) == ("thin", 2.0)
    assert {**params.model_dump(), "variants": {}, "methods": {}} == {
        **paper.model_dump(),
        "variants": {},
        "methods": {},
    }


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("variant: {thin: {text: false}}", ["mine.yaml", "'variant.thin.text'", "did you mean 'variants."]),
        ("variants: {thin: {txet: false}}", [".yaml", "unknown key 'variants.thin.txet'", "did you mean 'text'"]),
        ("methods: {ours/thin: {guidence: 2.0}}", ["unknown key 'methods.ours/thin.guidence'", "mean 'guidance'"]),
        ("evaluation: {metods: [ours/full]}", ["'evaluation.metods'", "did you mean 'evaluation.methods'"]),
        ("sampler: {thin: {stride: 2}}", ["mine.yaml", "'sampler.thin.stride'", "does not have"]),
    ],
)
def test_a_misspelt_key_is_refused_beside_and_inside_an_open_table(project: Path, text: str, parts: list[str]) -> None:
    overlay(project, f"{text}\n")
    message = refusal(project)
    assert [part for part in parts if part not in message] == []


# ---------------------------------------------------------------- mistakes

_FROM_BOTH = "params.yaml with workflow/scales/mine.yaml"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "frame: {stpes: 3}",
            ["mine.yaml", "'frame.stpes'", "does not have", "did you mean 'frame.steps'"],
        ),
        ("fram: {steps: 3}", ["mine.yaml", "'fram.steps'", "did you mean 'frame.steps'"]),
        ("xyzzy: 1", ["'xyzzy'", "known are: backbones, captions"]),
        (
            "sampler: {unconditional: text_and_image}\nconditions: {drop_both: 0.0}",
            [_FROM_BOTH, "text_and_image", "conditions.drop_both is 0"],
        ),
        ("frame: {steps: three}", [_FROM_BOTH, "'frame.steps' is 'three'", "valid integer", "correct"]),
        ("frame: {steps: 3.5}", [_FROM_BOTH, "'frame.steps' is 3.5", "valid integer", "correct"]),
        ("frame: {steps: -3}", [_FROM_BOTH, "'frame.steps' is -3", "greater than or equal to 1", "correct"]),
        ("frame: {steps: '3'}", [_FROM_BOTH, "'frame.steps' is '3'", "without quotes"]),
        ("frame: {lr: 5e-4}", [_FROM_BOTH, "'frame.lr' is '5e-4'", "YAML reads 5e-4 as text", "such as 5.0e-4"]),
        ("frame: {lr: .nan}", [_FROM_BOTH, "'frame.lr' is nan", "finite", "correct"]),
        ("frame: {steps: .inf}", [_FROM_BOTH, "'frame.steps' is inf", "correct"]),
        ("frame: 3", [_FROM_BOTH, "'frame' is 3", "correct"]),
        ("frame:", [_FROM_BOTH, "'frame' is None", "correct"]),
        ("conditions: {mask: 1}", [_FROM_BOTH, "'conditions.mask' is 1", "boolean", "correct"]),
        ("framing: {mode: folow}", [_FROM_BOTH, "'framing.mode' is 'folow'", "'frame' or 'follow'", "correct"]),
        ("sources: {use: []}", [_FROM_BOTH, "'sources.use'", "at least 1", "correct"]),
        (
            "synthesis: {rate_min: 0.9, rate_max: 0.2}",
            [_FROM_BOTH, "rate_min 0.9 is above rate_max 0.2"],
        ),
        ("captions: {template: 'a {colour}'}", [_FROM_BOTH, "'captions.template'", "{category}"]),
        ("captions: {template: 'a {'}", [_FROM_BOTH, "'captions.template'", "{category}"]),
        ("frame: {lr: 1.0, lr: 2.0}", ["mine.yaml, line 1", "'lr' is written twice", "keep one"]),
        ("a: 1\nframe: {}\na: 2", ["mine.yaml, line 3", "'a' is written twice"]),
        ("- frame", ["mine.yaml", "list, not a mapping", "key: value"]),
        ("frame", ["mine.yaml", "str, not a mapping"]),
        ("frame: [", ["mine.yaml", "not valid YAML", "line 1", "fix"]),
        ("? [a]\n: 1", ["mine.yaml", "not valid YAML", "unhashable key"]),
        ("a: 2001-13-45", ["mine.yaml", "not valid YAML", "month"]),
        ("frame: {steps: !!python/name:os.system x}", ["mine.yaml", "not valid YAML"]),
        ("frame: \x00", ["mine.yaml", "not valid YAML", "#x0000"]),
        ("extends: mine", ["mine.yaml", "'extends' runs in a circle", "remove it from one"]),
        ("extends: 5", ["mine.yaml", "'extends' is 5", "name of one scale"]),
        ("extends: [smoke]", ["mine.yaml", "'extends'", "name of one scale"]),
        ("extends: smok", ["Scale 'smok' is unknown", "did you mean 'smoke'"]),
    ],
)
def test_a_mistake_in_a_scale_is_reported_in_one_sentence(project: Path, text: str, parts: list[str]) -> None:
    overlay(project, text)
    message = refusal(project)
    assert [part for part in parts if part not in message] == []


@pytest.mark.parametrize("name", ["../scales/smoke", "./smoke", "scales/../smoke", "..", ""])
def test_a_path_is_no_name_of_a_scale(project: Path, name: str) -> None:
    (project / "workflow" / "scales" / "scales").mkdir()
    with pytest.raises(BadInput, match="is unknown"):
        load_params(project, name)


def test_a_remedy_is_not_followed_by_another(project: Path) -> None:
    (project / "workflow" / "scales" / "mine.yaml").write_text("extends: smoke\nmethods: {our/thin: {}}\n")
    with pytest.raises(BadInput, match=r"did you mean 'ours'\?$"):
        load_params(project, "mine")


def test_an_unknown_scale_names_the_nearest(project: Path) -> None:
    assert "did you mean 'smoke'" in refusal(project, "smokee")
    assert "known are: " in refusal(project, "qqqqqq")


def test_scales_that_extend_each_other_are_refused(project: Path) -> None:
    overlay(project, "extends: b\n", "a")
    overlay(project, "extends: a\n", "b")
    assert "runs in a circle" in refusal(project, "a")


def test_a_file_that_is_not_text_is_refused(project: Path) -> None:
    (project / "workflow" / "scales" / "mine.yaml").write_bytes(b"\xff\xfe\x00")
    assert "mine.yaml cannot be read as text" in refusal(project)


def test_a_typo_in_params_yaml_names_the_nearest_key(project: Path) -> None:
    edit(project, "  smooth: 8", "  smoth: 8")
    message = refusal(project, "paper")
    assert "unknown key 'framing.smoth'" in message
    assert "did you mean 'smooth'" in message


def test_a_missing_key_is_named(project: Path) -> None:
    edit(project, "  smooth: 8", "  # smooth: 8")
    message = refusal(project, "paper")
    assert "'framing.smooth' is missing" in message
    assert "add it" in message


def test_missing_params_are_named(project: Path) -> None:
    (project / "params.yaml").unlink()
    assert "params.yaml" in refusal(project, "paper")


def edit(project: Path, old: str, new: str) -> None:
    path = project / "params.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


# ---------------------------------------------------------------- digests


def test_the_canonical_text_is_json_with_sorted_keys_and_no_spaces() -> None:
    assert canonical({"b": [1, 0.1], "a": "é"}) == '{"a":"\\u00e9","b":[1,0.1]}'


def test_the_digest_is_sha256_of_the_canonical_text() -> None:
    # printf '{"a":1}' | sha256sum
    assert digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"


def test_nan_has_no_canonical_text() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})


def test_a_whole_number_for_a_fraction_is_the_same_value(project: Path) -> None:
    overlay(project, "sampler: {guidance: 2}\n", "one")
    overlay(project, "sampler: {guidance: 2.0}\n", "two")
    assert digest(load_params(project, "one")) == digest(load_params(project, "two"))


# ---------------------------------------------------------------- scales are numbers, never code


def compares_a_scale(text: str) -> list[str]:
    """Comparisons with the name of a scale, or of anything called scale with a text."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Compare):
            continue
        words = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        names |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
        if (names & {"scale", "SCALE"} and words) or words & {"smoke", "tiny", "small", *SCALES} - {"paper", "small"}:
            found.append(ast.unparse(node))
    return found


def test_the_search_for_comparisons_with_a_scale_finds_them() -> None:
    assert compares_a_scale("if ctx.scale == 'paper': pass") == ["ctx.scale == 'paper'"]
    assert compares_a_scale("if name in ('smoke', 'x'): pass") == ["name in ('smoke', 'x')"]
    assert compares_a_scale("if scale == 1.0: pass") == []


@pytest.mark.parametrize("path", sorted((ROOT / "src").rglob("*.py")), ids=lambda p: p.name)
def test_no_module_behaves_differently_for_a_scale(path: Path) -> None:
    assert compares_a_scale(path.read_text(encoding="utf-8")) == []


def test_no_rule_behaves_differently_for_a_scale() -> None:
    files = [p for p in (ROOT / "workflow").rglob("*") if p.name == "Snakefile" or p.suffix in {".smk", ".py"}]
    assert len(files) > 10
    pattern = re.compile(rf"\bscale\s*(==|!=|in\b)|[!=]=\s*[\"']({'|'.join(SCALES)})[\"']", re.IGNORECASE)
    assert [f"{p.name}: {m[0]}" for p in files for m in pattern.finditer(p.read_text(encoding="utf-8"))] == []


def test_params_yaml_states_every_key_once_and_in_readable_form() -> None:
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert set(tree) == set(Params.model_fields)
