"""What is compared on citation graphs: architectures, each with settings of its training.

A candidate is an architecture of a space, or a network made by hand, with a value of every setting
of :data:`SIDES`. All sides are searched by the same method, for the same seconds, and chosen by the
same rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from datasets import FixedNetwork, get_space
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.hyperparameters import Range, Value, among
from datasets.space import SearchSpace
from datasets.spaces.configured import ConfiguredSpace, parts_of
from estimators.by_curve import chosen_settings
from estimators.design import Design
from estimators.from_scratch import FromScratch
from estimators.measurement import Measurement
from estimators.node_designs import GATDesign, GraphNASMacroDesign, GraphNASMicroDesign
from estimators.tasks.nodes import NodeRecipe, NodeTask
from estimators.tasks.task import Dimensions

GAT, MICRO, MACRO = "GAT, tuned", "GRAPHNAS_MICRO", "GRAPHNAS_MACRO"
DROPOUT = (0.4, 0.5, 0.6, 0.7, 0.8)
TRAINED: dict[str, Range] = {
    "dropout": among(*DROPOUT),
    "learning_rate": among(0.002, 0.005, 0.01, 0.02),
    "weight_decay": among(1e-4, 5e-4, 1e-3, 2e-3),
    "patience": among(30, 100),
}
"""Settings that every side has."""
EPOCHS = 300
"""At most, of every training."""
WIDEST = GATDesign(hidden=32, heads=8)
"""The largest GAT; no candidate may have more parameters, as wide layers of many heads of
GraphNAS macro would take the seconds of a whole search for one training."""


@dataclass(frozen=True)
class Side:
    """What is searched.

    Attributes:
        architectures: the space.
        design: sizes of the networks, but for those that are searched.
        ranges: settings of training and network that are searched.
        start: notation and settings of the candidate that a search begins with; ``None``: it
            begins with random ones.
    """

    architectures: SearchSpace
    design: Design
    ranges: Mapping[str, Range]
    start: tuple[str, Mapping[str, Value]] | None = None

    @property
    def space(self) -> ConfiguredSpace:
        """The candidates."""
        return ConfiguredSpace(self.architectures, self.ranges)

    def first(self) -> list[ArchitectureGraph]:
        """The candidate to begin with, if any."""
        if self.start is None:
            return []
        notation, settings = self.start
        graph = self.architectures.parse(notation)
        return [self.space.canonical(self.space.configure(graph, settings))]


PUBLISHED: dict[str, Value] = {
    "dropout": 0.6,
    "learning_rate": 0.005,
    "weight_decay": 5e-4,
    "patience": 100,
}
"""Of GAT."""

SIDES: dict[str, Side] = {
    GAT: Side(
        FixedNetwork("GAT"),
        GATDesign(),
        {"hidden": among(4, 8, 16, 32), "heads": among(1, 2, 4, 8), **TRAINED},
        ("GAT", {"hidden": 8, "heads": 8, **PUBLISHED}),
    ),
    MICRO: Side(
        get_space(MICRO),
        GraphNASMicroDesign(),
        {"hidden": among(16, 32, 64, 128), "hidden_dropout": among(0.0, *DROPOUT), **TRAINED},
    ),
    MACRO: Side(
        get_space(MACRO),
        GraphNASMacroDesign(),
        TRAINED,
        # GAT itself, which is a member.
        ("gat sum elu heads_8 width_8 gat sum identity heads_1", PUBLISHED),
    ),
}
"""Name → side. The published micro network has a ``hidden_dropout`` of 0, and no member that
resembles GAT."""


class CandidateTrainings:
    """An :class:`~estimators.measurement.Estimator` that trains each candidate by its own settings.

    Args:
        side: has the candidates.
        dataset: name of the graph.
        seed: of weights.
        data_root: where the graph is looked for.
    """

    def __init__(self, side: Side, dataset: str, seed: int, data_root: Path | None = None) -> None:
        self._space, self.design, self.seed = side.space, side.design, seed
        self.task = NodeTask(dataset, data_root=data_root)
        self.recipe = NodeRecipe.load("citation", overrides={"epochs": EPOCHS})
        self.dimensions = self.task.prepare(self.recipe, "cpu").dimensions
        self.most = _parameters(WIDEST, FixedNetwork.member, self.dimensions)

    @property
    def space(self) -> SearchSpace:
        """The candidates."""
        return self._space

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        """A training of each; one that is too large is a failure, and takes no time."""
        for graph in architectures:
            space, plain, settings = parts_of(self._space, graph)
            recipe, design = chosen_settings(self.recipe, self.design, settings)
            hash = self._space.hash(graph)
            parameters = _parameters(design, plain, self.dimensions)
            if parameters > self.most:
                reason = f"{parameters} parameters are more than the largest GAT's {self.most}"
                yield Measurement(graph, hash, "failed", reason)
                continue
            training = FromScratch(space, self.task, design, recipe, seed=self.seed)
            (found,) = training.measure([plain])
            yield replace(found, architecture=graph, hash=hash)


def _parameters(design: Design, graph: ArchitectureGraph, data: Dimensions) -> int:
    return int(design.costs(GraphBatch.from_graphs([graph]), data).parameters[0])
