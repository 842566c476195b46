"""Parameters and multiply-adds of message passing networks, of many at once, without building one.

One FLOP is one multiply-add for one molecule in a product with a matrix or vectors of weights,
biases included, and in the products of states with the matrices of bonds. The layers that make
these matrices run once for each kind of bond in a batch and are not counted; softmax, sums over
bonds and atoms, and activations count nothing, either. Parameters are the trainable ones.
"""

from __future__ import annotations

import torch
from torch import Tensor

from datasets.batch import GraphBatch
from models.networks.costs import Costs, has_ends, refuse_first
from models.networks.gathers import ATTENTION_WIDTHS
from models.networks.molecule_sizes import MoleculeSizes
from models.networks.mpnn import BASELINE, DENSE_WIDTH, POOL_WIDTH, check_mpnn_sizes
from models.networks.mpnn_cell import ACTIVATIONS, EDGE_WIDTH
from models.networks.mpnn_reading import (
    ATTENTIONS,
    GATHERS,
    HEADS,
    ROUNDS,
    SIZES,
    STARTS,
    UPDATES,
    WIDTHS,
)

VECTORS = {"const": 0, "gat": 2, "sym-gat": 2, "linear": 1, "gen-linear": 2, "cos": 2}
"""Vectors of a head, by the kind of attention."""
PRODUCTS = VECTORS | {"sym-gat": 1}
"""Products of a state with vectors of a head: that of ``sym-gat`` is with the sum of its two."""


def mpnn_costs(
    batch: GraphBatch,
    *,
    dense_layers: int = 2,
    dense_width: int = 32,
    most_atoms: int = 128,
    **molecule: int,
) -> Costs:
    """Costs of :class:`models.networks.mpnn.MPNNNetwork`.

    Args:
        batch: architectures, all of one number of layers.
        dense_layers: of ReLU units before the last layer.
        dense_width: units of each.
        most_atoms: of a molecule, where the order of atoms matters.
        molecule: sizes that are not the defaults of :class:`MoleculeSizes`, by its names.

    Raises:
        ModelError: a graph is no such architecture, or a size is below 1.
    """
    sizes = MoleculeSizes(**molecule)
    check_mpnn_sizes(**sizes.of_network, dense_width=dense_width, most_atoms=most_atoms)
    nodes = int(batch.num_nodes.max()) if len(batch) else 6
    batch = GraphBatch(batch.types[:, :nodes], batch.adjacency[:, :nodes, :nodes], batch.num_nodes)
    layers = nodes // 3 - 1
    _check(batch, layers)
    device = batch.types.device
    atoms = sizes.atoms
    messages = atoms + sizes.bonds  # with those of atoms to themselves
    parameters = torch.zeros(len(batch), dtype=torch.long, device=device)
    flops = torch.zeros_like(parameters)
    widths = [torch.full_like(parameters, sizes.atom_features)]
    for layer in range(layers):
        attention, heads, aggregation, rounds, d = _cell(batch.types[:, 3 * layer + 1 :])
        vectors, products = (
            _pick([counts[kind] for kind in ATTENTIONS], attention) * heads * d
            for counts in (VECTORS, PRODUCTS)
        )
        mixes = torch.where(attention == ATTENTIONS.index("gen-linear"), heads**2, 0)
        gru = aggregation % len(UPDATES) == UPDATES.index("gru")
        embed = (widths[-1] + 1) * d
        hidden = _edge_weights(sizes)
        update = torch.where(gru, 6 * d * (d + 1), (2 * d + 1) * d)
        parameters += embed + hidden + (EDGE_WIDTH + 1) * heads * d**2
        parameters += vectors + mixes + d + update
        # A GRU reads two numbers of each state, one after the other.
        each_atom = products + torch.where(gru, 2 * update, update)
        each_message = heads * d**2 + mixes
        flops += atoms * embed + rounds * (atoms * each_atom + messages * each_message)
        for source in range(layer + 1):
            joined = batch.adjacency[:, 3 * source, 3 * layer + 3]
            projection = joined * (widths[source] + 1) * d
            parameters += projection
            flops += atoms * projection
        widths.append(d)
    gather = batch.types[:, 3 * layers + 1] - STARTS[3]
    pooled = _pick([ATTENTION_WIDTHS.get(name, 0) for name in GATHERS], gather)
    summed = torch.where(gather == GATHERS.index("attention_sum"), widths[-1], 0)
    own = 2 * (widths[-1] + 1) * pooled + summed
    parameters += own
    flops += atoms * own
    inputs = _outputs(gather, pooled, widths[-1], most_atoms)
    for outputs in (*[dense_width] * dense_layers, sizes.targets):
        parameters += (inputs + 1) * outputs
        flops += (inputs + 1) * outputs
        inputs = torch.full_like(inputs, outputs)
    return Costs(parameters, flops)


