"""``tgvac evaluate``: score a folder of outputs on a scale's data set, beside the methods that the scale has scored.

evaluate/<name>/rows.parquet              its rows, as those of phase metrics
evaluate/<name>/tables/<table>.{csv,…}    table2, against, differences; estimates.csv
evaluate/<name>/left_out.csv              samples and folders without rows, with the reason
evaluate/<name>/index.json                digests of these files
evaluate/<name>/evaluation.json           says that the folder is an evaluation, and which
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tgvac.clips.export_record import EXPORT_FILE, ExportRecord, read_export
from tgvac.clips.outputs import Outputs
from tgvac.clips.recipe import read_recipes
from tgvac.clips.rows import join_row_files, read_frame
from tgvac.devices import device_of
from tgvac.errors import BadInput
from tgvac.evaluate.samples import evaluated_frames, named
from tgvac.evaluate.scoring import Scored, score
from tgvac.evaluate.tables import beside, rows_of_scale, summary, tables
from tgvac.files import locked, sha256, write_json, write_text
from tgvac.folders import refuse_others, replacing
from tgvac.methods.registry import EXTERNAL, REGISTRY
from tgvac.params import Params, load_params
from tgvac.report.basis import read_basis
from tgvac.report.estimates import estimates_csv
from tgvac.report.paper import load_paper
from tgvac.report.scores import Measured
from tgvac.report.table_files import write_table_files
from tgvac.report.voted import read_preference
from tgvac.shards import Entry, read_index, write_index
from tgvac.stage import Context

_INDEX = "index.json"
_MARK = "evaluation.json"
_FORMAT = "tgvac-evaluation-1"
_LETTERS = 64


@dataclass(frozen=True)
class Evaluated:
    """The outcome, for the command line.

    Attributes:
        left_out: sentences by sample or folder.
        scored, of: numbers of samples.
        lines: the scores in short.
        table: the file of the first table.
    """

    out: Path
    left_out: Mapping[str, str]
    scored: int
    of: int
    lines: tuple[str, ...]
    table: str = "table2.html"


def evaluate(
    root: Path, scale: str, folder: Path, name: str, inputs: Path | None, out: Path | None, device: str
) -> Evaluated:
    """Score outputs and write the tables; an earlier evaluation of the name is replaced when the new one is complete.

    Args:
        folder: the outputs, as :mod:`tgvac.clips.outputs` has them.
        inputs: the export that they were made of, or its ``export.json``; None: ``export.json`` is among them.
        out: where to write; None: ``results/<scale>/evaluate/<name>``.

    Raises:
        BadInput: when no sample can be scored, or outputs were made of other clips.
    """
    device_of(device)
    params, ctx = load_params(root, scale), Context(root, scale, "evaluate", "", device=device)
    check_name(name, params, scale)
    out = (out or ctx.out / name).absolute()
    refuse_others(out, "an earlier evaluation", _is_evaluation)
    outputs = Outputs(folder)
    record = _record_of(outputs, inputs)
    record.check_given()
    frames = evaluated_frames(ctx, params.evaluation)
    if not (ctx.results / "backbones" / "scoring_clip").is_dir():
        raise BadInput(
            f"Scale '{scale}' has no network that scores yet; run `tgvac run --scale {scale} --target metrics` first."
        )
    if not any(outputs.folder(sample) for sample in frames):
        raise BadInput(
            f"{folder} has none of the {len(frames)} samples that scale '{scale}' evaluates, such as"
            f" {named(frames)}; its folders are {named(outputs.unknown(()))}."
        )
    with locked(root / "scratch" / scale / "locks" / f"evaluate-{name}.lock"):
        scored = score(ctx, params, name, outputs, record, frames)
        if not scored.parts:
            raise BadInput(f"No sample of {folder} can be scored, the first because of this: {_first(scored)}")
        every = [r.recipe for r in read_recipes(ctx.results / "synthesis" / "recipes.parquet")]
        left_out = {**outputs.unknown(every), **scored.left_out}
        lines = _write(ctx, params, name, scored, left_out, len(frames), out)
        if more := sum(1 for sample in every if sample not in frames and outputs.folder(sample)):
            lines.append(f"{more} more samples of {folder} are not evaluated at this scale, so they are not scored.")
    return Evaluated(out, left_out, len(scored.parts), len(frames), tuple(lines))


def check_name(name: str, params: Params, scale: str) -> None:
    """Refuse a name that is not one, that is too long for a file, or that a method of the scale has.

    Raises:
        BadInput: with the name.
    """
    check_word(name)
    if name in REGISTRY or f"{EXTERNAL}/{name}" in params.methods:
        raise BadInput(f"Scale '{scale}' has a method called '{name}' already; choose another --method-name.")


def check_word(name: str) -> None:
    """Refuse a name that is not one, or that is too long for a file.

    Raises:
        BadInput: with the name.
    """
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise BadInput(f"'--method-name {name}' is no name; write it in lower case, digits and underscores.")
    if len(name) > _LETTERS:
        raise BadInput(
            f"'--method-name {name[:20]}…' has {len(name)} letters; take at most {_LETTERS}, since files are named so."
        )


def _record_of(outputs: Outputs, inputs: Path | None) -> ExportRecord:
    if inputs is None:
        return outputs.record()
    return read_export(inputs / EXPORT_FILE if inputs.is_dir() else inputs)


def _is_evaluation(folder: Path) -> bool:
    return is_evaluation(folder, _FORMAT)


def is_evaluation(folder: Path, form: str) -> bool:
    """Whether a folder has an evaluation of a format and nothing else, so that it can be deleted.

    Raises:
        BadInput: when it has other files, too.
    """
    try:
        if json.loads((folder / _MARK).read_text(encoding="utf-8"))["format"] != form:
            return False
        written = {_INDEX, _MARK, *(entry.file for entry in read_index(folder / _INDEX).values())}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    found = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()
    }
    if others := sorted(found - written):
        raise BadInput(
            f"{folder} is an earlier evaluation, but has other files in it, too: {named(others)}; move them, or give"
            " another folder."
        )
    return True


def _first(scored: Scored) -> str:
    return next(iter(scored.left_out.values()))


def _write(
    ctx: Context, params: Params, name: str, scored: Scored, left_out: Mapping[str, str], of: int, out: Path
) -> list[str]:
    with replacing(out) as staged:
        join_row_files(scored.parts.values(), staged / "rows.parquet")
        found = beside(f"{EXTERNAL}/{name}", read_frame(staged / "rows.parquet"), rows_of_scale(ctx), params)
        preference = read_preference(ctx, params.evaluation, params.methods, params.study.exclude)
        masks, smallest = params.evaluation.mask_source, params.report.smallest.by_metric()
        numbers = Measured(found.rows, params.metrics, masks, preference, smallest)
        paper = load_paper(ctx.root / "reference" / "paper.yaml")
        recipes = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
        basis = read_basis(ctx, tuple(sorted({r.source for r in recipes})))
        for table in tables(found, numbers, paper, basis, params, of):
            write_table_files(staged / "tables", table)
        evaluation = params.evaluation.model_copy(update={"methods": found.names})
        write_text(staged / "tables" / "estimates.csv", estimates_csv(numbers, paper, evaluation, params.methods))
        write_text(staged / "left_out.csv", _csv(left_out))
        write_files_index(staged)
        write_json(staged / _MARK, {"format": _FORMAT, "scale": ctx.scale, "method": name})
        # Scoring takes long, so files may have come in the meantime.
        refuse_others(out, "an earlier evaluation", _is_evaluation)
    return [*summary(found, numbers), *found.said]


def _csv(left_out: Mapping[str, str]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([("name", "reason"), *sorted(left_out.items())])
    return stream.getvalue()


def write_files_index(folder: Path) -> None:
    """Write the digests of all files that are in a folder."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    names = [p.relative_to(folder).as_posix() for p in files]
    write_index(folder / _INDEX, [Entry(n, n, sha256(p), p.stat().st_size) for n, p in zip(names, files, strict=True)])
