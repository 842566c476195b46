"""A trained graph VAE on disk, as commands name it, and what its training held out."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from datasets import get_space
from datasets.registry import SPACES
from datasets.space import SearchSpace
from experiment.arguments import Parser, best_device, positive_int
from experiment.config import resolve
from experiment.errors import InputError
from experiment.files import read_json
from models import MODELS, Embedding, load_model
from models.checkpoints import find_folder, latest_epoch
from models.heads import parts_of
from predictors.trained_vae import check_vae
from Training_VAE.data import Architectures, load_architectures


@dataclass(frozen=True)
class TrainedVAE:
    """Weights of one epoch.

    Attributes:
        model: the graph VAE, in evaluation mode.
        space: the search space it was trained on.
        folder: where its checkpoints lie.
        epoch: which of them it is.
        heads: what else is among the weights, by name.
    """

    model: Embedding
    space: SearchSpace
    folder: Path
    epoch: int
    heads: Mapping[str, nn.Module] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingRecord:
    """What the ``config.json`` of a training tells of it; ``None`` is what it does not tell.

    Attributes:
        seed: of the training and of its split.
        split: fingerprint of the split.
        epochs: how long it is, or was.
        cells_up_to: architectures with more nodes were left out.
        noise_scale: of the latent noise in training.
        beta: weight of the divergence in the loss.
        precision: what products were computed in when the weights were evaluated.
    """

    seed: int | None = None
    split: str | None = None
    epochs: int | None = None
    cells_up_to: int | None = None
    noise_scale: float | None = None
    beta: float | None = None
    precision: str | None = None

    @classmethod
    def read(cls, folder: Path) -> TrainingRecord:
        """The record beside the weights in ``folder``; published weights have none.

        Raises:
            InputError: what lies there is no configuration of a training.
        """
        path = folder / "config.json"
        if not path.exists():
            return cls()
        content = read_json(path)
        settings = content.get("settings", {}) if isinstance(content, dict) else None
        if not isinstance(settings, dict):
            raise InputError(f"{str(path)!r} is not the configuration of a training")
        recorded = {**settings, "seed": content.get("seed"), "split": content.get("split")}
        if isinstance(shipped := content.get("shipped"), dict):
            recorded["precision"] = shipped.get("evaluated_in")
        try:
            record = resolve(cls, {f.name: recorded.get(f.name) for f in dataclasses.fields(cls)})
        except InputError as error:
            raise InputError(
                f"{str(path)!r} is not the configuration of a training: {error}"
            ) from error
        if record.seed is not None and record.seed < 0:
            raise InputError(f"{str(path)!r} has the seed {record.seed}, expected 0 or more")
        return record


def add_model_flags(flags: Parser) -> None:
    """Add the flags that name a trained VAE: see :func:`load_named`."""
    flags.add_argument("--model", default="SVGE", choices=list(MODELS), help="which VAE")
    flags.add_argument(
        "--data_search_space", default="NB101", choices=list(SPACES), help="which search space"
    )
    flags.add_argument(
        "--path_state_dict",
        type=Path,
        help="folder of the weights (default: <MODEL>_<SPACE> in state_dicts/, else in runs/)",
    )
    flags.add_argument("--checkpoint", type=positive_int, help="epoch (default: the last one)")


def load_named(given: Namespace) -> TrainedVAE:
    """The VAE that a command's flags name: those of :func:`add_model_flags`, and ``--device``."""
    return load_trained(
        given.model,
        given.data_search_space,
        given.path_state_dict,
        given.checkpoint,
        best_device(given.device),
    )


def load_trained(
    model_name: str,
    space_name: str,
    folder: Path | None,
    epoch: int | None,
    device: torch.device,
) -> TrainedVAE:
    """The VAE that a command's flags name.

    Args:
        model_name: one of ``models.MODELS``.
        space_name: name of the search space.
        folder: with the checkpoints, or its name; default ``<MODEL>_<SPACE>``, which is looked
            for as :func:`models.checkpoints.find_folder` does.
        epoch: which checkpoint; default the last one.
        device: where the model goes.

    Raises:
        InputError: the weights are another model's or another space's.
        ModelError: there are no such weights, or they cannot be read.
    """
    space = get_space(space_name)
    folder = find_folder(folder or f"{model_name}_{space.name}")
    loaded = load_model(folder, epoch, space.max_nodes).to(device).eval()
    model, heads = parts_of(loaded)
    if model.name != model_name:
        raise InputError(
            f"the weights in {str(folder)!r} are {model.name}'s, expected {model_name}'s: name "
            "another folder, or the weights' own model by --model"
        )
    check_vae(model, space)
    epoch = latest_epoch(folder) if epoch is None else epoch
    return TrainedVAE(model, space, folder, epoch, heads)


def trained_architectures(trained: TrainedVAE, data_root: Path | None, seed: int) -> Architectures:
    """The architectures of a model's training, split as they were then.

    The ``config.json`` that a training leaves beside its checkpoints names them;
    for weights without one (published ones) it is the whole space in the split of ``seed``.

    Raises:
        InputError: the benchmark's files are absent, or are not those of the training.
    """
    record = TrainingRecord.read(trained.folder)
    if record.seed is not None:
        seed = record.seed
    architectures = load_architectures(trained.space, data_root, seed, record.cells_up_to)
    if record.split not in (None, architectures.split.fingerprint):
        raise InputError(
            f"{str(trained.folder / 'config.json')!r} tells of a training on other architectures "
            f"than the {len(architectures.graphs)} of {trained.space.name} that are here: "
            "name the data root of the training"
        )
    return architectures
