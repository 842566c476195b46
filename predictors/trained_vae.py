"""The trained graph VAE that predictors of a space begin at."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from datasets.registry import SPACES, get_space
from datasets.space import SearchSpace
from experiment.errors import InputError
from models import Embedding, ModelError, load_vae
from models.checkpoints import find_folder
from predictors.defaults import defaults_of


def load_trained_vae(space: SearchSpace, weights: str | Path | None = None) -> Embedding:
    """A VAE that was trained on a space, in evaluation mode, on the CPU.

    Args:
        space: the search space.
        weights: folder or name; default those of :func:`~predictors.defaults.defaults_of`, or the
            shipped ``SVGE_<space>``.

    Raises:
        InputError: the weights were trained on a space with other node types.
        ModelError: there are no such weights, or they cannot be read.
    """
    shipped = defaults_of(space).weights or f"SVGE_{space.name}"
    if weights is None:
        try:
            weights = find_folder(shipped)
        except ModelError as error:
            raise ModelError(
                f"there is no trained VAE of {space.name}, {shipped} in state_dicts/ or runs/: "
                f"{_how_to_train(space.name)}, or name weights"
            ) from error
    vae = load_vae(weights, max_nodes=space.max_nodes)
    check_vae(vae, space)
    return vae


def _how_to_train(name: str) -> str:
    """The command that trains a VAE of a space; it knows a space by its name alone."""
    if name in SPACES:
        return f"train one by python Training_VAE/train_svge.py --data_search_space {name}"
    return "register the space and train one, as docs/adding-a-space.md does"


def check_vae(vae: Embedding, space: SearchSpace) -> None:
    """Refuse a VAE of another space.

    Files beside the weights name the space that they were trained on. Spaces with the same node
    types, such as NB101 and DIGITS101 or ENAS networks of different depths, are one here. Where no
    file names the space, as beside published checkpoints, the number of node types decides, and a
    line on standard error says so.

    Raises:
        InputError: it was trained on a space with other node types.
    """
    origin = vae.origin
    if origin is not None and origin.space is not None:
        _check_trained_on(origin.folder, origin.space, space)
    if vae.sizes.num_types != len(space.types):
        raise InputError(
            f"the weights are {vae.name}'s for {vae.sizes.num_types} node types, {space.name} has "
            f"{len(space.types)}: name weights that were trained on {space.name}"
        )
    if origin is not None and origin.space is None:
        _say_that_sizes_decide(origin.folder, space.name, len(space.types))


def _check_trained_on(folder: Path, trained_on: str, space: SearchSpace) -> None:
    if trained_on != space.name and _types_of(trained_on) != space.types:
        raise InputError(
            f"the weights in {str(folder)!r} were trained on {trained_on}, not on "
            f"{space.name}: name weights that were trained on {space.name}"
        )


def _types_of(name: str) -> tuple[str, ...] | None:
    """Node types of a registered space; ``None`` for a space that is not."""
    return get_space(name).types if name in SPACES else None


@functools.cache
def _say_that_sizes_decide(folder: Path, space: str, types: int) -> None:
    """Once a process for the same weights and space."""
    print(
        f"{folder} does not tell which search space its weights were trained on; they have as many "
        f"node types as {space}, {types}",
        file=sys.stderr,
    )
