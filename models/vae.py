"""SVGe, SVGE_degrees and DGMG: variational autoencoders of architectures."""

from __future__ import annotations

import re
from typing import ClassVar

from torch import Tensor, nn

from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT
from models.degrees import DegreeEncoder
from models.distinct import encode_distinct
from models.embedding import Embedding, Sizes
from models.encoder import Encoder
from models.errors import ModelError
from models.generator import Generator
from models.latent import Latent
from models.loss import Objective, reconstruction_per_graph
from models.propagation import OneSided, TwoSided
from models.sequential_vae import SequentialVAE
from models.state_dicts import State, matrix_shape
from models.steps import StepLogits

DEGREE_TABLE = "Encoder.NodeEmb.InDegrees.weight"
"""The weight that SVGE_degrees has and SVGE lacks; its rows are the largest number of nodes."""


class Decoder(nn.Module):
    """Holds the generator under the published checkpoints' key."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator


class GraphVAE(SequentialVAE):
    """What SVGe and DGMG share: an encoder, a generator, and the directions it works in.

    Sub-module names are the keys of the published checkpoints.

    Attributes:
        propagation: the rounds of message passing, of the encoder and of the generator.
    """

    propagation: ClassVar[type[TwoSided] | type[OneSided]]

    def __init__(self, sizes: Sizes) -> None:
        if sizes.node_width % 2:
            raise ModelError(
                f"the node width is split in two halves: {sizes.node_width} is not even"
            )
        super().__init__(sizes)
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

    @classmethod
    def sizes_of(cls, state: State, max_nodes: int) -> Sizes:
        """Sizes that a state dict was made with; few determine ``max_nodes``.

        Raises:
            ModelError: a weight that tells a size is missing or no matrix, or encoder and decoder
                differ in their rounds.
        """
        num_types, node_width = matrix_shape(state, "Decoder.generator.nodeInit.NodeInits.weight")
        graph_width, _ = matrix_shape(state, "Encoder.GraphEmb_mean.f_m.weight")
        rounds = _count_rounds(state, "Encoder")
        decoder_rounds = _count_rounds(state, "Decoder.generator.prop")
        if rounds != decoder_rounds:
            raise ModelError(
                f"the checkpoint has {rounds} rounds of message passing in its encoder and "
                f"{decoder_rounds} in its decoder: expected equally many"
            )
        return Sizes(num_types, max_nodes, node_width, graph_width, rounds)

    def encode(self, batch: GraphBatch) -> Latent:
        """Mean and log-variance of every graph's latent Gaussian. **Shape** (B, G) each.

        Raises:
            ModelError: something is no graph, or a node has a type that the model does not know.
        """
        return self.Encoder(self.check_graphs(batch), self.compute_dtype)

    def encode_chunk(self, graphs: GraphBatch) -> Latent:
        """Every node state that occurs in the graphs is computed once (``models/distinct.py``)."""
        return encode_distinct(self.Encoder, graphs, self.compute_dtype)

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

    def compile_networks(self) -> None:
        """Compile the generator's networks."""
        self.generator.compile_networks()


def as_graph_vae(embedding: Embedding) -> GraphVAE:
    """An embedding that is one of these models.

    Raises:
        ModelError: it is another.
    """
    if not isinstance(embedding, GraphVAE):
        raise ModelError(
            f"{embedding.name} has no steps of a decoder that could be compared: expected weights "
            "of SVGE, SVGE_degrees or DGMG"
        )
    return embedding


def _count_rounds(state: State, part: str) -> int:
    layer = re.compile(re.escape(part) + r"\.NodeEmb\.GNNLayers(?:_forward)?\.(\d+)\.")
    return len({match[1] for key in state if (match := layer.match(key))})


class SVGE(GraphVAE):
    """Smooth variational graph embedding: two-sided propagation and generation.

    Lukasik, Friede, Zela, Hutter, Keuper, IJCNN 2021, arXiv:2010.04683.
    """

    name = "SVGE"
    degrees_known: ClassVar[bool] = False
    start_types = (INPUT, OUTPUT)
    propagation = TwoSided

    @classmethod
    def recognises(cls, state: State) -> bool:
        """Whether messages run in both directions, and degrees are known as in this class."""
        two_sided = "Encoder.NodeEmb.GNNLayers_forward.0.msg.weight" in state
        return two_sided and (DEGREE_TABLE in state) == cls.degrees_known


class SVGEDegrees(SVGE):
    """SVGE whose encoder also knows each node's numbers of edges in and out.

    SVGE's messages cannot tell all cells of NAS-Bench-101 apart; ``models/degrees.py`` says why.
    """

    name = "SVGE_degrees"
    degrees_known = True

    @classmethod
    def max_nodes_of(cls, state: State) -> int | None:
        """The table of degrees has a row for each number of nodes."""
        nodes, _ = matrix_shape(state, DEGREE_TABLE)
        return nodes

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

    @classmethod
    def recognises(cls, state: State) -> bool:
        """Whether messages run in one direction."""
        return "Encoder.NodeEmb.GNNLayers.0.msg.weight" in state


GRAPH_VAES: dict[str, type[GraphVAE]] = {model.name: model for model in (SVGE, SVGEDegrees, DGMG)}
"""These models by the names that users type."""
