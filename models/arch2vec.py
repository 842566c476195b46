"""arch2vec: a graph isomorphism encoder, a latent for every node, all decoded at once.

Yan, Zheng, Ao, Zeng, Zhang, *Does Unsupervised Architecture Representation Learning Help Neural
Architecture Search?*, NeurIPS 2020, arXiv:2006.06936. :class:`Arch2vec` is the published model,
under the published keys. :class:`Arch2vecMasked` and :class:`Arch2vecDirected` are ours.

The objective is that of all models (:class:`models.loss.Objective`). ``edge_reduction = "sum"`` is
the likelihood of a graph, the mean over the batch; ``"mean"`` is the published mean over all
places. ``kl_reduction = "places"`` is the published weight of the divergence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from datasets.batch import GraphBatch
from models.arch2vec_loss import likelihood_parts, operations, published_parts, reduced
from models.embedding import Sizes
from models.errors import ModelError
from models.factors import Factors
from models.gin import GINLayers, gin_states
from models.latent import Latent
from models.loss import LossParts, Objective, divergence_per_graph
from models.one_shot import OneShot
from models.state_dicts import State, matrix_shape

POSITIONS = "positions.weight"
"""The weight that :class:`Arch2vecDirected` has and the others lack."""
IN_CACHE = 256
"""Graphs that are encoded at once on a CPU: their states, 1 MB, stay in the second level of its
cache. With 16,384 graphs encoding takes three times as long."""


@dataclass(frozen=True)
class GINSizes(Sizes):
    """Sizes of arch2vec; the defaults are the published ones.

    Attributes:
        node_width: H, of the hidden states.
        graph_width: D, of each node's latent.
        rounds: L, layers; the published ``hops`` is one more.
        mlp_layers: linear layers of each layer's MLP.
        dropout: share of the latent that is dropped in training, before it is decoded.
    """

    node_width: int = 128
    graph_width: int = 16
    rounds: int = 4
    mlp_layers: int = 2
    dropout: float = 0.3


class NodeDecoder(nn.Module):
    """``X̂ = sigmoid(Linear(z))`` and ``Â = sigmoid(z zᵀ)``, with dropout on z in training."""

    def __init__(self, latent_width: int, columns: int, dropout: float) -> None:
        super().__init__()
        self.weight = nn.Linear(latent_width, columns)
        self.dropout = dropout

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the operations' columns and of the edges.

        **Shape** (B, N, D) → (B, N, T), (B, N, N).
        """
        z = F.dropout(z, self.dropout, self.training)
        return self.weight(z), torch.bmm(z, z.transpose(1, 2))


