"""GASSO: weights of options and of the edges of the graph, trained beside the shared weights.

Qin, Wang, Zhang and Zhu, *Graph Differentiable Architecture Search with Structure Learning*,
NeurIPS 2021, as in AutoGL-light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

import torch
from torch import Tensor, nn

from estimators.from_scratch import FromScratch
from estimators.supernet_training import OneShotRecipe, supernet_of
from estimators.tasks.nodes import PreparedNodes
from experiment.errors import InputError
from models.supernets.node_chains import GASSOSupernet
from models.supernets.supernet import Supernet
from searchers.shared_weights.choosing import as_choosing
from searchers.shared_weights.darts import Alphas, DARTSRecipe, DARTSWeights


@dataclass(frozen=True)
class GASSORecipe(DARTSRecipe):
    """How shared weights, the weights of the options and those of the edges are trained.

    ``GASSORecipe.load("gasso")`` is ours, ``GASSORecipe.load("gasso", "published")`` AutoGL's.

    Attributes:
        choice_part: nodes on which α are trained.
        edge_rate: learning rate of the edges' logits.
        smoothness: λ. A larger one makes edges between nodes of unlike predictions lighter.
    """

    choice_part: Literal["validation", "train"] = "validation"
    edge_rate: float = 0.04
    smoothness: float = 0.6

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.edge_rate < 0 or self.smoothness < 0:
            raise InputError(
                f"edge_rate is {self.edge_rate} and smoothness {self.smoothness}, expected numbers "
                "of at least 0"
            )


class AlphasAndEdges(Alphas):
    """α, and a logit w for each edge but loops, whose messages are multiplied by σ(w).

    The logits begin at 0, where their penalty is least: all edges weigh 1/2.

    Args:
        options: how many each place has.
        recipe: how both are trained.
        edges: of the graph, without its loops.
    """

    def __init__(self, options: Sequence[int], recipe: GASSORecipe, edges: int) -> None:
        super().__init__(options, recipe)
        self.logits = nn.Parameter(torch.zeros(edges))
        self.recipe = recipe

    def move_edges(self, predictions: Tensor, edges: Tensor) -> None:
        """One step down ``λ Σ ‖p_i − p_j‖² σ(w_ij) + Σ w²``.

        Args:
            predictions: probabilities of the classes, p. **Shape** (N, C).
            edges: source and target of each, loops last. **Shape** (2, E).
        """
        edges = edges[:, : len(self.logits)]
        distances = (predictions[edges[0]] - predictions[edges[1]]).square().sum(1)
        weighted = self.recipe.smoothness * (distances * self.logits.sigmoid()).sum()
        (gradient,) = torch.autograd.grad(weighted + self.logits.square().sum(), self.logits)
        with torch.no_grad():
            self.logits.sub_(self.recipe.edge_rate * gradient)


class GASSOWeights(DARTSWeights):
    """As :class:`~searchers.shared_weights.darts.DARTSWeights`, with weights of edges, too.

    As published, α are trained on the training nodes, on which options that overfit look best, and
    the result is the stored prediction of the best epoch. Here α are trained on the validation
    nodes, and the architecture of the largest α is the result. Weights of edges are no part of it:
    they are used to measure it by shared weights alone.

    Args:
        training: as for :class:`~estimators.shared_weights.SharedWeights`.
        recipe: how the supernet, α and the edges are trained.
        folder: where all of them are kept.

    Raises:
        InputError: the space is not GASSO's.
    """

    recipe: GASSORecipe

    def __init__(
        self, training: FromScratch, recipe: OneShotRecipe, folder: Path | None = None
    ) -> None:
        if supernet_of(training.space, training.work.design) is not GASSOSupernet:
            raise InputError(
                f"the search gasso learns weights of edges for the operations of GASSO, not of "
                f"{training.space.name}: choose --method darts"
            )
        super().__init__(training, recipe, folder)

    @property
    def task(self) -> PreparedNodes:
        """The graph, with its loops behind all other edges.

        Layers that add loops bring those that are there to the end, and PyTorch Geometric's masks
        follow them only where this changes the number of messages.
        """
        task = super().task
        loops = is_loop(task.nodes.edges)
        if not bool(loops.any()):
            return task
        edges = torch.cat([task.nodes.edges[:, ~loops], task.nodes.edges[:, loops]], dim=1)
        return replace(task, nodes=replace(task.nodes, edges=edges))

    def chooser(self, supernet: Supernet) -> nn.Module:
        """α near zero, and edges of one weight."""
        edges = int((~is_loop(self.task.nodes.edges)).sum())
        return AlphasAndEdges(supernet.options, self.recipe, edges)

    def choose(self, supernet: Supernet, alphas: Alphas) -> None:
        """One step of α and one of the edges, by the same scores."""
        nodes, part = self.task.nodes, self.task.nodes.parts[self.recipe.choice_part]
        self._weigh_edges(supernet)
        scores = supernet(nodes.features, nodes.edges, alphas())
        alphas.step(nn.functional.cross_entropy(scores[part], nodes.labels[part]))
        cast(AlphasAndEdges, alphas).move_edges(scores.detach().softmax(1), nodes.edges)

    def loss(self, supernet: Supernet, weights: Sequence[Tensor], part: str) -> Tensor:
        """Cross entropy with the present weights of edges."""
        self._weigh_edges(supernet)
        return super().loss(supernet, weights, part)

    def _trained(self) -> Supernet:
        supernet = super()._trained()
        self._weigh_edges(supernet)
        return supernet

    def _weigh_edges(self, supernet: Supernet) -> None:
        """Let every layer multiply its messages by the weights of the edges.

        Loops have the weight 1, those of the graph and those that a layer adds. The mechanism is
        that by which PyTorch Geometric explains predictions.
        """
        from torch_geometric.explain.algorithm.utils import set_masks

        assert self._whole is not None
        alphas = cast(AlphasAndEdges, as_choosing(self._whole).chooser)
        weights, edges = alphas.logits.detach().sigmoid(), self.task.nodes.edges
        loops = weights.new_ones(edges.shape[1] - len(weights))
        set_masks(supernet, torch.cat([weights, loops]), edges, apply_sigmoid=False)


def is_loop(edges: Tensor) -> Tensor:
    """Which edges lead from a node to itself. **Shape** (2, E) → (E,), bool."""
    return edges[0] == edges[1]
