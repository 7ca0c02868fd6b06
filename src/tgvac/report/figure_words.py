"""What stands below a figure, on the page and in LaTeX."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from tgvac.report.figure_choice import rule_of
from tgvac.report.figures import Figure
from tgvac.report.latex import escape
from tgvac.report.methods import BASELINES


def caption_of(
    figure: Figure,
    parts: Sequence[str],
    rows: Mapping[str, str],
    lacks: Sequence[str],
    split: str,
    hard_from: float,
    real: Sequence[str],
    standins: Collection[str] = (),
) -> tuple[str, ...]:
    """What the figure shows and how that was chosen, one subject each.

    Args:
        parts: a line about each of its samples.
        rows: its methods, as ``<method>/<variant>`` by what was wanted.
        lacks: wanted methods that the scale does not evaluate.
        split: that the samples are of.
        real: sources of the samples that are not of the procedural world.
        standins: methods whose networks are not their authors' (:func:`tgvac.report.methods.stand_ins`).
    """
    labels = [figure.labels.get(wanted) or figure.label(method) for wanted, method in rows.items()]
    said = [*(f"{part}." for part in parts)]
    said.append(f"In order: input, its visible part, {', '.join(f'“{label}”' for label in labels)}, the truth.")
    added = [figure.label(wanted) for wanted in figure.beside if wanted in rows] if figure.printed else []
    if added:
        said.append(f"The paper's figure does not have {_and(f'“{label}”' for label in added)}.")
    if foreign := [label for label, method in zip(labels, rows.values(), strict=True) if method in standins]:
        said.append(
            f"{_and(f'“{label}”' for label in foreign)}: the procedure is its authors', the network is a small one of"
            " this project, so nothing here speaks of the published method."
        )
    if lacks:
        said.append(f"Left out: {lacking(figure, lacks)}.")
    if len(parts) < len(figure.samples):
        missing = len(figure.samples) - len(parts)
        said.append(f"{missing} of {len(figure.samples)} samples are left out, since no further one fits the rule.")
    said.append(f"{rule_of(figure, hard_from)} All are of the split '{split}'.")
    if figure.note:
        said.append(figure.note)
    if figure.natural:
        footage = f"footage of {_and(real)}" if real else "videos of the procedural world, the only footage of this run"
        said.append(
            "The paper shows natural videos with real occlusions, whose truth nobody knows; these occlusions are"
            f" synthesized over {footage}."
        )
    return tuple(said)


def lacking(figure: Figure, wanted: Sequence[str]) -> str:
    """That a scale does not evaluate some methods, as half a sentence."""
    names = (f"“{BASELINES.get(each) or figure.label(each)}” ({each})" for each in wanted)
    return f"{_and(names)}, which this scale does not evaluate"


def figure_latex(name: str, figure: Figure, caption: Sequence[str]) -> str:
    """A float with the picture; free text is escaped."""
    first = figure.printed or f"{figure.title} (not in the paper)."
    words = " ".join((first, *caption, _LPIPS))
    lines = [
        "% needs \\usepackage{graphicx,amssymb}, and \\graphicspath if this folder is another one",
        "\\begin{figure*}[tp]",
        "\\centering",
        f"\\includegraphics[width=\\linewidth,height=0.8\\textheight,keepaspectratio]{{{name}.png}}",
        f"\\caption{{{escape(words)}}}",
        f"\\label{{fig:{name}}}",
        "\\end{figure*}",
    ]
    return "\n".join(lines) + "\n"


_LPIPS = "LPIPS is the mean over a sample's frames in which part of the object is hidden; lower is better."
"""What the numbers in the picture are; the page says it once for all figures."""


def _and(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
