"""Networks of DeepHyper's space: a plain reference, symmetries, costs, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.spaces.mpnn import CELL, MPNN
from estimators.networks import MPNNDesign, PublishedMPNNDesign, module_lines
from estimators.tasks.molecules import molecule_dimensions
from models import ModelError, MPNNBaselineNetwork, MPNNNetwork, PublishedMPNNNetwork, mpnn_costs
from models.networks import mpnn_reading
from models.networks.gathers import ORDERED, AttentionPool
from models.networks.mpnn_cell import ACTIVATIONS
from models.networks.mpnn_costs import mpnn_baseline_costs
from models.networks.mpnn_reading import read_architecture
from tests.models.plain_mpnn import PlainMolecule, forward

SPACE = MPNN()
TEXT = "const,1 sum,gru,1 4,elu " * 3 + "flatten 0:3"
SMALL: dict[str, Any] = {"atom_features": 5, "bond_features": 3, "targets": 2, "most_atoms": 6}
Inputs = tuple[Tensor, Tensor, Tensor, Tensor]


def architectures() -> list[ArchitectureGraph]:
    """Architectures with every option of every decision among them."""
    found = []
    for number in range(24):
        numbers = [number + 5 * place + number // 6 for place, _ in enumerate(SPACE.decisions)]
        row = [n % len(one.options) for n, one in zip(numbers, SPACE.decisions, strict=True)]
        width = [i for i, one in enumerate(SPACE.decisions) if one.name.startswith("width")]
        for place in width:
            row[place] = number // 3 % 2 if number else 3  # wide ones are slow in plain loops
        found.append(SPACE.rows_to_batch(np.array([row])).graph(0))
    return found


def molecules(sizes: tuple[int, ...] = (3, 1, 5), seed: int = 0) -> list[PlainMolecule]:
    """Rings, each bond in both directions; a single atom has no bond but a double one to itself."""
    generator = np.random.default_rng(seed)
    found = []
    for size in sizes:
        bonds: list[tuple[int, int, np.ndarray]] = []
        for i in range(size if size > 1 else 0):
            features = generator.integers(0, 2, size=3).astype(float)
            j = (i + 1) % size
            bonds += [(i, j, features), (j, i, features)]
        found.append(PlainMolecule(generator.normal(size=(size, 5)), bonds))
    return found


def batched(plain: list[PlainMolecule], dtype: torch.dtype = torch.float64) -> Inputs:
    """The same as one graph; edges lead from the source to the target."""
    starts = np.cumsum([0, *(len(each.atoms) for each in plain)])
    ends = [
        (start + j, start + i)
        for start, each in zip(starts, plain, strict=False)
        for i, j, _ in each.bonds
    ]
    features = [each[2] for one in plain for each in one.bonds]
    owners = np.repeat(np.arange(len(plain)), [len(each.atoms) for each in plain])
    return (
        torch.from_numpy(np.concatenate([each.atoms for each in plain])).to(dtype),
        torch.tensor(ends, dtype=torch.long).reshape(-1, 2).t(),
        torch.from_numpy(np.array(features).reshape(-1, 3)).to(dtype),
        torch.from_numpy(owners),
    )


def randomised(network: nn.Module, seed: int = 0) -> nn.Module:
    """With biases other than zero, in float64 and evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(0.4 * torch.randn(weight.shape, generator=generator))
    return network.double().eval()


@pytest.mark.parametrize("published", [False, True], ids=["right", "published"])
@pytest.mark.parametrize("graph", architectures(), ids=range(24))
def test_networks_are_those_written_plainly(graph: ArchitectureGraph, published: bool) -> None:
    kind = PublishedMPNNNetwork if published else MPNNNetwork
    network = randomised(kind(graph, dropout=0.0, **SMALL))
    weights = {name: weight.numpy() for name, weight in network.state_dict().items()}
    plain = molecules()
    expected = forward(*read_architecture(graph), plain, weights, 6, published)
    with torch.no_grad():
        found = network(*batched(plain)).numpy()
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, atol=1e-9, rtol=1e-9)


def test_the_architectures_of_these_tests_have_every_option() -> None:
    rows = SPACE.batch_to_rows(GraphBatch.from_graphs(architectures()))
    seen: dict[str, set[object]] = {}
    for column, decision in zip(rows.T, SPACE.decisions, strict=True):
        name = decision.name.rsplit("_", 1)[0]
        seen.setdefault(name, set()).update(decision.options[one] for one in column)
    options = {one.name.rsplit("_", 1)[0]: {*one.options} for one in SPACE.decisions}
    assert seen == options | {"width": {"4", "8", "32"}}


