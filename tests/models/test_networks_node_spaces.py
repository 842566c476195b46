"""Networks of AutoGL's spaces: parameters by hand, costs, orders of nodes, and what is refused."""

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
from datasets.space import SearchSpace
from datasets.spaces.autoattend import AutoAttend
from datasets.spaces.graphnas import GraphNASMacro
from datasets.spaces.node_chains import SinglePath
from estimators.networks import DESIGNS, load_design, module_lines
from estimators.node_designs import SinglePathDesign
from estimators.tasks.data_sets import DATA_SETS, node_dimensions
from experiment.config import load_preset
from models import (
    GraphNASMacroNetwork,
    ModelError,
    SinglePathNetwork,
    graphnas_macro_costs,
    graphnas_micro_costs,
    single_path_costs,
)
from models.networks import node_attention
from models.networks.families import NETWORKS

SPACES = (
    "SINGLE_PATH",
    "GRAPHNAS_MICRO",
    "GRAPHNAS_MACRO",
    "GASSO",
    "AUTOATTEND",
    "AUTOATTEND_POOL1",
)
SINGLE, MICRO, MACRO = (get_space(name) for name in SPACES[:3])
ATTEND = get_space("AUTOATTEND")
DATA = {"in_features": 5, "num_classes": 3}
SMALL: dict[str, Any] = {**DATA, "hidden": 16}
NODES = 7
EDGES = torch.tensor([[0, 1, 2, 3, 4, 5, 0, 1, 4], [1, 2, 3, 4, 5, 0, 3, 3, 3]])
"""Directed; the last node has no edge."""


def small(name: str) -> dict[str, Any]:
    """Sizes of small networks: widths are a decision of macro."""
    return DATA if name == "GRAPHNAS_MACRO" else SMALL


def features(*, sparse: bool = False) -> Tensor:
    given = torch.randn(NODES, 5, generator=torch.Generator().manual_seed(0))
    return given.relu().to_sparse_csr() if sparse else given


def sample(name: str, n: int) -> list[ArchitectureGraph]:
    return get_space(name).sample(n, np.random.default_rng(3))


def built(name: str, graph: ArchitectureGraph) -> nn.Module:
    torch.manual_seed(0)
    network = NETWORKS[get_space(name).family].network(graph, **small(name))
    for weight in network.parameters():
        nn.init.normal_(weight, std=0.5)
    return network.eval()


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("SINGLE_PATH", "gcn gcn", (1433 * 64 + 64) + (64 * 7 + 7)),
        ("SINGLE_PATH", "gcn gat_8", (1433 * 64 + 64) + (64 * 56 + 2 * 56 + 7)),
        ("SINGLE_PATH", "gat_8 gcn", (1433 * 512 + 2 * 512 + 64) + (64 * 7 + 7)),
        # One linear layer feeds both cells: the other is left out.
        (
            "GRAPHNAS_MICRO",
            "gcn sage add elu 1:3 1:4",
            1434 * 64 + (64 * 64 + 64) + (2 * 64 * 64 + 64) + 65 * 7,
        ),
        (
            "GRAPHNAS_MICRO",
            "gat_2 zero concat elu 1:3 2:4",
            2 * 1434 * 64 + (64 * 128 + 2 * 128 + 64) + 129 * 7,
        ),
        (
            "GRAPHNAS_MICRO",
            "cheb arma product elu 2:3 3:4",
            1434 * 64 + (2 * 64 * 64 + 64) + (3 * 64 * 64 + 64) + 65 * 7,
        ),
        (  # The value of the first layer is not built: stem and key are added.
            "AUTOATTEND",
            "stem_gcn key_sage value_arma add stem_gat_8 key_linear value_gat_16 attn 0:6",
            (1434 * 64 + (2 * 1433 * 64 + 64))
            + (8 * (64 * 7 + 2 * 7) + 7 + 1434 * 7 + 16 * (1433 * 7 + 2 * 7) + 7),
        ),
        (
            "AUTOATTEND_POOL1",
            "stem_gat key_const value_gat add stem_generalized_linear key_gcn value_cos add 4:6",
            (1433 * 64 + 3 * 64 + 1434 * 64) + (8 * (64 * 7 + 14) + 14 + 8 * 64 * 7 + 7),
        ),
        ("GASSO", "gat gin", (1433 * 64 + 3 * 64) + (64 * 7 + 7)),
        ("GASSO", "sage linear", (2 * 1433 * 64 + 64) + (64 * 7 + 7)),
        (
            "GRAPHNAS_MACRO",
            "gat sum relu heads_8 width_16 const mean identity heads_2",
            (1433 * 128 + 2 * 128 + 128) + (128 * 14 + 7 + (2 * 7 * 128 + 128 + 7)),
        ),
        (
            "GRAPHNAS_MACRO",
            "generalized_linear mlp elu heads_1 width_4 gcn max tanh heads_1",
            (1433 * 4 + 8 + 4 + 4 + (8 * 128 + 132)) + (4 * 7 + 7 + (14 * 128 + 135)),
        ),
    ],
)
def test_parameters_by_hand(name: str, text: str, count: int) -> None:
    space = get_space(name)
    kind = NETWORKS[space.family]
    with torch.device("meta"):
        assert parameters(kind.network(space.parse(text))) == count
    assert kind.costs(GraphBatch.from_graphs([space.parse(text)])).parameters.tolist() == [count]


