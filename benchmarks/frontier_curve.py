"""Draws what `make bench-frontier` measured: quality against UNet evaluations a frame, one point for each way.

python -m benchmarks.frontier_curve benchmarks/results/frontier-curve.reference.json docs/frontier.png
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

COST = "evaluations a frame"
PANELS = {"lpips": "LPIPS ↓", "hidden_psnr": "Hidden PSNR (dB) ↑", "tc": "Temporal consistency ↑"}


def points(path: Path) -> dict[str, dict[str, float]]:
    """The measurements of each way that has a cost, by what was measured.

    Raises:
        SystemExit: when the file has none.
    """
    found: dict[str, dict[str, float]] = {}
    for row in json.loads(path.read_text(encoding="utf-8"))["measured"]:
        way, _, what = row["what"].partition(": ")
        found.setdefault(way, {})[what] = row["value"]
    found = {way: values for way, values in found.items() if COST in values}
    if not found:
        raise SystemExit(f"{path} has no '{COST}'; make it with `make bench-frontier`.")
    return found


def draw(measured: dict[str, dict[str, float]], out: Path) -> None:
    """Write the picture; a way has the same number in each panel, and its name below."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    ways = sorted(measured, key=lambda way: (measured[way][COST], way))
    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(12, 4.2), layout="constrained")
    for axis, (metric, label) in zip(axes, PANELS.items(), strict=True):
        for number, way in enumerate(ways, 1):
            at = (measured[way][COST], measured[way][metric])
            axis.plot(*at, "o", color=f"C{number - 1}", label=f"{number} {way}")
            axis.annotate(str(number), at, xytext=(5, 5), textcoords="offset points")
        axis.set_xlabel(f"UNet {COST}")
        axis.set_title(label)
        axis.margins(0.14)
        axis.set_xlim(left=0)
        axis.grid(alpha=0.3)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(out, dpi=100, metadata={"Software": None})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measured", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    draw(points(given.measured), given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
