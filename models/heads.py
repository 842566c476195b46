"""Heads: numbers that are predicted from the latent mean of an embedding, each by its name.

The accuracy head of the published system is one of them. Several heads are trained with one
embedding, each on the architectures whose value it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import ClassVar, NamedTuple, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datasets.batch import GraphBatch
from models.embedding import Embedding
from models.errors import ModelError
from models.loss import LossParts, Objective
from models.state_dicts import State, load_weights, matrix_shape

ACCURACY = "accuracy"
"""Name of the head that the published checkpoints have."""

EMBEDDING = "embedding"
"""Name of the embedding's own loss, where losses are weighed by name."""

PUBLISHED_SHARE = 0.1
"""Weight of the VAE's loss, as published; the error of the head has the rest."""

SUFFIX = "_acc"
"""What the published names of models with an accuracy head end in: ``SVGE_acc``."""


class Head(nn.Module):
    """``Linear`` layers with relu between, from a flat latent mean to one number.

    Args:
        widths: of the input, of every hidden layer, and 1 for the output.

    Attributes:
        stored_names: what the names of a head's weights begin with in published checkpoints, by
            the head's name.

    Raises:
        ModelError: it would not end with one number.
    """

    stored_names: ClassVar[Mapping[str, str]] = {ACCURACY: "Accuracy"}

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = tuple(widths)
        if self.widths[-1] != 1:
            raise ModelError(
                f"a head makes {self.widths[-1]} numbers of {self.widths[0]}, expected one"
            )
        self.add_layers([nn.Linear(a, b) for a, b in pairwise(self.widths)])

    def add_layers(self, layers: Sequence[nn.Linear]) -> None:
        """Own the layers, under the names that they have on disk."""
        self.lin_layers = nn.ModuleList(layers)

    @staticmethod
    def layer_name(number: int) -> str:
        """What the names of a layer's weights begin with."""
        return f"lin_layers.{number}"

    @property
    def layers(self) -> list[nn.Linear]:
        """The layers, in order."""
        numbers = range(len(self.widths) - 1)
        return [cast(nn.Linear, self.get_submodule(self.layer_name(k))) for k in numbers]

    @classmethod
    def of_width(cls, width: int) -> Self:
        """The published layers, F → F//2 → F//4 → F//8 → 1 (56 → 28 → 14 → 7 → 1)."""
        return cls((width, width // 2, width // 4, width // 8, 1))

    @classmethod
    def fresh_for(cls, embedding: Embedding) -> Self:
        """The layers that heads on an embedding have, their weights drawn at random."""
        return cls.of_width(embedding.latent_width)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The head that a state dict belongs to.

        Raises:
            ModelError: a weight is missing, no matrix, or does not fit the others.
        """
        shapes = [matrix_shape(state, f"{cls.layer_name(0)}.weight")]
        while (name := f"{cls.layer_name(len(shapes))}.weight") in state:
            shapes.append(matrix_shape(state, name))
        head = cls((shapes[0][1], *(outputs for outputs, _ in shapes)))
        load_weights(head, state)
        return head

    def forward(self, mean: Tensor) -> Tensor:
        """**Shape** (B, F) → (B,)."""
        *hidden, last = self.layers
        for layer in hidden:
            mean = self.activation(layer(mean))
        return self.output(last(mean).squeeze(-1))

    def activation(self, hidden: Tensor) -> Tensor:
        """Between the layers."""
        return hidden.relu()

    def output(self, value: Tensor) -> Tensor:
        """After the last layer."""
        return value

    @torch.no_grad()
    def match_moments(self, outputs: Tensor, targets: Tensor) -> None:
        """Scale the last layer, so that its outputs get mean and standard deviation of targets.

        **Shape** (B,) each.
        """
        stretch = targets.std() / outputs.std().clamp(min=torch.finfo(torch.float32).tiny)
        last = self.layers[-1]
        last.weight.mul_(stretch)
        last.bias.sub_(outputs.mean()).mul_(stretch).add_(targets.mean())


def head_type(embedding: Embedding | type[Embedding]) -> type[Head]:
    """The class of the heads on an embedding."""
    found = embedding.head_type or Head
    if not issubclass(found, Head):
        raise TypeError(f"{found.__name__}, the heads of {embedding.name}, are no Head")
    return found


class JointLoss(NamedTuple):
    """``total``: the losses, each times its weight.

    Attributes:
        total: a scalar.
        embedding: the embedding's loss; ``None`` where its weight is 0: nothing was decoded.
        errors: of each head, by its name; scalars.
    """

    total: Tensor
    embedding: LossParts | None
    errors: dict[str, Tensor]


def ranking_loss(predicted: Tensor, targets: Tensor) -> Tensor:
    """How wrongly the pairs of a batch are ordered: mean ``log(1 + exp(ŷ_j − ŷ_i))``, y_i > y_j.

    RankNet's (Burges et al. 2005, *Learning to Rank using Gradient Descent*). Equal targets make
    no pair; without any pair it is 0. **Shape** (B,) each → scalar.
    """
    better = targets[:, None] > targets
    pairs = F.softplus(predicted - predicted[:, None])
    return (pairs * better).sum() / better.sum().clamp(min=1)


def shared_weights(share: float, heads: Iterable[str]) -> dict[str, float]:
    """Weights of the losses: ``share`` for the embedding, the rest for each head."""
    return {EMBEDDING: share, **dict.fromkeys(heads, 1 - share)}


class WithHeads(nn.Module):
    """An embedding with heads on its latent mean, trained together.

    On disk its weights have the published names (``models.checkpoints.stored_state``).

    Args:
        embedding: the wrapped model, shared and not copied.
        heads: from a flat mean (B, F) to one number (B,), by name.

    Raises:
        ModelError: there are no heads, a head has the name of the embedding's loss, or does not
            begin with the width of a latent.
    """

    def __init__(self, embedding: Embedding, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        if not heads or EMBEDDING in heads:
            raise ModelError(
                f"heads are called {', '.join(heads) or 'nothing'}, expected one name at least, "
                f"and none that is {EMBEDDING!r}"
            )
        for name, head in heads.items():
            width = getattr(head, "widths", (embedding.latent_width,))[0]
            if width != embedding.latent_width:
                raise ModelError(
                    f"the head {name} makes 1 numbers of {width}, expected one number of the "
                    f"{embedding.latent_width} of a latent"
                )
        self.embedding = embedding
        self.heads = nn.ModuleDict(heads)

    @classmethod
    def fresh(cls, embedding: Embedding, names: Iterable[str] = (ACCURACY,)) -> Self:
        """The embedding with a new head for each name, its weights drawn at random."""
        kind = head_type(embedding)
        return cls(embedding, {name: kind.fresh_for(embedding) for name in names})

    @property
    def name(self) -> str:
        """The model's name as users write it: that of the embedding with ``_acc``, or its heads.

        Heads that the embedding's name implies are left out.
        """
        if tuple(self.heads) == self.embedding.own_heads:
            return self.embedding.name
        if list(self.heads) == [ACCURACY]:
            return surrogate_name(self.embedding.name)
        return "_".join([self.embedding.name, *self.heads])

    def forward(self, batch: GraphBatch) -> Tensor:
        """What the heads predict, a column for each. **Shape** (B, K)."""
        flat = self.embedding.encode(batch).flat
        return torch.stack([head(flat) for head in self.heads.values()], dim=1)

    @torch.no_grad()
    def predict_all(self, graphs: GraphBatch, head: str = ACCURACY) -> Tensor:
        """What one head predicts of any number of graphs. **Shape** (B,).

        Raises:
            ModelError: there is no head of that name, or as :meth:`Embedding.encode`.
        """
        if head not in self.heads:
            raise ModelError(
                f"{self.name} has no head that predicts {head}: its heads are "
                f"{', '.join(self.heads)}"
            )
        return self.heads[head](self.embedding.encode_all(graphs).flat)

    def loss(
        self,
        batch: GraphBatch,
        targets: Tensor,
        objective: Objective,
        generator: torch.Generator | None = None,
        *,
        weights: Mapping[str, float] | None = None,
        error: Callable[[Tensor, Tensor], Tensor] = F.mse_loss,
    ) -> JointLoss:
        """The joint objective.

        Args:
            batch: the graphs.
            targets: what the heads are to predict, a column for each; NaN where it is unknown.
                **Shape** (B, K).
            objective: of the embedding.
            generator: of the latent noise in training.
            weights: of the embedding's loss (``"embedding"``) and of every head's error, by
                name; default 0.1 and 0.9, as published.
            error: of predictions and targets; default the squared error, as published. It is
                taken over the architectures whose target is known, and 0 where none is.

        Raises:
            ModelError: as :meth:`Embedding.encode`, there is not one target for each graph and
                head, or not one weight for each loss.
        """
        weights = weights or shared_weights(PUBLISHED_SHARE, self.heads)
        if set(weights) != {EMBEDDING, *self.heads}:
            raise ModelError(
                f"weights are those of {', '.join(weights)}, expected one for each of "
                f"{', '.join([EMBEDDING, *self.heads])}"
            )
        latent = self.embedding.encode(batch)
        self._check_targets(targets, len(latent.mean))
        flat = latent.flat
        errors = {
            name: _known_error(head(flat), column, error)
            for (name, head), column in zip(self.heads.items(), targets.unbind(1), strict=True)
        }
        terms, parts = [], None
        if weights[EMBEDDING]:
            parts = self.embedding.loss_of(latent, batch, objective, generator)
            terms.append(weights[EMBEDDING] * parts.total)
        terms += [weights[name] * each for name, each in errors.items()]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return JointLoss(total, parts, errors)

    @torch.no_grad()
    def match_moments(self, graphs: GraphBatch, targets: Tensor) -> None:
        """Give every head's outputs the mean and standard deviation of its known targets.

        A loss of orders leaves both free.

        Args:
            graphs: the architectures that the heads were trained on.
            targets: as of :meth:`loss`. **Shape** (B, K).

        Raises:
            ModelError: a head is no :class:`Head`.
        """
        flat = self.embedding.encode_all(graphs).flat
        for (name, head), column in zip(self.heads.items(), targets.unbind(1), strict=True):
            if not isinstance(head, Head):
                raise ModelError(f"the head {name} has outputs that cannot be scaled")
            known = ~column.isnan()
            head.match_moments(head(flat)[known], column[known])

    def _check_targets(self, targets: Tensor, graphs: int) -> None:
        wanted = (graphs, len(self.heads))
        if not isinstance(targets, Tensor) or targets.shape != wanted:
            found = tuple(targets.shape) if isinstance(targets, Tensor) else type(targets).__name__
            raise ModelError(
                f"targets are {found}, expected a tensor {wanted}: one number for each of the "
                f"{graphs} graphs and of the heads {', '.join(self.heads)}"
            )


def _known_error(
    predicted: Tensor, targets: Tensor, error: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """The error over the known targets. **Shape** (B,), (B,) → scalar."""
    known = ~targets.isnan()
    if known.all():
        return error(predicted, targets)
    if not known.any():
        return 0 * predicted.sum()
    return error(predicted[known], targets[known])


def parts_of(model: Embedding | WithHeads) -> tuple[Embedding, Mapping[str, nn.Module]]:
    """An embedding, and the heads that are on it, by name; none on a bare one."""
    if isinstance(model, WithHeads):
        return model.embedding, dict(model.heads.items())
    return model, {}


def surrogate_name(embedding: str) -> str:
    """Name of an embedding with an accuracy head: ``SVGE_acc``."""
    return f"{embedding}{SUFFIX}"


def embedding_name(surrogate: str) -> str:
    """Name of the embedding below a head, of a name that may end in ``_acc``."""
    return surrogate.removesuffix(SUFFIX)


def is_surrogate(name: str) -> bool:
    """Whether a model's name says that it has an accuracy head."""
    return name.endswith(SUFFIX)
