"""Parameters and floating-point operations of many networks at once, without building one.

**Counting convention**: that of NAS-Bench-201's tables, for all three spaces. One FLOP is one
multiply-add for one image. Counted are the convolutions, and the dense layer, whose bias is one
more operation a class; batch norm, activations, pooling, sums and joins count nothing. Parameters
are the trainable ones: kernels, two for each batch-norm channel, dense weights and biases; running
statistics are none.

The counts come from the graphs alone, by formulas that know nothing of the modules beside this
file: where the two agree, they confirm each other. Graphs of a batch may differ in their number
of nodes; only places of nodes are looped over, never graphs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT
from models.errors import ModelError
from models.networks.checks import check_image, check_sizes


@dataclass(frozen=True, slots=True)
class Costs:
    """What networks cost.

    Attributes:
        parameters: trainable parameters. **Shape** (B,), int64.
        flops: multiply-adds for one image. **Shape** (B,), int64.
    """

    parameters: Tensor
    flops: Tensor


class _Tally:
    """Running totals of a batch of networks; all numbers may be one for all or **shape** (B,)."""

    def __init__(self, size: int, device: torch.device) -> None:
        self.parameters = torch.zeros(size, dtype=torch.long, device=device)
        self.flops = torch.zeros_like(self.parameters)

    def convolution(
        self,
        inputs: Tensor | int,
        outputs: Tensor | int,
        kernel: int,
        size: Tensor | int,
        times: Tensor | int = 1,
    ) -> None:
        """Add convolutions without bias whose output has ``size`` × ``size`` pixels."""
        weights = times * (kernel**2 * inputs * outputs)
        self.parameters += weights
        self.flops += weights * size**2

    def batch_norm(self, channels: Tensor | int, times: Tensor | int = 1) -> None:
        """Add batch norms: a factor and an offset for each channel."""
        self.parameters += times * (2 * channels)

    def normalised(
        self,
        inputs: Tensor | int,
        outputs: Tensor | int,
        kernel: int,
        size: Tensor | int,
        times: Tensor | int = 1,
    ) -> None:
        """Add convolutions, each followed by a batch norm."""
        self.convolution(inputs, outputs, kernel, size, times)
        self.batch_norm(outputs, times)

    def dense(self, inputs: int, outputs: int, *, bias: bool) -> None:
        """Add a dense layer."""
        weights = inputs * outputs + bias * outputs
        self.parameters += weights
        self.flops += weights

    def costs(self) -> Costs:
        """The totals."""
        return Costs(self.parameters, self.flops)


def nb101_costs(
    batch: GraphBatch,
    *,
    num_classes: int = 10,
    in_channels: int = 3,
    stem_channels: int = 128,
    stacks: int = 3,
    cells: int = 3,
    image_size: int = 32,
) -> Costs:
    """Costs of :class:`models.networks.nb101.NB101Network`, whose sizes these are.

    Args:
        batch: cells without dangling nodes (``NB101.prune_batch``), of any number of nodes.
        num_classes: classes.
        in_channels: channels of the images.
        stem_channels: channels of the first stack.
        stacks: stacks of cells.
        cells: cells a stack.
        image_size: height and width of the images, in pixels.

    Raises:
        ModelError: a graph is no such cell, or has more vertices before the output than the
            first stack has channels; or a size below 1.
    """
    check_sizes(
        "an NB101 network",
        num_classes=num_classes,
        in_channels=in_channels,
        stem_channels=stem_channels,
        stacks=stacks,
        cells=cells,
        image_size=image_size,
    )
    _check_nb101(batch)
    tally = _Tally(len(batch), batch.types.device)
    tally.normalised(in_channels, stem_channels, 3, image_size)
    inputs = stem_channels
    for stack in range(stacks):
        outputs, size = stem_channels << stack, _halved(image_size, stack)
        channels = _nb101_channels(batch, outputs)
        projected = (channels * batch.adjacency[:, 0]).sum(dim=1)
        tally.normalised(inputs, projected, 1, size)
        tally.normalised(outputs, projected, 1, size, times=cells - 1)
        for node in range(1, batch.max_nodes - 1):
            kind, width = batch.types[:, node], channels[:, node]
            tally.normalised(width, width, 1, size, times=cells * (kind == 2))
            tally.normalised(width, width, 3, size, times=cells * (kind == 3))
        inputs = outputs
    tally.dense(inputs, num_classes, bias=True)
    return tally.costs()


def _nb101_channels(batch: GraphBatch, outputs: int) -> Tensor:
    """Channels of every vertex but the input, which has 0 here. **Shape** (B, N).

    The rule of ``compute_vertex_channels`` in NAS-Bench-101's ``model_builder.py``.
    """
    places = torch.arange(batch.max_nodes, device=batch.types.device)
    is_last = places == batch.num_nodes[:, None] - 1
    feeding = (batch.adjacency & is_last[:, None, :]).any(dim=2) & (places > 0)
    degree = feeding.sum(dim=1, keepdim=True)
    if len(batch) and int(degree.max()) > outputs:
        row = int(degree.argmax())
        raise ModelError(
            f"{outputs} channels cannot be divided among the {int(degree.max())} vertices that "
            f"feed the output of graph {row} of the batch: give the network more channels"
        )
    degree = degree.clamp(min=1)
    share = outputs // degree + (feeding.cumsum(dim=1) <= outputs % degree)
    channels = share * feeding + outputs * is_last
    for node in range(batch.max_nodes - 2, 0, -1):
        widest = (channels * batch.adjacency[:, node]).amax(dim=1)
        settled = feeding[:, node] | is_last[:, node]
        channels[:, node] = torch.where(settled, channels[:, node], widest)
    return channels


def _check_nb101(batch: GraphBatch) -> None:
    if batch.max_nodes < 2:
        refuse_first(batch, torch.ones(len(batch), dtype=torch.bool), _CELL)
        return
    places = torch.arange(batch.max_nodes, device=batch.types.device)
    last = batch.num_nodes[:, None] - 1
    inner = (places > 0) & (places < last)
    reached, leaving = batch.adjacency.any(dim=1), batch.adjacency.any(dim=2)
    fine = ~inner | ((batch.types >= 2) & (batch.types <= 4) & reached & leaving)
    wrong = ~fine.all(dim=1) | ~has_ends(batch) | ~(reached & (places == last)).any(dim=1)
    refuse_first(batch, wrong, _CELL)


_CELL = (
    "NB101 cell without dangling nodes: expected the input (1) first, the output (0) last, types "
    "2 to 4 between them, and every node on a path from the input to the output (prune first)"
)


def nb201_costs(
    batch: GraphBatch,
    *,
    num_classes: int = 10,
    in_channels: int = 3,
    channels: int = 16,
    cells: int = 5,
    image_size: int = 32,
) -> Costs:
    """Costs of :class:`models.networks.nb201.NB201Network`, whose sizes these are.

    Args:
        batch: NB201 cells.
        num_classes: classes.
        in_channels: channels of the images.
        channels: of the first of the three stages.
        cells: cells a stage.
        image_size: height and width of the images, in pixels.

    Raises:
        ModelError: a graph is no such cell; a size below 1; images too small to be halved.
    """
    check_sizes(
        "an NB201 network",
        num_classes=num_classes,
        in_channels=in_channels,
        channels=channels,
        cells=cells,
    )
    check_image(image_size, image_size, 2)
    _check_nb201(batch)
    ones, threes = ((batch.types[:, 1:7] == kind).sum(dim=1) for kind in (2, 3))
    tally = _Tally(len(batch), batch.types.device)
    tally.normalised(in_channels, channels, 3, image_size)
    for stage in range(3):
        width, size = channels << stage, _halved(image_size, stage)
        if stage:
            narrow = channels << (stage - 1)
            tally.normalised(narrow, width, 3, size)
            tally.normalised(width, width, 3, size)
            tally.convolution(narrow, width, 1, size)  # shortcut
        tally.normalised(width, width, 1, size, times=cells * ones)
        tally.normalised(width, width, 3, size, times=cells * threes)
    tally.batch_norm(channels * 4)
    tally.dense(channels * 4, num_classes, bias=True)
    return tally.costs()


def _check_nb201(batch: GraphBatch) -> None:
    edges = ((0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7))
    expected = (
        "NB201 cell: expected 8 nodes, the input (1) first, the output (0) last, types 2 to 6 "
        "between them, and the edges " + " ".join(f"{i}→{j}" for i, j in edges)
    )
    if batch.max_nodes < 8:
        refuse_first(batch, torch.ones(len(batch), dtype=torch.bool), expected)
        return
    inner = batch.types[:, 1:7]
    skeleton = torch.zeros_like(batch.adjacency[:1])
    source, target = torch.tensor(edges).t()
    skeleton[:, source, target] = True
    wrong = (batch.num_nodes != 8) | ~has_ends(batch) | ((inner < 2) | (inner > 6)).any(dim=1)
    refuse_first(batch, wrong | (batch.adjacency != skeleton).any(dim=(1, 2)), expected)


def enas_costs(
    batch: GraphBatch,
    *,
    num_classes: int = 10,
    in_channels: int = 3,
    filters: int = 96,
    image_size: int = 32,
) -> Costs:
    """Costs of :class:`models.networks.enas.ENASNetwork`, whose sizes these are.

    The auxiliary head is left out: it is there for the training only.

    Args:
        batch: macro architectures of any numbers of layers from 3 on.
        num_classes: classes.
        in_channels: channels of the images.
        filters: of the stem.
        image_size: height and width of the images, in pixels.

    Raises:
        ModelError: a graph is no such architecture; a size below 1; images too small to be
            halved.
    """
    check_sizes(
        "an ENAS network", num_classes=num_classes, in_channels=in_channels, filters=filters
    )
    check_image(image_size, image_size, 2)
    _check_enas(batch)
    device = batch.types.device
    layers = batch.num_nodes - 2
    sizes = torch.tensor([_halved(image_size, times) for times in range(3)], device=device)
    first, second = layers // 3 - 1, 2 * (layers // 3) - 1
    tally = _Tally(len(batch), device)
    tally.normalised(in_channels, filters, 3, image_size)
    for layer in range(batch.max_nodes - 2):
        halvings = (layer > first).long() + (layer > second)
        width, size = filters << halvings, sizes[halvings]
        kind = batch.types[:, layer + 1]  # 0 where there is no such layer
        narrow, wide = (kind == 2) | (kind == 3), (kind == 4) | (kind == 5)
        tally.normalised(width, width, 1, size, times=narrow | wide)
        tally.normalised(width, width, 3, size, times=narrow)
        tally.normalised(width, width, 5, size, times=wide)
        if layer:
            joined = batch.adjacency[:, :layer, layer + 1].sum(dim=1) + 1
            tally.normalised(width * joined, width, 1, size, times=layer < layers)
        halved = sizes[(halvings + 1).clamp(max=2)]
        reduced = (layer + 2) * ((layer == first) | (layer == second))  # every output so far
        tally.normalised(width, 2 * width, 1, halved, times=reduced)
    tally.dense(filters * 4, num_classes, bias=False)
    return tally.costs()


def _check_enas(batch: GraphBatch) -> None:
    expected = (
        "ENAS macro architecture: expected the input (1) first, at least 3 layers of types 2 to "
        "7, the output (0) last, an edge from each node to the next, and no other to the output"
    )
    places = torch.arange(batch.max_nodes, device=batch.types.device)
    last = batch.num_nodes[:, None] - 1
    inner = (places > 0) & (places < last)
    wrong = (batch.num_nodes < 5) | ~has_ends(batch)
    wrong |= (inner & ((batch.types < 2) | (batch.types > 7))).any(dim=1)
    chain = batch.adjacency.diagonal(offset=1, dim1=1, dim2=2)
    wrong |= (~chain & (places[:-1] < last)).any(dim=1)
    into_last = batch.adjacency & (places == last)[:, None, :]
    refuse_first(batch, wrong | (into_last.sum(dim=(1, 2)) != 1), expected)


def _halved(size: int, times: int) -> int:
    """Pixels left when every halving rounds up."""
    return -(-size // 2**times)


def has_ends(batch: GraphBatch) -> Tensor:
    """Whether the first node is the input and another, the last, the output. **Shape** (B,)."""
    last = (batch.num_nodes - 1).clamp(min=0)
    types = batch.types
    is_output = types.gather(1, last[:, None])[:, 0] == OUTPUT
    return (batch.num_nodes >= 2) & (types[:, 0] == INPUT) & is_output


def refuse_first(batch: GraphBatch, wrong: Tensor, expected: str) -> None:
    """Raise for the first graph that is wrong, **shape** (B,), if there is one."""
    if not wrong.any():
        return
    row = int(wrong.nonzero()[0])
    n = int(batch.num_nodes[row])
    edges = " ".join(f"{i}→{j}" for i, j in batch.adjacency[row].nonzero().tolist())
    raise ModelError(
        f"graph {row} of the batch, types {batch.types[row, :n].tolist()} and edges "
        f"{edges or 'none'}, is no {expected}"
    )
