"""Directed graphs as SVG: nodes in layers, arrows downwards. The layout is Sugiyama's, by grandalf."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any
from zlib import crc32

from grandalf.graphs import Edge, Graph, Vertex
from grandalf.layouts import SugiyamaLayout
from grandalf.routing import EdgeViewer, route_with_lines

Point = tuple[float, float]

_LETTER, _PADDING, _HEIGHT = 8.2, 20.0, 34.0
"""Pixels: of a letter of the 14-pixel font, beside a name, and of a box."""
_MARGIN = 8.0


def svg(edges: Iterable[tuple[str, str]], title: str, href: Callable[[str], str]) -> str:
    """A connected graph without cycles as one line of SVG, whose boxes are links.

    Args:
        edges: from the upper to the lower node, by name.
        title: what the picture shows, for who cannot see it.
        href: the address that a node's box leads to.

    Raises:
        ValueError: when the graph is in several parts, whose layouts would lie on each other.
    """
    vertices: dict[str, Any] = {}
    for name in dict.fromkeys(name for edge in edges for name in edge):
        vertices[name] = _Node(name)
        vertices[name].view = _Box(len(name) * _LETTER + _PADDING, _HEIGHT)
    arrows = [Edge(vertices[above], vertices[below]) for above, below in edges]
    for arrow in arrows:
        arrow.view = EdgeViewer()
    graph = Graph(list(vertices.values()), arrows)
    if len(graph.C) != 1:
        parts = "; ".join(sorted(min(v.data for v in part.sV) for part in graph.C))
        raise ValueError(f"the graph of '{title}' has {len(graph.C)} parts, with {parts}; draw each by itself")
    layout = SugiyamaLayout(graph.C[0])
    layout.xspace, layout.yspace = 18, 36
    layout.route_edge = route_with_lines
    layout.init_all()
    layout.draw(8)
    return _drawn(vertices, [_line(arrow) for arrow in arrows], title, href)


class _Node(Vertex):  # type: ignore[misc]
    """A node that is known by its name. grandalf keeps nodes in sets, whose order would differ from run to run."""

    def __hash__(self) -> int:
        return crc32(self.data.encode())


class _Box:
    """What grandalf asks of a node: its size; it sets the centre."""

    def __init__(self, w: float, h: float) -> None:
        self.w, self.h, self.xy = w, h, (0.0, 0.0)


def _line(arrow: Any) -> list[Point]:
    """An arrow's corners, from the lower edge of the upper box to the upper edge of the lower one."""
    upper, lower = (vertex.view for vertex in arrow.v)
    (x0, y0), (x1, y1) = upper.xy, lower.xy
    return [(x0, y0 + upper.h / 2), *arrow.view._pts[1:-1], (x1, y1 - lower.h / 2 - 3)]


def _drawn(vertices: dict[str, Any], lines: list[list[Point]], title: str, href: Callable[[str], str]) -> str:
    boxes = {name: vertex.view for name, vertex in vertices.items()}
    xs = [x for box in boxes.values() for x in (box.xy[0] - box.w / 2, box.xy[0] + box.w / 2)]
    ys = [y for box in boxes.values() for y in (box.xy[1] - box.h / 2, box.xy[1] + box.h / 2)]
    xs, ys = xs + [x for line in lines for x, _ in line], ys + [y for line in lines for _, y in line]
    left, top = min(xs) - _MARGIN, min(ys) - _MARGIN
    width, height = max(xs) + _MARGIN - left, max(ys) + _MARGIN - top
    parts = [
        f'<svg class="layered" viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}" width="{width:.0f}"'
        f' role="img" aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg">'
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z"/></marker></defs>'
    ]
    for line in lines:
        corners = " ".join(f"{x:.0f},{y:.0f}" for x, y in line)
        parts.append(f'<polyline points="{corners}" marker-end="url(#arrow)"/>')
    for name, box in boxes.items():
        x, y = box.xy
        parts.append(
            f'<a href="{escape(href(name))}"><rect x="{x - box.w / 2:.0f}" y="{y - box.h / 2:.0f}" width="{box.w:.0f}"'
            f' height="{box.h:.0f}" rx="6"/><text x="{x:.0f}" y="{y:.0f}">{escape(name)}</text></a>'
        )
    return "".join([*parts, "</svg>"])
