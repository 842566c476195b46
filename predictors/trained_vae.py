"""The trained graph VAE that predictors of a space begin at."""

from __future__ import annotations

from pathlib import Path

from datasets.space import SearchSpace
from experiment.errors import InputError
from models import GraphVAE, load_vae


def load_trained_vae(space: SearchSpace, weights: str | Path | None = None) -> GraphVAE:
    """A VAE that was trained on a space, in evaluation mode, on the CPU.

    Args:
        space: the search space.
        weights: folder or name; default the shipped ``SVGE_<space>``, and that of NB101 for the
            cells of DIGITS101, which have the same operations.

    Raises:
        InputError: the weights are of another space.
        ModelError: there are no such weights, or they cannot be read.
    """
    shipped = "NB101" if space.name == "DIGITS101" else space.name
    vae = load_vae(weights or f"SVGE_{shipped}", max_nodes=space.max_nodes)
    check_vae(vae, space)
    return vae


def check_vae(vae: GraphVAE, space: SearchSpace) -> None:
    """Refuse a VAE of another space.

    Raises:
        InputError: it knows another number of node types.
    """
    if vae.sizes.num_types != len(space.types):
        raise InputError(
            f"the weights are {vae.name}'s for {vae.sizes.num_types} node types, {space.name} has "
            f"{len(space.types)}: name weights that were trained on {space.name}"
        )
