"""What arch2vec's published code computed from a checkpoint, compared with what ours does.

``expected.json`` holds architectures as padded matrices (A, X), and the outputs in float64: of the
encoder and the decoder, the loss, the measures, decodings of prior points, and three steps of
training with given noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.registry import SPACES
from experiment.errors import InputError
from experiment.files import read_json
from models.arch2vec import Arch2vec
from models.checkpoints import load_vae
from models.latent import Latent
from models.loss import LossParts, Objective
from Training_VAE.arch2vec_measures import (
    Decoded,
    PositionPrior,
    accuracies,
    fingerprint,
    published_validity,
)
from Training_VAE.comparison import Comparer, Comparison

PUBLISHED = Objective(beta=1.0, edge_reduction="mean", kl_reduction="places", noise_scale=1.0)
"""The published objective."""

TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-5}
"""Largest relative difference in each type."""

AVERAGED = 1e-7
"""Of a share that the published code averages in float32."""


@dataclass(frozen=True)
class Expected:
    """What ``expected.json`` says.

    Attributes:
        path: of the file.
        checkpoint: file of the weights.
        space: name of the search space.
        batch: the architectures, padded.
        inputs: given numbers by name.
        outputs: expected numbers by name.
    """

    path: Path
    checkpoint: Path
    space: str
    batch: GraphBatch
    inputs: dict[str, Any]
    outputs: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Expected:
        """Read the file.

        Raises:
            InputError: it lacks a part, or its matrices are no architectures.
        """
        content = read_json(path)
        try:
            inputs, space = content["inputs"], str(content["search_space"])
            batch = as_batch(torch.tensor(inputs["adjacency"]), torch.tensor(inputs["operations"]))
            checkpoint = path.parent / content["checkpoint"]
            outputs = dict(content["expected"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = f"there is no {error}" if isinstance(error, KeyError) else error
            raise InputError(
                f"{str(path)!r} cannot be read ({reason}): expected search_space, checkpoint, "
                "inputs with adjacency and operations, and expected outputs"
            ) from error
        if space not in SPACES:
            raise InputError(
                f"{str(path)!r} is of the search space {space!r}: expected one of "
                f"{', '.join(SPACES)}"
            )
        columns = len(inputs["operations"][0][0])
        if columns != len(types := get_space(space).types):
            raise InputError(
                f"the architectures in {str(path)!r} have {columns} columns of operations, the "
                f"search space that it names, {space}, has {len(types)} node types"
            )
        return cls(path, checkpoint, space, batch, inputs, outputs)

    def noise(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Given noise, float64: of as many draws as there are. **Shape** (·, *shape).

        Raises:
            InputError: there is none, or it has another shape.
        """
        try:
            found = torch.tensor(self.inputs.get(name), dtype=torch.float64)
        except (TypeError, ValueError, OverflowError, RuntimeError):
            found = torch.tensor(torch.nan)
        if found.shape[1:] != shape or not torch.isfinite(found).all():
            raise InputError(
                f"inputs.{name} in {str(self.path)!r} is no array of finite numbers of the shape "
                f"({', '.join(map(str, ('any', *shape)))}), which the checkpoint's latents have"
            )
        return found


def as_batch(adjacency: Tensor, columns: Tensor) -> GraphBatch:
    """Padded matrices A and X as graphs.

    **Shape** (B, N, N), (B, N, T).

    Raises:
        ValueError: the shapes do not fit, or an entry is neither 0 nor 1.
    """
    if columns.ndim != 3 or adjacency.shape != (*columns.shape[:2], columns.shape[1]):
        raise ValueError(
            f"shapes {tuple(adjacency.shape)} and {tuple(columns.shape)} do not fit together"
        )
    for each in (adjacency, columns):
        if not ((each == 0) | (each == 1)).all():
            raise ValueError("a matrix has entries other than 0 and 1")
    there = columns.any(-1)
    types = (columns.argmax(-1) + 1) % columns.shape[-1]
    batch = GraphBatch(types * there, adjacency.bool(), there.sum(1))
    batch.check()
    return batch


def compare(path: Path) -> list[Comparison]:
    """Every quantity of ``expected.json``, in float64 and those of evaluation in float32 too.

    Raises:
        InputError: the file is broken, or does not fit the checkpoint.
        ModelError: the checkpoint cannot be read.
    """
    expected = Expected.read(path)
    found = []
    for dtype in TOLERANCES:
        model = _load(expected).to(dtype)
        found += _outputs(expected, model, dtype)
    model = _load(expected).double()
    return [*found, *_prior(expected, model), *_training(expected, model)]


def _load(expected: Expected) -> Arch2vec:
    places = expected.batch.max_nodes
    model = load_vae(expected.checkpoint, max_nodes=places)
    if not isinstance(model, Arch2vec):
        raise InputError(
            f"{str(expected.checkpoint)!r} has weights of {model.name}, {str(expected.path)!r} "
            "has outputs of arch2vec"
        )
    columns = len(expected.inputs["operations"][0][0])
    if columns != model.sizes.num_types:
        raise InputError(
            f"the architectures in {str(expected.path)!r} have {columns} columns of operations, "
            f"the checkpoint knows {model.sizes.num_types}: it is of another search space"
        )
    return model.eval()


