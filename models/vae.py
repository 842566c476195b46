"""SVGe, SVGE_degrees and DGMG: variational autoencoders of architectures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT, ArchitectureError
from models.degrees import DegreeEncoder
from models.distinct import encode_distinct
from models.encoder import Encoder, Latent
from models.errors import ModelError
from models.generator import Generator, StepLogits
from models.loss import LossParts, Objective, divergence_per_graph, reconstruction_per_graph
from models.propagation import OneSided, TwoSided


@dataclass(frozen=True)
class Sizes:
    """Sizes of a graph VAE.

    Attributes:
        num_types: node types T of the search space.
        max_nodes: nodes N of its largest architecture; generation ends there.
        node_width: D, even.
        graph_width: G, the latent width.
        rounds: L, message-passing rounds.
    """

    num_types: int
    max_nodes: int
    node_width: int = 250
    graph_width: int = 56
    rounds: int = 2

    def __post_init__(self) -> None:
        for name, size in vars(self).items():
            if not isinstance(size, int) or isinstance(size, bool):
                raise ModelError(f"the size {name} of a model is {size!r}, expected a whole number")
        if min(self.num_types - 2, self.max_nodes - 1, self.graph_width, self.rounds) < 1:
            raise ModelError(f"a model needs positive sizes and two nodes at least, not {self}")
        if self.node_width < 2 or self.node_width % 2:
            raise ModelError(
                f"the node width is split in two halves: {self.node_width} is not even"
            )


@dataclass(frozen=True)
class Origin:
    """Where the weights of a model were read.

    Attributes:
        folder: of the checkpoint.
        space: name of the search space that they were trained on; ``None`` where nothing beside
            them tells it (published checkpoints).
    """

    folder: Path
    space: str | None


class Decoder(nn.Module):
    """Holds the generator under the published checkpoints' key."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator


class GraphVAE(nn.Module):
    """What SVGe and DGMG share: an encoder, a generator, and the directions it works in.

    Sub-module names are the keys of the published checkpoints.

    Attributes:
        name: as users write it.
        start_types: type of the first node for every direction of generation: from the input
            through the graph, and for SVGe from the output through the reversed graph as well.
        compute_dtype: what products run in; parameters, latents and losses stay float32.
        origin: where its weights were read; ``None`` for weights that were made here.
    """

    name: ClassVar[str]
    start_types: ClassVar[tuple[int, ...]]
    propagation: ClassVar[type[TwoSided] | type[OneSided]]

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.compute_dtype = torch.float32
        self.origin: Origin | None = None
        widths = (sizes.num_types, sizes.node_width, sizes.graph_width)
        self.Encoder = self.make_encoder(sizes)
        self.Decoder = Decoder(Generator(self.propagation(sizes.node_width, sizes.rounds), *widths))

    @classmethod
    def make_encoder(cls, sizes: Sizes) -> Encoder:
        """The encoder with fresh weights."""
        rounds = cls.propagation(sizes.node_width, sizes.rounds)
        return Encoder(rounds, sizes.num_types, sizes.node_width, sizes.graph_width)

    @property
    def generator(self) -> Generator:
        """The decoder's generator, one for all directions."""
        return self.Decoder.generator

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    def encode(self, batch: GraphBatch) -> Latent:
        """Mean and log-variance of every graph's latent Gaussian. **Shape** (B, G) each.

        Raises:
            ModelError: something is no graph, or a node has a type that the model does not know.
        """
        return self.Encoder(self.check_graphs(batch), self.compute_dtype)

    def encode_all(self, graphs: GraphBatch, chunk: int = 16_384) -> Latent:
        """:meth:`encode` for any number of graphs, in chunks, without gradients.

        Every node state that occurs in a chunk is computed once (``models/distinct.py``).

        Raises:
            ModelError: as :meth:`encode`.
        """
        graphs = self.check_graphs(graphs)
        parts = [
            encode_distinct(self.Encoder, graphs[k : k + chunk], self.compute_dtype)
            for k in range(0, len(graphs), chunk)
        ]
        if not parts:
            empty = torch.zeros(0, self.sizes.graph_width, device=self.device)
            return Latent(empty, empty)
        return Latent(*(torch.cat(same) for same in zip(*parts, strict=True)))

    def views(self, batch: GraphBatch) -> GraphBatch:
        """The graphs as each direction sees them, one direction after the other: (V·B) graphs."""
        if len(self.start_types) == 1:
            return batch
        return GraphBatch.cat([batch, batch.reversed()])

    def decoder_steps(self, z: Tensor, batch: GraphBatch) -> StepLogits:
        """Teacher-forced logits of :meth:`views`. **Shape** z (B, G) → (V·B, N−1, …)."""
        self.check_latents(z)
        if len(z) != len(self.check_graphs(batch)):
            raise ModelError(f"{len(z)} latents and {len(batch)} graphs were given: one for each")
        directions = len(self.start_types)
        return self.generator(z.repeat(directions, 1), self.views(batch), self.compute_dtype)

    def reconstruction(self, z: Tensor, batch: GraphBatch, objective: Objective) -> Tensor:
        """Reconstruction loss of each graph, summed over the directions. **Shape** (B,)."""
        logits = self.decoder_steps(z, batch)
        per_view = reconstruction_per_graph(logits, self.views(batch), objective)
        return per_view.view(len(self.start_types), len(batch)).sum(0)

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

    def loss_of(
        self,
        latent: Latent,
        batch: GraphBatch,
        objective: Objective,
        generator: torch.Generator | None = None,
    ) -> LossParts:
        """:meth:`loss` of a batch that is encoded already."""
        z = latent.sample(objective.noise_scale, generator) if self.training else latent.mean
        reconstruction = self.reconstruction(z, batch, objective).mean()
        divergence = divergence_per_graph(latent)
        reduced = divergence.sum() if objective.kl_reduction == "sum" else divergence.mean()
        return LossParts(reconstruction + objective.beta * reduced, reconstruction, reduced)

    def check_graphs(self, graphs: GraphBatch) -> GraphBatch:
        """Graphs as a batch whose node types the model knows; a list of graphs is one, too.

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
        width = self.sizes.graph_width
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


class SVGE(GraphVAE):
    """Smooth variational graph embedding: two-sided propagation and generation.

    Lukasik, Friede, Zela, Hutter, Keuper, IJCNN 2021, arXiv:2010.04683.
    """

    name = "SVGE"
    start_types = (INPUT, OUTPUT)
    propagation = TwoSided


class SVGEDegrees(SVGE):
    """SVGE whose encoder also knows each node's numbers of edges in and out.

    SVGE's messages cannot tell all cells of NAS-Bench-101 apart; ``models/degrees.py`` says why.
    """

    name = "SVGE_degrees"

    @classmethod
    def make_encoder(cls, sizes: Sizes) -> DegreeEncoder:
        """The encoder with fresh weights: those of SVGE, and zeros for the two numbers."""
        rounds = TwoSided(sizes.node_width, sizes.rounds)
        return DegreeEncoder(
            rounds, sizes.num_types, sizes.node_width, sizes.graph_width, sizes.max_nodes
        )


class DGMG(GraphVAE):
    """Deep generative model of graphs as a VAE, the baseline: generation from the input only.

    Li, Vinyals, Dyer, Pascanu, Battaglia 2018, arXiv:1803.03324; as a VAE in Lukasik et al. 2021.
    """

    name = "DGMG"
    start_types = (INPUT,)
    propagation = OneSided
