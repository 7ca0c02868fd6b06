"""``metrics.json``: the means of the headline metrics, in the form in which `dvc metrics diff` compares two runs."""

from __future__ import annotations

import json
import math

from tgvac.completion.params import EvaluationParams
from tgvac.methods.registry import Methods
from tgvac.report.methods import of_long_clips
from tgvac.report.scores import ALL, CLASSES, SCORES, Measured


def metrics_json(numbers: Measured, evaluation: EvaluationParams, methods: Methods) -> str:
    """Means by method, class of frames and metric; without intervals, which DVC would compare as well.

    A method's name has a dot in place of the slash, since DVC prints ``method.variant.class.metric``.
    """
    found: dict[str, dict[str, dict[str, float]]] = {}
    for of in numbers.scored(evaluation.methods):
        if of.mask_source != numbers.mask_source:
            continue
        groups = ALL if of_long_clips([of.name], methods) else (*ALL, *CLASSES)
        means = {
            group: {score.metric: numbers.estimate(of, score, group).mean for score in SCORES} for group, _ in groups
        }
        found[f"{of.method}.{of.variant}"] = {
            group: {metric: mean for metric, mean in each.items() if not math.isnan(mean)}
            for group, each in means.items()
        }
    return json.dumps(found, indent=1, sort_keys=True) + "\n"
