"""Networks that classify the nodes of a graph: trained, kept, resumed, refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from datasets.citation_graphs import NodeGraph, NodeSplit
from datasets.citation_graphs.node_graph import by_rows
from datasets.fixed_network import FixedNetwork
from datasets.registry import get_space
from estimators import recorded
from estimators.from_scratch import FromScratch
from estimators.networks import Design, NASBenchGraphDesign, NB101Design
from estimators.node_designs import GATDesign, GCNDesign
from estimators.recipe import Recipe
from estimators.recorded import RecordedTraining
from estimators.store import Store
from estimators.tasks.nodes import NodeRecipe, NodeTask, PreparedNodes
from experiment.errors import InputError
from experiment.loop import DivergedError
from models.errors import ModelError

SPACE = FixedNetwork("GCN")
RECIPE = NodeRecipe(
    epochs=12,
    batch_size=1,
    learning_rate=0.02,
    optimiser="adam",
    schedule="constant",
    weight_decay=5e-4,
    patience=4,
)
NODES, CLASSES = 90, 3


def graph(**changes: Any) -> NodeGraph:
    """Three communities; the last node has no edge, the one before no class."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(NODES) % CLASSES
    likely = torch.where(labels[:, None] == labels, 0.2, 0.02)
    edges = torch.rand(NODES, NODES, generator=generator) < likely
    edges = (edges | edges.T).fill_diagonal_(False)
    edges[-1] = edges[:, -1] = False
    hints = torch.rand(NODES, 40, generator=generator) < 0.05
    hints[:, :CLASSES] |= (torch.rand(NODES, 1, generator=generator) < 0.5) & (
        nn.functional.one_hot(labels) > 0
    )
    labels[-2] = -1
    split = NodeSplit(torch.arange(30), torch.arange(30, 60), torch.arange(60, 88))
    parts = {"features": by_rows(hints.float()), "edges": edges.nonzero().T, "labels": labels}
    return NodeGraph("communities", **{**parts, "public": split, **changes})


GRAPH = graph()


def prepared(recipe: NodeRecipe = RECIPE, **changes: Any) -> PreparedNodes:
    return NodeTask(GRAPH, **changes).prepare(recipe, "cpu")


def estimator(recipe: NodeRecipe = RECIPE, **more: Any) -> FromScratch:
    return FromScratch(SPACE, NodeTask(GRAPH), GCNDesign(hidden=8), recipe, **more)


def test_nodes_are_classified_from_scratch(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    recipe = dataclasses.replace(RECIPE, epochs=60, patience=60)
    (found,) = estimator(recipe, store=store).measure([SPACE.member])
    assert found.ok
    assert found.validation is not None
    assert found.validation > 0.7
    assert set(found.values) == {
        *("validation", "test", "validation_loss", "test_loss", "best_epoch", "epochs")
    }
    assert (found.parameters, found.values["epochs"]) == (8 * 40 + 8 * 3, 60)
    (again,) = estimator(recipe, store=store).measure([SPACE.member])
    assert again == found  # the seconds, too: it was not trained again
    assert estimator(recipe).settings["graphs"] == "communities"


def test_the_test_nodes_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = []
    evaluate = PreparedNodes.evaluate

    def noted(self: PreparedNodes, network: nn.Module, part: str) -> dict[str, float]:
        parts.append(part)
        return evaluate(self, network, part)

    monkeypatch.setattr(PreparedNodes, "evaluate", noted)
    list(estimator().measure([SPACE.member]))
    assert parts.count("test") == 1
    assert parts[-1] == "test"


def run(folder: Path, resume: bool = False) -> Any:
    training = RecordedTraining(SPACE, prepared(), GCNDesign(hidden=8), torch.device("cpu"))
    return training.train(SPACE.member, 1, folder, resume)


def test_killed_it_resumes_to_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(tmp_path / "whole")
    curve = [json.loads(line) for line in (tmp_path / "whole/metrics.jsonl").open()]
    assert whole.validation == max(entry["validation"] for entry in curve)
    report = recorded.report_epoch

    def die(entry: dict[str, Any], task: Any) -> None:
        report(entry, task)
        if entry["epoch"] == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(recorded, "report_epoch", die)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "killed")
    again = run(tmp_path / "killed", resume=True)
    assert dataclasses.replace(again, cost_seconds=None) == dataclasses.replace(
        whole, cost_seconds=None
    )
    (other,) = estimator(seed=1).measure([SPACE.member])
    assert (other.validation, other.test) == (whole.validation, whole.test)


DESIGNS: list[tuple[str, Design]] = [
    ("GCN", GCNDesign(hidden=8)),
    ("GAT", GATDesign(hidden=4, heads=2)),
    ("0 0 0 0 gin cheb sage arma", NASBenchGraphDesign(hidden=8)),
    ("0 0 1 1 graph gat gcn fc", NASBenchGraphDesign(hidden=8, post=False)),
    ("0 0 0 1 skip gin gcn fc", NASBenchGraphDesign(hidden=8)),
    ("0 0 0 1 skip gin gcn fc", NASBenchGraphDesign(hidden=8, pre=True, post=False)),
]


