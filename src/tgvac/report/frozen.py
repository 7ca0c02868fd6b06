"""What was settled before a test seed was evaluated: the world, the sizes and the claims, by digest, and their power.

``reference/frozen.json`` has an entry for each scale whose verdicts count; `python -m benchmarks.power --freeze` writes
it, while the scale has no completions yet. The report of such a scale refuses anything else, so that no choice can be
made after its outcome was seen. Other scales have no entry, and their verdicts no power.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from tgvac.completion.params import EvaluationParams
from tgvac.config import Block, Record, digest, parse, read_yaml
from tgvac.errors import BadInput
from tgvac.methods.registry import Methods
from tgvac.metrics.params import MetricsParams
from tgvac.report.claims import Comparison
from tgvac.report.params import ReportParams
from tgvac.sources.params import SourcesParams
from tgvac.synthesis.params import SynthesisParams

FROZEN = Path("reference/frozen.json")
FREEZE = "python -m benchmarks.power --freeze"


class Power(Record):
    """The chance that a comparison is decided with so many source videos."""

    videos: int = Field(ge=2)
    power: float = Field(ge=0, le=1)


class Frozen(Record):
    """One scale's entry.

    Attributes:
        world, sizes, claims: digests; see :func:`settled`.
        power: of each comparison of the claims, by its id.
    """

    world: str
    sizes: str
    claims: str
    power: dict[str, Power]

    def power_of(self, comparison: Comparison) -> float | None:
        """The power of a comparison; None if the analysis has nothing to estimate it from."""
        found = self.power.get(comparison.id)
        return None if found is None else found.power


class _FrozenFile(Record):
    format: Literal[1]
    scales: dict[str, Frozen]


@dataclass(frozen=True)
class Settled:
    """Digests of what decides a verdict and must not be chosen after it is known."""

    world: str
    sizes: str
    claims: str


def settled(
    world: str,
    claims: Path,
    *,
    sources: SourcesParams,
    synthesis: SynthesisParams,
    evaluation: EvaluationParams,
    methods: Methods,
    metrics: MetricsParams,
    report: ReportParams,
) -> Settled:
    """The digests of a scale.

    Args:
        world: the digest of the world's generator.
        claims: ``claims.yaml``; its comments and the order of its keys do not count.

    Returns:
        ``world`` covers the generator, its parameters and seed; ``sizes`` what is drawn, held out, completed and
        counted as different, by which methods and how many trainings; ``claims`` the claims.
    """
    drawn = {key: _plain(getattr(sources, key)) for key in ("world", "use", "pairs")}
    listed = {name: _plain(methods[name]) for name in evaluation.methods}
    counted = {key: getattr(metrics, key) for key in ("hard_from", "confidence", "bootstrap")}
    sizes = [_plain(synthesis), _plain(evaluation), listed, counted, report.smallest.by_metric()]
    return Settled(digest([world, drawn]), digest(sizes), digest(read_yaml(claims)))


def read_frozen(root: Path) -> dict[str, Frozen]:
    """The entries of all scales; none where there is no file."""
    path = root / FROZEN
    if not path.is_file():
        return {}
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise BadInput(f"{path} is not JSON; restore it.") from None
    return parse(_FrozenFile, raw, str(path)).scales


def check_frozen(scale: str, frozen: Frozen, now: Settled) -> None:
    """Refuse a scale whose world, sizes or claims are not those that were frozen.

    Raises:
        BadInput: what has changed.
    """
    for part, what in (("world", "world"), ("sizes", "sizes"), ("claims", "claims")):
        was, is_now = getattr(frozen, part), getattr(now, part)
        if was != is_now:
            raise BadInput(
                f"The {what} of scale '{scale}' changed after {FROZEN} was written (digest {was[:12]} then,"
                f" {is_now[:12]} now), so this run decides no claim; restore the {what}, or freeze anew by `{FREEZE}`"
                " before any completion of the scale is made."
            )


def _plain(value: Block | Mapping[str, Any] | Any) -> Any:
    """A block as plain JSON; keys that are None are left out, so that a new one of that default changes no digest."""
    return value.model_dump(mode="json", exclude_none=True) if isinstance(value, Block) else value