def mpnn_baseline_costs(batch: GraphBatch, **molecule: int) -> Costs:
    """Costs of :class:`models.networks.mpnn.MPNNBaselineNetwork`, the same for every graph.

    Args:
        batch: architectures, whose number alone matters.
        molecule: sizes that are not the defaults of :class:`MoleculeSizes`, by its names.

    Raises:
        ModelError: a size is below 1.
    """
    sizes = MoleculeSizes(**molecule)
    check_mpnn_sizes(**sizes.of_network)
    d = BASELINE.width
    embed, update, pool = (sizes.atom_features + 1) * d, 6 * d * (d + 1), 2 * (d + 1) * POOL_WIDTH
    dense = (POOL_WIDTH + 1) * DENSE_WIDTH + (DENSE_WIDTH + 1) * sizes.targets
    hidden = _edge_weights(sizes)
    parameters = embed + hidden + (EDGE_WIDTH + 1) * d**2 + d + update + pool + dense
    flops = sizes.atoms * (embed + 2 * update + pool) + (sizes.atoms + sizes.bonds) * d**2 + dense
    ones = torch.ones(len(batch), dtype=torch.long, device=batch.types.device)
    return Costs(parameters * ones, flops * ones)


def _edge_weights(sizes: MoleculeSizes) -> int:
    """Parameters of the two hidden layers between a bond's features and its matrices."""
    return (sizes.bond_features + 1) * EDGE_WIDTH + (EDGE_WIDTH + 1) * EDGE_WIDTH


def _cell(types: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Attention, heads, aggregation with update, rounds and width of cells. **Shape** (B, ≥ 3)."""
    message, step, state = (types[:, part] - STARTS[part] for part in range(3))
    return (
        message // len(HEADS),
        _pick(HEADS, message % len(HEADS)),
        step // len(ROUNDS),
        _pick(ROUNDS, step % len(ROUNDS)),
        _pick(WIDTHS, state // len(ACTIVATIONS)),
    )


def _outputs(gather: Tensor, pooled: Tensor, width: Tensor, most_atoms: int) -> Tensor:
    """Width of what gathers give. **Shape** (B,)."""
    by_atom = [name.endswith("_features") for name in GATHERS]
    outputs = torch.where(pooled > 0, pooled, width)
    outputs = torch.where(_pick(by_atom, gather), most_atoms, outputs)
    return torch.where(gather == GATHERS.index("flatten"), most_atoms * width, outputs)


def _pick(values: tuple[int, ...] | list[int] | list[bool], index: Tensor) -> Tensor:
    return torch.tensor(values, device=index.device)[index]


def _check(batch: GraphBatch, layers: int) -> None:
    expected = (
        f"MPNN architecture of {layers} layers: expected {3 * layers + 3} nodes, the input (1) "
        "first, the output (0) last, the types of each place between them, the edges of a chain, "
        "and skip connections from the input or a third node of a cell to a later one"
    )
    wrong = (batch.num_nodes != 3 * layers + 3) | ~has_ends(batch)
    if batch.max_nodes % 3 or layers < 1:
        refuse_first(batch, torch.ones_like(wrong), expected)
        return
    inner = batch.types[:, 1:-1]
    parts = torch.tensor([*[0, 1, 2] * layers, 3], device=inner.device)
    number = inner - torch.tensor(STARTS, device=inner.device)[parts]
    wrong |= ((number < 0) | (number >= torch.tensor(SIZES, device=inner.device)[parts])).any(1)
    edges = batch.adjacency.clone()
    wrong |= ~edges.diagonal(offset=1, dim1=1, dim2=2).all(dim=1)
    edges.diagonal(offset=1, dim1=1, dim2=2).fill_(False)
    edges[:, 0 : 3 * layers : 3, 3 : 3 * layers + 1 : 3] = False
    wrong |= edges.any(dim=2).any(dim=1)
    refuse_first(batch, wrong, expected)
