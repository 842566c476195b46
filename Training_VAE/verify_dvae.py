"""What D-VAE's and NGAE's published code computed from a checkpoint, compared with what ours does.

``expected.json`` holds ENAS rows as graphs, and the outputs in float32: of the encoder and the
decoder, losses and the gradients' norms, latents with given noise, greedy decodings, the complexity
of each row, traces of the search in the latent space, and one row with a layer less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT, ArchitectureError, ArchitectureGraph
from experiment.checks import LARGEST, whole_number
from experiment.errors import InputError
from experiment.files import read_json
from models.checkpoints import load_model, stored_state
from models.dvae import DVAE
from models.dvae_cells import swapped_types
from models.dvae_heads import COMPLEXITY
from models.embedding import Embedding
from models.heads import ACCURACY, WithHeads, parts_of
from models.latent import Latent
from models.loss import Objective, divergence_per_graph
from models.networks.complexity import ngae_complexity
from models.steps import StepLogits
from searchers.latent.ascent import (
    gradient,
    gradient_step,
    objective_of,
    published_newton_step,
)
from Training_VAE.comparison import Comparer, Comparison
from Training_VAE.dvae_measures import published_validity

PUBLISHED = Objective(missing_nodes="charged")
"""The published objective, of which sums over the batch are taken."""

TOLERANCE = 1e-5
"""Largest relative difference of float32 numbers, and of the trace of Newton's steps."""

OUR_TYPES = {0: INPUT, 1: OUTPUT}
"""Our number of D-VAE's START and END; those of operations are the same."""

HEADS = {ACCURACY: "performance", COMPLEXITY: "complexity"}
"""What ``expected.json`` calls the number that a head predicts."""


@dataclass(frozen=True)
class Expected:
    """What ``expected.json`` says.

    Attributes:
        path: of the file.
        graphs: the architectures as they are described there.
        shorter: the one with a layer less.
        beta: weight of the divergence.
        targets: what each head is to predict, by its name. **Shape** (B,), float32.
        outputs: expected numbers by name.
    """

    path: Path
    graphs: list[ArchitectureGraph]
    shorter: ArchitectureGraph
    beta: float
    targets: dict[str, Tensor]
    outputs: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Expected:
        """Read the file.

        Raises:
            InputError: it lacks a part, or its graphs are none.
        """
        content = read_json(path)
        try:
            described, shorter = list(content["graphs"]), content["shorter_graph"]
            if not described:
                raise ArchitectureError("there are no graphs")
            columns = {ACCURACY: "accuracy", COMPLEXITY: "complexity_normalised"}
            return cls(
                path,
                [read_graph(each) for each in described],
                read_graph(shorter),
                float(content["expected"]["beta"]),
                {
                    head: torch.tensor([each[column] for each in described])
                    for head, column in columns.items()
                },
                {**content["expected"], "graphs": described, "shorter_graph": shorter},
            )
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = f"there is no {error}" if isinstance(error, KeyError) else error
            raise InputError(
                f"{str(path)!r} cannot be read ({reason}): expected graphs with node_types, edges, "
                "accuracy and complexity, a shorter_graph, and expected outputs"
            ) from error


def read_graph(described: Mapping[str, Any]) -> ArchitectureGraph:
    """A graph whose types are in D-VAE's order.

    Raises:
        ArchitectureError: it is none.
        InputError: a type is no whole number from 0 on.
    """
    types = [whole_number(kind, "a node type", most=LARGEST) for kind in described["node_types"]]
    return ArchitectureGraph(
        tuple(OUR_TYPES.get(kind, kind) for kind in types),
        tuple((i, j) for i, j in described["edges"]),
    )


def compare(path: Path, epoch: int | None = None) -> list[Comparison]:
    """Every quantity of ``expected.json``.

    Raises:
        InputError: the file is broken, or does not fit the checkpoint.
        ModelError: the checkpoint cannot be read.
    """
    expected = Expected.read(path)
    model = load_model(path.parent, epoch)
    vae, heads = parts_of(model)
    if not isinstance(vae, DVAE):
        raise InputError(
            f"the weights in {str(path.parent)!r} are {model.name}'s, {str(path)!r} has outputs of "
            "DVAE or NGAE"
        )
    for name, told in HEADS.items():
        if f"predicted_{told}" in expected.outputs and name not in heads:
            raise InputError(
                f"{str(path)!r} expects predicted_{told}, and the checkpoint is a {model.name} "
                f"without a head for {name}"
            )
    batch = vae.check_graphs(GraphBatch.from_graphs(expected.graphs))
    comparer = Comparer(path, expected.outputs, TOLERANCE)
    with torch.no_grad():
        _add_complexity(comparer, batch)
        latent = _add_encoder(comparer, vae, batch)
        _add_decoder(comparer, vae, latent, batch, expected.beta)
        _add_noise(comparer, vae, latent, batch)
        _add_decodings(comparer, vae, latent)
        _add_shorter(comparer, vae, expected.shorter)
    _add_joint_loss(comparer, model, batch, expected)
    if ACCURACY in heads:
        _add_traces(comparer, heads, vae.latent_width)
    if COMPLEXITY in heads:
        _add_newton(comparer, heads[ACCURACY].double(), vae.latent_width)
    return comparer.found


