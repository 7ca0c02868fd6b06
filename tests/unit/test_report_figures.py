"""The figures' list, and the rule by which a figure's samples are chosen."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.report_project import EVALUATION, METHOD_PARAMS, PROJECT
from tgvac.errors import BadInput
from tgvac.methods.params import MethodParams
from tgvac.report.figure_choice import choose_samples, rule_of
from tgvac.report.figure_words import caption_of, figure_latex
from tgvac.report.figures import Figure, Wanted, load_figures

NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
FIGURES = PROJECT / "reference" / "figures.yaml"
RATES = {f"s{i}": [0.1 * i, 0.1 * i, math.nan] for i in range(10)} | {"gone": [math.nan]}
LPIPS = {"s0": 0.5, "s1": 0.2, "s2": 0.2, "s3": 0.9, "s4": 0.9, "s6": 0.3, "s7": 0.1}


def figure(*samples: tuple[str, str], **keys: object) -> Figure:
    wanted = tuple(Wanted.model_validate({"of": of, "place": place}) for of, place in samples)
    return Figure.model_validate({"title": "F", "printed": "", "methods": ("ours/full",), "samples": wanted, **keys})


def chosen(*samples: tuple[str, str], name: str = "f", shown: tuple[str, ...] = ()) -> list[str]:
    return [each.sample for each in choose_samples(name, figure(*samples), RATES, LPIPS, 0.5, shown)]


def test_the_list_has_all_of_the_paper_s_figures_of_completions_and_marks_our_own() -> None:
    figures = load_figures(FIGURES)
    paper = {name for name, each in figures.items() if each.printed}
    assert paper == {"figure4", "figure5", "figure6", *(f"figure{n}" for n in NUMERALS)}
    assert set(figures) - paper == {"motion", "strides"}


def test_the_supplement_s_comparisons_show_best_and_worst_and_drawn_samples_of_both_classes() -> None:
    figures = load_figures(FIGURES)
    asked = [(w.of, w.place) for n in NUMERALS[3:] for w in figures[f"figure{n}"].samples]
    assert sorted(asked) == sorted((of, place) for of in ("easy", "hard") for place in ("drawn", "best", "worst"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"needs": ["ours/no_text"]}, "in f, 'ours/no_text' is needed or named, but is no row"),
        ({"labels": {"ours/fall": "Ours"}}, "in f, 'ours/fall' is needed or named, but is no row"),
        ({"beside": ["ours/full"]}, "in f, 'ours/full' is there twice"),
        ({"samples": [{"of": "easy", "place": "prettiest"}]}, "place"),
        ({"samples": []}, "samples"),
        ({"rows": []}, "rows"),
    ],
)
def test_a_wrong_list_is_refused_in_one_sentence(tmp_path: Path, change: dict[str, object], message: str) -> None:
    good = {"title": "F", "printed": "", "methods": ["ours/full"], "samples": [{"of": "any", "place": "drawn"}]}
    path = tmp_path / "figures.yaml"
    path.write_text(yaml.safe_dump({"format": 1, "figures": {"f": good | change}}), encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        load_figures(path)


def test_a_figure_s_name_is_one_that_a_file_may_have(tmp_path: Path) -> None:
    good = {"title": "F", "printed": "", "methods": ["ours/full"], "samples": [{"of": "any", "place": "drawn"}]}
    path = tmp_path / "figures.yaml"
    path.write_text(yaml.safe_dump({"format": 1, "figures": {"../f": good}}), encoding="utf-8")
    with pytest.raises(BadInput, match=r"'\.\./f', which is no name of a file"):
        load_figures(path)


def test_ranks_are_by_lpips_with_ties_to_the_smaller_id() -> None:
    # Easy are s0 to s4: s1 and s2 are best alike, s3 and s4 worst alike.
    assert chosen(("easy", "best"), ("easy", "median"), ("easy", "worst")) == ["s1", "s0", "s3"]
    # Hard are s5 to s9, of which two have an LPIPS.
    assert chosen(("hard", "best"), ("hard", "median"), ("hard", "worst")) == ["s7", "s7", "s6"]


def test_draws_depend_on_the_figure_s_name_and_pass_over_what_is_shown() -> None:
    first, second = chosen(("hard", "drawn"), ("hard", "drawn"))
    assert first != second
    assert chosen(("hard", "drawn"), shown=(first,)) == [second]
    assert chosen(("hard", "drawn"), shown=tuple(RATES)) == [first], "if all are shown, one is shown again"
    assert chosen(("hard", "drawn"), ("hard", "drawn"), shown=tuple(RATES)) == [first, second], "but not twice here"
    assert len({chosen(("any", "drawn"), name=name)[0] for name in map(str, range(30))}) > 3


def test_draws_do_not_depend_on_results() -> None:
    with_ranks = choose_samples("f", figure(("any", "drawn")), RATES, LPIPS, 0.5, ())
    without = choose_samples("f", figure(("any", "drawn")), RATES, {}, 0.5, ())
    assert with_ranks == without


def test_a_sample_without_the_object_is_never_shown_and_a_place_without_samples_is_left_out() -> None:
    assert "gone" not in {chosen(("any", "drawn"), name=name)[0] for name in map(str, range(99))}
    wanted = figure(("hard", "best"), ("easy", "drawn"), ("easy", "drawn"))
    (one,) = choose_samples("f", wanted, {"s": [0.1]}, {"s": 1.0}, 0.5, ())
    assert one.words == "drawn from 1 easy sample"
    assert choose_samples("f", figure(("any", "best")), RATES, {}, 0.5, ()) == []


@given(st.permutations(sorted(RATES)), st.permutations(sorted(LPIPS)))
def test_the_choice_does_not_depend_on_any_order(rates: list[str], lpips: list[str]) -> None:
    samples = [(of, place) for of in ("easy", "hard", "any") for place in ("median", "best", "worst", "drawn")]
    of = figure(*samples)
    mixed = choose_samples("f", of, {s: RATES[s] for s in rates}, {s: LPIPS[s] for s in lpips}, 0.5, ())
    assert mixed == choose_samples("f", of, RATES, LPIPS, 0.5, ())


def test_rows_do_not_depend_on_the_order_of_methods_and_name_what_a_scale_lacks() -> None:
    methods = METHOD_PARAMS | {f"pix2gestalt/{v}": MethodParams(motion=False) for v in ("full", "same_noise")}
    names = (*EVALUATION.methods, "pix2gestalt/same_noise", "pix2gestalt/full")
    wanted = load_figures(FIGURES)["figure4"]
    for order in (names, tuple(reversed(names))):
        rows, lacks = wanted.rows(EVALUATION.model_copy(update={"methods": order}), methods)
        assert list(rows.items()) == [
            ("pix2gestalt", "pix2gestalt/full"),
            ("temporal_copy/plain", "temporal_copy/plain"),
            ("ours/full", "ours/full"),
        ]
        assert lacks == ("progressive",)


def test_published_weights_stand_for_a_baseline_before_a_stand_in() -> None:
    methods = METHOD_PARAMS | {f"pix2gestalt/{v}": MethodParams(motion=False) for v in ("full", "published")}
    evaluation = EVALUATION.model_copy(update={"methods": tuple(methods)})
    assert load_figures(FIGURES)["figure4"].rows(evaluation, methods)[0]["pix2gestalt"] == "pix2gestalt/published"


def test_a_row_that_completes_other_clips_is_not_there() -> None:
    rows, lacks = figure(("any", "drawn"), clips="long").rows(EVALUATION, METHOD_PARAMS)
    assert (rows, lacks) == ({}, ("ours/full",))


def test_the_caption_has_the_rule_the_samples_and_what_is_left_out() -> None:
    wanted = load_figures(FIGURES)["figure4"]
    rows = {"temporal_copy/plain": "temporal_copy/plain", "ours/full": "ours/full"}
    said = " ".join(caption_of(wanted, ["(a) “an ape”, s1"], rows, ["progressive", "pix2gestalt"], "val", 0.5, []))
    assert "(a) “an ape”, s1." in said
    assert "Samples by rule: the median of the easy samples; the median of the hard samples." in said
    assert "less than 50 % of the object is hidden" in said
    assert "“ProgressiveAmodal” (progressive) and “Pix2Gestalt” (pix2gestalt), which this scale does not" in said
    assert "The paper's figure does not have “Copy from other frames" in said
    assert "1 of 2 samples are left out" in said
    assert "Ranks are by the LPIPS of “Ours”." in said
    assert "split 'val'" in said


def test_a_figure_of_natural_videos_says_what_its_videos_are() -> None:
    wanted = load_figures(FIGURES)["figure5"]
    world = " ".join(caption_of(wanted, ["a", "b"], {"ours/full": "ours/full"}, [], "val", 0.5, []))
    assert "synthesized over videos of the procedural world, the only footage of this run" in world
    real = " ".join(caption_of(wanted, ["a", "b"], {"ours/full": "ours/full"}, [], "val", 0.5, ["davis", "lasot"]))
    assert "synthesized over footage of davis and lasot" in real
    rule = rule_of(wanted, 0.5)
    assert rule.startswith("Samples by rule: two drawn from all samples. Draws are by the names of figure and sample")
    assert "LPIPS" not in rule


def test_a_stand_in_of_a_published_method_is_named_as_one() -> None:
    rows = {"pix2gestalt": "pix2gestalt/full", "ours/full": "ours/full"}
    for standins, said in (["pix2gestalt/full"], True), ([], False):
        caption = " ".join(caption_of(load_figures(FIGURES)["figure4"], ["a", "b"], rows, [], "val", 0.5, [], standins))
        assert ("“Pix2gestalt, stand-in”: the procedure is its authors', the network is a small one" in caption) == said


def test_text_in_latex_is_escaped() -> None:
    tex = figure_latex("f", figure(("any", "drawn")), [r"50 % of “a_b & \input{c}”"])
    assert r"50 \% of ``a\_b \& \textbackslash{}input\{c\}''" in tex
    assert r"\includegraphics[width=\linewidth,height=0.8\textheight,keepaspectratio]{f.png}" in tex
    assert "LPIPS is the mean over a sample's frames in which part of the object is hidden" in tex
