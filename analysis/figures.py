"""The figures of a run: latent map, architectures along a path, learning curves.

Every function makes and returns a figure of its own and leaves matplotlib's global state alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.drawing import INK, draw_architecture, draw_at, operation_colours, write
from analysis.layout import NODE_HEIGHT, NODE_WIDTH, layered_layout
from datasets.batch import as_graphs
from datasets.graph import ArchitectureGraph
from experiment.checks import equally_many, numbers, whole_number
from experiment.errors import InputError
from experiment.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
_LINES = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
"""Paul Tol's "bright" scheme: lines distinguished with every kind of colour vision."""


def save_figure(figure: Figure, path: str | Path, dpi: int = 160) -> Path:
    """Write a figure whole or not at all; the suffix says the format.

    Raises:
        InputError: the suffix is none of ``.png``, ``.svg``, ``.pdf``.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(
            f"cannot write the figure {str(path)!r}: "
            f"its suffix must be one of {', '.join(SUFFIXES)}"
        )
    from matplotlib import rc_context

    # No date and no random names: the same figure is the same file.
    undated = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[path.suffix]
    with atomic_path(path) as partial, rc_context({"svg.hashsalt": "figure"}):
        figure.savefig(partial, dpi=dpi, metadata=undated)
    return path


def principal_axes(latent: np.ndarray, count: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Principal components of ``latent``, by singular value decomposition.

    Args:
        latent: **Shape** (R, G).
        count: how many components, at most G.

    Returns:
        The coordinates of the rows, **shape** (R, count), and the share of the variance that each
        component explains, **shape** (count,). Each component points to where its largest
        loading is positive, so that equal latents give equal pictures.

    Raises:
        InputError: the latents are no finite numbers (R, G), R ≥ 1, or have fewer columns.
    """
    centred = numbers(latent, "latents", 2)
    count = whole_number(count, "count", 1)
    if not len(centred) or centred.shape[1] < count or not np.isfinite(centred).all():
        raise InputError(
            f"latents of shape {centred.shape} have no {count} principal components: expected "
            "finite numbers, a row at least and as many columns"
        )
    centred = centred - centred.mean(axis=0)
    # The small (G, G) matrix has the same right singular vectors as the tall (R, G) one.
    variances, directions = np.linalg.svd(centred.T @ centred)[1:]
    directions = directions[:count]
    largest = np.abs(directions).argmax(axis=1)
    directions = directions * np.sign(directions[np.arange(len(directions)), largest])[:, None]
    total = variances.sum() or 1.0
    return centred @ directions.T, variances[:count] / total


def latent_map(
    latent: np.ndarray,
    values: np.ndarray,
    *,
    label: str,
    title: str | None = None,
    maximise: bool = True,
) -> Figure:
    """The latent space, projected to its two principal components and coloured by a value.

    The best values lie on top. Colours leave out the worst 2 %, as a few networks that failed to
    train would otherwise take the whole scale. A value that takes few whole numbers (a count of
    nodes) gets a colour for each.

    Args:
        latent: latent means. **Shape** (R, G), G ≥ 2.
        values: a number for each row; rows where it is NaN are drawn in grey. **Shape** (R,).
        label: what the values are, with the unit.
        title: text above the map.
        maximise: whether larger values are better.

    Raises:
        InputError: there is not one value for each row, or they are no numbers.
    """
    from matplotlib.figure import Figure

    values = numbers(values, "values")
    equally_many(latents=latent, values=values)
    points, share = principal_axes(latent)
    figure = Figure(figsize=(6.4, 5.2), layout="constrained")
    axes = figure.subplots()
    known = np.flatnonzero(~np.isnan(values))
    sign = 1 if maximise else -1
    order = known[np.argsort(sign * values[known], kind="stable")]
    size = float(np.clip(15000 / max(len(values), 1), 2.5, 28))
    unknown = np.isnan(values)
    marks: dict[str, Any] = {"s": size, "linewidths": 0, "rasterized": True}
    axes.scatter(points[unknown, 0], points[unknown, 1], color="#cccccc", **marks)
    if len(order):
        colours, bar_options = _colour_scale(values[order], maximise)
        drawn = axes.scatter(
            points[order, 0], points[order, 1], c=values[order], alpha=0.8, **marks, **colours
        )
        bar = figure.colorbar(drawn, ax=axes, label=label, aspect=30, pad=0.02, **bar_options)
        bar.outline.set_visible(False)
    for axis, number in ((axes.xaxis, 0), (axes.yaxis, 1)):
        axis.set_label_text(f"component {number + 1} ({share[number]:.0%} of the variance)")
    axes.set_aspect("equal", adjustable="datalim")
    finish(axes, title)
    return figure


