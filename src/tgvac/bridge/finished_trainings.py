"""The trainings of a scale as they lie in ``results/``, ready for a tracking server; knows no server.

A run is a training of ``frame`` or ``motion`` (one variant, one seed), or one part of the backbones that
was trained here. What is not whole, or was made with other params than the scale has now, is left out
with the reason: its params could not be told truthfully.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgvac.config import digest, leaves
from tgvac.errors import BadInput
from tgvac.params import Params
from tgvac.phases import PHASES, Phase, deciding_params, params_digest
from tgvac.provenance import read_record


@dataclass(frozen=True)
class TrackedRun:
    """One finished training.

    Attributes:
        identity: of phase, variant, seed and provenance (params, code, inputs, bytes made), SHA-256 hex. The same
            training has the same identity, also when it was interrupted and went on, for it ends in the same bytes.
        params: by dotted name, as text.
        events: what the training noted, in order of steps; each has ``step``.
        watched: what was noted beside it, and decides nothing: the loss on what is held out, and speed.
        inputs: the files it read, below ``results/<scale>/``, with their digests.
        code: digest of the code behind the phase.
        index: the file that names all that it made, below ``results/<scale>/``, and its digest.
        samples: pictures made while it trained, in order of steps.
        ended: when its files were finished, seconds since 1970.
        lasted: seconds of its last attempt, where the workflow measured them.
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


def find_tracked(root: Path, scale: str, params: Params) -> tuple[list[TrackedRun], list[str]]:
    """The runs of a scale, and a sentence for each that is left out.

    Raises:
        BadInput: when the scale has no results, or a file of events is damaged.
    """
    results = root / "results" / scale
    if not results.is_dir():
        raise BadInput(f"{results} does not exist; make it by `tgvac run --scale {scale}`, then track its runs.")
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
                left_out.append(f"{name} is not whole; `tgvac run --scale {scale}` finishes it.")
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
    """Of the job that trained it, as far as they decide which params do; parts of backbones are one job."""
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
) -> TrackedRun:
    results = root / "results" / scale
    decided = deciding_params(params, phase, _options(phase, variant))
    benchmark = root / "benchmarks" / scale / phase.name / f"{variant}-seed{seed}.tsv"
    # Parts of the backbones share a folder, and have one each for what was looked at.
    watched = index.parent / "samples" / ("" if "variant" in phase.wildcards else variant)
    return TrackedRun(
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
    out = {}
    for path in leaves(tree):
        value: Any = tree
        for key in path:
            value = value[key]
        # MLflow takes no braces; a block whose entry the run's options chose goes by the block's name.
        name = ".".join(part for part in ".".join(path).split(".") if not part.startswith("{"))
        out[name] = value if isinstance(value, str) else json.dumps(value)
    return out


def _events(path: Path, remedy: str) -> Iterator[dict[str, float]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            event = json.loads(line)
            yield {"step": int(event["step"]), **{k: float(v) for k, v in event.items() if k != "step"}}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise BadInput(f"{path}, line {number}, is not an event of a training; {remedy}.") from None


def _seconds(benchmark: Path) -> float | None:
    """The duration that Snakemake measured; a table of one row whose column ``s`` holds seconds."""
    if not benchmark.is_file():
        return None
    with benchmark.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    return float(rows[-1]["s"]) if rows and rows[-1].get("s") else None
