"""What is said when no object is whole for long enough: the rule that refused most, its key and value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.params_project import ROOT
from tgvac.params import load_params
from tgvac.synthesis.select_stage import _none_whole

SELECT = load_params(ROOT, "paper").select


def row(frames: int, **reasons: int) -> dict[str, Any]:
    return {"frames": frames, "whole": frames - sum(reasons.values()), "reasons": json.dumps(reasons)}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [row(30, absent=24), row(30, absent=20, touch=2)],
            "14 of 60 frames are whole; most others, 44, were refused because they have no mask: the object is not"
            " there, or was followed no farther (masks.first, masks.sparse); set masks.first to 'follow' or 'sam2',"
            " or give masks of more frames.",
        ),
        (
            [row(30, border=29, small=1)],
            f"most others, 29, were refused because more than {SELECT.max_border:g} of its outline is on the frame's"
            f" border (select.max_border: {SELECT.max_border:g}); relax this key, or give other videos.",
        ),
        ([row(30, small=30)], f"(select.min_area: {SELECT.min_area:g})"),
        ([row(30, parts=30)], f"(select.max_other_parts: {SELECT.max_other_parts:g})"),
        ([row(30, touch=30)], f"(select.max_touch: {SELECT.max_touch:g})"),
        ([row(30, jump=30)], f"(select.max_area_change: {SELECT.max_area_change:g})"),
        ([row(30, mask=30)], "their masks failed a check (masks.gates)"),
        ([row(9), row(5)], "They are whole in all frames, but have 9 at most; give longer videos."),
    ],
)
def test_the_message_names_the_rule_that_refused_most(rows: list[dict[str, Any]], message: str) -> None:
    said = _none_whole(SELECT, rows)
    assert said.startswith(f"None of {len(rows)} objects is whole for {SELECT.min_frames} frames in a row")
    assert message in said
    assert "\n" not in said
