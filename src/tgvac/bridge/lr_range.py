"""``tgvac lr-range``: a learning-rate range test of a stage. It is not a phase, and nothing reads its files."""

from __future__ import annotations

import importlib
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.files import write_text, writing
from tgvac.methods.registry import trained_phases
from tgvac.params import load_params
from tgvac.phases import block_names, phase
from tgvac.stage import Context

STAGES = trained_phases()


def run_lr_range(
    root: Path,
    scale: str,
    stage: str,
    lowest: float,
    highest: float,
    steps: int,
    probe: int,
    every: int,
    out: Path | None,
    device: str,
) -> str:
    """Run the test, write ``<scale>-<stage>.csv`` and ``.png``, and return a summary.

    Args:
        out: the folder of the files; None means ``results/<scale>/lr-range``.

    Raises:
        BadInput: when the stage is unknown, or the rates or steps make no range.
    """
    if stage not in STAGES:
        raise BadInput(f"'{stage}' is not a stage with a learning rate; give --stage frame or motion.")
    if not 0 < lowest < highest:
        raise BadInput(
            f"Learning rates from {lowest:g} to {highest:g} make no range; give --lowest below --highest, above 0."
        )
    if steps < 4 * every:
        raise BadInput(
            f"{steps} steps with a measurement every {every} are too few for a curve; give --steps {4 * every} or more."
        )
    params = load_params(root, scale)
    wanted = phase(stage)
    ctx = Context(root, scale, stage, "learning-rate range", device=device, options={"variant": "full", "seed": "0"})
    blocks = {name: getattr(params, name) for name in block_names((*wanted.blocks, *wanted.aside))}
    # Networks are imported only after the checks, since that takes seconds.
    from tgvac.training.lr_picture import as_csv, draw
    from tgvac.training.lr_range import RangeTest, found_in, range_test

    test = RangeTest(lowest, highest, steps, probe, every)
    training = importlib.import_module(wanted.module).training_of(ctx, **blocks)
    points = range_test(training, test, root / "scratch" / scale / "lr-range" / stage)
    found = found_in(points, test)
    folder = out or ctx.results / "lr-range"
    write_text(folder / f"{scale}-{stage}.csv", as_csv(points))
    chosen = float(getattr(params, stage).lr)
    with writing(folder / f"{scale}-{stage}.png") as part:
        part.write_bytes(draw(points, found, chosen, f"{scale}, {stage}: batch {getattr(params, stage).batch}"))
    ended = "" if found.ended is None else f", ended at {found.ended:.1e}"
    return (
        f"{scale}, {stage}: the probe falls fastest at {found.steepest:.1e} and is lowest at {found.lowest:.1e}{ended};"
        f" a tenth of that is {found.tenth:.1e}, and the scale trains with {chosen:.1e}."
        f" Curve and table are in {folder}."
    )
