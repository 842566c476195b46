from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle

from analysis.drawing import draw_architecture, operation_colours, short_label
from analysis.figures import (
    curves,
    gallery,
    interpolation_strip,
    latent_map,
    principal_axes,
    save_figure,
)
from analysis.grid_figure import architecture_grid
from analysis.latent_panels import latent_grid
from datasets import get_space
from datasets.graph import ArchitectureGraph
from experiment.errors import InputError

NB101 = ("output", "input", "conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3")
NB201 = (
    *("output", "input", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "skip_connect", "none"),
)
ENAS = ("output", "input", "conv3", "sep3", "conv5", "sep5", "avg3", "max3")
CELL = ArchitectureGraph(
    (1, 3, 3, 3, 3, 2, 0),
    ((0, 1), (0, 2), (0, 4), (0, 6), (1, 5), (2, 3), (3, 4), (4, 5), (5, 6)),
)


def test_labels_are_short_and_say_the_operation() -> None:
    labels = {name: short_label(name) for name in (*NB101, *NB201, *ENAS)}
    assert labels["conv3x3-bn-relu"] == labels["nor_conv_3x3"] == labels["conv3"] == "conv 3×3"
    assert labels["maxpool3x3"] == labels["max3"] == "max 3×3"
    assert labels["avg_pool_3x3"] == "avg 3×3"
    assert labels["skip_connect"] == "skip"
    assert labels["sep5"] == "sep 5×5"
    assert short_label("a_very_long_operation") == "a very lo…"
    for space in (NB101, NB201, ENAS):
        assert len({labels[name] for name in space}) == len(space)


def test_an_operation_has_one_colour_and_no_two_share_one() -> None:
    both = operation_colours(NB101), operation_colours(NB201)
    assert both[0]["conv3x3-bn-relu"] == both[1]["nor_conv_3x3"]
    graphs = get_space("NAS_BENCH_GRAPH").types
    for space in (NB101, NB201, ENAS, graphs, ("output", "input", *(f"op{k}" for k in range(8)))):
        colours = operation_colours(space)
        operations = [colours[name] for name in space[2:]]
        assert len(set(operations)) == len(operations)
        assert all(to_rgb(colour) for colour in operations)


def test_a_drawing_has_a_box_for_each_node_and_a_head_for_each_edge() -> None:
    axes = Figure().subplots()
    draw_architecture(axes, CELL, NB101, title="best cell")
    boxes = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    heads = [patch for patch in axes.patches if isinstance(patch, Polygon)]
    assert len(boxes) == CELL.num_nodes
    assert len(heads) == len(CELL.edges)
    assert axes.get_title() == "best cell"
    colours = operation_colours(NB101)
    expected = [to_rgb(colours[NB101[t]]) for t in CELL.types]
    assert [box.get_facecolor()[:3] for box in boxes] == expected
    for patch in axes.patches:
        extent = patch.get_path().transformed(patch.get_patch_transform()).get_extents()
        assert axes.dataLim.width >= 0
        assert axes.get_xlim()[0] <= extent.x0 <= extent.x1 <= axes.get_xlim()[1]
        assert axes.get_ylim()[0] <= extent.y0 <= extent.y1 <= axes.get_ylim()[1]


def test_principal_axes_agree_with_the_covariance() -> None:
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(500, 6)) @ np.diag([5, 3, 1, 1, 1, 0.1]) + 7
    points, share = principal_axes(latent)
    eigenvalues = np.linalg.eigvalsh(np.cov(latent.T))[::-1]
    np.testing.assert_allclose(points.var(axis=0, ddof=1), eigenvalues[:2], rtol=1e-10)
    np.testing.assert_allclose(share, eigenvalues[:2] / eigenvalues.sum(), rtol=1e-10)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-10)
    again, _ = principal_axes(latent[::-1])
    np.testing.assert_allclose(again[::-1], points, atol=1e-9)
    same_points, no_share = principal_axes(np.ones((3, 4)))
    assert not same_points.any()
    assert not no_share.any()


def test_latent_map_shows_every_row_and_the_best_on_top() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(300)
    values[:5] = np.nan
    axes, bar = latent_map(rng.normal(size=(300, 8)), values, label="accuracy", title="map").axes
    unknown, known = axes.collections
    counts = [np.asarray(marks.get_offsets()).shape[0] for marks in (unknown, known)]
    assert counts == [5, 295]
    drawn = np.asarray(known.get_array())
    assert (np.diff(drawn) >= 0).all()
    assert bar.get_ylabel() == "accuracy"
    assert known.get_clim() == pytest.approx((np.percentile(values[5:], 2), drawn[-1]))


def test_latent_map_of_a_cost_has_the_lowest_on_top() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(300)
    axes, _ = latent_map(rng.normal(size=(300, 8)), values, label="energy", maximise=False).axes
    known = axes.collections[1]
    assert (np.diff(np.asarray(known.get_array())) <= 0).all()
    assert known.get_clim() == pytest.approx((values.min(), np.percentile(values, 98)))


def test_latent_map_of_a_count_has_a_colour_for_each() -> None:
    rng = np.random.default_rng(0)
    axes, bar = latent_map(rng.normal(size=(90, 3)), np.arange(90) % 3 + 5, label="nodes").axes
    assert list(bar.get_yticks()) == [5, 6, 7]
    colours = axes.collections[1].to_rgba(np.array([5, 6, 7]))
    assert len(np.unique(colours, axis=0)) == 3


