"""A learning-rate range test as a table and as a picture."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from tgvac.training.lr_range import Found, Point


def as_csv(points: Sequence[Point]) -> str:
    """One line per probe: ``step,lr,loss,probe``. The loss is empty before the first step."""
    lines = ["step,lr,loss,probe"]
    for p in points:
        lines.append(f"{p.step},{p.lr:.6g},{'' if math.isnan(p.loss) else f'{p.loss:.6g}'},{p.probe:.6g}")
    return "\n".join(lines) + "\n"


def draw(points: Sequence[Point], found: Found, chosen: float, title: str) -> bytes:
    """A PNG: losses over learning rates on logarithmic axes, with the suggested rates marked.

    Args:
        chosen: the learning rate of the scale's params.
    """
    import matplotlib
    from matplotlib.figure import Figure

    stream = io.BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        axes = figure.add_subplot()
        shown = [p for p in points if p.step and math.isfinite(p.probe)]
        rates = [p.lr for p in shown]
        axes.plot(rates, [p.loss for p in shown], ".", color="#9aa3ad", markersize=4, label="loss of a step")
        axes.plot(rates, [p.probe for p in shown], color="#2563c9", linewidth=1.8, label="probe: same rows, same noise")
        for rate, name, colour, style in (
            (found.steepest, "falls fastest", "#1a8a5a", ":"),
            (found.tenth, "a tenth of the lowest", "#6f5bb8", "-."),
            (found.lowest, "lowest", "#c2540a", ":"),
            (chosen, "trained with", "#b01030", "--"),
        ):
            axes.axvline(rate, color=colour, linestyle=style, linewidth=1.2, label=f"{name}: {rate:.1e}")
        axes.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="loss", title=title)
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
        figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return stream.getvalue()
