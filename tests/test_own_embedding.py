"""An embedding of a user's own: a latent for every node, decoded at once, with two heads.

It is registered under a name, and then trained, encoded, predicted from and searched by the code
that does so with SVGE.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from torch import Tensor, nn
from torch.nn import functional as F

from datasets import get_space
from datasets.batch import GraphBatch, Legality
from datasets.graph import INPUT, OUTPUT
from models import MODELS, Embedding, Latent, LossParts, ModelError, Objective, Sizes, load_vae
from models.checkpoints import checkpoint_path, load_with_heads, stored_state
from models.loss import divergence_per_graph
from models.nearest import decode_to_nearest
from models.state_dicts import State, matrix_shape
from predictors.fine_tuned import head_outputs
from predictors.fine_tuning import FineTuning, FineTuningRun
from predictors.methods import make_predictor
from searchers.domain import Candidates
from searchers.latent.methods import latent_bo, trained_latents
from tests.formula import Formula, cells
from Training_VAE.data import Architectures, load_architectures
from Training_VAE.evaluation import Protocol
from Training_VAE.latents import latent_table
from Training_VAE.settings import load_settings
from Training_VAE.training import train

__all__ = ["cells"]

Noise = torch.Generator | None


class NodeVAE(Embedding):
    name = "NodeVAE"

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        nodes, types, width = sizes.max_nodes, sizes.num_types, sizes.node_width
        self.start = nn.Linear(nodes + types, width)
        self.layers = nn.ModuleList(nn.Linear(3 * width, width) for _ in range(sizes.rounds))
        self.to_latent = nn.Linear(width, 2 * sizes.graph_width)
        self.to_types = nn.Linear(nodes * sizes.graph_width, nodes * types)
        self.to_edges = nn.Linear(nodes * sizes.graph_width, nodes * nodes)
        self.latent_shape = (nodes, sizes.graph_width)

    @classmethod
    def recognises(cls, state: State) -> bool:
        return "to_edges.weight" in state

    @classmethod
    def sizes_of(cls, state: State, max_nodes: int) -> Sizes:
        width, inputs = matrix_shape(state, "start.weight")
        latents, _ = matrix_shape(state, "to_latent.weight")
        rounds = sum(key.startswith("layers.") for key in state) // 2
        return Sizes(inputs - max_nodes, max_nodes, width, latents // 2, rounds)

    def encode(self, batch: GraphBatch) -> Latent:
        batch = self.check_graphs(batch).padded(self.sizes.max_nodes)
        place = torch.eye(self.sizes.max_nodes).expand(len(batch), -1, -1)
        types = F.one_hot(batch.types, self.sizes.num_types) * batch.node_mask()[..., None]
        h, edges = self.start(torch.cat([place, types], -1)).relu(), batch.adjacency.float()
        for layer in self.layers:
            h = h + layer(torch.cat([h, edges @ h, edges.mT @ h], -1)).relu()
        return Latent(*self.to_latent(h).chunk(2, -1))

    def logits(self, z: Tensor) -> tuple[Tensor, Tensor]:
        nodes = self.sizes.max_nodes
        return self.to_types(z).view(len(z), nodes, -1), self.to_edges(z).view(len(z), nodes, -1)

    def loss_of(
        self, latent: Latent, batch: GraphBatch, objective: Objective, generator: Noise = None
    ) -> LossParts:
        batch = batch.padded(self.sizes.max_nodes)
        z = latent.sample(objective.noise_scale, generator) if self.training else latent.mean
        types, edges = self.logits(z.flatten(1))
        mask, target = batch.node_mask(), batch.adjacency.float()
        wrong = F.cross_entropy(types[mask], batch.types[mask], reduction="sum")
        wrong = wrong + F.binary_cross_entropy_with_logits(edges, target, reduction="sum")
        divergence = divergence_per_graph(latent).mean()
        total = wrong / len(batch) + objective.beta * divergence
        return LossParts(total, wrong / len(batch), divergence)

    def decode_greedily(self, z: Tensor, legality: Legality | None = None) -> GraphBatch:
        self.check_latents(z)
        return self.graphs(*self.logits(z))

    def decode_sampled(
        self, z: Tensor, legality: Legality | None = None, generator: Noise = None
    ) -> GraphBatch:
        types, edges = self.logits(z)
        gumbel, logistic = (torch.rand(x.shape, generator=generator) for x in (types, edges))
        return self.graphs(types - (-gumbel.log()).log(), edges + logistic.logit())

    def graphs(self, types: Tensor, edges: Tensor) -> GraphBatch:
        chosen = types.argmax(-1)
        chosen[:, 0], chosen[:, -1] = INPUT, OUTPUT
        count = (chosen == OUTPUT).int().argmax(1) + 1
        real = torch.arange(self.sizes.max_nodes) < count[:, None]
        adjacency = (edges > 0).triu(1) & real[:, None] & real[:, :, None]
        return GraphBatch(chosen * real, adjacency, count)


SETTINGS: dict[str, Any] = {
    "node_width": 32,
    "graph_width": 4,
    "epochs": 12,
    "epochs_a_pass": 1,
    "batch_size": 32,
    "learning_rate": 5e-3,
    "optimiser": "adamw",
    "precision": "float32",
}
"""Of a training of some seconds."""


@pytest.fixture(scope="module")
def architectures() -> Architectures:
    return load_architectures(get_space("DIGITS101"), None, seed=0)


@pytest.fixture(scope="module")
def folder(
    architectures: Architectures, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The run of a training; the model is known by its name as long as this file is tested."""
    folder = tmp_path_factory.mktemp("runs") / "NodeVAE_DIGITS101"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, NodeVAE.name, NodeVAE)
        train(
            name="own",
            model_name=NodeVAE.name,
            settings=load_settings("default", "DIGITS101", SETTINGS),
            architectures=architectures,
            folder=folder,
            device=torch.device("cpu"),
            seed=0,
            save_interval=100,
            protocol=Protocol(2, 2, prior_points=50, sampled_graphs=50),
        )
        yield folder


