"""A conditioned Gaussian process as a BoTorch model, so that BoTorch's acquisitions can be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from botorch.models.model import Model
from botorch.posteriors.gpytorch import GPyTorchPosterior
from gpytorch.distributions import MultivariateNormal
from linear_operator.operators import DiagLinearOperator, to_linear_operator
from torch import Tensor

from predictors.processes.conditioning import ConditionedGP


class ProcessModel(Model):
    """BoTorch's view of a process.

    Args:
        process: a conditioned one.
    """

    def __init__(self, process: ConditionedGP) -> None:
        super().__init__()
        self.process = process

    @property
    def num_outputs(self) -> int:
        """One value."""
        return 1

    @property
    def batch_shape(self) -> torch.Size:
        """One process, no batch of them."""
        return torch.Size()

    def posterior(
        self,
        X: Tensor,
        output_indices: list[int] | None = None,
        observation_noise: bool | Tensor = False,
        posterior_transform: Callable[[Any], Any] | None = None,
    ) -> GPyTorchPosterior:
        """Joint distribution of the process at q points. **Shape** (…, q, F)."""
        added = 0.0 if observation_noise is False else self.process.noise
        if X.shape[-2] == 1:  # as most acquisitions ask: nothing to factorise
            mean, variance = self.process.marginals(X)
            covariance = DiagLinearOperator(variance + added)
        else:
            mean, joint = self.process.joint(X)
            covariance = to_linear_operator(joint + added * torch.eye(X.shape[-2], dtype=X.dtype))
        posterior = GPyTorchPosterior(MultivariateNormal(mean, covariance))
        return posterior if posterior_transform is None else posterior_transform(posterior)
