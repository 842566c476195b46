"""What info-NAS's published code computed from its checkpoints, compared with what ours does.

``expected.json`` holds architectures as padded matrices, images, and for each of the three models
the file of its weights with the outputs in float64. A VAE alone lies beside them as
``model_orig_epoch-<E>.pt``; it is that of ``dense``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datasets.batch import GraphBatch
from experiment.errors import InputError
from experiment.files import read_json
from models.arch2vec import Arch2vec
from models.arch2vec_loss import operations
from models.checkpoints import load_vae
from models.gin import GINLayers, gin_states
from models.io_models import ERRORS, IO_MODELS, ImageModel, IODense, IOModel
from Training_VAE.comparison import Comparer, Comparison
from Training_VAE.verify_arch2vec import PUBLISHED, TOLERANCES, add_embedding, as_batch

DENSE = "dense"
"""The model whose autoencoder is also stored by itself."""

ERROR_NAMES = {"L1": "l1", "MSE": "mse", "Huber": "huber"}
"""Distances of outputs and targets by the names that they have in ``expected.json``."""


@dataclass(frozen=True)
class Expected:
    """What ``expected.json`` says.

    Attributes:
        path: of the file.
        batch: the architectures, padded.
        images: **shape** (I, C, height, width), float64.
        models: what is said of each model, by its name.
        outputs: expected numbers of each model, by its name.
    """

    path: Path
    batch: GraphBatch
    images: Tensor
    models: dict[str, dict[str, Any]]
    outputs: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Expected:
        """Read the file.

        Raises:
            InputError: it lacks a part, or its matrices are no architectures.
        """
        content = read_json(path)
        try:
            inputs = content["inputs"]
            batch = as_batch(torch.tensor(inputs["adjacency"]), torch.tensor(inputs["operations"]))
            images = torch.tensor(inputs["images"], dtype=torch.float64)
            models = {
                name: dict(content[name])
                for name in (each.removeprefix("io_") for each in IO_MODELS)
                if name in content
            }
            outputs = {name: dict(entry["expected"]) for name, entry in models.items()}
            files = [str(entry["checkpoint"]) for entry in models.values()]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = f"there is no {error}" if isinstance(error, KeyError) else error
            raise InputError(
                f"{str(path)!r} cannot be read ({reason}): expected inputs with adjacency, "
                "operations and images, and checkpoint and expected outputs of each model"
            ) from error
        if not files:
            raise InputError(
                f"{str(path)!r} has outputs of no model: expected one of "
                f"{', '.join(name.removeprefix('io_') for name in IO_MODELS)}"
            )
        return cls(path, batch, images, models, outputs)


def compare(path: Path) -> list[Comparison]:
    """Every quantity of ``expected.json``, in float64 and in float32.

    Raises:
        InputError: the file is broken, or does not fit a checkpoint.
        ModelError: a checkpoint cannot be read.
    """
    expected = Expected.read(path)
    found: list[Comparison] = []
    for dtype in TOLERANCES:
        ending = f" ({str(dtype).removeprefix('torch.')})"
        for name in expected.models:
            comparer = Comparer(path, expected.outputs, TOLERANCES[dtype], ending)
            _compare_model(expected, name, _load(expected, name).to(dtype), comparer)
            found += comparer.found
        for file in sorted(path.parent.glob("model_orig_*.pt")):
            label = f"{ending} of {file.name}"
            comparer = Comparer(path, expected.outputs, TOLERANCES[dtype], label)
            _compare_alone(expected, file, dtype, comparer)
            found += comparer.found
    return found


def _load(expected: Expected, name: str) -> IOModel:
    """The model of an entry, with the options that the entry names."""
    entry = expected.models[name]
    path = expected.path.parent / entry["checkpoint"]
    model = load_vae(path, max_nodes=expected.batch.max_nodes)
    if not isinstance(model, IOModel) or model.name != f"io_{name}":
        raise InputError(
            f"{str(path)!r} has weights of {model.name}, {str(expected.path)!r} has outputs of "
            f"io_{name}"
        )
    kwargs = entry.get("model_kwargs", {})
    if not isinstance(kwargs, dict):
        raise InputError(f"{name}.model_kwargs in {str(expected.path)!r} is no object")
    model.set_options(kwargs)
    return model.eval()


@torch.no_grad()
def _compare_model(expected: Expected, name: str, model: IOModel, comparer: Comparer) -> None:
    batch = expected.batch
    add_embedding(comparer, model.vae_model, batch, name)
    latent = model.encode(batch)
    comparer.add(model.graph_vector(latent), name, "embedding")
    if not isinstance(model, ImageModel):
        comparer.add(model.outputs(latent.mean)[:, 0], name, "accuracy")
        directed = _means_of_directed_edges(model.vae_model, batch)
        comparer.add(model.outputs(directed)[:, 0], name, "accuracy_without_symmetrising")
        return
    images = expected.images.to(latent.mean.dtype)
    if isinstance(model, IODense):
        comparer.add(model.prepare(images), name, "image_vector")
    outputs = torch.cat(list(model.outputs_of_all(latent.mean, images)))
    comparer.add(outputs, name, "outputs")
    comparer.add(model.loss(batch, PUBLISHED).total, name, "vae_loss_of_the_8")
    _compare_losses(expected, name, model, comparer)


def _compare_losses(expected: Expected, name: str, model: ImageModel, comparer: Comparer) -> None:
    """The losses of all pairs as one labelled batch, with the targets sin(0.1·(b+1)·(k+1))."""
    architectures, images = len(expected.batch), len(expected.images)
    rows = torch.arange(architectures).repeat_interleave(images)
    pairs = expected.batch[rows]
    latent = model.encode(pairs)
    seen = expected.images.to(latent.mean.dtype).repeat(architectures, 1, 1, 1)
    outputs = model.outputs(latent.mean, seen)
    numbers = [torch.arange(1, size + 1, dtype=torch.float64) for size in outputs.shape]
    targets = (0.1 * numbers[0][:, None] * numbers[1]).sin().to(outputs.dtype)
    vae = model.loss_of(latent, pairs, PUBLISHED).total
    for error_name, ours in ERROR_NAMES.items():
        labelled = ERRORS[ours](outputs, targets)
        parts = {"vae": vae, "labeled": labelled, "total": vae + labelled}
        for part, value in parts.items():
            comparer.add(value, name, "labelled_batch_losses", error_name, part)


def _means_of_directed_edges(vae: Arch2vec, batch: GraphBatch) -> Tensor:
    """Means of an encoder that is given A itself, as the published validation does."""
    dtype = vae.decoder.weight.weight.dtype
    columns = operations(batch, vae.sizes.num_types).to(dtype)
    layers = GINLayers(vae.eps, vae.mlps, vae.batch_norms)
    states = gin_states(layers, columns, [batch.adjacency.to(dtype)])
    return vae.get_submodule(vae.heads[0])(states)


@torch.no_grad()
def _compare_alone(expected: Expected, file: Path, dtype: torch.dtype, comparer: Comparer) -> None:
    """An autoencoder that is stored by itself."""
    model = load_vae(file, max_nodes=expected.batch.max_nodes)
    if not isinstance(model, Arch2vec) or DENSE not in expected.outputs:
        raise InputError(
            f"{str(file)!r} has weights of {model.name}, and {str(expected.path)!r} has outputs of "
            f"{', '.join(expected.outputs)}: expected the autoencoder of {DENSE}"
        )
    add_embedding(comparer, model.to(dtype).eval(), expected.batch, DENSE)
