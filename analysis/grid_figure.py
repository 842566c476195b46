"""Architectures on a grid in the latent space, where equal ones make a region of one colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from analysis.drawing import INK, draw_at, operation_colours, write
from analysis.figures import check_drawn
from analysis.layout import Layout, layered_layout
from datasets.graph import ArchitectureGraph
from experiment.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Paul Tol's "muted" scheme, made pale: the colours of operations stand out on it.
TINTS = (
    *("#d4edf8", "#f3ecc9", "#dac6d9", "#c5e8e2", "#eecdd3", "#dcdcb6", "#c3dcc9", "#c9c4e0"),
    *("#e8cdbb",),
)
"""Of the architectures that take most points; those of the others stay white."""
_GAP = 0.78
"""Between layers: less than in larger drawings, so that a tall architecture fits into a tile."""
_MARGIN = 0.28
_LETTERS = 0.42
_CAPTION = 0.62
"""Room for the words above an architecture, and their size."""
_SLIMMEST = 0.55
"""Width of a tile over its height, at least: chains would make a tall and narrow figure."""
_LONGEST = 17.0
"""Inches of the longer side of the grid. More would be larger than a screen shows."""
_LARGEST_UNIT = 0.3
"""Inches that a unit of the drawings takes where there is room."""
_UNIT_OF_STROKES = 0.42
"""Inches a unit at which lines have their usual widths, as in ``interpolation_strip``."""
_LETTERS_PER_INCH = 7.5
"""Of the title, on average; a small grid has it on several lines."""


def architecture_grid(
    graphs: Sequence[ArchitectureGraph],
    type_names: Sequence[str],
    hashes: Sequence[str],
    positions: Sequence[float],
    labels: Sequence[str] | None = None,
    *,
    title: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """The architectures of a square grid in a plane of the latent space, a tile each.

    Tiles of one architecture have one number, counted from the one with most tiles, and the same
    drawing, that of its first tile. The nine with most tiles, if they have two at least, have a
    colour each. A line separates neighbours that differ, and a frame marks the centre.

    Args:
        graphs: row by row from the lowest, S·S of them.
        type_names: name of every type id, as a search space has them.
        hashes: equal for equal architectures, one a graph.
        positions: of the S points of a row, and of a column, on its axis.
        labels: a word on each graph, such as its accuracy.
        title: text above the grid.
        colours: colour by type name; default: :func:`~analysis.drawing.operation_colours`.

    Raises:
        ArchitectureError: something is no architecture.
        InputError: there are not S² architectures, hashes and labels, S ≥ 1.
    """
    graphs = check_drawn(graphs, type_names)
    size = len(positions)
    if not size or {len(graphs), len(hashes), len(labels or graphs)} != {size**2}:
        raise InputError(
            f"{len(graphs)} architectures, {len(hashes)} hashes and {len(labels or graphs)} labels "
            f"make no grid of {size} × {size}: give one of each a point"
        )
    colours = colours or operation_colours(type_names)
    counts = Counter(hashes).most_common()
    number = {name: rank for rank, (name, _) in enumerate(counts, 1)}
    tints = {name: tint for (name, count), tint in zip(counts, TINTS, strict=False) if count > 1}
    drawn = {name: graphs[hashes.index(name)] for name in number}
    layouts = {name: layered_layout(graph, _GAP) for name, graph in drawn.items()}
    captions = [
        f"{number[name]} · {label}" if label else f"{number[name]}"
        for name, label in zip(hashes, labels or [""] * len(hashes), strict=True)
    ]
    tile = _tile(layouts.values(), max(map(len, captions)))
    unit = min(_LARGEST_UNIT, _LONGEST / (size * tile.max()))
    figure, axes = _empty_axes(tile, unit, positions, title)
    for row, name in enumerate(hashes):
        corner = np.array((row % size, row // size)) * tile
        ground = tints.get(name, "white")
        _fill(axes, corner, tile, ground)
        x, top = corner[0] + tile[0] / 2, corner[1] + tile[1] - _MARGIN
        write(axes, x, top - _LETTERS / 2, captions[row], height=_LETTERS)
        left, right, low, high = layouts[name].box
        middle = (corner[1] + _MARGIN + top - _CAPTION) / 2
        origin = (x - (left + right) / 2, middle - (low + high) / 2)
        draw_at(
            axes,
            drawn[name],
            layouts[name],
            type_names,
            colours,
            origin,
            stroke=unit / _UNIT_OF_STROKES,
            ground=ground,
        )
    _draw_borders(axes, np.array(hashes).reshape(size, size), tile)
    return figure


def _tile(layouts: Iterable[Layout], letters: int) -> np.ndarray:
    """Width and height that hold any of the drawings under a caption. **Shape** (2,)."""
    boxes = np.array([layout.box for layout in layouts])
    widest, tallest = (boxes[:, [1, 3]] - boxes[:, [0, 2]]).max(axis=0)
    width = max(widest, 0.6 * _LETTERS * letters, _SLIMMEST * tallest)
    return np.array((width, tallest + _CAPTION)) + 2 * _MARGIN


def _empty_axes(
    tile: np.ndarray, unit: float, positions: Sequence[float], title: str | None
) -> tuple[Figure, Axes]:
    """A figure, and axes that a grid fills at ``unit`` inches a unit, with its coordinates."""
    from matplotlib.figure import Figure

    size = len(positions)
    width, height = size * tile * unit
    left, right, below = 1.05, 0.15, 0.8  # inches
    lines = wrap(title or "", int(_LETTERS_PER_INCH * (left + width)))
    above = 0.3 + 0.3 * len(lines)
    figure = Figure(figsize=(left + width + right, below + height + above))
    total = figure.get_size_inches()
    place = (left / total[0], below / total[1], width / total[0], height / total[1])
    axes = figure.add_axes(place, xlim=(0, size * tile[0]), ylim=(0, size * tile[1]))
    names = [_signed(position) for position in positions]
    middles = np.arange(size) + 0.5
    axes.set_xticks(middles * tile[0], names)
    axes.set_yticks(middles * tile[1], names)
    axes.set_xlabel("along the first direction", fontsize=13, color=INK)
    axes.set_ylabel("along the second direction", fontsize=13, color=INK)
    axes.tick_params(length=0, pad=5, labelsize=12, labelcolor=INK)
    axes.spines[:].set_visible(False)
    if lines:
        figure.suptitle("\n".join(lines), y=1 - 0.16 / total[1], fontsize=16, color=INK)
    return figure, axes


def _signed(position: float) -> str:
    return f"{position:+.3g}".replace("-", "\N{MINUS SIGN}") if position else "0"


def _fill(axes: Axes, corner: np.ndarray, tile: np.ndarray, colour: str) -> None:
    from matplotlib.patches import Rectangle

    # An edge of the same colour closes the hairline that smoothing leaves between two tiles.
    axes.add_artist(
        Rectangle(tuple(corner), *tile, facecolor=colour, edgecolor=colour, linewidth=0.5, zorder=0)
    )


def _draw_borders(axes: Axes, names: np.ndarray, tile: np.ndarray) -> None:
    """Lines between neighbours that differ and around the grid, and the frame of the centre."""
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Rectangle

    size = len(names)
    padded = np.pad(names.astype(object), 1)  # nothing is equal to what lies outside
    upright = np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])  # row, and line left of a column
    level = np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])
    lines = [[(x, y), (x, y + 1)] for y, x in upright] + [[(x, y), (x + 1, y)] for y, x in level]
    borders = LineCollection(np.array(lines) * tile, colors=INK, linewidths=0.9, zorder=0.5)
    borders.set(capstyle="projecting", clip_on=False)
    axes.add_collection(borders, autolim=False)
    width, height = tile
    centre = (size // 2 * width, size // 2 * height)
    frame = Rectangle(centre, width, height, fill=False, edgecolor=INK, linewidth=3, zorder=5)
    frame.set_clip_on(False)
    axes.add_artist(frame)