class Arch2vec(OneShot):
    """The published model, under the published keys.

    Places behind a graph's output are nodes like all others: they take part in every sum, mean and
    batch statistic. Columns of operations are in the published order, input, operations, output,
    which is that of the node types moved on by one.

    Every node has a latent. ``logvar`` of the published code is the logarithm of the standard
    deviation; here :class:`~models.latent.Latent` has twice that, the log-variance.
    """

    name = "arch2vec"
    sizes_type = GINSizes
    heads: ClassVar[tuple[str, str]] = ("fc1", "fc2")
    """Layers from the last states to the mean, and to the logarithm of the standard deviation."""

    def __init__(self, sizes: Sizes) -> None:
        if not isinstance(sizes, GINSizes):
            raise ModelError(f"{self.name} is made of GINSizes, not of {type(sizes).__name__}")
        super().__init__(sizes)
        self.latent_shape = (sizes.max_nodes, sizes.graph_width)
        self.eps, self.mlps, self.batch_norms = self.fresh_layers(sizes)
        for head in self.heads:
            self.add_module(head, nn.Linear(sizes.node_width, sizes.graph_width))
        self.decoder = NodeDecoder(sizes.graph_width, sizes.num_types, sizes.dropout)

    @classmethod
    def fresh_layers(cls, sizes: GINSizes) -> GINLayers:
        """New weights of the encoder's layers."""
        return GINLayers.fresh(sizes.num_types, sizes.node_width, sizes.rounds, sizes.mlp_layers)

    # Weights.

    @classmethod
    def recognises(cls, state: State) -> bool:
        """Whether the heads have the published names."""
        return cls.has_layers(state)

    @classmethod
    def has_layers(cls, state: State) -> bool:
        """Whether there are graph isomorphism layers, and the heads of this class after them."""
        return "eps" in state and f"{cls.heads[0]}.weight" in state

    @classmethod
    def sizes_of(cls, state: State, max_nodes: int) -> GINSizes:
        """Sizes that a state dict was made with.

        Raises:
            ModelError: a weight that tells a size is missing, or does not fit another.
        """
        graph_width, node_width = matrix_shape(state, f"{cls.heads[0]}.weight")
        num_types, _ = matrix_shape(state, "decoder.weight.weight")
        linears = {
            (match[1], match[2])
            for key in state
            if (match := re.match(r"mlps\.(\d+)\.linears\.(\d+)\.weight$", key))
        }
        rounds = len({layer for layer, _ in linears})
        mlp_layers = len({linear for _, linear in linears})
        if state["eps"].shape != (rounds,) or len(linears) != rounds * mlp_layers:
            raise ModelError(
                f"the checkpoint has {rounds} layers of messages, {len(linears)} matrices in them "
                f"and eps of shape {tuple(state['eps'].shape)}: expected one eps a layer, and "
                "equally many matrices in each"
            )
        return GINSizes(num_types, max_nodes, node_width, graph_width, rounds, mlp_layers)

    # Encoding.

    def encode(self, batch: GraphBatch) -> Latent:
        """Mean and log-variance of every node's latent Gaussian. **Shape** (B, N, D) each.

        Raises:
            ModelError: something is no graph, is too large, or a node has a type that the model
                does not know.
        """
        batch = self._padded(batch)
        dtype = self.decoder.weight.weight.dtype
        with torch.autocast(
            self.device.type, self.compute_dtype, enabled=self.compute_dtype != torch.float32
        ):
            states = self.node_states(batch, dtype)
            mean, log_std = (getattr(self, head)(states) for head in self.heads)
        return Latent(mean.to(dtype), 2 * log_std.to(dtype))

    def encode_chunk(self, graphs: GraphBatch) -> Latent:
        """:meth:`encode` without gradients; on a CPU few graphs at a time."""
        if self.device.type != "cpu":
            return self.encode(graphs)
        parts = [
            self.encode(graphs[first : first + IN_CACHE])
            for first in range(0, len(graphs), IN_CACHE)
        ]
        return Latent(*(torch.cat(same) for same in zip(*parts, strict=True)))

    def node_states(self, batch: GraphBatch, dtype: torch.dtype) -> Tensor:
        """States after the last layer. **Shape** (B, N, H)."""
        layers = GINLayers(self.eps, self.mlps, self.batch_norms)
        both = batch.adjacency | batch.adjacency.transpose(1, 2)
        return gin_states(
            layers, operations(batch, self.sizes.num_types).to(dtype), [both.to(dtype)]
        )

    def graph_vector(self, latent: Latent) -> Tensor:
        """One short vector a graph, the mean over the nodes, as published. **Shape** (B, D)."""
        return latent.mean.mean(1)

    def _padded(self, batch: GraphBatch) -> GraphBatch:
        batch = self.check_graphs(batch)
        places = self.sizes.max_nodes
        if batch.max_nodes == places:
            return batch
        if len(batch) and int(batch.num_nodes.max()) > places:
            raise ModelError(
                f"a graph has {int(batch.num_nodes.max())} nodes, {self.name} was made for "
                f"{places} at most"
            )
        return batch.padded(places)

    # Training.

    def loss_of(
        self,
        latent: Latent,
        batch: GraphBatch,
        objective: Objective,
        generator: torch.Generator | None = None,
    ) -> LossParts:
        """The objective; see :mod:`models.arch2vec` for what its settings mean here."""
        z = latent.sample(objective.noise_scale, generator) if self.training else latent.mean
        return self.loss_at(z, latent, self._padded(batch), objective)

    def loss_at(
        self, z: Tensor, latent: Latent, batch: GraphBatch, objective: Objective
    ) -> LossParts:
        """The objective where ``z`` was drawn from the latents of a batch. **Shape** (B, N, D)."""
        reconstruction = self.reconstruction(z, batch, objective)
        divergence = reduced(self.divergence(latent, batch), latent, objective)
        return LossParts(reconstruction + objective.beta * divergence, reconstruction, divergence)

    def divergence(self, latent: Latent, batch: GraphBatch) -> Tensor:
        """Of each graph's latents from the prior. **Shape** (B,)."""
        return divergence_per_graph(latent)

    def reconstruction(self, z: Tensor, batch: GraphBatch, objective: Objective) -> Tensor:
        """Loss of operations and edges, a scalar. **Shape** z (B, N, D)."""
        types, edges = self.decoder(z)
        if objective.edge_reduction == "mean":
            parts = published_parts(types, edges, batch)
        else:
            parts = likelihood_parts(types, edges, batch)
        return 2 * ((1 - objective.alpha) * parts[0] + objective.alpha * parts[1])

    # Decoding.

    def type_log_probabilities(self, columns: Tensor) -> Tensor:
        """Of each node's type, in the order of the types: shares of the sigmoids, as published.

        **Shape** (B, N, T) → (B, N, T).
        """
        log_sigmoid = F.logsigmoid(columns).roll(1, -1)
        return log_sigmoid - log_sigmoid.logsumexp(-1, keepdim=True)

    def factors(self, z: Tensor) -> Factors:
        """Types and edges of every latent. **Shape** z (B, F)."""
        self.check_latents(z)
        types, edges = self.decoder(self.unflatten(z))
        return Factors(self.type_log_probabilities(types), edges)


