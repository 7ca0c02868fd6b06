"""Which phases run again after an edit of the code or of a param: exactly those that it can change."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tgvac.code_digests import TREE, SourceTree
from tgvac.completion.given import GIVEN
from tgvac.methods.params import MethodParams
from tgvac.methods.registry import REGISTRY
from tgvac.models.params import VariantParams
from tgvac.params import Params, load_params
from tgvac.phases import PHASES, Options, Phase, params_digest

ROOT = Path(__file__).resolve().parents[2]
SCALE = "tiny"
VARIANTS = {"ours": "full", "autoencoder": "ceiling"}
VARIANTS_GIVEN = {name: "noise1" if name == "mask_noise" else name for name in GIVEN}
"""Of each change of what a method is given, a variant of ours that has it."""

Edit = Callable[[str], str]

NOTHING: set[str] = set()
TRAININGS = {"frame", "motion"}
ALL_TRAININGS = {"backbones", *TRAININGS}
SAID = {f"completion by ours, {name}" for name in GIVEN}
"""The same method with other masks or sentences."""
OURS = {"completion by ours", "completion by ours_tracked", *SAID}
SAMPLED = {*OURS, "completion by pix2gestalt", "completion by progressive"}
"""Methods that denoise step by step."""
GUIDED = {*OURS, "completion by pix2gestalt"}
"""Those of them that take guidance and windows from ``sampling/``."""
COPYING = {f"completion by {name}" for name in ("temporal_copy", "temporal_flow", "mean_colour", "telea")}
"""Temporal copy, and what takes its outline or its displacements."""


def jobs() -> dict[str, tuple[Phase, Options]]:
    """A job of each phase, and one of each method, by what the table below calls it."""
    found: dict[str, tuple[Phase, Options]] = {}
    for phase in PHASES:
        if phase.loads_method:
            for name in REGISTRY:
                options = {"method": name, "variant": VARIANTS.get(name, "plain"), "seed": "0"}
                found[f"{phase.name} by {name}"] = (phase, options)
            for given, variant in VARIANTS_GIVEN.items():
                options = {"method": "ours", "variant": variant, "seed": "0", "given": given}
                found[f"{phase.name} by ours, {given}"] = (phase, options)
        else:
            found[phase.name] = (phase, {"variant": "full", "seed": "0"} if phase.trains else {})
    return found


def code_of(tree: SourceTree) -> dict[str, str]:
    return {name: phase.code(options, tree) for name, (phase, options) in jobs().items()}


@cache
def code_now() -> dict[str, str]:
    return code_of(TREE)


def replaced(old: str, new: str) -> Edit:
    """A plain edit of code; the text must be there, so that the table cannot go stale."""

    def edit(text: str) -> str:
        assert old in text, f"the code no longer has {old!r}"
        return text.replace(old, new, 1)

    return edit


def errors_reworded(text: str) -> str:
    """Every error of a file begins with another word."""
    new, count = re.subn(r'(raise \w+\(\s*f?")', r"\1Sorry: ", text)
    assert count, "the file raises no error with a text"
    return new


def docstring_reworded(text: str) -> str:
    assert text.startswith('"""')
    return '"""Another first sentence.\n\n' + text[3:]


def comments_added(text: str) -> str:
    return text.replace("\n    ", "\n    # a comment\n    ", 1) + "\n# the end\n"


def changed_number(text: str) -> str:
    """The first whole number in an expression of a function is another one."""
    tree = ast.parse(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    numbers = [
        node
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Constant) and type(node.value) is int and node.lineno == node.end_lineno
    ]
    first = min(numbers, key=lambda node: (node.lineno, node.col_offset))
    lines = text.splitlines(keepends=True)
    line = lines[first.lineno - 1]
    lines[first.lineno - 1] = f"{line[: first.col_offset]}{first.value + 7}{line[first.end_col_offset :]}"
    return "".join(lines)


def field_added(name: str) -> Edit:
    """A field more in a block of params; its value is digested where the block is read."""
    return lambda text: re.sub(
        rf"(class {name}\(Block\):\n(?:    \"\"\".*?\"\"\"\n)?)", r"\1\n    new: int = 0\n", text, flags=re.S
    )


def wording_changed(name: str) -> Edit:
    """The body of a function that is marked as wording."""

    def edit(text: str) -> str:
        assert re.search(rf"@wording\ndef {name}\(", text), f"{name} is not marked as wording"
        return re.sub(rf"(@wording\ndef {name}\(.*?:\n)", r"\1    surely = 'so'\n", text, count=1, flags=re.S)

    return edit


