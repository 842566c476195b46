"""A trained graph VAE on disk, as commands name it, and what its training held out."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.registry import SPACES
from datasets.space import SearchSpace
from experiment.arguments import Parser, best_device, positive_int
from experiment.errors import InputError
from experiment.files import read_json
from models import MODELS, GraphVAE, load_vae
from models.checkpoints import STATE_DICTS, latest_epoch
from Training_VAE.data import load_architectures


@dataclass(frozen=True)
class TrainedVAE:
    """Weights of one epoch.

    Attributes:
        model: the graph VAE, in evaluation mode.
        space: the search space it was trained on.
        folder: where its checkpoints lie.
        epoch: which of them it is.
    """

    model: GraphVAE
    space: SearchSpace
    folder: Path
    epoch: int


def add_model_flags(flags: Parser) -> None:
    """Add the flags that name a trained VAE: see :func:`load_named`."""
    flags.add_argument("--model", default="SVGE", choices=list(MODELS), help="which VAE")
    flags.add_argument(
        "--data_search_space", default="NB101", choices=list(SPACES), help="which search space"
    )
    flags.add_argument(
        "--path_state_dict",
        type=Path,
        help="folder of the weights (default: state_dicts/<MODEL>_<SPACE>)",
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
        model_name: ``SVGE`` or ``DGMG``.
        space_name: name of the search space.
        folder: with the checkpoints, or its name below ``state_dicts/``; default
            ``<MODEL>_<SPACE>`` there.
        epoch: which checkpoint; default the last one.
        device: where the model goes.

    Raises:
        InputError: the weights are another model's or another space's.
        ModelError: there are no such weights, or they cannot be read.
    """
    space = get_space(space_name)
    folder = folder or Path(f"{model_name}_{space.name}")
    if not folder.is_dir():
        folder = STATE_DICTS / folder
    model = load_vae(folder, epoch, space.max_nodes).to(device).eval()
    found, wanted = (model.name, model.sizes.num_types), (model_name, len(space.types))
    if found != wanted:
        raise InputError(
            f"the weights in {str(folder)!r} are {found[0]}'s for {found[1]} node types, "
            f"expected {wanted[0]}'s for the {wanted[1]} of {space.name}: name their folder by "
            "--path_state_dict, or their model and space by --model and --data_search_space"
        )
    return TrainedVAE(model, space, folder, latest_epoch(folder) if epoch is None else epoch)


def held_out_graphs(trained: TrainedVAE, data_root: Path | None, seed: int) -> GraphBatch:
    """The architectures that the training of a model held out.

    Which they are is told by the ``config.json`` that a training leaves beside its checkpoints;
    for weights without one (published ones) it is the split of ``seed``.

    Raises:
        InputError: the benchmark's files are absent, or are not those of the training.
    """
    path = trained.folder / "config.json"
    config: dict[str, Any] = read_json(path) if path.exists() else {}
    try:
        cells_up_to = config.get("settings", {}).get("cells_up_to")
        split_seed = config.get("seed", seed)
    except AttributeError as error:
        raise InputError(f"{str(path)!r} is not the configuration of a training") from error
    architectures = load_architectures(trained.space, data_root, split_seed, cells_up_to)
    if config.get("split", architectures.split.fingerprint) != architectures.split.fingerprint:
        raise InputError(
            f"{str(path)!r} tells of a training on other architectures than the "
            f"{len(architectures.graphs)} of {trained.space.name} that are here: "
            "name the data root of the training"
        )
    return architectures.test
