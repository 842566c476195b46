"""The network of a NAS-Bench-101 cell.

Ying et al., *NAS-Bench-101: Towards Reproducible Neural Architecture Search*, ICML 2019, and the
code published with it (``nasbench/lib/model_builder.py``): a stem, three stacks of three cells
between which the image halves and the channels double, and a classifier.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from models.errors import ModelError
from models.networks.checks import check_sizes
from models.networks.layers import BatchNorm, Classifier, ConvBNReLU, initialise

PUBLISHED_BATCH_NORM = BatchNorm(momentum=0.003, epsilon=1e-5)
"""TensorFlow's momentum 0.997: right for 108 epochs, too slow for a handful."""
KERNELS = {2: 1, 3: 3}
"""Type id → kernel of the convolutions."""
MAX_POOL = 4
"""Type id of the 3×3 max-pool."""


class NB101Network(nn.Module):
    """Stem, stacks of cells, classifier.

    Cells beyond the search space (8 nodes and more) are built by the same rules.

    **Shape**: (B, ``in_channels``, H, W) → (B, ``num_classes``); H and W are halved between
    stacks, odd ones rounded up.

    Args:
        cell: without dangling nodes; types 2 conv1x1, 3 conv3x3, 4 max-pool.
        num_classes: classes.
        in_channels: channels of the images.
        stem_channels: channels of the first stack.
        stacks: stacks; the channels double from one to the next.
        cells: cells a stack.
        batch_norm: momentum and epsilon.

    Raises:
        ModelError: no cell, or too few channels for it.
    """

    def __init__(
        self,
        cell: ArchitectureGraph,
        *,
        num_classes: int = 10,
        in_channels: int = 3,
        stem_channels: int = 128,
        stacks: int = 3,
        cells: int = 3,
        batch_norm: BatchNorm = PUBLISHED_BATCH_NORM,
    ) -> None:
        super().__init__()
        check_cell(cell)
        check_sizes(
            "an NB101 network",
            num_classes=num_classes,
            in_channels=in_channels,
            stem_channels=stem_channels,
            stacks=stacks,
            cells=cells,
        )
        self.stem = ConvBNReLU(in_channels, stem_channels, 3, batch_norm)
        self.stacks = nn.ModuleList()
        channels = stem_channels
        for stack in range(stacks):
            width = stem_channels * 2**stack
            inputs = [channels] + [width] * (cells - 1)
            self.stacks.append(
                nn.Sequential(*(NB101Cell(cell, each, width, batch_norm) for each in inputs))
            )
            channels = width
        self.classifier = Classifier(channels, num_classes)
        initialise(self)

    def feature_maps(self, images: Tensor) -> Tensor:
        """What the last stack computes: ``stem_channels``·2^(``stacks`` − 1) channels."""
        hidden = self.stem(images)
        for number, stack in enumerate(self.stacks):
            hidden = stack(F.max_pool2d(hidden, 2, ceil_mode=True) if number else hidden)
        return hidden

    def forward(self, images: Tensor) -> Tensor:
        """Scores of the classes."""
        return self.classifier(self.feature_maps(images))


