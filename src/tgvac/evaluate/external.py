"""``tgvac evaluate --truth``: score a folder of outputs on a data set that comes with the truth.

external/<data set>/<name>/rows.parquet              its rows
external/<data set>/<name>/tables/<table>.{csv,…}    masks, masks_against; colours, colours_against; estimates.csv
external/<data set>/<name>/left_out.csv              samples and folders without rows, with the reason
external/<data set>/<name>/index.json                digests of these files
external/<data set>/<name>/evaluation.json           the data set, the method, and digests of the truth
"""

from __future__ import annotations

from pathlib import Path

from tgvac.clips.export_record import EXPORT_FILE, ExportRecord, read_export
from tgvac.clips.outputs import Outputs
from tgvac.clips.rows import join_row_files, read_frame
from tgvac.devices import device_of
from tgvac.errors import BadInput
from tgvac.evaluate.command import Evaluated, check_word, is_evaluation, write_files_index
from tgvac.evaluate.external_scoring import score_external
from tgvac.evaluate.external_tables import FORMAT, MARK, external_tables, measured, summary, together
from tgvac.external.export import SCALE, left_out_csv
from tgvac.external.truth import ExternalClips, open_truth
from tgvac.files import locked, write_json, write_text
from tgvac.folders import refuse_others, replacing
from tgvac.params import load_params
from tgvac.report.basis import basis_of, read_basis
from tgvac.report.estimates import estimates_csv
from tgvac.report.paper import load_paper
from tgvac.report.table_files import write_table_files
from tgvac.stage import Context

_SCORED_BY = "scoring_clip"


def evaluate_external(
    root: Path, scale: str, given: str, folder: Path, name: str, inputs: Path | None, out: Path | None, device: str
) -> Evaluated:
    """Score outputs and write the tables, beside those of the evaluations in the same folder.

    Args:
        scale: whose params say how to score, and whose network scores where colours are known.
        given: the data set, as ``tabe51:FOLDER``.
        folder: the outputs, as :mod:`tgvac.clips.outputs` has them.
        inputs: the export that they were made of, or its ``export.json``; None: ``export.json`` is among them.
        out: where to write; None: ``results/external/<data set>/<name>``.

    Raises:
        BadInput: when no sample can be scored, the outputs were made of another data set, or there is no such device,
            though masks need none.
    """
    device_of(device)
    truth, params = open_truth(given), load_params(root, scale)
    check_word(name)
    out = (out or root / "results" / "external" / truth.name / name).absolute()
    refuse_others(out, "an earlier evaluation", _is_external)
    outputs = Outputs(folder)
    record = _record_of(outputs, inputs, truth)
    network, lead = _network(root, scale, params.backbones.shipped, truth)
    scratch = root / "scratch" / "external" / truth.name
    with locked(scratch / "locks" / f"{name}.lock"):
        scored, truths = score_external(scratch / name, params, name, truth, outputs, record, network, device)
        left_out = {**outputs.unknown(list(record.samples)), **scored.left_out}
        if not scored.parts:
            first = next(iter(scored.left_out.values()), "there is none")
            raise BadInput(f"No sample of {folder} can be scored, the first because of this: {first}")
        with replacing(out) as staged:
            join_row_files(scored.parts.values(), staged / "rows.parquet")
            found = together(name, read_frame(staged / "rows.parquet"), truths, out.parent, truth.name)
            numbers = measured(found.rows, params.metrics, params.report.smallest.by_metric())
            of, title = len(record.samples), truth.layout.title
            for table in external_tables(found, numbers, title, lead, of, truth.colours):
                write_table_files(staged / "tables", table)
            evaluation = params.evaluation.model_copy(update={"methods": ()})
            paper = load_paper(root / "reference" / "paper.yaml")
            write_text(staged / "tables" / "estimates.csv", estimates_csv(numbers, paper, evaluation, params.methods))
            write_text(staged / "left_out.csv", left_out_csv(left_out))
            write_files_index(staged)
            write_json(staged / MARK, {"format": FORMAT, "data_set": truth.name, "method": name, "truths": truths})
            # Scoring takes long, so files may have come in the meantime.
            refuse_others(out, "an earlier evaluation", _is_external)
    return Evaluated(
        out, left_out, len(scored.parts), of, (*summary(found, numbers, truth.colours), *found.said), "masks.html"
    )


def _is_external(folder: Path) -> bool:
    return is_evaluation(folder, FORMAT)


def _record_of(outputs: Outputs, inputs: Path | None, truth: ExternalClips) -> ExportRecord:
    record = outputs.record() if inputs is None else read_export(inputs / EXPORT_FILE if inputs.is_dir() else inputs)
    record.check_given()
    if record.scale != f"{SCALE}{truth.name}":
        raise BadInput(
            f"The outputs were made of an export of '{record.scale}', not of the data set '{truth.name}'; take what"
            f" `tgvac export --truth {truth.name}:FOLDER` writes."
        )
    return record


def _network(root: Path, scale: str, shipped: str, truth: ExternalClips) -> tuple[Path | None, str]:
    """The CLIP that scores, and what tables say of the numbers."""
    if not truth.colours:
        return None, (
            f"{truth.layout.title} has the masks of whole objects, and not their colours. So the scores are of masks,"
            " and of colours only where the object is seen, which the input shows. No network is part of them."
        )
    ctx = Context(root, scale, "evaluate", "")
    folder, basis = ctx.results / "backbones" / _SCORED_BY, read_basis(ctx, (truth.name,))
    if not folder.is_dir():
        folder, basis = root / shipped / _SCORED_BY, basis_of("shipped", (truth.name,))
    if not folder.is_dir():
        raise BadInput(
            f"Scale '{scale}' has no network that scores yet; run `tgvac stage backbones --scale {scale}` first, or"
            " restore the shipped one."
        )
    return folder, basis.sentence
