"""``tgvac study build``: chooses videos, writes them under blinded names, and draws the participants' codes."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completions
from tgvac.clips.recipe import Recipe, read_recipes
from tgvac.clips.tables import read_table
from tgvac.clips.video import write_mp4
from tgvac.clips.votes import Origin, completion_digest
from tgvac.completion.evaluated import SHORT, evaluated, frames_of
from tgvac.completion.params import EvaluationParams
from tgvac.completion.shards import all_shards
from tgvac.config import nearest
from tgvac.errors import BadInput
from tgvac.files import write_text
from tgvac.folders import refuse_others, replacing
from tgvac.methods.registry import label_of, seeds_of
from tgvac.params import Params, load_params
from tgvac.preference.params import StudyParams
from tgvac.progress import with_progress
from tgvac.report.methods import BASELINES, answer_to
from tgvac.stage import Context
from tgvac.study.ballot import media_name, same_time
from tgvac.study.checking import answers
from tgvac.study.choosing import Candidate, candidates, choose
from tgvac.study.holding import holding
from tgvac.study.outlining import outlined
from tgvac.study.plan import (
    INPUT,
    MEDIA,
    MOST_METHODS,
    PLAN,
    STORE,
    TRUTH,
    Item,
    Plan,
    Study,
    new_secret,
    open_study,
)
from tgvac.study.store import Store, write_codes
from tgvac.synthesis.clips import RecipeClips, track_opener
from tgvac.synthesis.synthesis_stage import OCCLUSION_FORMAT

_LONGEST_CONTACT = 200


@dataclass(frozen=True)
class Wishes:
    """What a study is asked to be.

    Attributes:
        methods: three or more; empty: the paper's three, where the scale evaluates them.
        participants: how many codes are drawn at first.
        seed: names the draw of videos.
        origin: ``synthetic`` for tests of this program, whose votes no table shows.
        contact: whom participants may ask.
    """

    methods: tuple[str, ...] = ()
    participants: int = 20
    seed: str = "study"
    origin: Origin = "people"
    contact: str = ""


def build(root: Path, scale: str, out: Path, wishes: Wishes, changes: Mapping[str, object] | None = None) -> Study:
    """Write a study's folder; an earlier study there is replaced only if nobody has voted in it.

    Args:
        changes: keys of the params' block ``study`` that the command line sets.

    Raises:
        BadInput: too few methods or videos, completions that are missing or of other lengths than their clips, or a
            folder with votes or forms, or one that is served.
    """
    params = load_params(root, scale)
    study_params = params.study.model_validate({**params.study.model_dump(), **(changes or {})})
    if len(wishes.contact) > _LONGEST_CONTACT:
        raise BadInput(f"--contact has {len(wishes.contact)} characters; give at most {_LONGEST_CONTACT}.")
    with contextlib.ExitStack() as held:
        if (out / PLAN).is_file():
            # No server may take votes into a folder that is about to be deleted.
            held.enter_context(holding(out, "build anew"))
        refuse_others(out, "a study without votes", has_no_votes)
        return _build(root, scale, out, wishes, params, study_params)


def _build(root: Path, scale: str, out: Path, wishes: Wishes, params: Params, study_params: StudyParams) -> Study:
    ctx = Context(root, scale, "study", "")
    methods = _methods(wishes.methods, params)
    recipes = evaluated(read_recipes(ctx.results / "synthesis" / "recipes.parquet"), params.evaluation, SHORT)
    shown = _Shown(ctx, params.evaluation, params, methods)
    rates = _rates(ctx, recipes, params.evaluation)
    complete = [r for r in recipes if all(r.recipe in shown.where[method] for method in methods)]
    if not complete:
        raise BadInput(
            f"Scale '{scale}' has no video that {', '.join(methods)} all completed; run `tgvac run --scale {scale}"
            " --target completion` first."
        )
    found = candidates(complete, rates, params.metrics.hard_from)
    drawn, spare = choose(found, study_params.per_class, study_params.checks, wishes.seed, scale)
    clips = RecipeClips([each.recipe for each in (*drawn, *spare)], track_opener(ctx))

    with replacing(out) as folder:
        folder.mkdir(parents=True, mode=0o700)  # it has the key, and who voted what
        (folder / MEDIA).mkdir()
        secret = new_secret(folder)
        plan = Plan(
            study=secrets.token_hex(8),
            origin=wishes.origin,
            scale=scale,
            seed=wishes.seed,
            methods=methods,
            per_class=study_params.per_class,
            truth=study_params.truth,
            outline=study_params.outline,
            hard_from=params.metrics.hard_from,
            fps=params.report.fps,
            contact=wishes.contact,
            items=(),
        )
        study = Study(folder, plan, secret)
        wanted = [(each.sample, each) for each in drawn]
        wanted += [(f"check-{n}", each) for n, each in enumerate(spare, 1)]
        items = []
        for key, each in with_progress(wanted, "study videos", len(wanted)):
            clip = clips.render(each.sample, range(frames_of(each.recipe, params.evaluation, SHORT)))
            if key == each.sample:
                layers = {method: shown.read(method, clip) for method in methods}
            else:
                layers = answers(clip.whole_FHW3, len(methods), wishes.seed, key)
            items.append(_write(study, key, each, clip, layers, study_params.side))
        same_time(folder / MEDIA)
        study = Study(folder, plan.model_copy(update={"items": tuple(items)}), secret)
        write_text(folder / PLAN, study.plan.model_dump_json(indent=1) + "\n")
        with Store(study, new=True) as store:
            write_codes(study, store.add(wishes.participants))
        # Files of answers may have been collected while the videos were written.
        refuse_others(out, "a study without votes", has_no_votes)
    return Study(out, study.plan, secret)


def has_no_votes(folder: Path) -> bool:
    """Whether a folder is a study in which nobody has voted or filled in the form, so that it can be deleted.

    Raises:
        BadInput: when somebody has.
    """
    if not (folder / PLAN).is_file():
        return False
    if not (folder / STORE).is_file():
        return True
    with Store(open_study(folder)) as store:
        forms, count = sum(each.level is not None for each in store.participants()), store.count()
        if forms or count:
            raise BadInput(
                f"{folder} is a study with {count} votes and {forms} filled-in forms, which cannot be made again; give"
                " another --out, or move it."
            )
    return True


def _methods(asked: Sequence[str], params: Params) -> tuple[str, ...]:
    known = params.evaluation.methods
    if not asked:
        rows = [answer_to(f"table2.{row}", known) for row in (*BASELINES, "ours")]
        asked = [name for name in rows if name is not None and name in known]
        if len(asked) < len(rows):
            raise BadInput(
                f"The scale evaluates {', '.join(asked) or 'none'} of the paper's three methods; name three or more by"
                f" --method, of {', '.join(known)}."
            )
    for name in asked:
        if name not in known:
            raise BadInput(f"The scale does not evaluate the method '{name}'; {nearest(name, list(known))}")
        if params.methods[name].clips != "short":
            raise BadInput(f"'{name}' completes other clips, the long ones; name methods of the short clips.")
    if not 3 <= len(set(asked)) == len(asked) <= MOST_METHODS:
        raise BadInput(
            f"A study compares 3 to {MOST_METHODS} different methods, not {', '.join(asked)}; repeat --method."
        )
    return tuple(asked)


class _Shown:
    """The completions of some methods, of the first training seed."""

    def __init__(self, ctx: Context, evaluation: EvaluationParams, params: Params, methods: Sequence[str]) -> None:
        self.where: dict[str, dict[str, Path]] = {}
        for method in methods:
            seed = seeds_of(method, evaluation.train_seeds, params.methods)[0]
            found: dict[str, Path] = {}
            for path in all_shards(ctx, method, seed):
                completions = Completions(path)
                with completions.store:
                    found.update(dict.fromkeys(completions.samples(), path))
            if not found:
                raise BadInput(
                    f"{label_of(method)} ('{method}') has no completions yet; run `tgvac run --scale {ctx.scale}"
                    " --target completion` first."
                )
            self.where[method] = found

    def read(self, method: str, clip: Clip) -> np.ndarray:
        """What a method made of a clip, RGB ``uint8 [F,H,W,3]``.

        Raises:
            BadInput: when it has another length or size than the clip.
        """
        completions = Completions(self.where[method][clip.sample])
        with completions.store:
            rgb_FHW3 = completions.read(clip.sample).rgb_FHW3
        if rgb_FHW3.shape != clip.frames_FHW3.shape:
            (f, h, w, _), (frames, height, width, _) = rgb_FHW3.shape, clip.frames_FHW3.shape
            raise BadInput(
                f"{method} completed '{clip.sample}' as {f} frames of {w}x{h}, but the clip has {frames} of"
                f" {width}x{height}, so they cannot stand side by side; run `tgvac stage completion` again."
            )
        return rgb_FHW3


def _rates(ctx: Context, recipes: Sequence[Recipe], evaluation: EvaluationParams) -> dict[str, list[float]]:
    """Occlusion rates of the frames that are completed, by sample."""
    wanted = {r.recipe: frames_of(r, evaluation, SHORT) for r in recipes}
    rates: dict[str, dict[int, float]] = {sample: {} for sample in wanted}
    for row in read_table(ctx.results / "synthesis" / "occlusion.parquet", OCCLUSION_FORMAT):
        if row["recipe"] in wanted and row["frame"] < wanted[row["recipe"]]:
            rates[row["recipe"]][row["frame"]] = row["rate"]
    for sample, frames in wanted.items():
        if len(rates[sample]) != frames:
            raise BadInput(
                f"The occlusion rates of '{sample}' cover {len(rates[sample])} of {frames} frames; run `tgvac stage"
                " synthesis` again."
            )
    return {sample: list(found.values()) for sample, found in rates.items()}


def _enlarged(video_FHW: np.ndarray, factor: int) -> np.ndarray:
    return np.repeat(np.repeat(video_FHW, factor, axis=1), factor, axis=2)


def _write(study: Study, key: str, chosen: Candidate, clip: Clip, layers: Mapping[str, np.ndarray], side: int) -> Item:
    """Write an item's files, all of one size and length."""
    frames, height, width = clip.amodal_FHW.shape
    factor = max(1, -(-side // min(height, width)))
    item = Item(
        key=key,
        kind="vote" if key == chosen.sample else "check",
        sample=chosen.sample,
        video=chosen.recipe.video,
        difficulty=chosen.difficulty,
        rate=chosen.rate,
        frames=frames,
        height=height * factor,
        width=width * factor,
        digests={name: completion_digest(rgb_FHW3) for name, rgb_FHW3 in layers.items()},
    )
    beside = {INPUT: clip.frames_FHW3, f"shown-{TRUTH}": clip.whole_FHW3}
    # In the order of blinded names, so that no order on the disk tells a method.
    for layer in sorted(study.plan.layers(item), key=lambda layer: media_name(study, item, layer)):
        video_FHW3 = layers[layer] if layer in layers else beside[layer]
        large = _enlarged(video_FHW3, factor)
        if layer == INPUT and study.plan.outline:
            large = outlined(large, _enlarged(clip.visible_FHW, factor))
        write_mp4(study.media / media_name(study, item, layer), large, study.plan.fps)
    return item