def test_it_learns_to_reconstruct_and_is_judged_as_others_are(folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < 0.3 * lines[0]["loss"]
    result = json.loads((folder / "result.json").read_text())["reconstruction"]
    assert result["greedy"]["greedy"] > 0.9
    assert "most_probable" not in result  # it has no search for that


def test_its_weights_are_recognised_and_encode_to_node_vectors(
    folder: Path, architectures: Architectures
) -> None:
    model = load_vae(folder)
    assert isinstance(model, NodeVAE)
    assert model.origin is not None
    assert model.origin.space == "DIGITS101"
    latent = model.encode_all(architectures.graphs[:9])
    nodes = get_space("DIGITS101").max_nodes
    assert latent.mean.shape == (9, nodes, 4)
    assert latent.flat.shape == (9, model.latent_width) == (9, 4 * nodes)
    assert torch.equal(model.unflatten(latent.flat), latent.mean)
    table = latent_table(model, architectures, None)
    assert (
        table["mean"].shape == table["log_variance"].shape == (len(architectures.graphs), 4 * nodes)
    )


def test_what_it_cannot_do_is_said(folder: Path) -> None:
    model = load_vae(folder)
    z = torch.zeros(2, model.latent_width)
    for call in (
        lambda: model.most_probable(z),
        lambda: decode_to_nearest(model, z),
        lambda: model.tempered(2.0),
        lambda: model.compile_networks(),
        lambda: model.decode_many(z, 0),
        lambda: model.decode_greedily(z[:, 1:]),
    ):
        with pytest.raises(ModelError):
            call()


def values(graphs: GraphBatch) -> np.ndarray:
    """What a cell of the formula is worth. **Shape** (B,)."""
    formula = Formula(get_space("DIGITS101"))
    return np.array([formula.value(graph) for graph in graphs])


def test_two_heads_learn_together_and_come_back_by_name(
    folder: Path, architectures: Architectures, tmp_path: Path
) -> None:
    graphs = architectures.train[:600]
    worth = values(graphs)
    edges = graphs.adjacency.sum((1, 2)).double().numpy()
    targets = {
        name: (column - column.mean()) / column.std()
        for name, column in (("accuracy", worth), ("complexity", edges))
    }
    targets["complexity"][:300] = np.nan  # known of a quarter of those that are learnt from
    settings = FineTuning.preset("default", "DIGITS101", {"epochs": 15, "loss": "mse"})
    known = {name: target[:400] for name, target in targets.items()}
    run = FineTuningRun(load_vae(folder), graphs[:400], known, settings, 0, shown=False)
    torch.save(stored_state(run.train()), checkpoint_path(tmp_path, 1))

    loaded = load_with_heads(tmp_path, max_nodes=get_space("DIGITS101").max_nodes)
    assert loaded.name == "NodeVAE_accuracy_complexity"
    for name, target in targets.items():
        found = head_outputs(loaded, graphs[400:], name)
        assert kendalltau(found, target[400:]).statistic > 0.7


def test_a_predictor_on_its_latents_orders_cells(
    folder: Path, architectures: Architectures
) -> None:
    graphs = architectures.train[:500]
    worth = values(graphs)
    predictor = make_predictor(get_space("DIGITS101"), "ridge", ["latents"], weights=folder)
    predictor.fit(graphs[:200], worth[:200])
    assert kendalltau(predictor.predict(graphs[200:])[0], worth[200:]).statistic > 0.7


def test_its_latent_space_is_searched(folder: Path, cells: Candidates) -> None:
    latents = trained_latents(cells, weights=folder)
    points = latents.encode(cells.graphs[:50])
    decoded = latents.decode(points, np.random.default_rng(0))
    assert decoded.members.mean() > 0.8  # of what is decoded at cells

    formula = Formula(cells.space)
    search = latent_bo(cells, seed=0, initial=10, weights=folder)
    for _ in range(20):
        search.tell(list(formula.measure(search.ask())))
    assert len(set(formula.asked)) == 20
    assert all(cells.holds(name) for name in formula.asked)
    found = [each.value or 0.0 for each in search.observations]
    assert np.mean(found[10:]) > np.mean(found[:10]) + 0.5 * np.std(values(cells.graphs))
