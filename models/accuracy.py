"""A head that predicts accuracy from the latent mean, on any graph VAE."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datasets.batch import GraphBatch
from models.embedding import Embedding
from models.errors import ModelError
from models.loss import LossParts, Objective


class AccuracyHead(nn.Module):
    """``Linear`` layers with relu between.

    Args:
        widths: of the input, of every hidden layer, and 1 for the output.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.lin_layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, mean: Tensor) -> Tensor:
        """**Shape** (B, G) → (B,)."""
        for layer in self.lin_layers[:-1]:
            mean = layer(mean).relu()
        return self.lin_layers[-1](mean).squeeze(-1)


class SurrogateLoss(NamedTuple):
    """``total = share · vae.total + (1 − share) · error``, scalars.

    ``vae`` is ``None`` where its share is 0: the decoder was then not run.
    """

    total: Tensor
    vae: LossParts | None
    error: Tensor


def ranking_loss(predicted: Tensor, targets: Tensor) -> Tensor:
    """How wrongly the pairs of a batch are ordered: mean ``log(1 + exp(ŷ_j − ŷ_i))``, y_i > y_j.

    RankNet's (Burges et al. 2005, *Learning to Rank using Gradient Descent*). Equal targets make
    no pair; without any pair it is 0. **Shape** (B,) each → scalar.
    """
    better = targets[:, None] > targets
    pairs = F.softplus(predicted - predicted[:, None])
    return (pairs * better).sum() / better.sum().clamp(min=1)


class AccuracyModel(nn.Module):
    """A graph VAE with an accuracy head (``SVGE_acc``, ``DGMG_acc``), trained together.

    The state dict has the published keys: the VAE's own, and ``Accuracy.*``.

    Args:
        vae: the wrapped model, shared and not copied.
        widths: of the head's layers; default G → G//2 → G//4 → G//8 → 1, as published
            (56 → 28 → 14 → 7 → 1).

    Raises:
        ModelError: the head does not begin with the latent width, or not end with one number.
    """

    VAE_SHARE = 0.1
    """Weight of the VAE's loss, as published; the error of the head has the rest."""

    def __init__(self, vae: Embedding, widths: Sequence[int] | None = None) -> None:
        super().__init__()
        width = vae.sizes.graph_width
        widths = widths or (width, width // 2, width // 4, width // 8, 1)
        if widths[0] != width or widths[-1] != 1:
            raise ModelError(
                f"the accuracy head makes {widths[-1]} numbers of {widths[0]}, "
                f"expected one number of the {width} of a latent"
            )
        self.Encoder = vae.Encoder
        self.Decoder = vae.Decoder
        self.Accuracy = AccuracyHead(widths)
        self._vae = (vae,)  # in a tuple, so that its parameters are not registered twice

    @property
    def vae(self) -> Embedding:
        """The wrapped model."""
        return self._vae[0]

    @property
    def name(self) -> str:
        """The model's name as users write it."""
        return f"{self.vae.name}_acc"

    def train(self, mode: bool = True) -> AccuracyModel:
        """Set the mode of the head and of the wrapped model."""
        super().train(mode)
        self.vae.train(mode)
        return self

    def forward(self, batch: GraphBatch) -> Tensor:
        """Predicted accuracy. **Shape** (B,)."""
        return self.Accuracy(self.vae.encode(batch).mean)

    def loss(
        self,
        batch: GraphBatch,
        targets: Tensor,
        objective: Objective,
        generator: torch.Generator | None = None,
        *,
        error: Callable[[Tensor, Tensor], Tensor] = F.mse_loss,
        vae_share: float = VAE_SHARE,
    ) -> SurrogateLoss:
        """The joint objective.

        Args:
            batch: the graphs.
            targets: what the head is to predict of them. **Shape** (B,).
            objective: of the VAE.
            generator: of the latent noise in training.
            error: of predictions and targets; default the squared error, as published.
            vae_share: weight of the VAE's loss.

        Raises:
            ModelError: as :meth:`Embedding.encode`, or there is not one target for each graph.
        """
        latent = self.vae.encode(batch)
        if not isinstance(targets, Tensor) or targets.shape != latent.mean.shape[:1]:
            found = tuple(targets.shape) if isinstance(targets, Tensor) else type(targets).__name__
            raise ModelError(
                f"targets are {found}, expected a tensor of one number for each of the "
                f"{len(latent.mean)} graphs"
            )
        wrong = error(self.Accuracy(latent.mean), targets)
        if vae_share == 0:
            return SurrogateLoss(wrong, None, wrong)
        parts = self.vae.loss_of(latent, batch, objective, generator)
        return SurrogateLoss(vae_share * parts.total + (1 - vae_share) * wrong, parts, wrong)