def test_float32_is_near_the_reference() -> None:
    graph = SPACE.parse(
        "gat,2 mean,gru,2 8,tanh cos,1 sum,mlp,1 4,elu const,4 max,gru,3 8,relu sum_atoms 0:3 3:9"
    )
    network = randomised(MPNNNetwork(graph, **SMALL))
    with torch.no_grad():
        exact = network(*batched(molecules()))
        near = network.float()(*batched(molecules(), torch.float32))
    torch.testing.assert_close(near.double(), exact, atol=1e-6, rtol=1e-5)


def test_options_are_those_of_the_space() -> None:
    assert SPACE.nodes[-1].decisions["gather"] == mpnn_reading.GATHERS
    named = {
        "width": mpnn_reading.WIDTHS,
        "rounds": mpnn_reading.ROUNDS,
        "attention": mpnn_reading.ATTENTIONS,
        "heads": mpnn_reading.HEADS,
        "aggregation": mpnn_reading.AGGREGATIONS,
        "update": mpnn_reading.UPDATES,
        "activation": tuple(ACTIVATIONS),
    }
    assert {name: tuple(map(str, options)) for name, options in named.items()} == CELL
    for graph in SPACE.sample(50, np.random.default_rng(0)):
        cells, skips, gather = read_architecture(graph)
        words = [
            word
            for one in cells
            for word in (
                f"{one.attention},{one.heads}",
                f"{one.aggregation},{one.update},{one.rounds}",
                f"{one.width},{one.activation}",
            )
        ]
        edges = sorted((3 * a, 3 * k) for k, own in enumerate(skips, start=1) for a in own)
        text = " ".join([*words, gather, *(f"{a}:{k}" for a, k in edges)])
        assert text == SPACE.format(graph)


def permuted(plain: list[PlainMolecule]) -> list[PlainMolecule]:
    """The same molecules with their atoms, and bonds, in another order."""
    found = []
    for each in plain:
        order = np.random.default_rng(len(each.atoms)).permutation(len(each.atoms))
        place = np.argsort(order)
        bonds = [(place[i], place[j], features) for i, j, features in each.bonds][::-1]
        found.append(PlainMolecule(each.atoms[order], bonds))
    return found


@pytest.mark.parametrize("gather", mpnn_reading.GATHERS)
def test_the_order_of_atoms_matters_where_it_is_said_so(gather: str) -> None:
    text = (
        "sym-gat,2 mean,gru,2 8,elu gen-linear,4 max,mlp,1 4,tanh gat,1 sum,gru,1 8,elu "
        f"{gather} 0:3 0:9"
    )
    network = randomised(MPNNNetwork(SPACE.parse(text), **SMALL))
    with torch.no_grad():
        first, second = (network(*batched(each)) for each in (molecules(), permuted(molecules())))
    close = torch.allclose(first, second, atol=1e-9)
    assert close == (gather not in ORDERED)


def test_molecules_of_a_batch_do_not_matter_to_each_other() -> None:
    plain = molecules((4, 2, 5))
    for graph in architectures()[:8]:
        network = randomised(MPNNNetwork(graph, **SMALL))
        with torch.no_grad():
            together = network(*batched(plain))
            backwards = network(*batched(plain[::-1]))
            alone = torch.cat([network(*batched([each])) for each in plain])
        torch.testing.assert_close(together, alone)
        torch.testing.assert_close(together, backwards.flip(0))
    text = "gat,2 mean,gru,1 8,elu gat,2 mean,gru,1 8,elu gat,2 mean,gru,1 8,elu sum_atoms"
    network = randomised(PublishedMPNNNetwork(SPACE.parse(text), dropout=0.0, **SMALL))
    with torch.no_grad():
        together = network(*batched(plain))
        alone = torch.cat([network(*batched([each])) for each in plain])
    assert not torch.allclose(together, alone)


def test_dropout_is_for_the_training_but_in_the_published_layers() -> None:
    graph = SPACE.parse(
        "gat,2 sum,gru,1 8,elu gat,2 sum,gru,1 8,elu gat,2 sum,gru,1 8,elu sum_atoms"
    )
    inputs = batched(molecules())
    for kind, quiet in ((MPNNNetwork, True), (PublishedMPNNNetwork, False)):
        network = randomised(kind(graph, **SMALL))
        assert torch.equal(network(*inputs), network(*inputs)) == quiet
        network.train()
        assert not torch.equal(network(*inputs), network(*inputs))


def test_weights_of_messages_to_an_atom_sum_to_one() -> None:
    from models.networks.attention import SCORES, Attention
    from models.networks.molecules import Molecules

    x, edges, bonds, batch = batched(molecules())
    parts = Molecules.of(edges, bonds, batch)
    for kind in SCORES:
        weights = randomised(Attention(kind, 5, 4, 0.5))(x, parts)
        sums = torch.zeros(len(x), 4, dtype=x.dtype).index_add(0, parts.targets, weights)
        torch.testing.assert_close(sums, torch.ones_like(sums))