@torch.no_grad()
def _outputs(expected: Expected, model: Arch2vec, dtype: torch.dtype) -> list[Comparison]:
    """Encoder, decoder, loss and measures in evaluation mode."""
    batch = expected.batch
    ending = f" ({str(dtype).removeprefix('torch.')})"
    comparer = Comparer(expected.path, expected.outputs, TOLERANCES[dtype], ending)
    both = batch.adjacency | batch.adjacency.transpose(1, 2)
    comparer.add(both.double(), "encoder_adjacency")
    latent = add_embedding(comparer, model, batch)
    _add_loss(comparer, _loss_parts(model, latent, batch, latent.mean), "loss")
    single = [model.loss(batch[b : b + 1], PUBLISHED).total for b in range(len(batch))]
    comparer.add(torch.stack(single), "loss_total_one_graph_at_a_time")
    for name, value in accuracies(model, batch).items():
        comparer.add(value, "accuracy", name, tolerance=max(AVERAGED, TOLERANCES[dtype]))
    return comparer.found


def add_embedding(
    comparer: Comparer, model: Arch2vec, batch: GraphBatch, *keys: str | int
) -> Latent:
    """Compare the latents of architectures, and what they are decoded to.

    Args:
        comparer: has the expected numbers, below ``keys``.
        model: in evaluation mode.
        batch: the architectures.
        keys: where the numbers are.

    Returns:
        The latents.
    """
    latent = model.encode(batch)
    columns, edges = model.decoder(latent.mean)
    comparer.add(latent.mean, *keys, "mu")
    comparer.add(latent.log_variance / 2, *keys, "logvar")
    comparer.add(columns.sigmoid(), *keys, "ops_probabilities")
    comparer.add(edges.sigmoid(), *keys, "adjacency_probabilities")
    comparer.add(model.graph_vector(latent), *keys, "graph_vector")
    comparer.add(latent.flat, *keys, "flat_vector")
    return latent


def _add_loss(comparer: Comparer, parts: Mapping[str, Tensor], *keys: str | int) -> None:
    """Compare the parts of a loss."""
    for name, value in parts.items():
        comparer.add(value.detach(), *keys, name)


def _loss_parts(model: Arch2vec, latent: Latent, batch: GraphBatch, z: Tensor) -> dict[str, Tensor]:
    """The published loss in its parts, for given points."""
    only_types = model.reconstruction(z, batch, replace(PUBLISHED, alpha=0.0)) / 2
    only_edges = model.reconstruction(z, batch, replace(PUBLISHED, alpha=1.0)) / 2
    parts: LossParts = model.loss_at(z, latent, batch, PUBLISHED)
    return {
        "ops": only_types,
        "adjacency": only_edges,
        "reconstruction": parts.reconstruction,
        "kl": parts.divergence,
        "total": parts.total,
    }


def _prior(expected: Expected, model: Arch2vec) -> list[Comparison]:
    """Argmax decodings of prior points, and what the published code counts of them."""
    comparer = Comparer(expected.path, expected.outputs, TOLERANCES[torch.float64])
    with torch.no_grad():
        prior = PositionPrior.fit(model.encode(expected.batch).mean)
    comparer.add(prior.mean, "prior_decoding", "z_mean")
    comparer.add(prior.std, "prior_decoding", "z_std")
    noise = expected.noise("prior_noise", model.latent_shape)
    decoded = Decoded.of(model, prior.points(noise))
    rule = published_validity(get_space(expected.space))
    valid = np.zeros(len(noise), dtype=bool) if rule is None else rule(decoded)
    prints = [fingerprint(decoded, each, model.sizes.num_types) for each in range(len(noise))]
    for number in range(len(noise)):
        at = ("prior_decoding", "decoded", number)
        comparer.exact(decoded.operations[number].tolist(), *at, "ops")
        comparer.exact(decoded.edges[number].nonzero().tolist(), *at, "edges")
        comparer.exact(bool(valid[number]), *at, "valid")
        comparer.exact(prints[number], *at, "fingerprint")
    distinct = {prints[each] for each in np.flatnonzero(valid)}
    comparer.add(float(valid.mean()), "prior_decoding", "validity")
    comparer.add(len(distinct) / (valid.sum() + 1e-8), "prior_decoding", "uniqueness")
    return comparer.found


def _training(expected: Expected, model: Arch2vec) -> list[Comparison]:
    """Three steps of Adam in training mode, with the given noise and without dropout."""
    comparer = Comparer(expected.path, expected.outputs, TOLERANCES[torch.float64])
    batch = expected.batch
    noises = expected.noise("training_noise", (len(batch), *model.latent_shape))
    model.decoder.dropout = 0.0
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    for step, noise in enumerate(noises):
        optimiser.zero_grad()
        latent = model.encode(batch)
        std = (0.5 * latent.log_variance).exp()
        z = latent.mean + noise * std
        if step == 0:
            comparer.add(latent.mean.detach(), "training", "mu_first_step")
            comparer.add(latent.log_variance.detach() / 2, "training", "logvar_first_step")
        parts = _loss_parts(model, latent, batch, z)
        _add_loss(comparer, parts, "training", "steps", step)
        parts["total"].backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        comparer.add(norm, "training", "steps", step, "gradient_norm_before_clipping")
        optimiser.step()
    model.eval()
    with torch.no_grad():
        latent = model.encode(batch)
        _add_loss(
            comparer, _loss_parts(model, latent, batch, latent.mean), "training", "eval_loss_after"
        )
    first: Any = model.batch_norms[0]
    comparer.add(first.running_mean, "training", "batch_norms.0.running_mean_after")
    comparer.add(first.running_var, "training", "batch_norms.0.running_var_after")
    return comparer.found
