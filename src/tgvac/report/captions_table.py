"""What the sentence is worth: the same model, clips and noise with another sentence than the object's own."""

from __future__ import annotations

from tgvac.completion.params import EvaluationParams
from tgvac.methods.registry import Methods, label_of
from tgvac.report.methods import of_captions, unchanged
from tgvac.report.score_tables import HERE, Pair, ScoreColumns, here_rows
from tgvac.report.scores import CLASSES, Groups, Measured
from tgvac.report.table2 import fewer, how_compared, how_measured
from tgvac.report.tables import Table

_GROUPS: Groups = (("all", "All frames"), *CLASSES)
_HOW = {
    "category": "The category alone is the template of the captions with the category that the source names.",
    "colours": "The colours are those of all visible pixels of a clip, named by the nearest of twelve; the sentence has"
    " no word of what the object is.",
    "visible": "BLIP-2 describes what is seen in the frame that shows most of the object.",
    "mismatched": "A wrong sentence is that of an object of another category, drawn by the sample's name.",
}


def captions_table(numbers: Measured, evaluation: EvaluationParams, methods: Methods) -> Table | None:
    """Methods with other sentences, below the method that they differ from; None if there are none."""
    layout = ScoreColumns("", _GROUPS, verdict=False)
    others = of_captions(evaluation.methods, methods)
    if not others:
        return None
    own = {name: unchanged(name, "caption", evaluation.methods, methods) for name in others}
    references = tuple(dict.fromkeys(name for name in own.values() if name is not None))
    names = (*references, *others)
    labels = {name: f"{label_of(name)}, told the object's own sentence" for name in references}
    rows = here_rows(layout, numbers, names, "", HERE, labels)
    rows.append(layout.counted(numbers, names))
    asked = []
    for name in others:
        one, other = (numbers.find(each) if each else None for each in (own[name], name))
        if one is not None and other is not None:
            asked.append(Pair(one, other, label_of(name), "The object's own sentence minus"))
    rows += layout.compared(numbers, asked)
    told = dict.fromkeys(str(methods[name].caption) for name in others)
    how = (how_measured(numbers.metrics), how_compared(numbers))
    remarks = (*how, *(_HOW[kind] for kind in told), *fewer(numbers, names))
    return Table("captions", "What the sentence is worth", layout.columns(None, "Method"), tuple(rows), remarks=remarks)
