"""Several samples of one clip: how much they differ, and how good their best and their mean are.

The error of a mean of all that may be hidden is smaller than that of any sharp sample. So a method that is always
blurred has a high PSNR, and no diversity.
"""

from __future__ import annotations

from tgvac.methods.registry import Methods, label_of
from tgvac.report.score_tables import ScoreColumns
from tgvac.report.scores import CLASSES, Groups, Measured, Score
from tgvac.report.tables import Table

DRAWS = (
    Score("hidden_psnr", "Hidden PSNR↑ of one sample (dB)", 2, True),
    Score("hidden_psnr_best", "of the best (dB)", 2, True),
    Score("hidden_psnr_mean", "of their mean (dB)", 2, True),
    Score("diversity", "Diversity↑ (LPIPS)", 3, True),
)

_GROUPS: Groups = (("all", "All frames"), *CLASSES)


def draws_table(numbers: Measured, methods: Methods) -> Table | None:
    """The methods that complete each clip several times; None if there are none."""
    layout = ScoreColumns("", _GROUPS, verdict=False, scores=DRAWS)
    found = [of for of in numbers.scored() if of.name in methods and methods[of.name].draws > 1]
    if not found:
        return None
    rows = [
        layout.measured(numbers, of, f"{label_of(of.name)}, {methods[of.name].draws} samples", "", "") for of in found
    ]
    return Table(
        "draws",
        "Several samples of the same clip",
        layout.columns(None, "Method"),
        tuple(rows),
        remarks=(
            "The best sample of a clip is the one with the highest mean over its frames, which needs the truth. The"
            " mean picture averages the samples pixel by pixel. Diversity is the mean LPIPS between two samples that"
            " are the truth in all parts that are not hidden; samples that are all alike have none.",
        ),
    )
