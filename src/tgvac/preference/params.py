"""Parameters of the user study."""

from __future__ import annotations

from pydantic import Field

from tgvac.config import Block


class ExcludeParams(Block):
    """Whose votes are left out; each rule is stated beside the results.

    Attributes:
        unfinished: whether participants who did not vote on every video are left out.
        fastest: seconds; a participant whose median choice took less is left out.
        same_position: a participant with at least so many votes, all for the same place on the page, is left out.
        checks_failed: the share of attention checks, in [0, 1]; who fails more is left out.
    """

    unfinished: bool
    fastest: float = Field(ge=0)
    same_position: int = Field(ge=2)
    checks_failed: float = Field(ge=0, le=1)


class StudyParams(Block):
    """What participants see, and whose votes count.

    Attributes:
        per_class: easy videos and hard videos, each.
        truth: whether the truth is shown beside the methods.
        outline: whether a line marks the object's visible part in the input video.
        checks: attention checks among the videos; 0 for none.
        side: pixels; videos are enlarged by a whole factor until the shorter side has at least as many.
    """

    per_class: int = Field(ge=1)
    truth: bool
    outline: bool
    checks: int = Field(ge=0, le=5)
    side: int = Field(ge=32)
    exclude: ExcludeParams