def _add_complexity(comparer: Comparer, batch: GraphBatch) -> None:
    """The targets of NGAE's second head."""
    raw = ngae_complexity(batch)
    for number, value in enumerate(raw.tolist()):
        comparer.exact(value, "graphs", number, "complexity_raw")
        largest = float(_given(comparer, (), "graphs", number, "complexity_split_max"))
        if not 0 < largest < math.inf:
            raise InputError(
                f"graphs.{number}.complexity_split_max in {str(comparer.path)!r} is {largest:g}, "
                "expected the largest complexity of a data set, above 0"
            )
        comparer.add(value / largest, "graphs", number, "complexity_normalised")


def _add_encoder(comparer: Comparer, vae: DVAE, batch: GraphBatch) -> Latent:
    """The latents, and the states that they are computed from."""
    latent = vae.encode(batch)
    comparer.add(latent.mean, "mean")
    comparer.add(latent.log_variance, "log_variance")
    last = vae.vertex_states(batch)
    rows = torch.arange(len(batch))
    comparer.add(last[rows, batch.num_nodes - 1], "forward_state")
    comparer.add(last[: _length(comparer, "vertex_states_forward")], "vertex_states_forward")
    comparer.add(vae.graph_states(batch), "graph_state")
    if vae.sizes.bidirectional:
        first = vae.vertex_states(batch, backward=True)
        shown = _length(comparer, "vertex_states_backward")
        comparer.add(first[:, 0], "backward_state")
        comparer.add(first[:shown], "vertex_states_backward")
    return latent


def _add_decoder(
    comparer: Comparer, vae: DVAE, latent: Latent, batch: GraphBatch, beta: float
) -> None:
    """Teacher-forced logits and the loss, at the means."""
    comparer.add(vae.fc3(latent.mean).tanh(), "initial_state")
    logits = vae.decoder_steps(latent.mean, batch)
    comparer.add(published_types(logits), "type_logits")
    comparer.add(published_edges(logits), "edge_logits")
    for name, alpha in (("type", 0.0), ("edge", 1.0)):
        part = Objective(alpha=alpha, missing_nodes="charged")
        comparer.add(vae.reconstruction(latent.mean, batch, part) / 2, f"{name}_nll_per_graph")
    reconstruction = vae.reconstruction(latent.mean, batch, PUBLISHED).sum()
    divergence = divergence_per_graph(latent).sum()
    comparer.add(reconstruction, "reconstruction_sum")
    comparer.add(divergence, "kl_sum")
    comparer.add(reconstruction + beta * divergence, "vae_loss_sum")


def published_types(logits: StepLogits) -> Tensor:
    """Logits of types, in D-VAE's order. **Shape** (B, N−1, T)."""
    return logits.types[..., swapped_types(logits.types.shape[-1], logits.types.device)]


def published_edges(logits: StepLogits) -> Tensor:
    """Logits of edges in the order of the decisions: (0→1), (1→2), (0→2), … **Shape** (B, E)."""
    steps = range(logits.edges.shape[1])
    return torch.cat([logits.edges[:, v, : v + 1].flip(1) for v in steps], 1)


def _add_noise(comparer: Comparer, vae: DVAE, latent: Latent, batch: GraphBatch) -> None:
    """Latents of training with the given noise."""
    noise = _given(comparer, tuple(latent.mean.shape), "noise", "epsilon").float()
    z = latent.mean + PUBLISHED.noise_scale * noise * (0.5 * latent.log_variance).exp()
    comparer.add(z, "noise", "z")
    comparer.add(vae.reconstruction(z, batch, PUBLISHED).sum(), "noise", "reconstruction_sum")


def _add_decodings(comparer: Comparer, vae: DVAE, latent: Latent) -> None:
    """Greedy decodings, in which an output joins all loose ends."""
    vae.joins_loose_ends = True
    decoded = vae.decode_greedily(latent.mean)
    order = swapped_types(vae.sizes.num_types, vae.device).tolist()
    for number, valid in enumerate(published_validity(decoded).tolist()):
        graph = decoded.graph(number)
        at = ("argmax_decoding_of_mean", number)
        comparer.exact([order[kind] for kind in graph.types], *at, "types")
        comparer.exact(sorted(map(list, graph.edges)), *at, "edges")
        comparer.exact(valid, *at, "valid")