@pytest.mark.parametrize("name", SPACES)
def test_costs_are_those_of_the_networks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Products with weights are counted, and sums of messages are not, also where they are products.
    monkeypatch.setattr(node_attention, "NARROW", 10**9)
    graphs = sample(name, 25)
    costs = NETWORKS[get_space(name).family].costs(
        GraphBatch.from_graphs(graphs, 14), **small(name)
    )
    for row, graph in enumerate(graphs):
        network: Any = built(name, graph)
        assert parameters(network) == costs.parameters[row]
        with FlopCounterMode(display=False) as counter:
            network(features(), EDGES)
        biases = sum(
            weight.numel() for key, weight in network.named_parameters() if key.endswith("bias")
        )
        if "generalized_linear" in get_space(name).format(graph):
            continue  # its scores are products, too
        products = counter.get_total_flops() / 2
        if name == "GRAPHNAS_MACRO":  # what its pools add to messages is computed once
            products -= sum(
                128 * layer.choice.width for layer in network.layers if layer.first_pool is not None
            )
        assert products / NODES + biases == costs.flops[row], graph


@pytest.mark.parametrize("name", SPACES)
def test_the_order_of_the_nodes_does_not_matter(name: str) -> None:
    order = torch.randperm(NODES, generator=torch.Generator().manual_seed(2))
    for graph in sample(name, 20):
        network = built(name, graph)
        expected = network(features(), EDGES)
        assert expected.shape == (NODES, 3)
        assert bool(expected.isfinite().all())
        found = network(features()[order], order.argsort()[EDGES])
        torch.testing.assert_close(found, expected[order])


@pytest.mark.parametrize("name", SPACES)
def test_features_by_rows_give_the_same(name: str) -> None:
    for graph in sample(name, 10):
        network = built(name, graph)
        rows = features(sparse=True)
        expected = network(rows.to_dense(), EDGES)
        torch.testing.assert_close(network(rows, EDGES), expected, rtol=1e-3, atol=1e-4)


def test_single_path_is_its_operations_in_turn() -> None:
    network: Any = built("SINGLE_PATH", SINGLE.read("gat_8 gcn gcn"))
    state = features()
    for place, operation in enumerate(network.operations):
        state = nn.functional.leaky_relu(state) if place else state
        state = operation.layer(state, EDGES)
    torch.testing.assert_close(network(features(), EDGES), state)


