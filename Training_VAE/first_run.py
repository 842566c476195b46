"""The main job, start to end: train an SVGE, evaluate it, extract its latents, draw what it learnt.

``bash run.sh`` needs no data: it trains on DIGITS101, the 2,532 NB101 cells of at most 5 nodes,
then decodes new cells from the latent space and trains their networks on handwritten digits.
``--space ENAS|NB101|NB201`` trains on another space instead (ENAS needs its data file). Run again,
it takes up what is there; once the measured accuracies are at hand, latents and figures are made
again with them.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence

from datasets.latent_files import METRIC, load_latents
from datasets.registry import SPACES, find_benchmark, get_space
from estimators.digits101 import SPACE
from experiment.arguments import add_common, parser, positive_int
from experiment.errors import InputError, run_command
from experiment.files import read_json
from models.checkpoints import latest_epoch
from Training_VAE import (
    extract_latents,
    interpolate,
    latent_map,
    new_cells,
    train_svge,
)
from Training_VAE.reporting import report_evaluation
from Training_VAE.settings import TrainingSettings
from Training_VAE.trained import TrainingRecord
from Training_VAE.training_command import SVGE, make_parser, settings_of

SMALL_SPACE = SPACE
"""The space of the job that needs no data."""
SMALL_FLAGS = ["--epochs", "12", "--batch_size", "32"]
"""Its training: few graphs, so smaller batches than on a large space."""


def check_asked(folder: Path, asked: TrainingSettings, seed: int) -> None:
    """Check that the training in ``folder`` is the requested one.

    Raises:
        InputError: it has another seed or length, or other architectures.
    """
    found = TrainingRecord.read(folder)
    for name, there, wanted in (
        ("seed", found.seed, seed),
        ("epochs", found.epochs, asked.epochs),
        ("cells_up_to", found.cells_up_to, asked.cells_up_to),
    ):
        if there != wanted:
            raise InputError(
                f"{str(folder)!r} holds a training whose {name} is {there}, {wanted} is requested: "
                "choose another folder by --out, or ask for the one that is there"
            )


def lacks_accuracies(latent_file: Path, space: str, data_root: Path | None) -> bool:
    """Whether a latent file is without the accuracies that are at hand."""
    if METRIC + "validation" in load_latents(latent_file):
        return False
    return find_benchmark(space, data_root) is not None


def main(arguments: Sequence[str] | None = None) -> int:
    """Do every step that is not done yet, and say where its result is."""
    flags = parser("Train an SVGE, evaluate it, extract its latents and draw what it learnt.")
    flags.add_argument(
        "--space",
        choices=list(SPACES),
        help=f"search space (default: {SMALL_SPACE}, for which no data are needed)",
    )
    flags.add_argument("--out", type=Path, help="folder of the run (default: runs/first_run…)")
    flags.add_argument("--epochs", type=positive_int, help="epochs instead of the preset's")
    add_common(flags)
    given = flags.parse_args(arguments)

    name = f"first_run_{given.space}" if given.space else "first_run"
    out = given.out or ROOT / "runs" / name
    space = given.space or SMALL_SPACE
    folder = out / f"SVGE_{space}"
    common = ["--device", given.device, "--seed", str(given.seed)]
    common += ["--threads", str(given.threads)] if given.threads else []
    common += ["--data_root", str(given.data_root)] if given.data_root else []
    small = [] if given.space else SMALL_FLAGS
    epochs = ["--epochs", str(given.epochs)] if given.epochs else []
    target = ["--data_search_space", space, "--log_dir", str(out), "--name", name]
    training = [*target, *common, *small, *epochs]
    weights = ["--data_search_space", space, "--path_state_dict", str(folder), *common]

    started = (folder / "config.json").exists()
    if started:
        asked = settings_of(SVGE, make_parser(SVGE).parse_args(training))
        check_asked(folder, asked, given.seed)
    if (folder / "result.json").exists():
        print(f"trained already, in {folder}:")
        report_evaluation(read_json(folder / "result.json"))
    else:
        print(f"training an SVGE on {space}, in {folder}")
        train_svge.main([*training, *(["--resume"] if started else [])])

    latent_file = folder / f"{space}_latent_epoch{latest_epoch(folder)}.npz"
    outdated = not latent_file.exists() or lacks_accuracies(latent_file, space, given.data_root)
    if outdated:
        extract_latents.main([*weights, "--overwrite"])
    latent_picture = folder / "figures" / "latent_map.png"
    if outdated or not latent_picture.exists():
        latent_map.main([*weights, "--overwrite"])
    strip = folder / "figures" / "interpolation.png"
    if outdated or not strip.exists():
        interpolate.main([*weights, "--out", str(strip.parent), "--overwrite"])

    cells = folder / "new_cells.jsonl"
    if new_cells.has_cells(get_space(space)) and not cells.exists():
        new_cells.main([*weights, "--overwrite"])

    print()
    for what, path in (
        ("weights", folder / f"model_checkpoint{latest_epoch(folder)}.obj"),
        ("evaluation", folder / "result.json"),
        ("learning curve", folder / "metrics.jsonl"),
        ("latents", latent_file),
        ("latent map", latent_picture),
        ("interpolation", strip),
        ("new cells", cells),
        ("new cells, drawn", strip.with_name("new_cells.png")),
    ):
        if path.exists():
            print(f"{what:<17} {path}")
    return 0


if __name__ == "__main__":
    run_command(main)
