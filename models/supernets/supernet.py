"""What every supernet is: shared weights, and a choice at every place.

A *place* of a supernet is a decision with some options: which operation a node has, which node it
reads. A *choice* says for every place what is taken, either

- the number of one option (``int``), which computes that option alone: a single path, as in SPOS
  (Guo et al., ECCV 2020, arXiv:1904.00420) and ENAS (Pham et al., ICML 2018, arXiv:1802.03268); or
- a weight of every option (a tensor), which computes all of them and their weighted sum, so that
  the weights have a gradient: differentiable choices, as in DARTS (Liu et al., ICLR 2019,
  arXiv:1806.09055).

Both kinds can be mixed in one choice. Weights that are one at an option and zero elsewhere give
what its number gives. One ``forward`` serves both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from datasets.graph import ArchitectureGraph
from models.errors import ModelError

Choice = Sequence[int | Tensor]
"""For every place the number of an option, or weights of all of them, **shape** (options,)."""


class Supernet(nn.Module, ABC):
    """The weights of all networks of a space that classify the nodes of a graph.

    ``supernet(features, edges, supernet.choice(architecture))`` are the scores of an architecture.
    The same weights in the network that stands alone give the same scores.
    """

    places: tuple[str, ...]
    """What is decided at each place, for people."""
    options: tuple[int, ...]
    """How many options each place has."""

    @abstractmethod
    def forward(
        self, features: Tensor, edges: Tensor, choice: Choice, nodes: Tensor | None = None
    ) -> Tensor:
        """Scores of the classes.

        **Shape**: features (N, F), dense or by sparse rows, edges (2, E), nodes (n,) → (n, C).

        Args:
            features: of all nodes.
            edges: source and target of each.
            choice: what is taken at each place.
            nodes: numbers of those whose scores are wanted; default: all. What the scores do not
                depend on is not computed.

        Raises:
            ModelError: the choice has not one entry a place, or no such option.
        """

    @abstractmethod
    def choice(self, architecture: ArchitectureGraph) -> tuple[int, ...]:
        """The path of an architecture: the number of one option for each place.

        Raises:
            ModelError: no network can be built of it.
        """

    @abstractmethod
    def architecture(self, choice: Sequence[int]) -> ArchitectureGraph:
        """The architecture of a path; its space may know it by an equivalent graph.

        Raises:
            ModelError: the choice has not one number a place, or no such option.
        """

    def strongest(self, weights: Sequence[Tensor]) -> tuple[int, ...]:
        """The option of the largest weight for each place, the first of equal ones."""
        return tuple(int(each.argmax()) for each in weights)

    def check(self, choice: Choice) -> None:
        """Make sure that a choice has one entry for each place.

        Raises:
            ModelError: it has not, or no such option.
        """
        if len(choice) != len(self.options):
            raise ModelError(
                f"a choice of {type(self).__name__} has {len(choice)} entries, expected "
                f"{len(self.options)}, one for each place"
            )
        for place, count, entry in zip(self.places, self.options, choice, strict=True):
            if isinstance(entry, Tensor):
                if entry.shape != (count,):
                    raise ModelError(
                        f"the weights of {place} have the shape {tuple(entry.shape)}, expected "
                        f"({count},)"
                    )
            elif not 0 <= entry < count:
                raise ModelError(
                    f"option {entry} is chosen for {place}, expected a number from 0 to {count - 1}"
                )


def taken(entry: int | Tensor) -> Iterator[tuple[int, float | Tensor]]:
    """The options that an entry of a choice takes, with their weights.

    Yields:
        Number of an option, and its weight: 1.0 where the entry is a number, else a scalar tensor.
    """
    if isinstance(entry, Tensor):
        yield from enumerate(entry.unbind())
    else:
        yield entry, 1.0


def scaled(weight: float | Tensor, state: Tensor) -> Tensor:
    """The product; the state itself where the weight is the number 1."""
    return state if isinstance(weight, float) and weight == 1.0 else weight * state


def summed(parts: Sequence[Tensor]) -> Tensor:
    """The sum of tensors of one shape; the only one as it is."""
    return parts[0] if len(parts) == 1 else torch.stack(list(parts)).sum(0)


def at(table: nn.Module, place: int, option: int) -> nn.Module:
    """The module of an option, in a list of places of lists of options."""
    row = table.get_submodule(str(place))
    return row.get_submodule(str(option))
