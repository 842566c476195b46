"""The supervised baselines of arch2vec: an encoder that only the search trains.

Yan, Zheng, Ao, Zeng, Zhang, NeurIPS 2020, arXiv:2006.06936: arch2vec's encoder with one head, over
the edges in their direction, beside a policy or under a Bayesian linear regression. Its vectors
change with every update, so those of all architectures are made again each time:
:class:`~searchers.embedded.distinct_nodes.DistinctNodes` makes that affordable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from models.arch2vec import operations
from models.gin import GINLayers, gin_states
from searchers.embedded.distinct_nodes import DistinctNodes, distinct_states
from searchers.embedded.dngo import PUBLISHED_DNGO, DNGOSettings, rank
from searchers.embedded.network import NetworkSettings
from searchers.embedded.policy import (
    PUBLISHED_POLICY,
    Carry,
    Policy,
    PolicySettings,
    Unvisited,
    log_probabilities,
)
from searchers.embedded.regression import BayesianLinearRegression, Spectrum, fit_precisions
from searchers.embedded.traces import EmbeddedTable, Trace
from searchers.embedded.vectors import unscaled

LAYERS = 4
"""Of the encoder, as of arch2vec's."""
WINDOW = 512
"""Architectures whose statistics the published prediction normalises by."""


class SearchEncoder(nn.Module):
    """Graph isomorphism layers and one linear layer, from a graph to a vector of every node.

    Args:
        num_types: operations T.
        width: of the nodes' vectors, D.
        hidden: of the states, H.
    """

    def __init__(self, num_types: int, width: int = 16, hidden: int = 128) -> None:
        super().__init__()
        self.eps, self.mlps, self.batch_norms = GINLayers.fresh(num_types, hidden, LAYERS, 2)
        self.fc = nn.Linear(hidden, width)

    @property
    def layers(self) -> GINLayers:
        """The graph isomorphism layers."""
        return GINLayers(self.eps, self.mlps, self.batch_norms)

    def forward(self, columns: Tensor, adjacency: Tensor) -> Tensor:
        """The mean over all places of each graph's vectors, padding included.

        **Shape** (B, N, T) and (B, N, N) of :func:`encoder_inputs` → (B, D).
        """
        mean: Tensor = self.fc(gin_states(self.layers, columns, [adjacency]).mean(1))
        return mean

    @torch.no_grad()
    def of_distinct(self, nodes: DistinctNodes) -> Tensor:
        """The same for the graphs that ``nodes`` are of. **Shape** (M, D)."""
        return nodes.means(self.fc(distinct_states(self.layers, nodes)))


def encoder_inputs(graphs: GraphBatch, num_types: int) -> tuple[Tensor, Tensor]:
    """Operations and edges as numbers. **Shape** (B, N, T), (B, N, N)."""
    return operations(graphs, num_types).float(), graphs.adjacency.float()


# REINFORCE.


@dataclass(frozen=True)
class SupervisedPolicy:
    """Settings of a policy beside the encoder; the defaults are the mended ones.

    Attributes:
        policy: of the policy and its training.
        encoder_rate: of Adam on the encoder.
        moves: whether the state is the architecture that was measured last. In the published code
            it stays the one that the search starts at.
    """

    policy: PolicySettings = field(default_factory=lambda: PolicySettings(scaling=unscaled))
    encoder_rate: float = 1e-3
    moves: bool = True


PUBLISHED_SUPERVISED_POLICY = SupervisedPolicy(PUBLISHED_POLICY, moves=False)
"""As published for NB101."""


def walk_supervised(
    table: EmbeddedTable,
    graphs: GraphBatch,
    nodes: DistinctNodes,
    settings: SupervisedPolicy,
    seed: int,
    budget: float,
) -> Trace:
    """Let a policy walk that learns its embedding as well, until a budget is spent.

    All vectors are made anew before every episode, in evaluation mode; those of the states are in
    training mode, as published: batch norms normalise by the nodes of one graph.

    Args:
        table: that is searched; its own vectors play no part.
        graphs: of its rows, with as many places as the space has nodes.
        nodes: of the same graphs.
        settings: of the training.
        seed: of the weights, the start and the actions.
        budget: simulated seconds.

    Raises:
        InputError: the budget is shorter than one query, or no architecture is unvisited.
    """
    table.check_budget(budget)
    episode = settings.policy.episode
    num_types = nodes.first.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = SearchEncoder(num_types)
    policy = Policy.seeded(encoder.fc.out_features, settings.policy.hidden, seed)
    optimisers = [
        torch.optim.Adam(policy.parameters(), lr=settings.policy.learning_rate),
        torch.optim.Adam(encoder.parameters(), lr=settings.encoder_rate),
    ]
    generator = np.random.default_rng(seed)
    start = place = int(generator.integers(len(graphs)))
    chosen: list[int] = []
    spent = 0.0
    while spent < budget:
        unvisited = Unvisited(encoder.eval().of_distinct(nodes))
        for row in (start, *chosen):
            unvisited.visit(row)
        encoder.train()
        carry: Carry | None = None
        states, actions = list[Tensor](), list[Tensor]()
        while spent < budget and len(actions) < episode:
            states.append(encoder(*encoder_inputs(graphs[place : place + 1], num_types))[0])
            with torch.no_grad():
                mean, carry = policy(states[-1], carry)
            noise = generator.standard_normal(len(mean), dtype=np.float32)
            actions.append(mean + torch.from_numpy(noise))
            row = unvisited.nearest(actions[-1])
            unvisited.visit(row)
            chosen.append(row)
            spent += float(table.seconds[row])
            place = row if settings.moves else start
        rewards = torch.from_numpy(table.validation[chosen]).to(actions[0])
        credit = settings.policy.credit(rewards[-len(actions) :], rewards)
        log_probability = log_probabilities(policy, torch.stack(states), torch.stack(actions))
        for optimiser in optimisers:
            optimiser.zero_grad()
        (-(log_probability * credit).mean()).backward()
        for optimiser in optimisers:
            optimiser.step()
    return table.trace(chosen)