@pytest.mark.parametrize("values", [np.full(9, np.nan), np.full(9, 0.5)])
def test_latent_map_of_values_that_say_nothing(values: np.ndarray, tmp_path: Path) -> None:
    latent = np.random.default_rng(0).normal(size=(9, 3))
    assert save_figure(latent_map(latent, values, label="x"), tmp_path / "m.png").stat().st_size


def test_latent_grid_shows_the_mean_value_of_each_region() -> None:
    lattice = np.stack(np.meshgrid(np.arange(8.0), np.arange(5.0)), -1).reshape(40, 2)
    latent = np.repeat(lattice, 5, axis=0)  # far apart, five rows each
    place, row = np.repeat(np.arange(40.0), 5), np.tile(np.arange(-2.0, 3), 40)
    few = np.where((place < 7) & ((place < 6) | (row > 0)), place, np.nan)
    panels = {"all": place + row, "costs": -place, "few": few, "none": few * np.nan}
    expected = {"all": range(40), "costs": range(-39, 1), "few": range(6), "none": []}
    figure = latent_grid(latent, panels, title="maps")
    maps = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert list(maps) == list(panels)
    for name, axes in maps.items():
        everywhere, known = axes.collections
        assert len(np.asarray(everywhere.get_array())) == 40
        assert sorted(np.asarray(known.get_array())) == pytest.approx([*expected[name]])


def test_latent_grid_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(InputError, match="there are no panels to draw"):
        latent_grid(np.zeros((4, 2)), {})
    with pytest.raises(InputError, match="b"):
        latent_grid(np.zeros((4, 2)), {"a": np.zeros(4), "b": np.zeros(5)})


def test_interpolation_strip_draws_each_architecture_at_its_place() -> None:
    small = ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2)))
    figure = interpolation_strip([CELL, None, small], NB101, [0, 0.5, 1], ["a", "", "c"])
    (axes,) = figure.axes
    boxes = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    assert len(boxes) == CELL.num_nodes + small.num_nodes
    assert sum(type(patch) is Rectangle for patch in axes.patches) == 1
    (rail,) = axes.lines
    assert (np.diff(np.asarray(rail.get_xdata())) > 0).all()
    assert len(np.asarray(rail.get_xdata())) == 3
    with pytest.raises(InputError, match="3 architectures, 2 positions"):
        interpolation_strip([CELL, None, small], NB101, [0, 1])


def test_architecture_grid_shows_equal_architectures_as_regions() -> None:
    small = ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2)))
    hashes = [*"aab", *"aac", *"bcc"]
    graphs = [CELL if name == "a" else small for name in hashes]
    (axes,) = architecture_grid(graphs, NB101, hashes, [-1, 0, 1], title="grid").axes
    tiles = [patch for patch in axes.patches if type(patch) is Rectangle]
    *tiles, frame = tiles
    shades = dict(zip(hashes, (tile.get_facecolor() for tile in tiles), strict=True))
    assert [tile.get_facecolor() for tile in tiles] == [shades[name] for name in hashes]
    assert len(set(shades.values())) == 3
    assert frame.get_xy() == pytest.approx(tiles[4].get_xy())
    boxes = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    assert len(boxes) == sum(graph.num_nodes for graph in graphs)
    lines = [patch for patch in axes.patches if type(patch) is PathPatch and not patch.get_fill()]
    assert {line.get_edgecolor() for line in lines} > set(shades.values())  # around each edge
    (borders,) = axes.collections
    assert len(borders.get_paths()) == 12 + 6  # around the square, and between neighbours
    assert [text.get_text() for text in axes.get_xticklabels()] == ["\N{MINUS SIGN}1", "0", "+1"]


def test_curves_leave_gaps_out() -> None:
    metrics: list[dict[str, Any]] = [
        {"event": "start"},
        {"epoch": 1, "loss": 3.0},
        {"epoch": 2, "loss": None, "exact": 0.5},
        {"epoch": 3, "loss": 1.0, "exact": 0.75},
    ]
    figure = curves(metrics, {"nats": ["loss", "absent"], "share": ["exact"]})
    first, second = figure.axes
    assert np.asarray(first.lines[0].get_xydata()).tolist() == [[1, 3], [3, 1]]
    assert np.asarray(second.lines[0].get_xydata()).tolist() == [[2, 0.5], [3, 0.75]]
    assert (first.get_xlabel(), first.get_ylabel()) == ("epoch", "nats")


@pytest.mark.parametrize(
    ("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")]
)
def test_saved_figures_are_whole_and_repeatable(tmp_path: Path, suffix: str, magic: bytes) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in ("a", "b")]
    for path in paths:
        assert save_figure(interpolation_strip([CELL], NB101, [0]), path) == path
    first, second = (path.read_bytes() for path in paths)
    assert first.startswith(magic)
    assert first == second
    assert sorted(tmp_path.iterdir()) == paths


def test_an_unknown_suffix_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must be one of \.png, \.svg, \.pdf"):
        save_figure(Figure(), tmp_path / "a.bmp")
    assert list(tmp_path.iterdir()) == []


def test_gallery_draws_each_architecture_with_its_caption(tmp_path: Path) -> None:
    cells = [CELL] * 7
    captions = [f"cell {number}" for number in range(7)]
    figure = gallery(cells, NB101, captions, columns=3)
    assert len(figure.axes) == 9
    assert [axes.get_title() for axes in figure.axes] == [*captions, "", ""]
    assert all(bool(axes.patches or axes.texts) == bool(axes.get_title()) for axes in figure.axes)
    with pytest.raises(InputError, match="7 architectures and 6 captions"):
        gallery(cells, NB101, captions[1:])
    with pytest.raises(InputError, match="0 architectures"):
        gallery([], (), [])
