"""Graph networks trained on labels alone, as a predictor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch, as_batch
from datasets.space import SearchSpace
from experiment.progress import progress
from models.graph_regression import GraphRegressors
from predictors.features import describe, make_features
from predictors.features.features import active_subgraph
from predictors.predictor import Architectures, Predictor
from predictors.regressor import FeatureMatrix, NormalScores, Scale
from predictors.standardised_features import StandardisedFeatures

MEMBERS = 5
BATCH = 32
PASSES, LEAST_STEPS, MOST_STEPS = 30, 300, 4_000
RATE, WEIGHT_DECAY, WARM_UP, LARGEST_GRADIENT = 3e-3, 0.05, 0.15, 5.0
PORTION = 2_048
"""Architectures that are predicted at once."""


class GraphNetwork(Predictor):
    """Several :class:`~models.graph_regression.GraphRegressors`, averaged.

    Each member holds out its own part of the labels. Its residuals on that part give the width of
    the intervals (cross-validation+, Barber et al. 2021, arXiv:1905.02928). Members read the active
    subgraphs.

    Args:
        space: the search space.
        features: names of features that the members read beside the graph.
        scale: what the targets are.
        seed: of the parts, first weights, order and dropout.
        shown: whether a terminal shows the progress.
    """

    least_labels = 2 * MEMBERS

    def __init__(
        self,
        space: SearchSpace,
        features: Sequence[str] = ("statistics",),
        scale: type[Scale] = NormalScores,
        seed: int = 0,
        *,
        shown: bool = True,
    ) -> None:
        super().__init__(scale, seed)
        self.space = space
        self.features = [make_features(name, space) for name in features]
        self.shown = shown

    def checked(self, architectures: Architectures) -> tuple[GraphBatch, int]:
        """The architectures as a batch of the space's node types, and how many they are."""
        batch = as_batch(architectures, self.space)
        return batch, len(batch)

    def learn(
        self, architectures: Architectures, targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Train the members."""
        batch = as_batch(architectures).to("cpu")
        self._joined = StandardisedFeatures(self._describe(batch)) if self.features else None
        examples = self._examples(batch)
        generator = torch.Generator().manual_seed(self.seed)
        self._networks = GraphRegressors(
            MEMBERS, len(self.space.types), examples[1].shape[1], generator=generator
        )
        fold = torch.randperm(len(targets), generator=generator) % MEMBERS
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self._train(examples, torch.from_numpy(targets).float(), fold)
        held_out = self._outputs(batch)[fold.numpy(), np.arange(len(targets))]
        self._std = float(np.sqrt(np.mean((held_out - targets) ** 2)))
        return held_out, np.full(len(targets), self._std)

    def scores(self, architectures: Architectures) -> tuple[np.ndarray, np.ndarray]:
        """Mean of the members, and a constant std. **Shape** (B,) each."""
        mean = self._outputs(as_batch(architectures).to("cpu")).mean(axis=0)
        return mean, np.full(len(mean), self._std)

    def _describe(self, batch: GraphBatch) -> list[FeatureMatrix]:
        return [FeatureMatrix(describe(each, batch), each.ard) for each in self.features]

    def _examples(self, batch: GraphBatch) -> tuple[GraphBatch, Tensor]:
        """Inputs of the members: graphs and their features. **Shape** (B, F)."""
        if self._joined is None:
            rows = torch.zeros(len(batch), 0)
        else:
            rows = torch.from_numpy(self._joined(self._describe(batch))).float()
        return active_subgraph(batch, self.space), rows

    def _train(self, examples: tuple[GraphBatch, Tensor], targets: Tensor, fold: Tensor) -> None:
        """Fit all members, each to the labels that are not in its part."""
        graphs, descriptors = examples
        networks = self._networks.train()
        steps = int(np.clip(PASSES * len(targets) // BATCH, LEAST_STEPS, MOST_STEPS))
        optimiser = torch.optim.AdamW(networks.parameters(), RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, RATE, total_steps=steps, pct_start=WARM_UP
        )
        known = (fold != torch.arange(MEMBERS)[:, None]).float()
        passes = -(-steps * BATCH // len(targets))
        order = torch.cat([torch.randperm(len(targets)) for _ in range(passes + 1)])
        batches = order[: steps * BATCH].view(steps, BATCH)
        for rows in progress(batches, "training graph networks", "steps", shown=self.shown):
            optimiser.zero_grad()
            errors = networks(graphs[rows], descriptors[rows]) - targets[rows]
            (errors.square() * known[:, rows]).mean(dim=1).sum().backward()
            nn.utils.clip_grad_norm_(networks.parameters(), LARGEST_GRADIENT)
            optimiser.step()
            schedule.step()
        networks.eval()

    @torch.no_grad()
    def _outputs(self, batch: GraphBatch) -> np.ndarray:
        """Predictions of every member. **Shape** (K, B)."""
        starts = range(0, max(len(batch), 1), PORTION)
        parts = [self._networks(*self._examples(batch[i : i + PORTION])) for i in starts]
        return torch.cat(parts, dim=1).double().numpy()
