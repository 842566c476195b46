"""Classification of the nodes of one graph."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from datasets.citation_graphs import NodeGraph, NodeSplit, get_node_graph
from datasets.citation_graphs.node_graph import row_normalised
from datasets.citation_graphs.splits import NodeSplitName, split_nodes
from datasets.objective import SHARE, Objective
from estimators.recipe import EarlyStoppedRecipe, Recipe
from estimators.tasks.data_sets import node_dimensions
from estimators.tasks.task import Dimensions
from experiment.errors import InputError
from experiment.loop import DivergedError
from experiment.paths import DATA_ROOT_VARIABLE
from models.errors import ModelError


@dataclass(frozen=True)
class NodeRecipe(EarlyStoppedRecipe):
    """An :class:`EarlyStoppedRecipe` for nodes.

    An epoch is one step on the whole graph, which is the one example: the batch size is 1. It is in
    float32 because products of sparse features know nothing else.

    Attributes:
        first_decay: weight of half the squared norm of the first layer's parameters in the loss,
            which is how the published GCN decays no other.
    """

    patience: int = 30
    first_decay: float = 0.0

    computed = "nodes are classified"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size != 1:
            raise InputError(
                f"the batch size is {self.batch_size}, expected 1: the graph is the one example"
            )
        if not self.first_decay >= 0:
            raise InputError(f"the first layer's decay is {self.first_decay}, expected 0 or more")


@dataclass(frozen=True)
class NodeTask:
    """A :class:`~estimators.tasks.task.Task`: tell the classes of the nodes of a graph apart.

    Attributes:
        graph: its name, as for :func:`datasets.get_node_graph`, or a graph of one's own.
        split: ``public`` or ``random``.
        split_seed: of a random one.
        data_root: where the files are looked for.
        normalise: whether the features of a node are divided by their sum.
        sparse: whether features that are mostly zero are given by compressed sparse rows; a
            network of one's own may need all of them.
    """

    graph: str | NodeGraph
    split: NodeSplitName = "public"
    split_seed: int = 0
    data_root: Path | None = None
    normalise: bool = True
    sparse: bool = True

    def prepare(self, recipe: Recipe, device: torch.device | str) -> PreparedNodes:
        """The graph on a device.

        Raises:
            InputError: there is no such graph or split, its files are absent or damaged; the recipe
                is another task's.
        """
        if not isinstance(recipe, NodeRecipe):
            raise InputError(
                f"a {type(recipe).__name__} is given to classify nodes, expected a NodeRecipe: "
                "NodeRecipe.load(preset) makes one"
            )
        return PreparedNodes(_load(self, str(device), os.environ.get(DATA_ROOT_VARIABLE)), recipe)


@lru_cache(maxsize=4)
def _load(task: NodeTask, device: str, variable: str | None) -> SplitNodes:
    """The graph; ``variable`` decides where it is looked for, so that it is in the key."""
    graph = task.graph
    graph = graph if isinstance(graph, NodeGraph) else get_node_graph(graph, task.data_root)
    split = split_nodes(graph, task.split, task.split_seed)
    features = row_normalised(graph.features) if task.normalise else graph.features
    # Without MKL PyTorch has no products for the gradient of sparse rows.
    if not task.sparse or (device == "cpu" and not torch.backends.mkl.is_available()):
        features = features.to_dense()
    return SplitNodes.of(graph, features, split, device)


@dataclass(frozen=True, eq=False)
class SplitNodes:
    """A graph and which of its nodes are in which part, on a device.

    Attributes:
        name: of the graph.
        num_classes: classes that are distinguished.
        features: that networks take. **Shape** (N, F), float32, dense or by sparse rows.
        edges: source and target of each. **Shape** (2, E), int64.
        labels: class of each node. **Shape** (N,), int64.
        parts: numbers of the nodes of ``train``, ``validation`` and ``test``. **Shape** (n,),
            int64, each.
        sha256: of all that a training reads, hexadecimal.
    """

    name: str
    num_classes: int
    features: Tensor
    edges: Tensor
    labels: Tensor
    parts: dict[str, Tensor]
    sha256: str

    @classmethod
    def of(cls, graph: NodeGraph, features: Tensor, split: NodeSplit, device: str) -> SplitNodes:
        """Put a graph on a device."""
        sparse = features.layout is not torch.strided
        entries = (
            (features.crow_indices(), features.col_indices(), features.values())
            if sparse
            else (features,)
        )
        digest = hashlib.sha256(repr(tuple(features.shape)).encode())
        for tensor in (*entries, graph.edges, graph.labels, *split.parts.values()):
            digest.update(repr(tuple(tensor.shape)).encode())
            digest.update(tensor.contiguous().numpy().data)
        return cls(
            graph.name,
            graph.num_classes,
            features.to(device),
            graph.edges.to(device),
            graph.labels.to(device),
            {name: nodes.to(device) for name, nodes in split.parts.items()},
            digest.hexdigest(),
        )


@runtime_checkable
class HasFirstLayer(Protocol):
    """A network whose first layer's parameters can be decayed alone."""

    @property
    def first(self) -> nn.Module:
        """The layer."""
        ...


