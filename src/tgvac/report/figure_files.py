"""Draws the figures of ``reference/figures.yaml`` from a scale's completions, and writes their files.

report/figures/<name>.png    frame by frame
report/figures/<name>.mp4    all panels in one video
report/figures/<name>.tex    a float with the picture and the caption
report/figures/samples.csv   which sample is in which figure, and why
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase

from tgvac.clips.captions import read_captions
from tgvac.clips.images import encode_png, on_white
from tgvac.clips.recipe import Recipe
from tgvac.clips.video import write_mp4
from tgvac.completion.evaluated import evaluated, frames_of
from tgvac.completion.params import EvaluationParams
from tgvac.files import write_text, writing
from tgvac.methods.params import MethodParams
from tgvac.methods.registry import Methods, seeds_of
from tgvac.progress import with_progress
from tgvac.report.basis import WORLD
from tgvac.report.figure_choice import Chosen, choose_samples
from tgvac.report.figure_drawing import Part, moving, still
from tgvac.report.figure_words import caption_of, figure_latex, lacking
from tgvac.report.figures import Figure
from tgvac.report.methods import stand_ins
from tgvac.report.page import Drawn
from tgvac.report.params import ReportParams
from tgvac.report.samples import Outputs, Sample, mean_rates, read_sample
from tgvac.report.scores import Measured
from tgvac.report.strips import VISIBLE, Layer
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener


class FigureDrawer:
    """Draws figures one after the other; in memory are the samples of one.

    Args:
        every: all recipes of the scale.
        occlusion: occlusion rates of the frames of all evaluated recipes.
        origin: of the backbones, as in :class:`tgvac.report.basis.Basis`.
    """

    def __init__(
        self,
        ctx: Context,
        report: ReportParams,
        evaluation: EvaluationParams,
        methods: Methods,
        numbers: Measured,
        every: Sequence[Recipe],
        occlusion: Mapping[str, Sequence[float]],
        origin: str,
    ) -> None:
        self._ctx, self._report, self._evaluation, self._methods = ctx, report, evaluation, methods
        self._numbers, self._every, self._occlusion = numbers, every, occlusion
        self._standins = stand_ins(evaluation.methods, methods, origin)
        self._clips = RecipeClips(every, track_opener(ctx))
        self._captions = read_captions(ctx.results / "captions" / "captions.parquet")
        self._outputs = Outputs(ctx, evaluation, methods)
        self._shown: set[str] = set()
        self._listed: list[tuple[object, ...]] = []

    def draw(self, figures: Mapping[str, Figure]) -> tuple[list[Drawn], list[Path]]:
        """Draw all figures in order; returns them, and all files."""
        drawn = [
            self._draw(name, figure)
            for name, figure in with_progress(list(figures.items()), f"{self._ctx.label}: figures", len(figures))
        ]
        folder = self._ctx.out / "figures"
        text = io.StringIO()
        sheet = csv.writer(text, lineterminator="\n")
        sheet.writerow(("figure", "part", "sample", "class", "place", "rank", "among", "lpips", "text"))
        sheet.writerows(self._listed)
        write_text(folder / "samples.csv", text.getvalue())
        files = [path for each in drawn for path in (each.picture, each.video) if path is not None]
        tex = [path.with_suffix(".tex") for path in files if path.suffix == ".png"]
        return drawn, [*files, *tex, folder / "samples.csv"]

    def _draw(self, name: str, figure: Figure) -> Drawn:
        rows, lacks = figure.rows(self._evaluation, self._methods)
        if missing := [need for need in figure.needs if need in lacks]:
            return Drawn(name, figure.title, figure.printed, (f"Not drawn: {lacking(figure, missing)}.",))
        recipes = self._recipes(figure)
        own = MethodParams(clips=figure.clips)
        rates = {r.recipe: self._occlusion[r.recipe][: frames_of(r, self._evaluation, own)] for r in recipes}
        lpips = {method: self._hidden_lpips(method) for method in (*rows.values(), figure.ranked_by)}
        chosen = choose_samples(
            name, figure, rates, lpips[figure.ranked_by], self._numbers.metrics.hard_from, self._shown
        )
        if not chosen:
            reason = f"Not drawn: no evaluated sample has the class and the LPIPS of “{figure.label(figure.ranked_by)}”"
            return Drawn(name, figure.title, figure.printed, (f"{reason} that its rule asks for.",))
        means = mean_rates(recipes, self._occlusion, self._evaluation, own)
        parts: list[Part] = []
        for letter, each in zip(ascii_lowercase, chosen, strict=False):
            sample = read_sample(
                each.sample,
                means[each.sample],
                clips=self._clips,
                captions=self._captions,
                outputs=self._outputs,
                methods=tuple(rows.values()),
                hidden_psnr={},
                evaluation=self._evaluation,
                of=own,
            )
            parts.append(_part(figure, rows, sample, each, letter if len(chosen) > 1 else "", lpips))
            value = lpips[figure.ranked_by].get(each.sample)
            named = (each.sample, each.group, each.place, each.rank or "", each.among)
            self._listed.append((name, letter, *named, "" if value is None else f"{value:.4f}", sample.caption))
        self._shown |= {each.sample for each in chosen}
        about = [f"{part.text}, {part.detail}" for part in parts]
        hard_from, split = self._numbers.metrics.hard_from, self._evaluation.split
        caption = caption_of(figure, about, rows, lacks, split, hard_from, self._real(), self._standins)
        return self._write(name, figure, parts, caption)

    def _write(self, name: str, figure: Figure, parts: Sequence[Part], caption: tuple[str, ...]) -> Drawn:
        picture, video = (self._ctx.out / "figures" / f"{name}.{suffix}" for suffix in ("png", "mp4"))
        image_HW3 = still(parts, figure.shown, self._report.zoom)
        with writing(picture) as part:
            part.write_bytes(encode_png(image_HW3))
        panels_FHW3 = moving(parts, self._report.zoom)
        write_mp4(video, panels_FHW3, self._report.fps)
        write_text(picture.with_suffix(".tex"), figure_latex(name, figure, caption))
        size, moved = image_HW3.shape, panels_FHW3.shape
        return Drawn(
            *(name, figure.title, figure.printed, caption, picture, video),
            size=(size[1], size[0]),
            video_size=(moved[2], moved[1]),
        )

    def _real(self) -> tuple[str, ...]:
        """The sources of the evaluated split that are not of the procedural world."""
        mine = {r.source for r in self._every if r.split == self._evaluation.split}
        return tuple(sorted(source for source in mine if not source.startswith(WORLD)))

    def _recipes(self, figure: Figure) -> list[Recipe]:
        recipes = evaluated(self._every, self._evaluation, MethodParams(clips=figure.clips))
        real = self._real() if figure.natural else ()
        return [r for r in recipes if not real or r.source in real]

    def _hidden_lpips(self, method: str) -> dict[str, float]:
        """The mean LPIPS of each sample's completion that is shown, over frames with hidden parts."""
        if (of := self._numbers.find(method)) is None:
            return {}
        rows = self._numbers.rows_of(of, "lpips", "all")
        first = seeds_of(method, self._evaluation.train_seeds, self._methods)[0]
        # Untrained methods have a negative seed.
        shown = (rows["train_seed"] == first) | (rows["train_seed"] < 0)
        rows = rows[rows["value"].notna() & (rows["rate"] > 0) & shown]
        means = rows.groupby("sample", observed=True, sort=True)["value"].mean()
        return {str(sample): float(value) for sample, value in means.items()}


def _part(
    figure: Figure,
    rows: Mapping[str, str],
    sample: Sample,
    chosen: Chosen,
    letter: str,
    lpips: Mapping[str, Mapping[str, float]],
) -> Part:
    clip, end = sample.clip, figure.frames
    layers = [
        Layer("Input", clip.frames_FHW3[:end]),
        Layer(VISIBLE, on_white(clip.frames_FHW3[:end], clip.visible_FHW[:end])),
    ]
    for wanted, method in rows.items():
        rgb_FHW3, value = sample.completions[method], lpips[method].get(chosen.sample)
        label = figure.labels.get(wanted) or figure.label(method)
        note = "" if value is None else f"LPIPS {value:.3f}"
        layers.append(Layer(label, None if rgb_FHW3 is None else rgb_FHW3[:end], note))
    layers.append(Layer("Truth", clip.whole_FHW3[:end]))
    text = f"“{sample.caption}”" if sample.caption else "(no text)"
    detail = f"{chosen.sample}: {chosen.words}, {sample.rate * 100:.0f} % hidden on average"
    return Part(f"({letter}) {text}" if letter else text, detail, layers, clip.occlusion_F[:end])