@pytest.mark.parametrize(("text", "design"), DESIGNS)
def test_networks_are_equivariant_and_take_both_layouts(text: str, design: Design) -> None:
    space = FixedNetwork(text) if text in ("GCN", "GAT") else get_space("NAS_BENCH_GRAPH")
    architecture, task = space.parse(text), prepared()
    network = design.build(architecture, task.dimensions).eval()
    (costs,) = design.costs(GraphBatch.from_graphs([architecture]), task.dimensions).parameters
    assert int(costs) == sum(weight.numel() for weight in network.parameters())
    assert task.nodes.features.layout is torch.sparse_csr
    scores, edges = task.scores(network), task.nodes.edges
    dense = task.nodes.features.to_dense()
    with torch.inference_mode():
        torch.testing.assert_close(network(dense, edges), scores, rtol=1e-4, atol=1e-5)
        order = torch.randperm(NODES, generator=torch.Generator().manual_seed(1))
        place = order.argsort()
        permuted = network(dense[order], place[edges])
        torch.testing.assert_close(permuted, scores[order], rtol=1e-4, atol=1e-5)
    assert bool(scores.isfinite().all())  # of the node without an edge, too
    network.train()
    task.loss(network, task.examples(0, 0), torch.Generator())["loss"].backward()
    idle = {name for name, weight in network.named_parameters() if weight.grad is None}
    unused = ("operations.3.weight", "norms.0.weight", "norms.0.bias")  # of arma, of a skip
    assert idle <= set(unused)


def test_half_of_the_features_are_dropped_and_the_rest_doubled() -> None:
    from models.networks.node_features import drop_features

    features = GRAPH.features
    torch.manual_seed(0)
    dropped = drop_features(features, 0.5, True).to_dense()
    kept = dropped != 0
    assert 0.3 < int(kept.sum()) / len(features.values()) < 0.7
    assert torch.equal(dropped[kept], 2 * features.to_dense()[kept])
    assert drop_features(features, 0.5, False) is features


def test_the_first_layer_is_decayed_alone() -> None:
    task = prepared(dataclasses.replace(RECIPE, first_decay=0.1))
    network: Any = GCNDesign(dropout=0.0).build(SPACE.member, task.dimensions)
    plain = prepared().loss(network, [], torch.Generator())["loss"]
    loss = task.loss(network, [], torch.Generator())["loss"]
    assert float(loss - plain) == pytest.approx(
        0.05 * float(network.first.lin.weight.square().sum()), rel=1e-4
    )
    space = get_space("NAS_BENCH_GRAPH")
    cell = space.parse("0 1 2 3 gcn gcn gcn gcn")
    other = NASBenchGraphDesign(hidden=8).build(cell, task.dimensions)
    with pytest.raises(ModelError, match="NASBenchGraphNetwork has none: use weight_decay"):
        task.loss(other, [], torch.Generator())


def test_data_layouts_and_splits_are_told_apart_by_the_fingerprint() -> None:
    other = NodeSplit(torch.arange(30), torch.arange(60, 88), torch.arange(30, 60))
    prints = {
        prepared().fingerprint(),
        prepared(normalise=False).fingerprint(),
        prepared(sparse=False).fingerprint(),
        NodeTask(graph(public=other)).prepare(RECIPE, "cpu").fingerprint(),
        NodeTask(graph(edges=GRAPH.edges[:, 2:])).prepare(RECIPE, "cpu").fingerprint(),
    }
    assert len(prints) == 5
    assert NodeTask(graph()).prepare(RECIPE, "cpu").fingerprint() in prints
    sums = prepared(sparse=False).nodes.features.sum(1)
    assert bool(((sums - 1).abs() < 1e-5).logical_or(sums == 0).all())


def test_a_diverging_training_is_a_failed_measurement() -> None:
    recipe = dataclasses.replace(RECIPE, learning_rate=1e35, optimiser="sgd")
    (found,) = estimator(recipe).measure([SPACE.member])
    assert (found.status, found.validation) == ("failed", None)

    class Broken(nn.Module):
        def forward(self, features: Tensor, edges: Tensor) -> Tensor:
            return torch.full((NODES, CLASSES), torch.nan)

    with pytest.raises(DivergedError, match="a score of the test nodes is no finite number"):
        prepared().evaluate(Broken(), "test")


def test_what_cannot_be_trained_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a Recipe is given to classify nodes, expected a NodeR"):
        NodeTask(GRAPH).prepare(Recipe(1, 1, 0.1, "adam", "constant", 0.0), "cpu")
    for wrong, said in (
        ({"batch_size": 2}, "the batch size is 2, expected 1"),
        ({"patience": 0}, "the patience is 0 epochs"),
        ({"first_decay": -1.0}, r"decay is -1\.0, expected 0 or more"),
        ({"precision": "bfloat16"}, "classified in float32"),
    ):
        with pytest.raises(InputError, match=said):
            dataclasses.replace(RECIPE, **wrong)
    with pytest.raises(InputError, match=r"there is no ind\.cora\.x below"):
        NodeTask("cora", data_root=tmp_path).prepare(RECIPE, "cpu")
    with pytest.raises(InputError, match="NB101Network is no network for graphs"):
        FromScratch(get_space("NB101"), NodeTask(GRAPH), NB101Design(), RECIPE)
    assert NodeRecipe.load("citation", "GCN").first_decay == 5e-4
    assert NodeRecipe.load("citation", "NAS_BENCH_GRAPH", "cora").patience == 30