class Arch2vecMasked(Arch2vec):
    """arch2vec whose padding takes part in nothing, and which fits the prior of each position.

    The latents of missing nodes have mean 0 and variance 1, and the divergence does not count them.

    New architectures are decoded from a Gaussian for each position, as published. So the prior has
    a mean and a standard deviation for each position, fitted with all other weights. With the
    standard normal prior the divergence works against the means that tell input, operations and
    output apart, and what lies between the latents of architectures decodes to something else.
    """

    name = "arch2vec_masked"
    heads = ("mean", "log_std")

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.prior_mean = nn.Parameter(torch.zeros(self.latent_shape))
        self.prior_log_std = nn.Parameter(torch.zeros(self.latent_shape))

    @classmethod
    def recognises(cls, state: State) -> bool:
        """As the published model, with other names of the heads, and no table of positions."""
        return cls.has_layers(state) and POSITIONS not in state

    @classmethod
    def max_nodes_of(cls, state: State) -> int | None:
        """The prior has a row for each position."""
        nodes, _ = matrix_shape(state, "prior_mean")
        return nodes

    def encode(self, batch: GraphBatch) -> Latent:
        """As the published model; mean 0 and log-variance 0 at missing nodes."""
        batch = self._padded(batch)
        latent = super().encode(batch)
        missing = ~batch.node_mask()[:, :, None]
        return Latent(
            latent.mean.masked_fill(missing, 0), latent.log_variance.masked_fill(missing, 0)
        )

    def node_states(self, batch: GraphBatch, dtype: torch.dtype) -> Tensor:
        """States of the nodes after the last layer, else zero. **Shape** (B, N, H)."""
        mask = batch.node_mask()
        nodes = None if mask.all() else mask.flatten().nonzero().squeeze(1)
        layers = GINLayers(self.eps, self.mlps, self.batch_norms)
        return gin_states(layers, self.first_states(batch, dtype), self.edges(batch, dtype), nodes)

    def first_states(self, batch: GraphBatch, dtype: torch.dtype) -> Tensor:
        """What a node is before it has received anything. **Shape** (B, N, T)."""
        return operations(batch, self.sizes.num_types).to(dtype)

    def edges(self, batch: GraphBatch, dtype: torch.dtype) -> list[Tensor]:
        """Adjacencies that the layers sum over, one for each kind of edge."""
        return [(batch.adjacency | batch.adjacency.transpose(1, 2)).to(dtype)]

    def divergence(self, latent: Latent, batch: GraphBatch) -> Tensor:
        """Of the nodes' latents from the Gaussians of their positions. **Shape** (B,)."""
        std = (0.5 * latent.log_variance).exp()
        latents = Normal(latent.mean, std, validate_args=False)
        prior = Normal(self.prior_mean, self.prior_log_std.exp(), validate_args=False)
        by_node = kl_divergence(latents, prior).sum(-1)
        return (by_node * batch.node_mask()).sum(-1)

    def graph_vector(self, latent: Latent) -> Tensor:
        """The mean over the nodes that are there. **Shape** (B, D)."""
        there = (latent.log_variance != 0).any(-1).sum(1, keepdim=True).clamp(min=1)
        return latent.mean.sum(1) / there


class Arch2vecDirected(Arch2vecMasked):
    """arch2vec that sees the direction of edges and the positions of nodes.

    Nodes with equal neighbourhoods get equal means in the other two, and the inner product of
    equal means is positive: an edge between them is always decoded
    (``benchmarks/reconstruction_bound.py``).
    """

    name = "arch2vec_directed"

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.operations = nn.Embedding(sizes.num_types, sizes.node_width)
        self.positions = nn.Embedding(sizes.max_nodes, sizes.node_width)

    @classmethod
    def fresh_layers(cls, sizes: GINSizes) -> GINLayers:
        """Sums over the edges in and over the edges out, each by itself."""
        width = sizes.node_width
        return GINLayers.fresh(width, width, sizes.rounds, sizes.mlp_layers, kinds=2)

    @classmethod
    def recognises(cls, state: State) -> bool:
        """Whether there is a table of positions."""
        return cls.has_layers(state) and POSITIONS in state

    def first_states(self, batch: GraphBatch, dtype: torch.dtype) -> Tensor:
        """Operation and position. **Shape** (B, N, H)."""
        states: Tensor = self.operations(batch.types) + self.positions.weight
        return states * batch.node_mask()[:, :, None]

    def edges(self, batch: GraphBatch, dtype: torch.dtype) -> list[Tensor]:
        """Edges out, and edges in."""
        out = batch.adjacency.to(dtype)
        return [out, out.transpose(1, 2)]


ARCH2VECS: dict[str, type[Arch2vec]] = {
    model.name: model for model in (Arch2vec, Arch2vecMasked, Arch2vecDirected)
}
"""These models by the names that users type."""