@dataclass(frozen=True, eq=False)
class PreparedNodes:
    """A :class:`~estimators.tasks.task.PreparedTask` of a graph in memory.

    A network of it takes the features and the edges of :class:`SplitNodes` and returns (N, C).

    Attributes:
        nodes: the graph, on the device to train on.
        recipe: how networks are trained.
    """

    nodes: SplitNodes
    recipe: NodeRecipe

    unit = "graphs"

    @property
    def name(self) -> str:
        """Of the graph."""
        return self.nodes.name

    @property
    def objective(self) -> Objective:
        """The share of nodes that are classified rightly."""
        return Objective("accuracy", unit=SHARE, dataset=self.nodes.name)

    @property
    def dimensions(self) -> Dimensions:
        """Classes, and features of a node."""
        return node_dimensions(self.nodes.num_classes, self.nodes.features.shape[1])

    def fingerprint(self) -> str:
        """SHA-256 of features, edges, classes and the split, hexadecimal."""
        return self.nodes.sha256

    def place(self, network: nn.Module) -> None:
        """Move a network to the device of the graph."""
        network.to(self.nodes.labels.device)

    def examples(self, seed: int, epoch: int) -> list[SplitNodes]:
        """The graph: every step is on all of it."""
        return [self.nodes]

    def loss(
        self, network: nn.Module, batch: list[SplitNodes], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Cross entropy on the training nodes, with the decay; the share of them that is right.

        Raises:
            ModelError: the recipe decays the first layer of a network that names none.
        """
        nodes = self.nodes.parts["train"]
        scores = network(self.nodes.features, self.nodes.edges)[nodes]
        labels = self.nodes.labels[nodes]
        loss = nn.functional.cross_entropy(scores, labels)
        right = (scores.detach().argmax(1) == labels).float().mean()
        return {"loss": loss + self._decay(network), "train": right}

    def _decay(self, network: nn.Module) -> Tensor | float:
        if not self.recipe.first_decay:
            return 0.0
        if not isinstance(network, HasFirstLayer):
            raise ModelError(
                f"first_decay decays the module called first, and {type(network).__name__} has "
                "none: use weight_decay"
            )
        squares = [weight.square().sum() for weight in network.first.parameters()]
        return self.recipe.first_decay / 2 * torch.stack(squares).sum()

    def evaluate(self, network: nn.Module, part: str) -> dict[str, float]:
        """``accuracy`` and ``loss`` on the nodes of a part.

        Raises:
            DivergedError: a score is no finite number.
        """
        return self.judge(self.scores(network)[self.nodes.parts[part]], part)

    def judge(self, scores: Tensor, part: str) -> dict[str, float]:
        """``accuracy`` and ``loss`` of the scores of the nodes of a part. **Shape** (n, C).

        Raises:
            DivergedError: a score is no finite number.
        """
        labels = self.nodes.labels[self.nodes.parts[part]]
        if not bool(scores.isfinite().all()):
            raise DivergedError(
                f"a score of the {part} nodes is no finite number: try a lower learning rate or "
                "gradient clipping"
            )
        right = int((scores.argmax(1) == labels).sum())
        loss = float(nn.functional.cross_entropy(scores, labels))
        return {"accuracy": right / len(labels), "loss": loss}

    @torch.inference_mode()
    def scores(self, network: nn.Module) -> Tensor:
        """What a network, in evaluation mode, gives for all nodes. **Shape** (N, C)."""
        return network.eval()(self.nodes.features, self.nodes.edges)
