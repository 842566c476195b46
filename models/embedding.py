"""What every model that embeds architectures offers: encode, loss, decode, and its own weights.

Whoever uses latents (trainings, evaluations, predictors, searches) goes by :class:`Embedding`
alone, with latents in their flat form (B, F). How a graph is decoded is a model's own matter:
node by node, as SVGe and DGMG do (``models/prefix_tree.py``), or all nodes and edges at once.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch, Legality
from datasets.graph import ArchitectureError
from models.decodings import Decodings, counted
from models.errors import ModelError
from models.latent import Latent
from models.loss import LossParts, Objective
from models.ranking import Ranked
from models.state_dicts import State, load_weights


@dataclass(frozen=True)
class Sizes:
    """Sizes of an embedding.

    Attributes:
        num_types: node types T of the search space.
        max_nodes: nodes N of its largest architecture; generation ends there.
        node_width: D, of the states of nodes.
        graph_width: G, the latent width: of a graph, or of a node where every node has a latent.
        rounds: L, message-passing rounds.
    """

    num_types: int
    max_nodes: int
    node_width: int = 250
    graph_width: int = 56
    rounds: int = 2

    def __post_init__(self) -> None:
        for field in fields(Sizes):
            name, size = field.name, getattr(self, field.name)
            if not isinstance(size, int) or isinstance(size, bool):
                raise ModelError(f"the size {name} of a model is {size!r}, expected a whole number")
        if min(self.num_types - 2, self.max_nodes - 1, self.graph_width, self.rounds) < 1:
            raise ModelError(f"a model needs positive sizes and two nodes at least, not {self}")
        if self.node_width < 1:
            raise ModelError(f"a model needs a positive node width, not {self.node_width}")


@dataclass(frozen=True)
class Origin:
    """Where the weights of a model were read.

    Attributes:
        folder: of the checkpoint.
        space: name of the search space that they were trained on; ``None`` where nothing beside
            them names it (published checkpoints).
    """

    folder: Path
    space: str | None


class Embedding(nn.Module, ABC):
    """A variational autoencoder of architectures.

    A subclass implements :meth:`encode`, :meth:`loss_of`, :meth:`decode_greedily` and
    :meth:`decode_sampled`, recognises its own weights by :meth:`recognises` and their sizes by
    :meth:`sizes_of`, and is registered in ``models.MODELS``.

    Args:
        sizes: of the model.

    Attributes:
        name: as users write it.
        sizes_type: record of its sizes.
        ranks_decodings: whether :meth:`most_probable` is implemented.
        head_type: class of the heads on it (``models/heads.py``); ``None`` is the usual one.
        own_heads: heads that belong to the model of this name.
        compute_dtype: what products run in; parameters, latents and losses stay float32.
        origin: where its weights were read; ``None`` for weights that were made here.
        latent_shape: of one architecture's latent: (G,), or (N, D) where every node has its own.
    """

    name: ClassVar[str]
    sizes_type: ClassVar[type[Sizes]] = Sizes
    ranks_decodings: ClassVar[bool] = False
    head_type: ClassVar[type[nn.Module] | None] = None
    own_heads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.compute_dtype = torch.float32
        self.origin: Origin | None = None
        self.latent_shape: tuple[int, ...] = (sizes.graph_width,)

    # Weights.

    @classmethod
    @abstractmethod
    def recognises(cls, state: State) -> bool:
        """Whether a state dict is one of this class, and of no other; heads may be in it, too."""

    @classmethod
    @abstractmethod
    def sizes_of(cls, state: State, max_nodes: int) -> Sizes:
        """Sizes that a state dict of this class was made with.

        Raises:
            ModelError: a weight that determines a size is missing, or does not fit another.
        """

    @classmethod
    def max_nodes_of(cls, state: State) -> int | None:
        """Nodes of the largest architecture, where a state dict of this class determines it."""
        return None

    @classmethod
    def from_state(cls, state: State, max_nodes: int) -> Self:
        """The model that a state dict of this class belongs to, in evaluation mode.

        Args:
            state: the weights, under the published names where there are any.
            max_nodes: nodes of the space's largest architecture.

        Raises:
            ModelError: a weight is missing, left over, or of another shape.
        """
        model = cls(cls.sizes_of(state, max_nodes))
        load_weights(model, state)
        return model.eval()

    def set_options(self, options: Mapping[str, Any]) -> None:
        """Take what a checkpoint says beside the weights (``model_kwargs``); here nothing.

        Raises:
            ModelError: one has a value that it cannot have.
        """

    # Encoding.

    @property
    def latent_width(self) -> int:
        """Numbers in the flat form of a latent, F."""
        return math.prod(self.latent_shape)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @abstractmethod
    def encode(self, batch: GraphBatch) -> Latent:
        """Mean and log-variance of every graph's latent Gaussian.

        **Shape** (B, …) each, … being :attr:`latent_shape`.

        Raises:
            ModelError: something is no graph, or a node has a type that the model does not know.
        """

    @torch.no_grad()
    def encode_all(self, graphs: GraphBatch, chunk: int = 16_384) -> Latent:
        """:meth:`encode` for any number of graphs, in chunks, without gradients.

        Raises:
            ModelError: as :meth:`encode`.
        """
        graphs = self.check_graphs(graphs)
        parts = [
            self.encode_chunk(graphs[start : start + chunk])
            for start in range(0, len(graphs), chunk)
        ]
        if not parts:
            empty = torch.zeros(0, *self.latent_shape, device=self.device)
            return Latent(empty, empty)
        return Latent(*(torch.cat(same) for same in zip(*parts, strict=True)))

    def encode_chunk(self, graphs: GraphBatch) -> Latent:
        """:meth:`encode` without gradients, as :meth:`encode_all` computes it."""
        return self.encode(graphs)

    def unflatten(self, z: Tensor) -> Tensor:
        """Latents in the model's own shape. **Shape** (B, F) → (B, …)."""
        return z.reshape(len(z), *self.latent_shape)

    def graph_vector(self, latent: Latent) -> Tensor:
        """One short vector a graph, for searches and predictors. **Shape** (B, D).

        Here the flat mean; a model with a latent for every node may have a shorter one.
        """
        return latent.flat

    # Training.

    def loss(
        self,
        batch: GraphBatch,
        objective: Objective,
        generator: torch.Generator | None = None,
    ) -> LossParts:
        """The objective on a batch: noisy latents in training mode, means in evaluation mode.

        Raises:
            ModelError: as :meth:`encode`, or the objective is something else.
        """
        batch = self.check_graphs(batch)
        if not isinstance(objective, Objective):
            raise ModelError(
                f"the objective is a {type(objective).__name__}, expected an Objective such as "
                "Objective() or models.PUBLISHED"
            )
        return self.loss_of(self.encode(batch), batch, objective, generator)

    @abstractmethod
    def loss_of(
        self,
        latent: Latent,
        batch: GraphBatch,
        objective: Objective,
        generator: torch.Generator | None = None,
    ) -> LossParts:
        """:meth:`loss` of a batch that is encoded already."""

    def compile_networks(self) -> None:
        """Compile what a training spends its time in.

        Raises:
            ModelError: the model has nothing that gains by it.
        """
        raise ModelError(f"{self.name} has no network that is compiled: leave --compile out")

    # Decoding.

    @abstractmethod
    def decode_greedily(self, z: Tensor, legality: Legality | None = None) -> GraphBatch:
        """The architecture that each latent is decoded to, without sampling.

        Args:
            z: latents, **shape** (B, F).
            legality: masks of a space, or none. A decoder that cannot follow masks leaves it to
                its caller to drop what is no member.

        Returns:
            B graphs, from input to output.

        Raises:
            ModelError: the latents have another width or a value that is not finite.
        """

    @abstractmethod
    def decode_sampled(
        self,
        z: Tensor,
        legality: Legality | None = None,
        generator: torch.Generator | None = None,
    ) -> GraphBatch:
        """One architecture drawn for each latent; arguments as of :meth:`decode_greedily`."""

    def decode_many(
        self,
        z: Tensor,
        n: int,
        legality: Legality | None = None,
        generator: torch.Generator | None = None,
    ) -> Decodings:
        """Decode every latent n times, independently; equal decodings are counted.

        Args:
            z: latents, **shape** (B, F).
            n: decodings of each.
            legality: as of :meth:`decode_greedily`.
            generator: source of randomness, on the model's device; default PyTorch's own.

        Raises:
            ModelError: ``n`` is not positive, or as :meth:`decode_greedily`.
        """
        if not isinstance(n, int) or n < 1:
            raise ModelError(f"{n!r} decodings of each latent were requested, expected 1 at least")
        self.check_latents(z)
        graphs = self.decode_sampled(z.repeat_interleave(n, 0), legality, generator)
        return counted(graphs, torch.arange(len(z), device=z.device).repeat_interleave(n), len(z))

    def most_probable(
        self, z: Tensor, k: int = 1, legality: Legality | None = None, widest: int = 64
    ) -> Ranked:
        """The k most probable architectures of each latent, where :attr:`ranks_decodings`.

        Args:
            z: latents, **shape** (B, F).
            k: how many of each.
            legality: masks of a space; probabilities are then those of masked generation.
            widest: room of the search; more room proves more results.

        Raises:
            ModelError: the model cannot tell, or as :meth:`decode_greedily`.
        """
        raise ModelError(
            f"{self.name} has no search for its most probable decodings: decode greedily, or take "
            "the most frequent of many"
        )

    def greedy_decodings(self, z: Tensor) -> dict[str, GraphBatch]:
        """Every greedy decoding of each latent, by name; the last is the one that counts."""
        return {"greedy": self.decode_greedily(z)}

    def tempered(self, temperature: float) -> Self:
        """A copy that decides everything in decoding at another temperature.

        Raises:
            ModelError: the model's decoder has no temperature, or it is not positive.
        """
        raise ModelError(f"{self.name} has no decoder with a temperature: leave it at 1")

    # Checks.

    def check_graphs(self, graphs: GraphBatch) -> GraphBatch:
        """Graphs as a batch whose node types the model knows; a list of graphs is one, too.

        A model does not know its space, and another one may have no further types:
        :func:`datasets.batch.as_batch` refuses its architectures where the space is at hand.
        Types are looked at on the CPU alone: an accelerator would have to be waited for.

        Raises:
            ModelError: something is no graph, or a node has a type that the model does not know.
        """
        if not isinstance(graphs, GraphBatch):
            try:
                graphs = GraphBatch.from_graphs(graphs).to(self.device)
            except ArchitectureError as error:
                raise ModelError(str(error)) from None
        types = graphs.types
        if types.device.type == "cpu" and types.numel():
            low, high = (int(end) for end in types.aminmax())
            if low < 0 or high >= self.sizes.num_types:
                raise ModelError(
                    f"a graph has a node of type {high if low >= 0 else low}, {self.name} was made "
                    f"for types 0 to {self.sizes.num_types - 1}: it is of another search space"
                )
        return graphs

    def check_latents(self, z: Tensor) -> None:
        """Refuse latents that the model cannot decode.

        Raises:
            ModelError: no float32 tensor, wrong width, or a value that is not finite.
        """
        width = self.latent_width
        if not isinstance(z, Tensor):
            raise ModelError(
                f"latents are a {type(z).__name__}, expected a tensor (B, {width}): "
                "torch.as_tensor(z, dtype=torch.float32) makes one of numbers"
            )
        if z.dtype != torch.float32:
            raise ModelError(f"latents are {z.dtype}, expected torch.float32: give z.float()")
        if z.ndim != 2 or z.shape[1] != width:
            raise ModelError(
                f"latents of shape {tuple(z.shape)} do not fit {self.name}: expected (B, {width})"
            )
        if not torch.isfinite(z).all():
            raise ModelError("a latent has a value that is not finite; only numbers can be decoded")
