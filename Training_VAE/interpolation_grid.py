"""A square grid in a random plane of a latent space, and the architectures on it.

As in Zhang et al., *D-VAE: A Variational Autoencoder for Directed Acyclic Graphs*, NeurIPS 2019:
9 × 9 points, 0.05 apart, around the latent of one network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from analysis.grid_figure import architecture_grid
from datasets.batch import GraphBatch
from datasets.edit_distance import MAX_EDIT_NODES, edit_distances
from datasets.space import SearchSpace
from experiment.errors import InputError
from Training_VAE.decoded_points import DecodedPoints
from Training_VAE.trained import TrainedVAE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = 9
SPACING = 0.05
"""Points on a side and their distance, those of D-VAE's figure."""
LARGEST = 25
"""Points on a side. More architectures in one figure are too small to be read."""


class Grid(NamedTuple):
    """A grid of S × S points around the middle one.

    ``directions`` (2, G) are orthonormal. ``points`` (S, S, G): one column further is one spacing
    along the first direction, one row further one spacing along the second. ``steps`` (S,) is how
    many spacings a column, and a row, lies from the centre.
    """

    directions: Tensor
    points: Tensor
    steps: list[int]


def grid_around(centre: Tensor, size: int, spacing: float, generator: torch.Generator) -> Grid:
    """The grid around a latent in a random plane, uniform among the planes through it.

    Args:
        centre: **shape** (G,).
        size: points S on a side.
        spacing: Euclidean distance of neighbouring points.
        generator: draws the directions, on the device of ``centre``.

    Raises:
        InputError: the size is even or not from 3 to :data:`LARGEST`, or the latent has a width
            of 1.
    """
    if size % 2 == 0 or not 3 <= size <= LARGEST:
        raise InputError(
            f"a grid of {size} points on a side was requested, expected an odd number from 3 to "
            f"{LARGEST}, so that one point is the centre"
        )
    if len(centre) < 2:
        raise InputError("latents of width 1 have no two orthogonal directions: draw a line")
    noise = torch.randn(2, len(centre), generator=generator, device=centre.device).double()
    directions = torch.linalg.qr(noise.T).Q.T
    steps = range(-(size // 2), size // 2 + 1)
    along, across = spacing * torch.tensor(steps, device=centre.device) * directions[:, :, None]
    points = centre.double() + along.T + across.T[:, None]
    return Grid(directions, points.to(centre.dtype), list(steps))


@dataclass(frozen=True, slots=True)
class GridMeasures:
    """How much changes on a grid; ``docs/protocols.md`` says more.

    Attributes:
        model: name of the model.
        space: name of its search space.
        epoch: of the checkpoint.
        seed: of the directions.
        size: points on a side.
        spacing: Euclidean distance of neighbouring points.
        sampled: decodings of a point of which the most frequent is taken; ``None`` if greedy.
        centre: hash of the encoded architecture.
        reconstructed: whether the centre decodes to it.
        distinct: different architectures on the grid, up to isomorphism.
        valid: share of valid architectures among the unmasked greedy decodings.
        unchanged: share of the pairs of neighbours with the same architecture.
        edit_distance: between the architectures of neighbours, mean over the pairs; NaN in spaces
            with architectures too large for it.
    """

    model: str
    space: str
    epoch: int
    seed: int
    size: int
    spacing: float
    sampled: int | None
    centre: str
    reconstructed: bool
    distinct: int
    valid: float
    unchanged: float
    edit_distance: float

    def sentence(self) -> str:
        """The result in words."""
        words = (
            f"{self.points_in_words()}, valid without masks {self.valid:.2%}, "
            f"equal neighbours {self.unchanged:.1%}"
        )
        if np.isnan(self.edit_distance):
            return words
        return f"{words}, edit distance of neighbours {self.edit_distance:.2f}"

    def points_in_words(self) -> str:
        """The grid, and how many architectures are on it."""
        architectures = "1 architecture" if self.distinct == 1 else f"{self.distinct} architectures"
        return f"{architectures} on {self.size} × {self.size} points, spacing {self.spacing:g}"


@dataclass(frozen=True)
class DecodedGrid:
    """The architectures on a grid, row by row, and what was measured of them."""

    grid: Grid
    decoded: DecodedPoints
    measures: GridMeasures

    def records(self, space: SearchSpace) -> Iterator[dict[str, object]]:
        """An object of an architecture file for every point.

        Its ``place`` is how many spacings it lies from the centre along either direction.
        """
        steps = self.grid.steps
        places = ({"place": [column, row]} for row in steps for column in steps)
        return self.decoded.records(space, places)

    def figure(self, space: SearchSpace) -> Figure:
        """The architectures as tiles of one square."""
        measures, decoded = self.measures, self.decoded
        labels = decoded.labels(range(len(decoded.graphs)))
        title = (
            f"{measures.model} on {measures.space}, epoch {measures.epoch}: "
            f"{measures.points_in_words()}"
        )
        return architecture_grid(
            decoded.graphs,
            space.types,
            decoded.hashes,
            [measures.spacing * step for step in self.grid.steps],
            labels,
            title=f"{title}, with {decoded.measured}" if labels else title,
        )


def measure_grid(
    trained: TrainedVAE,
    centre: GraphBatch,
    *,
    size: int,
    spacing: float,
    sampled: int | None,
    seed: int,
    data_root: Path | None,
) -> DecodedGrid:
    """Decode the grid around an encoded architecture; the same seed gives the same result.

    Args:
        trained: the model.
        centre: one architecture.
        size: points on a side.
        spacing: Euclidean distance of neighbouring points.
        sampled: decodings of a point of which the most frequent is taken; ``None``: greedy.
        seed: of the directions, and of sampled decodings.
        data_root: folder of the benchmarks, for measured values.

    Raises:
        InputError: :func:`grid_around` refuses the grid.
    """
    model, space = trained.model, trained.space
    latent = model.encode_all(centre.to(model.device)).flat[0]
    generator = torch.Generator(model.device).manual_seed(seed)
    grid = grid_around(latent, size, spacing, generator)
    points = grid.points.flatten(0, 1)
    decoded = DecodedPoints.of(model, space, points, data_root, sampled, seed)
    valid = space.legal(model.decode_greedily(points).to("cpu"))
    hashes, given = np.array(decoded.hashes), space.hashes(centre).tolist()[0]
    begin, end = _neighbours(size)
    graphs = GraphBatch.from_graphs(decoded.graphs, space.max_nodes)
    comparable = space.max_nodes <= MAX_EDIT_NODES
    edits = edit_distances(graphs[begin], graphs[end]) if comparable else np.array([np.nan])
    measures = GridMeasures(
        model=model.name,
        space=space.name,
        epoch=trained.epoch,
        seed=seed,
        size=size,
        spacing=spacing,
        sampled=sampled,
        centre=given,
        reconstructed=decoded.hashes[len(hashes) // 2] == given,
        distinct=len(set(decoded.hashes)),
        valid=float(valid.mean()),
        unchanged=float((hashes[begin] == hashes[end]).mean()),
        edit_distance=float(edits.mean()),
    )
    return DecodedGrid(grid, decoded, measures)


def _neighbours(size: int) -> tuple[Tensor, Tensor]:
    """Rows of all pairs of neighbours in a column or a row. **Shape** (2·S·(S - 1),) each."""
    rows = torch.arange(size**2).reshape(size, size)
    begin = torch.cat([rows[:, :-1].flatten(), rows[:-1].flatten()])
    return begin, torch.cat([rows[:, 1:].flatten(), rows[1:].flatten()])
