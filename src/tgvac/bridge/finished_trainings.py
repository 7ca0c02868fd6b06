"""The finished trainings of a scale, read from ``results/`` for a tracking server; knows no server.

A training is one variant and seed of ``frame`` or ``motion``, or a part of the backbones that was trained at this
scale. A training that is not finished, or was made with other params than the scale has now, is left out with the
reason: its true params are not known.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.params import Params
from tgvac.phase_spec import Phase
from tgvac.phases import PHASES, deciding_params, params_digest
from tgvac.provenance import read_record
from tgvac.scales import leaves


@dataclass(frozen=True)
class FinishedTraining:
    """One finished training.

    Attributes:
        identity: SHA-256 (hex) of phase, variant, seed and provenance (params, code, inputs, bytes made). A training
            that was interrupted and resumed has the same identity, since it ends in the same bytes.
        params: by dotted name, as text.
        events: what the training logged, in order of steps; each has ``step``.
        watched: what was logged beside it and decides nothing: the loss on held-out data, and speed.
        inputs: the files it read, below ``results/<scale>/``, with their digests.
        code: digest of the code of the phase.
        index: the file that names all that it made, below ``results/<scale>/``, and its digest.
        samples: sample images made during the training, in order of steps.
        ended: when its files were finished, in seconds since 1970.
        lasted: seconds that its last attempt took, if the workflow measured them.
    """

    scale: str
    phase: str
    variant: str
    seed: int
    identity: str
    params: dict[str, str]
    events: tuple[dict[str, float], ...]
    watched: tuple[dict[str, float], ...]
    inputs: dict[str, str]
    code: str
    index: tuple[str, str]
    samples: tuple[Path, ...]
    ended: float
    lasted: float | None

    @property
    def name(self) -> str:
        return f"{self.phase}/{self.variant}/seed{self.seed}"


def find_trainings(root: Path, scale: str, params: Params) -> tuple[list[FinishedTraining], list[str]]:
    """The finished trainings of a scale, and a sentence for each one that is left out.

    Raises:
        BadInput: when the scale has no results, or a file of events is damaged.
    """
    results = root / "results" / scale
    if not results.is_dir():
        raise BadInput(f"{results} does not exist; make it by `tgvac run --scale {scale}`, then import its trainings.")
    runs, left_out = [], []
    for phase in PHASES:
        folder = results / phase.name
        if phase.trains:
            found = [(path, path.parent / "index.json", *_names(path)) for path in folder.glob("*/seed*/events.jsonl")]
        else:
            seed = getattr(getattr(params, phase.name, None), "seed", 0)
            found = [(path, folder / "index.json", path.stem, seed) for path in folder.glob("events/*.jsonl")]
        for events, index, variant, seed in sorted(found):
            name = f"{phase.name}/{variant}/seed{seed}"
            record = read_record(index)
            if record is None:
                left_out.append(f"{name} is not finished; `tgvac run --scale {scale}` finishes it.")
            elif record["params"] != params_digest(params, phase, _options(phase, variant)):
                left_out.append(
                    f"{name} was made with other params than scale '{scale}' has now;"
                    f" `tgvac run --scale {scale}` makes it again."
                )
            else:
                runs.append(_run(root, scale, params, phase, events, index, variant, seed, record))
    return runs, left_out


def _names(events: Path) -> tuple[str, int]:
    """Variant and seed of ``<variant>/seed<k>/events.jsonl``."""
    return events.parent.parent.name, int(events.parent.name.removeprefix("seed"))


def _options(phase: Phase, variant: str) -> dict[str, str]:
    """The options of the training's job on which its params depend; all parts of the backbones are one job."""
    return {"variant": variant} if "variant" in phase.wildcards else {}


def _run(
    root: Path,
    scale: str,
    params: Params,
    phase: Phase,
    events: Path,
    index: Path,
    variant: str,
    seed: int,
    record: dict[str, Any],
) -> FinishedTraining:
    results = root / "results" / scale
    decided = deciding_params(params, phase, _options(phase, variant))
    benchmark = root / "benchmarks" / scale / phase.name / f"{variant}-seed{seed}.tsv"
    # Parts of the backbones share a folder, but each has its own folder of samples.
    watched = index.parent / "samples" / ("" if "variant" in phase.wildcards else variant)
    return FinishedTraining(
        scale=scale,
        phase=phase.name,
        variant=variant,
        seed=seed,
        identity=digest([scale, phase.name, variant, seed, record]),
        params={"variant": variant, "seed": str(seed), **_flat(decided)},
        events=tuple(
            _events(events, f"delete {index} and make it again by `tgvac run --scale {scale} --target {phase.name}`")
        ),
        watched=tuple(
            event
            for path in sorted(watched.glob("*.jsonl"))
            for event in _events(path, "delete it, since it decides nothing")
        ),
        inputs=record["inputs"],
        code=record["code"],
        index=(index.relative_to(results).as_posix(), record["output"]["sha256"]),
        samples=tuple(sorted(watched.glob("step-*.png"))),
        ended=index.stat().st_mtime,
        lasted=_seconds(benchmark),
    )


def _flat(tree: dict[str, Any]) -> dict[str, str]:
    """Leaves by dotted name; text as it is, everything else as JSON."""
    flat = {}
    for path in leaves(tree):
        value: Any = tree
        for key in path:
            value = value[key]
        # MLflow allows no braces; a block whose entry the options chose is called by the block's name.
        name = ".".join(part for part in ".".join(path).split(".") if not part.startswith("{"))
        flat[name] = value if isinstance(value, str) else json.dumps(value)
    return flat


def _events(path: Path, remedy: str) -> Iterator[dict[str, float]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            event = json.loads(line)
            yield {"step": int(event["step"]), **{k: float(v) for k, v in event.items() if k != "step"}}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise BadInput(f"{path}, line {number}, is not an event of a training; {remedy}.") from None


def _seconds(benchmark: Path) -> float | None:
    """The duration that Snakemake measured: seconds, in column ``s`` of a table of one row."""
    if not benchmark.is_file():
        return None
    with benchmark.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    return float(rows[-1]["s"]) if rows and rows[-1].get("s") else None