def _add_shorter(comparer: Comparer, vae: DVAE, graph: ArchitectureGraph) -> None:
    """An architecture that pays for the vertex that it lacks."""
    batch = vae.check_graphs(GraphBatch.from_graphs([graph]))
    latent = vae.encode(batch)
    logits = vae.decoder_steps(latent.mean, batch)
    ours = {
        "mean": latent.mean[0],
        "log_variance": latent.log_variance[0],
        "type_logits": published_types(logits)[0],
        "edge_logits": published_edges(logits)[0],
        "reconstruction": vae.reconstruction(latent.mean, batch, PUBLISHED)[0],
        "kl": divergence_per_graph(latent)[0],
    }
    for name, value in ours.items():
        comparer.add(value, "shorter_graph", name)


def _add_joint_loss(
    comparer: Comparer, model: Embedding | WithHeads, batch: GraphBatch, expected: Expected
) -> None:
    """Predictions, the joint loss, and the norms of its gradients."""
    vae, heads = parts_of(model)
    latent = vae.encode(batch)
    objective = replace(PUBLISHED, beta=expected.beta)
    total = vae.loss_of(latent, batch, objective).total * len(batch)
    for name, head in heads.items():
        predicted = head(latent.flat)
        error = (predicted - expected.targets[name]).square().sum()
        comparer.add(predicted.detach(), f"predicted_{HEADS[name]}")
        comparer.add(error.detach(), f"{HEADS[name]}_squared_error_sum")
        total = total + error
    comparer.add(total.detach(), "joint_loss_sum")
    model.zero_grad()
    total.backward()
    for key, norm in gradient_norms(model).items():
        unused = comparer.expected("joint_loss_gradient_norm", key) == 0
        limit = 0.0 if unused else None
        comparer.add(norm, "joint_loss_gradient_norm", key, tolerance=limit)


def gradient_norms(model: Embedding | WithHeads) -> dict[str, float]:
    """L2 norm of every weight's gradient, by its name on disk; 0 where nothing depends on it."""
    parameters = {each.data_ptr(): each for each in model.parameters()}
    gradients = {
        name: parameters[value.data_ptr()].grad for name, value in stored_state(model).items()
    }
    return {
        name: 0.0 if gradient is None else float(gradient.norm())
        for name, gradient in gradients.items()
    }


def _add_traces(comparer: Comparer, heads: Mapping[str, nn.Module], width: int) -> None:
    """Steps uphill from the given starts, by the given rates."""
    objective = objective_of(heads)
    for number in range(_length(comparer, "search_traces")):
        rate = float(_given(comparer, (), "search_traces", number, "learning_rate"))
        at: tuple[str | int, ...] = ("search_traces", number, "steps")
        z = _given(comparer, (width,), *at, 0, "z").float()[None]
        for step in range(_length(comparer, *at)):
            ours = {HEADS[name]: head(z)[0] for name, head in heads.items()}
            ours |= {"z": z[0], "objective": objective(z)[0], "gradient": gradient(objective, z)[0]}
            for name in sorted(ours.keys() & set(comparer.expected(*at, step))):
                comparer.add(ours[name].detach(), *at, step, name)
            z = gradient_step(objective, z, rate)


def _add_newton(comparer: Comparer, performance: nn.Module, width: int) -> None:
    """Newton's steps in float64."""
    at = ("newton_trace_float64", "steps")
    rate = float(_given(comparer, (), "newton_trace_float64", "step"))
    z = _given(comparer, (width,), *at, 0, "z")[None]
    for step in range(_length(comparer, *at)):
        comparer.add(z[0], *at, step, "z")
        comparer.add(performance(z)[0].detach(), *at, step, "performance")
        z = published_newton_step(performance, z, rate)


def _given(comparer: Comparer, shape: tuple[int, ...], *keys: str | int) -> Tensor:
    """Numbers that the file gives, and does not expect. **Shape** as asked for, float64.

    Raises:
        InputError: there are none, or of another shape.
    """
    where = f"{'.'.join(map(str, keys))} in {str(comparer.path)!r}"
    given = comparer.expected(*keys)
    try:
        found = torch.tensor(given, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{where} is no array of numbers of the shape {shape}") from error
    if found.shape != shape:
        raise InputError(f"{where} has the shape {tuple(found.shape)}, expected {shape}")
    return found


def _length(comparer: Comparer, *keys: str | int) -> int:
    """How many entries a list in the file has.

    Raises:
        InputError: it is no list.
    """
    found = comparer.expected(*keys)
    if not isinstance(found, list):
        where = ".".join(map(str, keys))
        raise InputError(
            f"{where} in {str(comparer.path)!r} is a {type(found).__name__}, expected a list"
        )
    return len(found)