# DNGO.


@dataclass(frozen=True)
class SupervisedDNGO:
    """Settings of the surrogate; the defaults are the mended ones.

    Attributes:
        dngo: of the training, the regression and the choice; ``network.units`` plays no part, the
            basis functions are the encoder's outputs.
        trains_while_predicting: whether batch norms go on normalising by the batch: labelled
            architectures by all of them, others by :data:`WINDOW` of them, as published.
    """

    dngo: DNGOSettings = field(default_factory=DNGOSettings)
    trains_while_predicting: bool = False


def published_supervised_improvement(
    mean: Tensor, std: Tensor, best: float, generator: np.random.Generator
) -> Tensor:
    """:func:`published_improvement` with another slip: ``u = μ − best / v``. **Shape** (B,)."""
    variance = std.square()
    u = mean - best / variance
    density = (-u.square() / 2).exp() / math.sqrt(2 * math.pi)
    return variance * (density + u * torch.special.ndtr(u))


PUBLISHED_SUPERVISED_DNGO = SupervisedDNGO(
    replace(PUBLISHED_DNGO, criterion=published_supervised_improvement),
    trains_while_predicting=True,
)
"""As published for NB101, except that nothing is chosen twice."""


@dataclass(frozen=True)
class SupervisedRows:
    """Chooses from a table by an encoder that is trained anew each time.

    Attributes:
        settings: of the surrogate and the choice.
        graphs: of the table's rows, with as many places as the space has nodes.
        parts: the same graphs, in the parts whose statistics belong together.
        order: rows of the table, part after part. **Shape** (M,).
    """

    settings: SupervisedDNGO
    graphs: GraphBatch
    parts: Sequence[DistinctNodes]
    order: Tensor

    @classmethod
    def of(
        cls, settings: SupervisedDNGO, graphs: GraphBatch, num_types: int, seed: int
    ) -> SupervisedRows:
        """Divide the graphs, in an order that is drawn, as the published code does."""
        order = torch.arange(len(graphs))
        size = len(graphs)
        if settings.trains_while_predicting:
            order = torch.from_numpy(np.random.default_rng(seed).permutation(len(graphs)))
            size = WINDOW
        parts = [DistinctNodes.of(graphs[rows], num_types, LAYERS) for rows in order.split(size)]
        return cls(settings, graphs, parts, order)

    def __call__(
        self,
        known: Sequence[Sequence[int]],
        values: np.ndarray,
        is_open: Sequence[Tensor],
        n: int,
        generators: Sequence[np.random.Generator],
    ) -> list[list[int]]:
        """The best open rows of each run (:data:`~searchers.embedded.traces.Choose`)."""
        return [
            self._best(torch.tensor(rows), own, mask, n, generator)
            for rows, own, mask, generator in zip(known, values, is_open, generators, strict=True)
        ]

    def _best(
        self,
        known: Tensor,
        values: np.ndarray,
        is_open: Tensor,
        n: int,
        generator: np.random.Generator,
    ) -> list[int]:
        dngo = self.settings.dngo
        targets = dngo.scale(values)(values)
        inputs = encoder_inputs(self.graphs[known], self.parts[0].first.shape[1])
        encoder = fit_encoder(*inputs, targets, dngo.network, generator)
        encoder.train(self.settings.trains_while_predicting)
        with torch.no_grad():
            basis = encoder(*inputs).tanh().double().numpy()
        alpha, beta = fit_precisions(Spectrum.of(basis, targets), dngo.evidence, generator)
        regression = BayesianLinearRegression.condition(basis, targets, alpha, beta)
        vectors = torch.cat([encoder.of_distinct(part) for part in self.parts])
        mean, variance = regression.predict(vectors[self.order.argsort()].tanh().double())
        return rank(mean, variance, targets, is_open, n, dngo, generator)


def fit_encoder(
    columns: Tensor,
    adjacency: Tensor,
    targets: np.ndarray,
    settings: NetworkSettings,
    generator: np.random.Generator,
) -> SearchEncoder:
    """Fit ``Linear(tanh(vector))`` by the mean squared error, and return what gives the vector.

    Args:
        columns: operations of the labelled graphs. **Shape** (n, N, T).
        adjacency: of the same. **Shape** (n, N, N).
        targets: **shape** (n,).
        settings: of the training.
        generator: of the first weights and the order of the labels.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator.integers(2**31)))
        encoder = SearchEncoder(columns.shape[2])
        last = nn.Linear(encoder.fc.out_features, 1)
    optimiser = torch.optim.Adam(
        [*encoder.parameters(), *last.parameters()], lr=settings.learning_rate, fused=True
    )
    wanted = torch.from_numpy(targets).float()
    count = len(wanted)
    size = min(settings.batch, count)
    for _ in range(settings.epochs):
        order = torch.from_numpy(generator.permutation(count))
        for start in range(0, count - size + 1, size):
            rows = order[start : start + size]
            found = last(encoder(columns[rows], adjacency[rows]).tanh())[:, 0]
            optimiser.zero_grad()
            nn.functional.mse_loss(found, wanted[rows]).backward()
            optimiser.step()
    return encoder