def _colour_scale(values: np.ndarray, maximise: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """How to colour ``values``, and how to draw the colour bar: options for matplotlib."""
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm

    distinct = np.unique(values)
    if len(distinct) > 1 and np.ptp(distinct) < 12 and (distinct == distinct.round()).all():
        levels = np.arange(distinct[0], distinct[-1] + 1)
        palette = colormaps["viridis"].resampled(len(levels))
        edges = np.append(levels - 0.5, levels[-1] + 0.5)
        return {"cmap": palette, "norm": BoundaryNorm(edges, len(levels))}, {"ticks": levels}
    if not maximise:
        high = np.percentile(values, 98)
        extend = "max" if distinct[-1] > high else "neither"
        return {"cmap": "viridis_r", "vmin": distinct[0], "vmax": high}, {"extend": extend}
    low = np.percentile(values, 2)
    extend = "min" if distinct[0] < low else "neither"
    return {"cmap": "viridis", "vmin": low, "vmax": distinct[-1]}, {"extend": extend}


def interpolation_strip(
    graphs: Sequence[ArchitectureGraph | None],
    type_names: Sequence[str],
    positions: Sequence[float | tuple[float, float]],
    labels: Sequence[str] | None = None,
    *,
    title: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """Architectures along a path through the latent space, drawn side by side at one scale.

    Args:
        graphs: what was decoded at each position; ``None`` where that was no architecture.
        type_names: name of every type id, as a search space has them.
        positions: how far along the path each was decoded, 0 to 1; two numbers where it was
            decoded all the way from the first to the second.
        labels: a word on each, such as its accuracy.
        title: text above the strip.
        colours: colour by type name; default: :func:`~analysis.drawing.operation_colours`.

    Raises:
        ArchitectureError: something is no architecture.
        InputError: there is not one position, and one label, for each.
    """
    from matplotlib.figure import Figure

    check_drawn([graph for graph in graphs if graph is not None], type_names)
    if not len(graphs) == len(positions) == len(labels or graphs):
        raise InputError(
            f"{len(graphs)} architectures, {len(positions)} positions and "
            f"{len(labels or graphs)} labels do not fit together: give one of each a drawing"
        )
    colours = colours or operation_colours(type_names)
    layouts = [None if graph is None else layered_layout(graph) for graph in graphs]
    boxes = [_EMPTY if layout is None else layout.box for layout in layouts]
    lowest = min((bottom for _, _, bottom, _ in boxes), default=0.0)
    gap = 0.5
    width = sum(right - left + gap for left, right, _, _ in boxes)
    rail = lowest - 0.9
    bottom, top = rail - (1.25 if labels else 0.75), NODE_HEIGHT / 2 + 0.2
    inches = min(0.42, 20 / max(width, 1.0))
    figure = Figure(figsize=(inches * width, inches * (top - bottom) + (0.35 if title else 0)))
    axes = figure.add_axes((0, 0, 1, inches * (top - bottom) / figure.get_figheight()))
    axes.set(xlim=(0, width), ylim=(bottom, top))
    axes.set_axis_off()
    if title:
        figure.suptitle(title, y=0.995, fontsize=11, color=INK)

    centres, x = [], gap / 2
    for number, (left, right, _, _) in enumerate(boxes):
        origin = x - left
        graph, layout = graphs[number], layouts[number]
        if graph is None or layout is None:
            _draw_nothing(axes, origin)
        else:
            draw_at(axes, graph, layout, type_names, colours, (origin, 0.0))
        centres.append(origin)
        x += right - left + gap
    axes.plot(centres, [rail] * len(centres), color=INK, linewidth=1, marker="o", markersize=4)
    for number, centre in enumerate(centres):
        write(axes, centre, rail - 0.42, _position(positions[number]), height=0.3)
        if labels:
            write(axes, centre, rail - 0.9, labels[number], height=0.3)
    return figure


def _position(position: float | tuple[float, float]) -> str:
    numbers = position if isinstance(position, tuple) else (position,)
    return "–".join(f"{number:.2f}" for number in numbers)


_EMPTY = (-NODE_WIDTH / 2, NODE_WIDTH / 2, -NODE_HEIGHT / 2, NODE_HEIGHT / 2)


def _draw_nothing(axes: Axes, x: float) -> None:
    """A dashed box in the place of a graph that is no architecture."""
    from matplotlib.patches import Rectangle

    left, right, bottom, top = _EMPTY
    axes.add_patch(
        Rectangle(
            (x + left, bottom), right - left, top - bottom, fill=False, edgecolor=INK, linestyle=":"
        )
    )
    write(axes, x, 0.0, "invalid", height=0.29)


def gallery(
    graphs: Sequence[ArchitectureGraph],
    type_names: Sequence[str],
    captions: Sequence[str],
    *,
    title: str | None = None,
    columns: int = 5,
) -> Figure:
    """Architectures side by side, row by row, a caption above each.

    Args:
        graphs: the architectures.
        type_names: name of every type id.
        captions: one an architecture.
        title: text above all.
        columns: architectures a row.

    Raises:
        ArchitectureError: something is no architecture.
        InputError: there is nothing to draw, or not a caption for each.
    """
    from matplotlib.figure import Figure

    graphs = check_drawn(graphs, type_names)
    if not graphs or len(graphs) != len(captions):
        raise InputError(
            f"{len(graphs)} architectures and {len(captions)} captions: expected one at least, "
            "and a caption for each"
        )
    width = min(columns, len(graphs))
    rows = -(-len(graphs) // width)
    figure = Figure(figsize=(2.2 * width, 3.4 * rows), layout="constrained")
    grid = figure.subplots(rows, width, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, graph, caption in zip(grid.flat, graphs, captions, strict=False):
        draw_architecture(axes, graph, type_names, title=caption)
    if title is not None:
        figure.suptitle(title, fontsize=11, color=INK)
    return figure


def check_drawn(
    graphs: Sequence[ArchitectureGraph], type_names: Sequence[str]
) -> list[ArchitectureGraph]:
    """The architectures as a list, each of which has types with names.

    Raises:
        ArchitectureError: something is no architecture.
        InputError: a type has no name.
    """
    found = as_graphs(graphs)
    for number, graph in enumerate(found):
        if max(graph.types) >= len(type_names):
            raise InputError(
                f"architecture {number} has a node of type {max(graph.types)}, and there are names "
                f"for {len(type_names)} types: give the types of its own search space"
            )
    return found


def curves(
    metrics: Sequence[Mapping[str, Any]],
    panels: Mapping[str, Sequence[str]],
    *,
    x: str = "epoch",
    title: str | None = None,
) -> Figure:
    """Learning curves side by side.

    Args:
        metrics: the lines of a run's ``metrics.jsonl``.
        panels: label of each panel's y axis → the keys drawn in it; lines that lack a key, or
            where it is ``null``, have no point.
        x: the key along the horizontal axis.
        title: text above the panels.

    Raises:
        InputError: there is no panel.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    if not panels:
        raise InputError("there are no panels to draw: give one at least")
    figure = Figure(figsize=(4.2 * len(panels), 3.2), layout="constrained")
    row = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (label, keys) in zip(row, panels.items(), strict=True):
        for number, key in enumerate(keys):
            points = [
                (line[x], line[key])
                for line in metrics
                if line.get(x) is not None and line.get(key) is not None
            ]
            colour = _LINES[number % len(_LINES)]
            marker = "o" if len(points) <= 30 else None
            axes.plot(*zip(*points, strict=True), color=colour, label=key, marker=marker, ms=3)
        axes.set(xlabel=x, ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
        axes.set_axisbelow(True)
        if len(keys) > 1:
            axes.legend(frameon=False, fontsize="small")
        finish(axes, None)
    if title:
        figure.suptitle(title, color=INK, fontsize=11)
    return figure


def finish(axes: Axes, title: str | None) -> None:
    """The look that all figures share: no frame above and to the right, quiet ticks."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(color="#999999", labelcolor=INK)
    if title:
        axes.set_title(title, color=INK, fontsize=11)
