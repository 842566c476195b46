"""D-VAE and NGAE: an asynchronous encoder that passes messages in the order of the vertices.

Zhang, Jiang, Cui, Garnett, Chen, *D-VAE: A Variational Autoencoder for Directed Acyclic Graphs*,
NeurIPS 2019, arXiv:1904.11088. NGAE (Li, Liu, Liu, Wang, *Neural Architecture Optimization with
Graph VAE*, arXiv:2006.10310) is this model with two heads, which predict performance and
complexity. Weights have the published names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datasets.batch import GraphBatch
from datasets.graph import INPUT
from models.dvae_cells import Cell, Message
from models.dvae_generator import DVAEGenerator
from models.dvae_heads import COMPLEXITY, LogisticHead, TanhHead
from models.embedding import Sizes
from models.errors import ModelError
from models.heads import ACCURACY
from models.latent import Latent
from models.loss import Objective, reconstruction_per_graph
from models.sequential_vae import SequentialVAE
from models.state_dicts import State, matrix_shape
from models.steps import StepLogits
from models.weights import affine

COMPLEXITY_KEY = "predictor_complexity.0.weight"
"""The weight that NGAE's checkpoints have and D-VAE's lack."""

ENCODED_TOGETHER = 1024
"""Graphs that are encoded at once: the states and messages of 1,024 have 66 MB."""


@dataclass(frozen=True)
class DVAESizes(Sizes):
    """Sizes of D-VAE; the defaults are the published ones.

    Attributes:
        node_width: H, of the vertices' states.
        rounds: always 1: every vertex is updated once, in the order of the vertices.
        bidirectional: whether the encoder also reads graphs from the output.
    """

    node_width: int = 501
    rounds: int = 1
    bidirectional: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rounds != 1:
            raise ModelError(
                f"D-VAE updates every vertex once: rounds is {self.rounds}, expected 1"
            )


class DVAE(SequentialVAE):
    """The published model, under the published keys.

    Attributes:
        joins_loose_ends: whether an output is joined by all vertices without an edge out, and no
            others, without asking the network: the published way to decode. Else edges into the
            output are decided like all others, as they are in training. A mask rules either.
    """

    name = "DVAE"
    sizes_type = DVAESizes
    sizes: DVAESizes
    start_types = (INPUT,)
    head_type: ClassVar[type[nn.Module] | None] = TanhHead

    def __init__(self, sizes: Sizes) -> None:
        if not isinstance(sizes, DVAESizes):
            raise ModelError(f"{self.name} is made of DVAESizes, not of {type(sizes).__name__}")
        super().__init__(sizes)
        self.joins_loose_ends = False
        types, nodes = sizes.num_types, sizes.max_nodes
        width, latent = sizes.node_width, sizes.graph_width
        self.grue_forward = nn.GRUCell(types, width)
        self.grue_backward = nn.GRUCell(types, width)
        self.fc1 = nn.Linear(width, latent)
        self.fc2 = nn.Linear(width, latent)
        self.grud = nn.GRUCell(types, width)
        self.fc3 = nn.Linear(latent, width)
        self.add_vertex = _two_layers(width, 2 * width, types)
        self.add_edge = _two_layers(2 * width, 4 * width, 1)
        self.gate_forward = nn.Sequential(nn.Linear(width + nodes, width), nn.Sigmoid())
        self.gate_backward = nn.Sequential(nn.Linear(width + nodes, width), nn.Sigmoid())
        self.mapper_forward = nn.Sequential(nn.Linear(width + nodes, width, bias=False))
        self.mapper_backward = nn.Sequential(nn.Linear(width + nodes, width, bias=False))
        if sizes.bidirectional:
            self.hv_unify = nn.Sequential(nn.Linear(2 * width, width))  # unused, as published
            self.hg_unify = nn.Sequential(nn.Linear(2 * width, width))

    # Weights.

    @classmethod
    def recognises(cls, state: State) -> bool:
        """Whether there is the encoder's cell, and not the head that NGAE adds."""
        return "grue_forward.weight_ih" in state and COMPLEXITY_KEY not in state

    @classmethod
    def max_nodes_of(cls, state: State) -> int:
        """A gate has a column for each index of a vertex.

        Raises:
            ModelError: the gate is missing, or has no columns for indices.
        """
        width, columns = matrix_shape(state, "gate_forward.0.weight")
        if columns < width + 2:
            raise ModelError(
                f"weight gate_forward.0.weight has shape {(width, columns)}, expected a column for "
                f"each of the {width} numbers of a state and for each of two nodes at least"
            )
        return columns - width

    @classmethod
    def sizes_of(cls, state: State, max_nodes: int) -> DVAESizes:
        """Sizes that a state dict was made with.

        Raises:
            ModelError: a weight that tells a size is missing or no matrix, or the weights are for
                graphs of another size.
        """
        _, num_types = matrix_shape(state, "grue_forward.weight_ih")
        graph_width, node_width = matrix_shape(state, "fc1.weight")
        nodes = cls.max_nodes_of(state)
        if nodes != max_nodes:
            raise ModelError(
                f"the weights are for graphs of up to {nodes} nodes, {max_nodes} were given: they "
                "are of another search space"
            )
        bidirectional = "hg_unify.0.weight" in state
        return DVAESizes(num_types, nodes, node_width, graph_width, bidirectional=bidirectional)

    # Encoding.

    def encode(self, batch: GraphBatch) -> Latent:
        """Mean and log-variance of every graph's latent Gaussian. **Shape** (B, G) each.

        Raises:
            ModelError: something is no graph, a graph has too many nodes, or a node has a type
                that the model does not know.
        """
        state = self.graph_states(batch)
        stored = self.fc1.weight.dtype
        mean, log_variance = (affine(fc, state.dtype)(state) for fc in (self.fc1, self.fc2))
        return Latent(mean.to(stored), log_variance.to(stored))

    def encode_chunk(self, graphs: GraphBatch) -> Latent:
        """In portions whose states stay small."""
        starts = range(0, len(graphs), ENCODED_TOGETHER)
        parts = [self.encode(graphs[start : start + ENCODED_TOGETHER]) for start in starts]
        return Latent(*(torch.cat(same) for same in zip(*parts, strict=True)))

    def graph_states(self, batch: GraphBatch) -> Tensor:
        """What the latent is computed from. **Shape** (B, H).

        The state of the last vertex, and with ``bidirectional`` also the first vertex's against
        the edges.
        """
        batch = self.check_graphs(batch)
        rows = torch.arange(len(batch), device=batch.types.device)
        last = self.vertex_states(batch)[rows, (batch.num_nodes - 1).clamp(min=0)]
        if not self.sizes.bidirectional:
            return last
        first = self.vertex_states(batch, backward=True)[:, 0]
        unify = affine(cast(nn.Linear, self.hg_unify[0]), last.dtype)
        return unify(torch.cat([last, first], -1))

    def vertex_states(self, batch: GraphBatch, *, backward: bool = False) -> Tensor:
        """States of all vertices of one direction of the encoder. **Shape** (B, N, H).

        Args:
            batch: graphs; vertices that they lack have states that nothing depends on.
            backward: against the edges, from the output.
        """
        dtype = self.compute_dtype
        if backward:
            cell = Cell.of(self.grue_backward, dtype)
            message = Message.of(self.gate_backward, self.mapper_backward, dtype)
            senders, order = batch.adjacency, range(batch.max_nodes - 1, -1, -1)
        else:
            cell = Cell.of(self.grue_forward, dtype)
            message = Message.of(self.gate_forward, self.mapper_forward, dtype)
            senders, order = batch.adjacency.transpose(1, 2), range(batch.max_nodes)
        first = batch.types[:, order[0]]  # no edge enters it: its state is that of its type
        states = [F.embedding(first, alone := cell.alone())]
        messages = [F.embedding(first, message(alone, order[0]))]
        for step, v in enumerate(order[1:], 1):
            heard = senders[:, v, list(order[:step])].to(dtype)  # (B, step)
            sums = torch.bmm(heard[:, None], torch.stack(messages, 1))[:, 0]
            states.append(cell(batch.types[:, v], sums))
            if v != order[-1]:  # which sends nothing
                messages.append(message(states[-1], v))
        return torch.stack(states[::-1] if backward else states, 1)

    # Training.

    @property
    def generator(self) -> DVAEGenerator:
        """The decoder's steps."""
        return DVAEGenerator(self)

    def decoder_steps(self, z: Tensor, batch: GraphBatch) -> StepLogits:
        """Teacher-forced logits. **Shape** z (B, G) → (B, N−1, …)."""
        self.check_latents(z)
        batch = self.check_graphs(batch)
        if len(z) != len(batch):
            raise ModelError(f"{len(z)} latents and {len(batch)} graphs were given: one for each")
        return self.generator.teacher_forced(z, batch, self.compute_dtype)

    def reconstruction(self, z: Tensor, batch: GraphBatch, objective: Objective) -> Tensor:
        """Reconstruction loss of each graph. **Shape** z (B, G) → (B,)."""
        batch = self.check_graphs(batch)
        logits = self.decoder_steps(z, batch)
        if objective.missing_nodes == "charged":
            batch = filled(batch)
        return reconstruction_per_graph(logits, batch, objective, first_edge_certain=False)

    # Checks.

    def check_graphs(self, graphs: GraphBatch) -> GraphBatch:
        """Graphs as a batch of as many places as the model has.

        Raises:
            ModelError: something is no graph, a graph has too many nodes, or a node has a type
                that the model does not know.
        """
        batch = super().check_graphs(graphs)
        most = self.sizes.max_nodes
        if batch.max_nodes > most and len(batch) and int(batch.num_nodes.max()) > most:
            raise ModelError(
                f"a graph has {int(batch.num_nodes.max())} nodes, {self.name} was made for at most "
                f"{most}: it is of another search space"
            )
        return batch if batch.max_nodes == most else batch.padded(most)


class NGAE(DVAE):
    """D-VAE's model, with heads for performance and complexity that end in a sigmoid."""

    name = "NGAE"
    head_type = LogisticHead
    own_heads = (ACCURACY, COMPLEXITY)

    @classmethod
    def recognises(cls, state: State) -> bool:
        """Whether there is the encoder's cell, and a head for complexity."""
        return "grue_forward.weight_ih" in state and COMPLEXITY_KEY in state


DVAES: dict[str, type[DVAE]] = {model.name: model for model in (DVAE, NGAE)}
"""These models by the names that users type."""


def filled(batch: GraphBatch) -> GraphBatch:
    """Graphs of all places, as the published loss counts them: missing vertices are inputs."""
    types = torch.where(batch.node_mask(), batch.types, INPUT)
    return GraphBatch(types, batch.adjacency, torch.full_like(batch.num_nodes, batch.max_nodes))


def _two_layers(width: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
