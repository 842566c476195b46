"""Normal distributions that are known already, as a BoTorch model."""

from __future__ import annotations

from typing import Any

import torch
from botorch.models.model import Model
from botorch.posteriors import GPyTorchPosterior
from gpytorch.distributions import MultitaskMultivariateNormal
from torch import Tensor


class Marginals(Model):
    """A BoTorch model of candidates whose distributions are known: a point *is* its distribution.

    So an acquisition is computed for thousands of candidates from one pass of the processes. A
    point is two means and two standard deviations, **shape** (…, 1, 4).
    """

    @property
    def num_outputs(self) -> int:
        """Two quantities."""
        return 2

    @property
    def batch_shape(self) -> torch.Size:
        """No batch of models."""
        return torch.Size()

    def posterior(self, X: Tensor, *_: Any, **__: Any) -> GPyTorchPosterior:
        """Two independent normal distributions for each point."""
        mean, std = X.split(2, dim=-1)
        variance = torch.diag_embed(std.square().squeeze(-2))
        return GPyTorchPosterior(MultitaskMultivariateNormal(mean, variance))