EDITS: list[tuple[str, str, Edit, set[str]]] = [
    # What people read.
    ("a message in a model file", "models/frame_start.py", errors_reworded, NOTHING),
    ("a message of the loop's helper", "training/divergence.py", wording_changed("calmer"), NOTHING),
    ("a message in the reading of checkpoints", "training/checkpoint.py", errors_reworded, NOTHING),
    ("a docstring of the objective", "training/objective.py", docstring_reworded, NOTHING),
    ("a comment in the loop", "training/loop.py", comments_added, NOTHING),
    (
        "a word of progress",
        "training/loop.py",
        replaced('progress.step(f"loss', 'progress.step(f"the loss is'),
        NOTHING,
    ),
    ("a docstring of a baseline", "methods/temporal_copy.py", docstring_reworded, NOTHING),
    # What only watches, resolves, resumes or records.
    (
        "where a training resumes",
        "training/resuming.py",
        replaced("zip_longest(ours, theirs", "zip_longest(theirs, ours"),
        NOTHING,
    ),
    ("signals", "training/interruption.py", replaced("INTERRUPTED = 75", "INTERRUPTED = 76"), NOTHING),
    ("pictures along a training", "training/watching.py", replaced("GAP = 2", "GAP = 3"), NOTHING),
    ("pictures of stand-ins", "backbones/watching.py", replaced("1e-9", "1e-8"), NOTHING),
    ("utilisation", "training/utilisation.py", replaced("_ROUNDS = 5", "_ROUNDS = 6"), NOTHING),
    ("the command line", "cli.py", replaced("app = typer.Typer(", "app = typer.Typer(hidden=False,"), NOTHING),
    ("the running of jobs", "bridge/runner.py", replaced("ALONE = Portions()", "ALONE = Portions(1)"), NOTHING),
    # Params: a field is digested by its value.
    ("a field of sampling", "sampling/params.py", field_added("SamplerParams"), NOTHING),
    ("a field of training", "training/params.py", field_added("TrainingParams"), NOTHING),
    # Sampling.
    ("guidance", "sampling/guidance.py", replaced("with_text - without", "with_text - 1.0 * without"), GUIDED),
    ("windows", "sampling/windows.py", replaced("starts = sorted({0,", "starts = sorted({0, 0,"), GUIDED),
    ("a solver", "sampling/solvers.py", replaced("* ahead, image)", "* (1 * ahead), image)"), SAMPLED),
    ("the sampler's scheduler", "sampling/scheduler.py", replaced("steps_offset=1", "steps_offset=2"), SAMPLED),
    # Methods.
    ("tracking", "tracking/joining.py", replaced("_ALIKE = 0.5", "_ALIKE = 0.4"), {"completion by ours_tracked"}),
    ("ours as a method", "methods/sampler.py", replaced("2**31", "2**30"), GUIDED),
    ("a baseline", "progressive/clusters.py", replaced("_STARTS = 10", "_STARTS = 9"), {"completion by progressive"}),
    (
        "a trivial baseline that another one uses",
        "methods/temporal_copy.py",
        replaced("255", "254"),
        COPYING,
    ),
    (
        "a trivial baseline",
        "methods/copy_visible.py",
        replaced("on_white(frames_FHW3, visible_FHW)", "on_white(1 * frames_FHW3, visible_FHW)"),
        {"completion by copy_visible"},
    ),
    # What they are given.
    (
        "errors of masks",
        "completion/mask_errors.py",
        replaced("SPAN = 8", "SPAN = 9"),
        {"completion by ours, mask_noise"},
    ),
    (
        "wrong sentences",
        "completion/mismatched_captions.py",
        replaced("mismatched caption", "a mismatched caption"),
        {"completion by ours, caption_mismatched"},
    ),
    (
        "names of colours",
        "captions/colour_words.py",
        replaced("LEAST = 0.2", "LEAST = 0.3"),
        {"completion by ours, caption_colours"},
    ),
    (
        "the captioner",
        "captions/blip2.py",
        replaced("do_sample=False", "do_sample=bool(0)"),
        {"captions", "completion by ours, caption_visible"},
    ),
    ("which file makes a change", "completion/given.py", replaced('"mask_noise": Part(', '"noise": Part('), NOTHING),
    ("how a method is called in tables", "methods/registry.py", replaced('"Ours"', '"TGVAC"'), {"report", "dataset"}),
    # Training.
    ("the loop", "training/loop.py", replaced("ema.update(step)", "ema.update(step + 1)"), ALL_TRAININGS),
    (
        "the loop's arithmetic",
        "training/gradients.py",
        replaced("/ len(shares)", "/ (1 * len(shares))"),
        ALL_TRAININGS,
    ),
    ("the optimizer", "training/optimizers.py", replaced("foreach=False", "foreach=True"), ALL_TRAININGS),
    ("the objective", "training/objective.py", replaced("QUARTERS = 4", "QUARTERS = 5"), TRAININGS),
    ("the start of the frame model", "models/frame_start.py", replaced(".float()", ".float() * 1"), {"frame"}),
    (
        "the schedule",
        "models/schedule.py",
        replaced('"set_alpha_to_one": False', '"set_alpha_to_one": True'),
        {*ALL_TRAININGS, *SAMPLED},
    ),
    (
        "what networks predict",
        "models/noise_models.py",
        replaced("1.0 / alphas_T", "2.0 / alphas_T"),
        {*TRAININGS, *SAMPLED},
    ),
    ("motion modules", "models/motion_unet.py", replaced("norm.affine", "not norm.affine"), {"motion", *GUIDED}),
    ("the cache of latents", "latents/encoding.py", replaced("part(", "section("), {*ALL_TRAININGS, "latents"}),
    # Data, metrics, report.
    ("the world's pictures", "world/render.py", replaced("255", "254"), {"sources"}),
    ("masks along flow", "masks/flow.py", changed_number, {"masks"}),
    (
        "the placement of occluders",
        "synthesis/placements.py",
        changed_number,
        {"synthesis", "dataset", "report"},
    ),
    ("a metric", "metrics/lpips.py", changed_number, {"metrics"}),
    ("intervals", "metrics/aggregate.py", changed_number, {"report"}),
    ("a table", "report/table2.py", changed_number, {"report"}),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("edited") / "tgvac"
    shutil.copytree(TREE.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_an_equal_copy_of_the_code_reruns_nothing(copy: Path) -> None:
    assert code_of(SourceTree(copy)) == code_now()


@pytest.mark.parametrize(("what", "file", "edit", "reruns"), EDITS, ids=[what for what, *_ in EDITS])
def test_an_edit_of_the_code_reruns_exactly(copy: Path, what: str, file: str, edit: Edit, reruns: set[str]) -> None:
    path = copy / file
    text = path.read_text(encoding="utf-8")
    try:
        assert edit(text) != text
        path.write_text(edit(text), encoding="utf-8")
        now = code_of(SourceTree(copy))
    finally:
        path.write_text(text, encoding="utf-8")
    assert {name for name, digest in now.items() if digest != code_now()[name]} == reruns, what


def test_a_new_method_reruns_no_other_method(copy: Path) -> None:
    registry, module = copy / "methods" / "registry.py", copy / "methods" / "grey.py"
    text = registry.read_text(encoding="utf-8")
    try:
        module.write_text((copy / "methods" / "copy_visible.py").read_text(encoding="utf-8"), encoding="utf-8")
        entry = '    "grey": Method(module="tgvac.methods.grey", label="Grey"),\n    "copy_visible": Method('
        registry.write_text(replaced('    "copy_visible": Method(', entry)(text), encoding="utf-8")
        now = code_of(SourceTree(copy))
    finally:
        registry.write_text(text, encoding="utf-8")
        module.unlink()
    assert {name for name, digest in now.items() if digest != code_now()[name]} == {"report", "dataset"}


VALUES: list[tuple[str, object, set[str]]] = [
    ("sampler.guidance", 3.0, SAMPLED),
    ("sampler.steps", 7, SAMPLED | {"report"}),
    ("samples.every", 5, NOTHING),
    ("checkpoints.every", 7, NOTHING),
    ("checkpoints.log_every", 7, ALL_TRAININGS),
    ("progressive.swap", 0.4, {"completion by progressive"}),
    ("trivial.reach", 3, COPYING),
    ("frame.lr", 1e-5, {"frame"}),
    ("motion_module.heads", 2, {"motion", *OURS}),
    ("diffusion.beta_end", 0.013, {*ALL_TRAININGS, *SAMPLED}),
    ("completion.white_threshold", 200, {*GUIDED, "completion by autoencoder"}),
    ("metrics.bootstrap", 10, {"report"}),
    ("captions.template", "one {category}", {"captions", "completion by ours, caption_category"}),
    ("fetch.workers", 2, NOTHING),
]


def changed(params: Params, key: str, value: object) -> Params:
    block, _, leaf = key.partition(".")
    return params.model_copy(update={block: getattr(params, block).model_copy(update={leaf: value})})


def test_a_default_that_an_entry_relies_on_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    params = load_params(ROOT, SCALE)
    assert params.methods["ours/full"] == MethodParams()
    before = {name: params_digest(params, phase, options) for name, (phase, options) in jobs().items()}
    # As if the default of `motion` were False, and an entry said nothing of it.
    methods = {**params.methods, "ours/full": MethodParams(motion=False)}
    variants = {**params.variants, "full": VariantParams(mask=False)}
    after = params.model_copy(update={"methods": methods, "variants": variants})
    moved = {name for name, (phase, options) in jobs().items() if params_digest(after, phase, options) != before[name]}
    assert moved >= {*TRAININGS, *OURS}


def test_what_a_file_of_the_paper_means_counts_as_code(copy: Path) -> None:
    path = copy / "report" / "paper.py"
    text = path.read_text(encoding="utf-8")
    try:
        path.write_text(replaced("published_only: bool = False", "published_only: bool = True")(text), encoding="utf-8")
        now = code_of(SourceTree(copy))
    finally:
        path.write_text(text, encoding="utf-8")
    assert {name for name, digest in now.items() if digest != code_now()[name]} >= {"report"}


@pytest.mark.parametrize(("key", "value", "reruns"), VALUES, ids=[key for key, *_ in VALUES])
def test_a_changed_param_reruns_exactly(key: str, value: object, reruns: set[str]) -> None:
    before = load_params(ROOT, SCALE)
    after = changed(before, key, value)
    assert after != before
    moved = {
        name
        for name, (phase, options) in jobs().items()
        if params_digest(before, phase, options) != params_digest(after, phase, options)
    }
    assert moved == reruns