@pytest.mark.parametrize("merge", ["add", "product", "concat"])
def test_micro_is_its_cells_by_hand(merge: str) -> None:
    network: Any = built("GRAPHNAS_MICRO", MICRO.parse(f"gat_2 linear {merge} elu 2:3 3:4"))
    assert list(network.linears) == ["2"]
    one = network.cells[0].layer(network.linears["2"](features()), EDGES)
    two = network.cells[1].layer(one)
    joined = {"add": one + two, "product": one * two, "concat": torch.cat([one, two], 1)}[merge]
    expected = network.classifier(nn.functional.elu(joined))
    torch.testing.assert_close(network(features(), EDGES), expected)


@pytest.mark.parametrize("name", SPACES)
def test_dropout_is_for_the_training_and_every_weight_learns(name: str) -> None:
    for graph in sample(name, 6):
        network = built(name, graph)
        network.train()
        drawn = torch.stack([network(features(), EDGES) for _ in range(9)])
        constant = "zero" in get_space(name).format(graph)
        assert constant or bool((drawn != drawn[0]).any())
        network.eval()(features(), EDGES).square().sum().backward()
        if not constant:
            idle = [key for key, weight in network.named_parameters() if weight.grad is None]
            # PyTorch Geometric makes this weight of ARMA layers for a second step.
            assert [key for key in idle if not key.endswith("layer.weight")] == []


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("data", ["cora", "citeseer"])
def test_three_lines_build_the_network(name: str, data: str) -> None:
    space = get_space(name)
    design = load_design("citation", space, data)
    for graph in sample(name, 3):
        lines = module_lines(space, graph, design, DATA_SETS[data])
        assert lines.count("\n") == 2
        session: dict[str, Any] = {}
        with torch.device("meta"):
            exec(lines, session)
        costs = design.costs(GraphBatch.from_graphs([graph]), DATA_SETS[data])
        assert parameters(session["network"]) == costs.parameters[0]


@pytest.mark.parametrize("name", SPACES)
def test_the_preset_has_the_published_sizes(name: str) -> None:
    space = get_space(name)
    published = load_preset("citation", "network", *space.preset_sections)
    assert published.get("hidden", 64) == 64
    assert "dropout" in published
    assert load_design("citation", space) == DESIGNS[space.family]()


def test_chains_of_ones_own_operations() -> None:
    own = SinglePath(3, ("sage", "identity", "arma"))
    design = SinglePathDesign(hidden=8).for_space(own)
    assert design.operations == ("sage", "identity", "arma")
    graph = own.parse("sage identity arma")
    network: Any = design.build(graph, node_dimensions(3, 5))
    assert [operation.kind for operation in network.operations] == ["sage", "identity", "arma"]
    costs = design.costs(GraphBatch.from_graphs([graph]), node_dimensions(3, 5))
    assert costs.parameters.tolist() == [parameters(network)]


OWN = SinglePath(2, ("gcn", "zero", "identity", "gatt"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("identity gcn", "identity passes on the 5 features that it takes, but 16 are due"),
        ("gcn zero", "gcn zero has no weight that its scores depend on"),
        ("zero zero", "zero zero has no weight"),
        ("gcn gatt", "'gatt' is no operation on nodes"),
    ],
)
def test_chains_that_make_no_network(text: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence) as caught:
        SinglePathNetwork(OWN.parse(text), **SMALL, operations=OWN.operations)
    assert "\n" not in str(caught.value)
    SinglePathNetwork(OWN.parse("zero gcn"), **SMALL, operations=OWN.operations)