def test_every_weight_learns() -> None:
    for number, graph in enumerate(architectures()):
        torch.manual_seed(number)
        network = MPNNNetwork(graph, dropout=0.0, **SMALL)
        network(*batched(molecules(), torch.float32)).square().sum().backward()
        assert all(weight.grad is not None for weight in network.parameters())


def test_the_published_update_by_zero_weights_never_begins_with_relu() -> None:
    text = "const,1 sum,mlp,1 8,relu const,1 sum,mlp,1 8,relu const,1 sum,mlp,1 8,relu sum_atoms"
    inputs = batched(molecules(), torch.float32)
    for kind, dead in ((PublishedMPNNNetwork, True), (MPNNNetwork, False)):
        torch.manual_seed(0)
        network = kind(SPACE.parse(text), **SMALL)
        network(*inputs).square().sum().backward()
        gradients = [weight.grad for weight in network.cells.parameters()]
        assert all(not each.any() for each in gradients if each is not None) == dead


def test_the_baseline_is_the_network_of_its_cell() -> None:
    text = "const,1 mean,gru,1 32,elu attention64"
    network = randomised(MPNNBaselineNetwork(atom_features=5, bond_features=3))
    one: Any = MPNNNetwork(MPNN(1).parse(text), atom_features=5, bond_features=3, dense_layers=1)
    one.gather, one.dense[0] = AttentionPool(32, 128), nn.Linear(128, 32)
    own = network.state_dict()
    names = [name.replace("cell.", "cells.0.").replace("dense.", "dense.0.") for name in own]
    one.load_state_dict(dict(zip(names, own.values(), strict=True)))
    inputs = batched(molecules())
    torch.testing.assert_close(network(*inputs), one.double()(*inputs))
    costs = mpnn_baseline_costs(GraphBatch.from_graphs([SPACE.parse(TEXT)] * 2), atoms=7, bonds=14)
    weights = sum(weight.numel() for weight in MPNNBaselineNetwork().parameters())
    assert costs.parameters.tolist() == [weights] * 2 == [56_737] * 2
    # Embedding, two steps of the GRU, pooling; messages; dense layers.
    of_atoms = 76 * 32 + 2 * 6 * 32 * 33 + 2 * 33 * 128
    assert int(costs.flops[0]) == 7 * of_atoms + 21 * 32**2 + 129 * 32 + 33


def test_costs_are_those_of_the_networks() -> None:
    graphs = architectures() + SPACE.sample(20, np.random.default_rng(0))
    sizes: dict[str, Any] = {**SMALL, "dense_layers": 1, "dense_width": 7}
    costs = mpnn_costs(GraphBatch.from_graphs(graphs, 15), **sizes, atoms=9, bonds=16)
    inputs = batched(molecules(), torch.float32)
    for row, graph in enumerate(graphs):
        network = MPNNNetwork(graph, **sizes).eval()
        assert sum(weight.numel() for weight in network.parameters()) == costs.parameters[row]
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            biases = counted_biases(network, inputs)
        of_matrices = sum(kinds_of_bonds(inputs) * _edge_network(cell) for cell in network.cells)
        # The dense layers work once a molecule, of which there are three.
        counted = counter.get_total_flops() // 2 + biases - of_matrices
        once = dense_flops(network)
        assert counted - 3 * once == costs.flops[row] - once, graph


def counted_biases(network: nn.Module, inputs: Inputs) -> int:
    """Run the network; numbers that are added as biases beside products."""
    total = 0

    def count(module: Any, given: tuple[Tensor, ...], _: Tensor) -> None:
        nonlocal total
        rows = len(given[0])
        total += rows * (module.bias if isinstance(module, nn.Linear) else module.bias_ih).numel()
        total += rows * (0 if isinstance(module, nn.Linear) else module.bias_hh.numel())

    for name, module in network.named_modules():
        if isinstance(module, nn.Linear | nn.GRUCell) and "matrices" not in name:
            module.register_forward_hook(count)
    network(*inputs)
    return total


def kinds_of_bonds(inputs: Inputs) -> int:
    return len({tuple(row) for row in inputs[2].tolist()} | {(0.0, 0.0, 0.0)})


def _edge_network(cell: Any) -> int:
    return sum(layer.weight.numel() for layer in cell.matrices if isinstance(layer, nn.Linear))


def dense_flops(network: Any) -> int:
    return sum(
        weight.numel() for layer in (*network.dense, network.last) for weight in layer.parameters()
    )


def test_published_networks_have_the_same_weights() -> None:
    for graph in architectures()[:6]:
        shapes = [
            {name: weight.shape for name, weight in kind(graph, **SMALL).state_dict().items()}
            for kind in (MPNNNetwork, PublishedMPNNNetwork)
        ]
        assert shapes[0] == shapes[1]


