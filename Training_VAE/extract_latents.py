"""Encode all architectures of a training with its VAE.

``python -m Training_VAE.extract_latents --model SVGE --data_search_space NB101`` writes
``<SPACE>_latent_epoch<E>.npz`` beside the weights: ``mean``, ``log_variance``, ``hash``,
``split`` (0 train, 1 test) and the benchmark's columns (``metric/validation``, …, with the
``dataset`` that they are of) where its files are at hand. The ``config.json`` of the training
tells which architectures there are, and which were held out.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence

from datasets.latent_files import check_name, save_latents
from datasets.registry import find_benchmark
from experiment.arguments import add_common, parser
from experiment.errors import run_command
from experiment.files import refuse_existing
from experiment.threads import use_threads
from Training_VAE.latents import latent_table, save_published
from Training_VAE.trained import add_model_flags, load_named, trained_architectures


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the latent file, and the published ``.mat`` on request."""
    flags = parser("Encode all architectures of a training with its VAE.")
    add_model_flags(flags)
    flags.add_argument("--out", type=Path, help="file to write (default: beside the weights)")
    flags.add_argument("--mat", action="store_true", help="write the published .mat file as well")
    flags.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    add_common(flags)
    given = flags.parse_args(arguments)
    use_threads(given.threads)

    if given.out is not None:
        check_name(given.out)
    trained = load_named(given)
    space = trained.space
    out = given.out or trained.folder / f"{space.name}_latent_epoch{trained.epoch}.npz"
    targets = [out, out.with_suffix(".mat")] if given.mat else [out]
    refuse_existing(targets, given.overwrite)

    architectures = trained_architectures(trained, given.data_root, given.seed)
    table = latent_table(trained.model, architectures, find_benchmark(space.name, given.data_root))
    save_latents(out, table)
    if given.mat:
        save_published(out.with_suffix(".mat"), table, space)
    print(f"{len(table['hash'])} latents in {out}")
    return 0


if __name__ == "__main__":
    run_command(main)
