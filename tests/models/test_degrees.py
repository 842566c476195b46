"""SVGE_degrees: degrees from the start, and everything else as in SVGE."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn

from datasets.batch import GraphBatch
from datasets.canonical import canonical_form
from datasets.graph import ArchitectureGraph
from datasets.spaces.nb101 import NB101
from models import (
    MODELS,
    SVGE,
    ModelError,
    Objective,
    Sizes,
    SVGEDegrees,
    WithHeads,
    build_model,
    load_model,
)
from models.checkpoints import checkpoint_path, stored_state
from models.heads import parts_of
from models.registry import model_class

SIZES = Sizes(num_types=5, max_nodes=7, node_width=12, graph_width=8)
TYPES = (1, 3, 3, 3, 3, 3, 0)
TWINS = [
    ArchitectureGraph(TYPES, ((0, 1), (0, 4), (1, 2), (1, 3), (2, 6), (3, 5), (4, 5), (5, 6))),
    ArchitectureGraph(TYPES, ((0, 1), (0, 3), (1, 2), (2, 6), (3, 4), (3, 5), (4, 5), (5, 6))),
]
"""Two cells of NAS-Bench-101 that SVGE's stacks, each for itself, cannot tell apart."""


@pytest.fixture
def model() -> SVGEDegrees:
    """With tables as a training would leave them."""
    torch.manual_seed(0)
    model = SVGEDegrees(SIZES).eval()
    nn.init.normal_(model.Encoder.NodeEmb.get_parameter("InDegrees.weight"))
    nn.init.normal_(model.Encoder.NodeEmb.get_parameter("OutDegrees.weight"))
    return model


@pytest.fixture
def batch() -> GraphBatch:
    return NB101().sample_batch(40, np.random.default_rng(0))


def reordered(graph: ArchitectureGraph, rng: np.random.Generator) -> ArchitectureGraph:
    """The same architecture in another topological order."""
    whole = graph.to_networkx()
    shuffled = nx.DiGraph()
    shuffled.add_nodes_from((i, whole.nodes[i]) for i in rng.permutation(len(whole)).tolist())
    shuffled.add_edges_from(whole.edges)
    return ArchitectureGraph.from_networkx(shuffled)


def test_the_order_of_the_nodes_does_not_matter(model: SVGEDegrees, batch: GraphBatch) -> None:
    rng = np.random.default_rng(1)
    other = [reordered(graph, rng) for graph in batch]
    assert sum(a != b for a, b in zip(batch, other, strict=True)) > 5
    torch.testing.assert_close(
        model.encode(batch).mean, model.encode(GraphBatch.from_graphs(other, 7)).mean
    )


def test_padding_does_not_matter(model: SVGEDegrees, batch: GraphBatch) -> None:
    torch.testing.assert_close(model.encode(batch.padded(10)).mean, model.encode(batch).mean)


def test_cells_that_svge_confuses_are_told_apart(model: SVGEDegrees) -> None:
    first, second = TWINS
    assert canonical_form(first) != canonical_form(second)
    twins = GraphBatch.from_graphs(TWINS)
    torch.manual_seed(1)
    for rounds in (2, 5):
        means = SVGE(Sizes(5, 7, node_width=12, graph_width=8, rounds=rounds)).encode(twins).mean
        torch.testing.assert_close(means[0], means[1])
    means = model.encode(twins).mean
    assert (means[0] - means[1]).abs().max() > 0.01


def test_a_fresh_model_is_svge_of_the_same_seed(batch: GraphBatch) -> None:
    torch.manual_seed(3)
    plain = SVGE(SIZES).eval()
    torch.manual_seed(3)
    degrees = SVGEDegrees(SIZES).eval()
    assert torch.equal(plain.encode(batch).mean, degrees.encode(batch).mean)
    surplus = set(degrees.state_dict()) - set(plain.state_dict())
    assert surplus == {
        "Encoder.NodeEmb.InDegrees.weight",
        "Encoder.NodeEmb.OutDegrees.weight",
    }
    for key, value in plain.state_dict().items():
        assert torch.equal(degrees.state_dict()[key], value)


def test_a_few_steps_lower_the_loss_and_move_the_tables(batch: GraphBatch) -> None:
    torch.manual_seed(0)
    model = SVGEDegrees(SIZES).train()
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(10):
        loss = model.loss(batch, Objective()).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert model.Encoder.NodeEmb.get_parameter("InDegrees.weight").any()
    assert model.Encoder.NodeEmb.get_parameter("OutDegrees.weight").any()
    means = model.eval().encode(GraphBatch.from_graphs(TWINS)).mean
    assert not torch.allclose(means[0], means[1])


def test_bfloat16_follows_float32(model: SVGEDegrees, batch: GraphBatch) -> None:
    exact = model.encode(batch).mean
    model.compute_dtype = torch.bfloat16
    rounded = model.encode(batch).mean
    assert rounded.dtype == torch.float32
    assert (rounded - exact).abs().max() < 0.03 * exact.abs().max()


@pytest.mark.parametrize("with_head", [False, True])
def test_checkpoints_tell_the_model_and_its_largest_graph(
    model: SVGEDegrees, batch: GraphBatch, tmp_path: Path, with_head: bool
) -> None:
    saved = WithHeads.fresh(model) if with_head else model
    torch.save(stored_state(saved), checkpoint_path(tmp_path, 1))
    loaded = load_model(tmp_path)
    assert loaded.name == saved.name
    assert model_class(model.state_dict()) is SVGEDegrees
    assert loaded.name == ("SVGE_degrees_acc" if with_head else "SVGE_degrees")
    vae, _ = parts_of(loaded)
    assert isinstance(vae, SVGEDegrees)
    assert vae.sizes == SIZES == SVGEDegrees.sizes_of(model.state_dict(), 7)
    assert torch.equal(vae.encode(batch).mean, model.encode(batch).mean)
    with pytest.raises(ModelError, match=r"InDegrees.weight has shape \(7, 6\).*\(8, 6\)"):
        load_model(tmp_path, max_nodes=8)
    (tmp_path / "config.json").write_text(json.dumps({"sizes": {"max_nodes": 7}}))
    assert load_model(tmp_path).name == saved.name


def test_it_is_known_by_its_name() -> None:
    assert MODELS["SVGE_degrees"] is SVGEDegrees
    assert isinstance(build_model("SVGE_degrees", SIZES), SVGEDegrees)


def test_graphs_larger_than_the_tables_are_refused(model: SVGEDegrees) -> None:
    chain = ArchitectureGraph((1, *(2,) * 6, 0), tuple(itertools.pairwise(range(8))))
    with pytest.raises(ModelError, match="8 nodes, this model encodes at most 7"):
        model.encode(GraphBatch.from_graphs([chain]))