def test_other_numbers_of_layers() -> None:
    for layers in (1, 2, 5):
        space = MPNN(layers)
        graphs = space.sample(4, np.random.default_rng(layers))
        costs = mpnn_costs(GraphBatch.from_graphs(graphs))
        for row, graph in enumerate(graphs):
            with torch.device("meta"):
                network = MPNNNetwork(graph)
            assert sum(weight.numel() for weight in network.parameters()) == costs.parameters[row]


def test_molecules_without_bonds() -> None:
    inputs = batched(molecules((1, 1)))
    for graph in architectures()[:8]:
        for kind in (MPNNNetwork, PublishedMPNNNetwork):
            assert randomised(kind(graph, **SMALL))(*inputs).isfinite().all()


@pytest.mark.parametrize("kind", [MPNNNetwork, PublishedMPNNNetwork])
def test_a_molecule_of_too_many_atoms(kind: type[nn.Module]) -> None:
    graph = SPACE.parse("const,1 sum,gru,1 4,elu " * 3 + "flatten")
    network = randomised(kind(graph, **{**SMALL, "most_atoms": 4}))
    with pytest.raises(ModelError, match="a molecule has 5 atoms, the network has places for 4"):
        network(*batched(molecules()))


@pytest.mark.parametrize(
    ("types", "edges", "sentence"),
    [
        ({}, {(3, 4)}, "the edge 3→4 of an MPNN architecture is missing|edges of a chain"),
        ({}, {(1, 3)}, "the edge 1→3 is no skip connection|skip connections from"),
        ({}, {(0, 10)}, "the edge 0→10 is no skip connection|skip connections from"),
        ({2: 2}, set(), "node 2 of an MPNN architecture has type 2, expected 26 to 49|types of"),
        ({0: 2}, set(), "begins with the input|the input .1. first"),
        ({10: 3}, set(), "node 10 of an MPNN architecture has type 3, expected 82 to 92|types of"),
    ],
)
def test_what_is_no_architecture_is_refused(types: Any, edges: Any, sentence: str) -> None:
    graph = SPACE.parse(TEXT)
    kinds = tuple(types.get(node, kind) for node, kind in enumerate(graph.types))
    wrong = ArchitectureGraph(kinds, tuple({*graph.edges} ^ edges))
    for make in (MPNNNetwork, lambda one: mpnn_costs(GraphBatch.from_graphs([one]))):
        with pytest.raises(ModelError, match=sentence) as caught:
            make(wrong)
        assert "\n" not in str(caught.value)


def test_other_graphs_and_sizes_are_refused() -> None:
    small = ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2)))
    with pytest.raises(ModelError, match="3 nodes are no MPNN architecture"):
        MPNNNetwork(small)
    with pytest.raises(ModelError, match="is no MPNN architecture of 0 layers"):
        mpnn_costs(GraphBatch.from_graphs([small]))
    for make in (
        MPNNNetwork,
        lambda one, **named: mpnn_costs(GraphBatch.from_graphs([one]), **named),
    ):
        with pytest.raises(ModelError, match="targets is 0, an MPNN network needs at least 1"):
            make(SPACE.parse(TEXT), targets=0)
    assert len(mpnn_costs(GraphBatch.empty(12)).parameters) == 0
    assert get_space("MPNN").is_legal(SPACE.parse(TEXT))


@pytest.mark.parametrize(
    "design", [MPNNDesign(), MPNNDesign(dense_layers=0), PublishedMPNNDesign()]
)
def test_three_lines_build_the_network(design: MPNNDesign) -> None:
    for space in (SPACE, MPNN(2)):
        graph = space.sample(1, np.random.default_rng(7))[0]
        lines = module_lines(space, graph, design, molecule_dimensions(7, 14))
        assert lines.count("\n") == 2
        session: dict[str, Any] = {}
        with torch.device("meta"):
            exec(lines, session)
        assert type(session["network"]) is design.family.network
        count = sum(weight.numel() for weight in session["network"].parameters())
        costs = design.costs(GraphBatch.from_graphs([graph]), molecule_dimensions(7, 14))
        assert count == costs.parameters[0]
        assert ("dense_layers=0" in lines) == (design.dense_layers == 0)


def test_bonds_of_one_kind_are_found_whatever_their_features() -> None:
    from models.networks.molecules import distinct_rows

    values = torch.randint(0, 3, (60, 4)).float()
    odd = torch.tensor([[2.0, 0.0], [0.0, 2.0**0.5 / 3.0**0.5 * 2.0], [2.0, 0.0]])
    for each in (values, values.double(), odd, torch.zeros(0, 4), torch.tensor([[0.0], [-0.0]])):
        distinct, which = distinct_rows(each)
        assert torch.equal(distinct[which], each)
        assert len(distinct) == len({tuple(row) for row in each.tolist()})
