"""Drawings of architectures: operations as coloured boxes, edges as curves, top to bottom."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import cycle, pairwise
from typing import TYPE_CHECKING

import numpy as np

from analysis.layout import NODE_HEIGHT, NODE_WIDTH, Layout, layered_layout
from datasets.graph import ArchitectureGraph

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Bbox

INK = "#333333"
_EDGE = "#6b6b6b"

# Paul Tol's "light" scheme (Colour Schemes, SRON/EPS/TN/09-002, 2021) and one of his blues:
# distinguished with every kind of colour vision, and dark text is legible on them.
_FAMILIES = (
    (r"^(in|out)put$", "#ffffff"),
    (r"sep\w*5", "#bbcc33"),
    (r"sep", "#44bb99"),
    (r"conv\w*1", "#99ddff"),
    (r"conv\w*5", "#4477aa"),
    (r"conv", "#77aadd"),
    (r"avg", "#eedd88"),
    (r"max", "#ee8866"),
    (r"skip|identity", "#ffaabb"),
    (r"none|zero", "#dddddd"),
)
_OTHERS = (
    *("#77aadd", "#ee8866", "#44bb99", "#eedd88", "#ffaabb", "#99ddff", "#bbcc33", "#aaaa00"),
    "#dddddd",
)


def operation_colours(type_names: Sequence[str]) -> dict[str, str]:
    """A colour for each operation; the same kind of operation has the same one in every space."""
    known = {
        name: colour
        for name in type_names
        if (colour := next((each for kind, each in _FAMILIES if re.search(kind, name)), None))
    }
    free = [colour for colour in _OTHERS if colour not in known.values()] or _OTHERS
    others = (name for name in type_names if name not in known)
    found = known | dict(zip(others, cycle(free), strict=False))
    return {name: found[name] for name in type_names}


def short_label(type_name: str) -> str:
    """``nor_conv_3x3`` and ``conv3x3-bn-relu`` as ``conv 3×3``, ``maxpool3x3`` as ``max 3×3``."""
    text = re.sub(r"^nor_|-bn-relu$|_?pool|_connect$", "", type_name)
    text = re.sub(r"^(conv|sep|avg|max)(\d)$", r"\1 \2x\2", text)
    text = re.sub(r"(?<=\d)x(?=\d)", "×", text)
    text = re.sub(r"(?<=[a-z])(?=\d)", " ", re.sub(r"[_-]+", " ", text)).strip()
    return text if len(text) <= 10 else text[:9] + "…"


def draw_architecture(
    axes: Axes,
    graph: ArchitectureGraph,
    type_names: Sequence[str],
    *,
    title: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> None:
    """Fill ``axes`` with one architecture; text and boxes scale with the axes.

    Args:
        axes: where to draw; its frame and ticks are removed.
        graph: the architecture.
        type_names: name of every type id, as a search space has them.
        title: text above the drawing.
        colours: colour by type name; default: :func:`operation_colours`.
    """
    layout = layered_layout(graph)
    draw_at(axes, graph, layout, type_names, colours or operation_colours(type_names))
    fit(axes, layout.box)
    if title is not None:
        axes.set_title(title, fontsize="medium", color=INK)


def fit(axes: Axes, box: tuple[float, float, float, float], margin: float = 0.15) -> None:
    """Show exactly ``box`` (left, right, bottom, top), undistorted and without a frame."""
    left, right, bottom, top = box
    axes.set_xlim(left - margin, right + margin)
    axes.set_ylim(bottom - margin, top + margin)
    axes.set_aspect("equal")
    axes.set_axis_off()


def draw_at(
    axes: Axes,
    graph: ArchitectureGraph,
    layout: Layout,
    type_names: Sequence[str],
    colours: Mapping[str, str],
    origin: tuple[float, float] = (0.0, 0.0),
    *,
    stroke: float = 1.0,
    ground: str = "white",
) -> None:
    """Draw ``graph`` with its layout moved to ``origin``; the axes' limits are left alone.

    Args:
        axes: where to draw.
        graph: the architecture.
        layout: its layout.
        type_names: name of every type id.
        colours: colour by type name.
        origin: where the origin of the layout goes.
        stroke: factor of the widths of lines, which are in points and do not shrink with a drawing.
        ground: colour behind the drawing.
    """
    shift = np.asarray(origin)
    for points in layout.edges.values():
        _draw_edge(axes, points + shift, stroke, ground)
    for node, place in enumerate(layout.nodes + shift):
        name = type_names[graph.types[node]]
        _draw_node(axes, place, short_label(name), colours[name], stroke)


def _draw_node(axes: Axes, place: np.ndarray, label: str, colour: str, stroke: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y = place
    rounding = 0.14
    box = FancyBboxPatch(
        (x - NODE_WIDTH / 2 + rounding, y - NODE_HEIGHT / 2 + rounding),
        NODE_WIDTH - 2 * rounding,
        NODE_HEIGHT - 2 * rounding,
        boxstyle=f"round,pad={rounding},rounding_size={rounding}",
        facecolor=colour,
        edgecolor=INK,
        linewidth=0.8 * stroke,
        zorder=3,
    )
    axes.add_patch(box)
    write(axes, x, y, label, height=0.29, colour=_text_colour(colour), zorder=4)


def write(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    *,
    height: float,
    colour: str = INK,
    zorder: float = 4,
) -> None:
    """Write ``text`` centred at a point, ``height`` in the units of the data, not in points.

    So text keeps its proportion to the boxes at any size of the figure.
    """
    from matplotlib.patches import PathPatch
    from matplotlib.transforms import Affine2D

    if not text.strip():
        return
    outline, box = _outline(text, height)
    # The middle of an "x" is the middle of a line, with any letters.
    middle = _outline("x", height)[1].y1 / 2 + 0.02 * height
    moved = Affine2D().translate(x - (box.x0 + box.x1) / 2, y - middle - 0.04 * height)
    axes.add_patch(
        PathPatch(moved.transform_path(outline), facecolor=colour, linewidth=0, zorder=zorder)
    )


@lru_cache(maxsize=256)
def _outline(text: str, height: float) -> tuple[TextPath, Bbox]:
    """Letters as a path, and the box around them: a figure has the same words many times."""
    from matplotlib.textpath import TextPath

    outline = TextPath((0, 0), text, size=height)
    return outline, outline.get_extents()


def _draw_edge(axes: Axes, points: np.ndarray, stroke: float, ground: str) -> None:
    from matplotlib.patches import PathPatch, Polygon

    tip = points[-1]
    length, width = 0.17, 0.075
    stem = points.copy()
    stem[-1, 1] += 0.8 * length
    # An outline of the ground keeps two edges apart where they cross.
    for colour, line, zorder in ((ground, 3.0, 1.0), (_EDGE, 1.1, 1.1)):
        width_in_points = line * stroke
        axes.add_patch(
            PathPatch(
                _curve(stem), fill=False, edgecolor=colour, linewidth=width_in_points, zorder=zorder
            )
        )
    head = tip + np.array([(0.0, 0.0), (-width, length), (width, length)])
    axes.add_patch(Polygon(head, facecolor=_EDGE, linewidth=0, zorder=2))


def _curve(points: np.ndarray) -> Path:
    """A smooth curve through ``points`` that is vertical at each of them. **Shape** (K, 2)."""
    from matplotlib.path import Path

    vertices, codes = [points[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in pairwise(points):
        reach = 0.5 * (y1 - y0)
        vertices += [(x0, y0 + reach), (x1, y1 - reach), (x1, y1)]
        codes += [Path.CURVE4] * 3
    return Path(vertices, codes)


def _text_colour(fill: str) -> str:
    """Dark ink, or white on a dark fill (luma of ITU-R BT.601 below one half)."""
    red, green, blue = (int(fill[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else "#1a1a1a"
