"""The page's pictures: strips and videos of samples chosen by a rule, and a sheet of many samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tgvac.clips.captions import read_captions
from tgvac.clips.images import encode_png
from tgvac.clips.recipe import Recipe
from tgvac.clips.track import file_stem
from tgvac.clips.video import write_mp4
from tgvac.completion.evaluated import SHORT, frames_of
from tgvac.completion.params import EvaluationParams
from tgvac.files import writing
from tgvac.methods.registry import Methods, label_of
from tgvac.progress import with_progress
from tgvac.report.choice import Choice, choose
from tgvac.report.methods import HEADLINE, of_quality
from tgvac.report.page import Gallery, Picture
from tgvac.report.params import ReportParams
from tgvac.report.samples import Outputs, mean_rates, read_sample
from tgvac.report.scores import Measured
from tgvac.report.sheets import Tiles, sheet
from tgvac.report.strips import layers, rate_words, side_by_side, spaced, strip
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener

RANKED_BY = "hidden_psnr"


def draw_pictures(
    ctx: Context,
    report: ReportParams,
    evaluation: EvaluationParams,
    methods: Methods,
    numbers: Measured,
    recipes: Sequence[Recipe],
    occlusion: Mapping[str, Sequence[float]],
) -> Gallery:
    """Write ``strips/``, ``videos/`` and ``sheet.png``, and return them with the rule in words, which the page prints.

    Samples are ranked by the first method that has a PSNR of hidden pixels.
    """
    compared = of_quality(evaluation.methods, methods)
    known = {name: _values(numbers, name) for name in (HEADLINE, *compared)}
    ranks = {name: found for name, found in known.items() if found}
    if not ranks:
        return Gallery("No method has a PSNR of hidden pixels to rank samples by.", (), ())
    by, values = next(iter(ranks.items()))
    rates = {r.recipe: occlusion[r.recipe][: frames_of(r, evaluation, SHORT)] for r in recipes}
    values = {name: value for name, value in values.items() if name in rates}
    hard_from = numbers.metrics.hard_from
    chosen = choose(values, rates, hard_from, report.strips)
    rule = (
        f"Samples of the split '{evaluation.split}' are ranked by the mean PSNR of hidden pixels of “{label_of(by)}”,"
        f" separately for easy samples (mean occlusion below {hard_from * 100:g} %) and hard ones. Of each class the"
        " median, the best and the worst are shown, then evenly spaced ranks between them. Ties go to the smaller id."
        " Below each method's name is its own mean PSNR of that sample's hidden pixels."
        f" {len(values):,} of {len(recipes):,} samples have hidden pixels and so a rank."
    )
    clips = RecipeClips(recipes, track_opener(ctx))
    captions = read_captions(ctx.results / "captions" / "captions.parquet")
    outputs, means = Outputs(ctx, evaluation, methods), mean_rates(recipes, occlusion, evaluation)
    strips: list[Picture] = []
    videos: list[Picture] = []
    for choice in with_progress(chosen, ctx.label, len(chosen)):
        name = choice.sample
        sample = read_sample(
            name,
            means[name],
            clips=clips,
            captions=captions,
            outputs=outputs,
            methods=compared,
            hidden_psnr={method: value[name] for method, value in known.items() if name in value},
            evaluation=evaluation,
        )
        image_HW3 = strip(sample, report.strip_frames, report.zoom)
        path = ctx.out / "strips" / f"{file_stem(name)}.png"
        with writing(path) as part:
            part.write_bytes(encode_png(image_HW3))
        shown = tuple(label for label, _ in layers(sample))
        height, width = image_HW3.shape[:2]
        strips.append(Picture(path, name, sample.caption, sample.rate, width, height, _why(choice), shown))
        if choice.group not in {picture.path.stem for picture in videos}:
            panels_FHW3 = side_by_side(sample, report.zoom)
            path = ctx.out / "videos" / f"{choice.group}.mp4"
            write_mp4(path, panels_FHW3, report.fps)
            height, width = panels_FHW3.shape[1:3]
            videos.append(Picture(path, name, sample.caption, sample.rate, width, height, _why(choice), shown))
    glance = _at_a_glance(ctx, report, by, values, rates, clips, outputs)
    return Gallery(rule, tuple(strips), tuple(videos), glance)


def _at_a_glance(
    ctx: Context,
    report: ReportParams,
    by: str,
    values: Mapping[str, float],
    rates: Mapping[str, Sequence[float]],
    clips: RecipeClips,
    outputs: Outputs,
) -> Picture | None:
    """Write ``sheet.png``: many samples, each with its most hidden frame as input, completion and truth."""
    ranked = sorted(values, key=lambda name: (-values[name], name))
    chosen = [ranked[i] for i in spaced(len(ranked), report.sheet)] if report.sheet else []
    samples = []
    for name in with_progress(chosen, f"{ctx.label}: at a glance", len(chosen)):
        frame = int(np.nanargmax(rates[name]))
        clip, completed_FHW3 = clips.render(name, [frame]), outputs.read(by, name)
        if completed_FHW3 is None:
            continue
        note = f"{rate_words(rates[name][frame])}, {values[name]:.1f} dB"
        samples.append(Tiles(name, note, (clip.frames_FHW3[0], completed_FHW3[frame], clip.whole_FHW3[0])))
    if not samples:
        return None
    image_HW3 = sheet(samples, report.sheet_columns, report.sheet_side)
    path = ctx.out / "sheet.png"
    with writing(path) as part:
        part.write_bytes(encode_png(image_HW3))
    height, width = image_HW3.shape[:2]
    why = f"{len(samples):,} of {len(ranked):,} samples, from the best to the worst by the rule above"
    return Picture(path, "", "", 0.0, width, height, why, ("Input", label_of(by), "Truth"))


def _values(numbers: Measured, name: str) -> Mapping[str, float]:
    of = numbers.find(name)
    return numbers.sample_means(of, RANKED_BY) if of else {}


def _why(choice: Choice) -> str:
    """Why a sample is shown, for its caption: 'easy, median (rank 4 of 7, 14.21 dB)'."""
    places = " and ".join(choice.why)
    return f"{choice.group}, {places} (rank {choice.rank} of {choice.of} from the worst, {choice.value:.2f} dB)"