@pytest.mark.parametrize(
    ("space", "graph", "sentence"),
    [
        (SINGLE, ArchitectureGraph((1, 0), ((0, 1),)), "no chain of operations"),
        (SINGLE, ArchitectureGraph((1, 2, 4, 0), ((0, 1), (1, 2), (2, 3))), "has type 4|types 2"),
        (SINGLE, ArchitectureGraph((1, 2, 2, 0), ((0, 1), (0, 2), (2, 3))), "to the next node"),
        (SINGLE, ArchitectureGraph((1, 2, 2, 0), ((0, 1), (1, 2))), "to the next node"),
        (SINGLE, ArchitectureGraph((2, 2, 0), ((0, 1), (1, 2))), "expected the input"),
        (MICRO, SINGLE.parse("gcn gcn"), "expected 8"),
        (ATTEND, SINGLE.parse("gcn gcn"), "no AutoAttend architecture of 4 nodes"),
        (ATTEND, MACRO.sample(1, np.random.default_rng(0))[0], "AutoAttend architecture of 11"),
        (ATTEND, "side", "no AutoAttend architecture of 11 nodes"),
        (ATTEND, "role", "no AutoAttend architecture of 11 nodes"),
        (ATTEND, "none", "no AutoAttend architecture of 11 nodes"),
        (MACRO, SINGLE.parse("gcn gcn"), "no GraphNAS macro architecture of 4 nodes"),
        (MACRO, "first", "no GraphNAS macro architecture of 11 nodes"),
        (MACRO, "cut", "no GraphNAS macro architecture of 11 nodes"),
        (MACRO, "extra", "no GraphNAS macro architecture of 11 nodes"),
        (MICRO, "types", "node 5 of a GraphNAS micro architecture has type 3|a merge \\(15"),
        (MICRO, "source", "one (edge )?into each cell"),
        (MICRO, "both", "one (edge )?into each cell"),
        (MICRO, "skip", "one (edge )?into each cell"),
    ],
)
def test_what_is_no_architecture_is_refused(space: SearchSpace, graph: Any, sentence: str) -> None:
    if isinstance(graph, str):
        text = "gcn gcn add elu 1:3 3:4"
        if space is MACRO:
            text = "gat sum relu heads_8 width_16 gcn mean identity heads_1"
        if space is ATTEND:
            text = "stem_gcn key_gcn value_gcn add stem_gcn key_gcn value_gcn attn 0:6"
        member = space.parse(text)
        edges = set(member.edges)
        types = list(member.types)
        if graph == "types":
            types[5] = 3
        elif graph == "first":
            types[1] = 9  # an aggregation
        elif graph == "role":
            types[2] = types[1]
        elif graph == "none":
            edges -= {(0, 6)}
        elif graph == "cut":
            edges -= {(3, 4)}
        elif graph == "source":
            edges = edges - {(3, 4)} | {(0, 4)}
        else:
            more = {"both": (2, 4), "skip": (3, 6), "extra": (0, 5), "side": (4, 6)}
            edges.add(more[graph])
        graph = ArchitectureGraph(tuple(types), tuple(sorted(edges)))
    kind = NETWORKS[space.family]
    for make in (kind.network, lambda one: kind.costs(GraphBatch.from_graphs([one]))):
        with pytest.raises(ModelError, match=sentence) as caught:
            make(graph)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("size", ["in_features", "num_classes", "hidden"])
def test_sizes_that_make_no_network(name: str, size: str) -> None:
    (graph,) = sample(name, 1)
    kind = NETWORKS[get_space(name).family]
    if size not in small(name):
        pytest.skip("it is a decision of the space")
    batch = GraphBatch.from_graphs([graph])
    for make, given in ((kind.network, graph), (kind.costs, batch)):
        with pytest.raises(ModelError, match=f"{size} is 0, an? .* needs at least 1"):
            make(given, **{size: 0})


def test_empty_batches_cost_nothing() -> None:
    assert len(single_path_costs(GraphBatch.empty(4)).parameters) == 0
    assert len(graphnas_micro_costs(GraphBatch.empty(8)).parameters) == 0
    assert len(graphnas_macro_costs(GraphBatch.empty(11)).parameters) == 0


