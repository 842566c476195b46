"""Encode all architectures of a space with a trained VAE.

``python -m Training_VAE.extract_latents --model SVGE --data_search_space NB101`` writes
``<SPACE>_latent_epoch<E>.npz`` beside the weights: ``mean``, ``log_variance``, ``hash``,
``split`` (0 train, 1 test) and the benchmark's columns where its files are at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from datasets import get_space
from datasets.registry import SPACES
from experiment.arguments import add_common, best_device, parser, positive_int
from experiment.errors import InputError, run_command
from models import MODELS, load_vae
from models.checkpoints import STATE_DICTS, latest_epoch
from Training_VAE.data import load_architectures
from Training_VAE.latents import find_benchmark, latent_table, save_latents, save_published


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the latent file, and the published ``.mat`` where it is asked for."""
    flags = parser("Encode all architectures of a space with a trained VAE.")
    flags.add_argument("--model", default="SVGE", choices=list(MODELS), help="which VAE")
    flags.add_argument(
        "--data_search_space", default="NB101", choices=list(SPACES), help="which search space"
    )
    flags.add_argument(
        "--path_state_dict", type=Path, help="folder of the weights (default: state_dicts/…)"
    )
    flags.add_argument("--checkpoint", type=positive_int, help="epoch (default: the last one)")
    flags.add_argument(
        "--cells_up_to", type=positive_int, help="leave out architectures with more nodes"
    )
    flags.add_argument("--out", type=Path, help="file to write (default: beside the weights)")
    flags.add_argument("--mat", action="store_true", help="write the published .mat file as well")
    flags.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    add_common(flags)
    given = flags.parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)

    space = get_space(given.data_search_space)
    folder = given.path_state_dict or STATE_DICTS / f"{given.model}_{space.name}"
    model = load_vae(folder, given.checkpoint, space.max_nodes).to(best_device(given.device))
    if (model.name, model.sizes.num_types) != (given.model, len(space.types)):
        raise InputError(
            f"the weights in {str(folder)!r} are {model.name}'s for {model.sizes.num_types} node "
            f"types, {given.model} on {space.name} has {len(space.types)}"
        )
    epoch = given.checkpoint or latest_epoch(folder)
    out = given.out or folder / f"{space.name}_latent_epoch{epoch}.npz"
    targets = [out, out.with_suffix(".mat")] if given.mat else [out]
    for target in targets:
        if target.exists() and not given.overwrite:
            raise InputError(f"{str(target)!r} is there already: add --overwrite or choose --out")

    architectures = load_architectures(space, given.data_root, given.seed, given.cells_up_to)
    table = latent_table(model, architectures, find_benchmark(space.name, given.data_root))
    save_latents(out, table)
    if given.mat:
        save_published(out.with_suffix(".mat"), table)
    print(f"{len(table['hash'])} latents in {out}")
    return 0


if __name__ == "__main__":
    run_command(main)
