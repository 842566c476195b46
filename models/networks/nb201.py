"""The network of a NAS-Bench-201 cell.

Dong and Yang, *NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search*,
ICLR 2020, and the code published with it (``TinyNetwork`` of AutoDL-Projects): a stem, three
stages of cells with a residual block before the second and the third, and a classifier.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from models.errors import ModelError
from models.networks.checks import check_image, check_sizes
from models.networks.layers import BatchNorm, Classifier, Convolution, ReLUConvBN

PUBLISHED_BATCH_NORM = BatchNorm(momentum=0.1, epsilon=1e-5)
CELL_EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""Feature maps (from, to) that the operations on graph nodes 1 to 6 join."""
MAPS = 4
"""Feature maps of a cell: 0 is its input, the last its output."""
GRAPH_EDGES = ((0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7))
"""Edges of the graph: an operation's output is where the next one begins."""
STAGES = 3
KERNELS = {2: 1, 3: 3}
"""Type id → kernel of the convolutions."""
AVERAGE_POOL, SKIP, NONE = 4, 5, 6
"""The other type ids."""


class NB201Network(nn.Module):
    """Stem, three stages of cells, classifier.

    Weights begin as PyTorch draws them, as published.

    **Shape**: (B, ``in_channels``, H, W) → (B, ``num_classes``); H and W are halved twice.

    Args:
        cell: with the operations on nodes 1 to 6: types 2 nor_conv_1x1, 3 nor_conv_3x3,
            4 avg_pool_3x3, 5 skip_connect, 6 none.
        num_classes: classes.
        in_channels: channels of the images.
        channels: of the first stage; they double from one to the next.
        cells: cells a stage.
        batch_norm: momentum and epsilon.

    Raises:
        ModelError: no NB201 cell, or a size below 1.
    """

    def __init__(
        self,
        cell: ArchitectureGraph,
        *,
        num_classes: int = 10,
        in_channels: int = 3,
        channels: int = 16,
        cells: int = 5,
        batch_norm: BatchNorm = PUBLISHED_BATCH_NORM,
    ) -> None:
        super().__init__()
        check_cell(cell)
        check_sizes(
            "an NB201 network",
            num_classes=num_classes,
            in_channels=in_channels,
            channels=channels,
            cells=cells,
        )
        self.stem = nn.Sequential(
            Convolution(in_channels, channels, 3, padding=1), batch_norm(channels)
        )
        self.stages = nn.Sequential()
        for stage in range(STAGES):
            width = channels * 2**stage
            if stage:
                self.stages.append(ReductionBlock(width // 2, width, batch_norm))
            self.stages.extend(NB201Cell(cell, width, batch_norm) for _ in range(cells))
        self.last = nn.Sequential(batch_norm(width), nn.ReLU(inplace=True))
        self.classifier = Classifier(width, num_classes)

    def feature_maps(self, images: Tensor) -> Tensor:
        """What the last stage computes: 4·``channels`` channels."""
        check_image(images.shape[2], images.shape[3], STAGES - 1)
        return self.last(self.stages(self.stem(images)))

    def forward(self, images: Tensor) -> Tensor:
        """Scores of the classes."""
        return self.classifier(self.feature_maps(images))


class NB201Cell(nn.Module):
    """One cell: each feature map is the sum of operations on earlier ones, the last comes out.

    **Shape**: (B, ``channels``, H, W) → the same.
    """

    def __init__(self, cell: ArchitectureGraph, channels: int, batch_norm: BatchNorm) -> None:
        super().__init__()
        self.operations = nn.ModuleList()
        self.incoming: list[list[tuple[int, int]]] = [[] for _ in range(MAPS)]
        for (source, target), kind in zip(CELL_EDGES, cell.types[1:-1], strict=True):
            if kind != NONE:
                self.incoming[target].append((len(self.operations), source))
                self.operations.append(_operation(kind, channels, batch_norm))

    def forward(self, images: Tensor) -> Tensor:
        """The cell's output."""
        maps = [images]
        for incoming in self.incoming[1:]:
            values = [self.operations[place](maps[source]) for place, source in incoming]
            # Zeros are an input like any other: a convolution of them has its batch norm's offset.
            maps.append(sum(values[1:], values[0]) if values else torch.zeros_like(images))
        return maps[-1]


class ReductionBlock(nn.Module):
    """Residual block that halves the image: two 3×3 convolutions beside a pooled shortcut.

    An odd height or width is rounded up; the published block takes even ones only.

    **Shape**: (B, ``inputs``, H, W) → (B, ``outputs``, ⌈H/2⌉, ⌈W/2⌉).
    """

    def __init__(self, inputs: int, outputs: int, batch_norm: BatchNorm) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            ReLUConvBN(inputs, outputs, 3, batch_norm, stride=2),
            ReLUConvBN(outputs, outputs, 3, batch_norm),
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True), Convolution(inputs, outputs, 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        """The sum of both ways."""
        return self.shortcut(images) + self.convolutions(images)


def check_cell(cell: ArchitectureGraph) -> None:
    """Make sure that a network can be built of ``cell``.

    Raises:
        ModelError: other nodes or edges than NB201 cells have, or an unknown operation.
    """
    if cell.num_nodes != len(CELL_EDGES) + 2 or (cell.types[0], cell.types[-1]) != (INPUT, OUTPUT):
        raise ModelError(
            f"node types {cell.types} are no NB201 cell: expected the input ({INPUT}), the "
            f"operations of its {len(CELL_EDGES)} edges, and the output ({OUTPUT})"
        )
    for node, kind in enumerate(cell.types[1:-1], start=1):
        if not min(KERNELS) <= kind <= NONE:
            raise ModelError(
                f"node {node} has type {kind}, which is no NB201 operation: expected "
                "2 (nor_conv_1x1), 3 (nor_conv_3x3), 4 (avg_pool_3x3), 5 (skip_connect) or 6 (none)"
            )
    wrong = sorted(set(cell.edges) ^ set(GRAPH_EDGES))
    if wrong:
        state = "missing" if wrong[0] in GRAPH_EDGES else "too much"
        raise ModelError(
            f"the edges are not those that every NB201 cell has: {wrong[0][0]}→{wrong[0][1]} "
            f"is {state}"
        )


def _operation(kind: int, channels: int, batch_norm: BatchNorm) -> nn.Module:
    if kind in KERNELS:
        return ReLUConvBN(channels, channels, KERNELS[kind], batch_norm)
    if kind == AVERAGE_POOL:
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return nn.Identity()