@pytest.mark.parametrize("layers", [1, 3, 4])
def test_macro_of_any_number_of_layers(layers: int) -> None:
    space = GraphNASMacro(layers)
    graphs = space.sample(6, np.random.default_rng(0))
    costs = graphnas_macro_costs(GraphBatch.from_graphs(graphs), **DATA)
    for row, graph in enumerate(graphs):
        network: Any = GraphNASMacroNetwork(graph, **DATA)
        assert parameters(network) == costs.parameters[row]
        words = space.format(graph).replace(",", " ").split()
        said = [
            (layer.choice.attention, layer.choice.aggregation, f"heads_{layer.choice.heads}")
            for layer in network.layers
        ]
        assert said == [(words[5 * k], words[5 * k + 1], words[5 * k + 3]) for k in range(layers)]
        widths = [f"width_{layer.choice.width}" for layer in network.layers]
        assert widths == [*words[4::5], "width_3"]


def test_gasso_is_its_operations_in_turn() -> None:
    network: Any = built("GASSO", get_space("GASSO").parse("gat sage"))
    first, second = (operation.layer for operation in network.operations)
    state = second(first(features(), EDGES).relu(), EDGES)
    torch.testing.assert_close(network(features(), EDGES), state)


@pytest.mark.parametrize("source", [0, 4])
def test_autoattend_is_its_operations_by_hand(source: int) -> None:
    """Attention over the edges into a node, by a loop; the last node has none."""
    text = f"stem_gcn key_sage value_arma add stem_cheb key_gat_4 value_sg attn {source}:6"
    network: Any = built("AUTOATTEND", ATTEND.parse(text))

    def operated(operation: Any, state: Tensor) -> Tensor:
        return operation.layer(state, EDGES).tanh()

    one, two = network.layers
    first = operated(one.stem, features()) + operated(one.key, features())
    taken = first if source else features()
    stem = operated(two.stem, first)
    key, value = operated(two.key, taken), operated(two.value, taken)
    expected = torch.zeros(NODES, 3)
    for node in range(NODES):
        sources = EDGES[0, EDGES[1] == node]
        if len(sources):
            weights = (key[sources] @ stem[node] / 3**0.5).softmax(0)
            expected[node] = weights @ value[sources]
    torch.testing.assert_close(network(features(), EDGES), expected)


@pytest.mark.parametrize("name", ["AUTOATTEND", "AUTOATTEND_POOL1"])
def test_autoattend_of_any_number_of_layers(name: str) -> None:
    for layers in (1, 3):
        space = AutoAttend(layers, int(name.endswith("1")))
        kind = NETWORKS[space.family]
        graphs = space.sample(6, np.random.default_rng(0))
        costs = kind.costs(GraphBatch.from_graphs(graphs), **SMALL)
        built_ = [kind.network(graph, **SMALL) for graph in graphs]
        assert costs.parameters.tolist() == [parameters(network) for network in built_]
        assert built_[0](features(), EDGES).shape == (NODES, 3)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "AUTOATTEND",
            "stem_gat_16 key_gcn value_gcn add stem_gcn key_gcn value_gcn add 0:6",
            "gat_16 has 16 heads, which do not divide a width of 20: choose a width that is a",
        ),
        (
            "AUTOATTEND",
            "stem_gcn key_gcn value_gcn attn stem_gcn key_gcn value_gcn add 0:6",
            "attn has 8 heads, which do not divide a width of 20",
        ),
        (
            "AUTOATTEND_POOL1",
            "stem_gcn key_gcn value_gcn add stem_gcn key_gcn value_gcn add 0:6",
            "gcn has 8 heads, which do not divide a width of 20",
        ),
    ],
)
def test_widths_that_heads_do_not_divide(name: str, text: str, sentence: str) -> None:
    space = get_space(name)
    with pytest.raises(ModelError, match=sentence) as caught:
        NETWORKS[space.family].network(space.parse(text), **DATA, hidden=20)
    assert "\n" not in str(caught.value)
