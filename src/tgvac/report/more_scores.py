"""Metrics that the paper does not have: of the hidden and of the visible part, and of flicker."""

from __future__ import annotations

from tgvac.methods.registry import Methods
from tgvac.report.methods import of_quality
from tgvac.report.score_tables import ScoreColumns, here_rows
from tgvac.report.scores import CLASSES, MORE, Groups, Measured
from tgvac.report.tables import Table

_GROUPS: Groups = (("all", "All frames"), *CLASSES)


def more_scores_table(numbers: Measured, methods: Methods) -> Table:
    """The methods of Table 2 by metrics that it has no columns for."""
    names = of_quality([name for name in methods if numbers.find(name) is not None], methods)
    measured = tuple(score for score in MORE if numbers.frames(names, score.metric, "all") != (0, 0))
    layout = ScoreColumns("", _GROUPS, verdict=False, scores=measured)
    return Table(
        "more",
        "More metrics of the same completions",
        layout.columns(None, "Method"),
        tuple(here_rows(layout, numbers, names, "", "", {})),
        remarks=(
            "SSIM and IoU of the hidden part compare what no method can copy from the frame. The PSNR of the visible"
            " part says what a method loses of what is seen. The warp error is flicker: the mean difference from the"
            " frame before, moved along the truth's motion, within the true object; a still picture has little of it,"
            " whatever it shows. CLIP-T compares a picture with its caption. CLIP and LPIPS of the frame and of the box"
            " are in the source's own coordinates, whatever the framing. docs/metrics.md defines them.",
        ),
    )