class NB101Cell(nn.Module):
    """One cell.

    A vertex sums what comes in; wider tensors are cut to its channels, and what comes from the
    cell's input is projected to them. The output joins the vertices that feed it side by side,
    and adds the projection of the cell's input if that feeds it too. All projections of the input
    are computed as one convolution, which gives every one of them the same numbers.

    **Shape**: (B, ``inputs``, H, W) → (B, ``outputs``, H, W).
    """

    def __init__(
        self, cell: ArchitectureGraph, inputs: int, outputs: int, batch_norm: BatchNorm
    ) -> None:
        super().__init__()
        self.last = cell.num_nodes - 1
        self.channels = vertex_channels(cell, inputs, outputs)
        edges = set(cell.edges)
        self.sources = [[i for i in range(1, j) if (i, j) in edges] for j in range(self.last + 1)]
        self.projected = [j for j in range(1, self.last + 1) if (0, j) in edges]
        self.widths = [self.channels[j] for j in self.projected]
        self.projection = ConvBNReLU(inputs, sum(self.widths), 1, batch_norm)
        self.operations = nn.ModuleList(
            _operation(kind, width, batch_norm)
            for kind, width in zip(cell.types[1:-1], self.channels[1:-1], strict=True)
        )

    def forward(self, images: Tensor) -> Tensor:
        """The cell's output."""
        parts = self.projection(images).split(self.widths, dim=1)
        projected = dict(zip(self.projected, parts, strict=True))
        values: dict[int, Tensor] = {}
        for vertex, operation in enumerate(self.operations, start=1):
            incoming = [values[i][:, : self.channels[vertex]] for i in self.sources[vertex]]
            if vertex in projected:
                incoming.append(projected[vertex])
            values[vertex] = operation(_sum(incoming))
        joined = [values[i] for i in self.sources[self.last]]
        outputs = [torch.cat(joined, dim=1)] if joined else []
        if self.last in projected:
            outputs.append(projected[self.last])
        return _sum(outputs)


def vertex_channels(cell: ArchitectureGraph, inputs: int, outputs: int) -> list[int]:
    """Channels of every vertex.

    The output's are divided among the interior vertices that feed it, the first of them taking
    one more each until the remainder is used up; any other interior vertex is as wide as the
    widest that it feeds.

    Raises:
        ModelError: there are fewer output channels than vertices to divide them among.
    """
    last = cell.num_nodes - 1
    feeding = [i for i, j in cell.edges if j == last and i > 0]
    channels = [0] * cell.num_nodes
    channels[0], channels[last] = inputs, outputs
    if len(feeding) > outputs:
        raise ModelError(
            f"{outputs} channels cannot be divided among the {len(feeding)} vertices that feed "
            "the cell's output: give the network more channels"
        )
    for place, vertex in enumerate(feeding):
        channels[vertex] = outputs // len(feeding) + (place < outputs % len(feeding))
    for vertex in range(last - 1, 0, -1):
        if vertex not in feeding:
            channels[vertex] = max(channels[j] for i, j in cell.edges if i == vertex)
    return channels


def check_cell(cell: ArchitectureGraph) -> None:
    """Make sure that a network can be built of ``cell``.

    Raises:
        ModelError: it does not go from the input to the output, has an unknown operation, or a
            dangling node.
    """
    last = cell.num_nodes - 1
    if last < 1 or cell.types[0] != INPUT or cell.types[-1] != OUTPUT:
        raise ModelError(
            f"node types {cell.types} are no cell: expected the input ({INPUT}) first and the "
            f"output ({OUTPUT}) last"
        )
    for vertex, kind in enumerate(cell.types[1:-1], start=1):
        if kind not in KERNELS and kind != MAX_POOL:
            raise ModelError(
                f"node {vertex} has type {kind}, which is no NB101 operation: expected "
                "2 (conv1x1), 3 (conv3x3) or 4 (max-pool)"
            )
    reached = {j for _, j in cell.edges}
    leaving = {i for i, _ in cell.edges}
    if last not in reached:
        raise ModelError("no edge leads to the cell's output: it cannot be reached")
    for vertex in range(1, last):
        if vertex not in reached or vertex not in leaving:
            raise ModelError(
                f"node {vertex} dangles, no path from the input to the output goes through it: "
                "prune the cell first"
            )


def _operation(kind: int, channels: int, batch_norm: BatchNorm) -> nn.Module:
    if kind == MAX_POOL:
        return nn.MaxPool2d(3, stride=1, padding=1)
    return ConvBNReLU(channels, channels, KERNELS[kind], batch_norm)


def _sum(tensors: list[Tensor]) -> Tensor:
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total
