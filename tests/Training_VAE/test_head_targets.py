"""The joint loss of a VAE and its heads."""

from __future__ import annotations

import numpy as np
import torch

from datasets import get_space
from models import Objective, WithHeads
from models.dvae import NGAE, DVAESizes
from predictors.fine_tuning import Labelled
from Training_VAE.head_targets import joint_losses


def test_only_labelled_architectures_move_a_head() -> None:
    torch.manual_seed(0)
    model = WithHeads.fresh(
        NGAE(DVAESizes(8, 8, node_width=8, graph_width=4)), ("accuracy", "complexity")
    )
    graphs = get_space("ENAS").sample_batch(6, np.random.default_rng(1))
    weights = {"embedding": 1.0, "accuracy": 0.5, "complexity": 2.0}
    targets = torch.full((6, 2), 0.25)
    targets[:, 0] = torch.nan

    def gradient(targets: torch.Tensor, chosen: slice = slice(None)) -> torch.Tensor:
        model.zero_grad()
        batch = Labelled(graphs[chosen], targets[chosen])
        joint_losses(model, batch, Objective(), weights)["loss"].backward()
        found = model.get_parameter("heads.accuracy.0.weight").grad
        assert found is not None
        return found.clone()

    assert not gradient(targets).any()
    complexity = model.get_parameter("heads.complexity.0.weight").grad
    assert complexity is not None
    assert complexity.any()
    targets[2, 0] = 0.7
    alone = gradient(targets, slice(2, 3))
    assert alone.any()
    torch.testing.assert_close(gradient(targets), alone / 6)  # a mean over the batch
