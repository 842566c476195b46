"""The main job, start to end: train an SVGE, evaluate it, extract its latents, draw what it learnt.

``bash run.sh`` needs no data: it trains on the 2,532 NB101 cells of at most 5 nodes, which are
enumerated. ``--space ENAS|NB101|NB201`` trains on the whole space instead (ENAS needs its data
file). Run again, it takes up what is there.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402

from analysis.figures import latent_map, save_figure  # noqa: E402
from datasets import get_space  # noqa: E402
from datasets.registry import SPACES  # noqa: E402
from experiment.arguments import add_common, parser, positive_int  # noqa: E402
from experiment.errors import run_command  # noqa: E402
from experiment.files import read_json  # noqa: E402
from models.checkpoints import latest_epoch  # noqa: E402
from Training_VAE import extract_latents, interpolate, train_svge  # noqa: E402
from Training_VAE.data import load_architectures  # noqa: E402
from Training_VAE.latents import load_latents  # noqa: E402
from Training_VAE.reporting import report_evaluation  # noqa: E402

SMALL_CELLS = 5
"""Nodes of the largest cells of the job that needs no data."""
SMALL_FLAGS = ["--cells_up_to", str(SMALL_CELLS), "--epochs", "60", "--epochs_a_pass", "1"]
SMALL_FLAGS += ["--batch_size", "32"]
"""Its training: few graphs, so more passes and smaller batches than on a whole space."""


def draw_map(folder: Path, latent_file: Path, data_root: Path | None, seed: int) -> Path:
    """Draw the latent map of a run: accuracies where they are known, else the number of edges."""
    table = load_latents(latent_file)
    config = read_json(folder / "config.json")
    space = get_space(config["space"])
    values = table.get("validation")
    label = "validation accuracy"
    if values is None or np.isnan(values).all():
        cells_up_to = config["settings"]["cells_up_to"]
        graphs = load_architectures(space, data_root, seed, cells_up_to).graphs
        values = graphs.adjacency.flatten(1).sum(1).numpy().astype(float)
        label = "number of edges"
    title = f"{len(table['hash']):,} {space.name} architectures in the latent space"
    figure = latent_map(table["mean"], values, label=label, title=title)
    return save_figure(figure, folder / "figures" / "latent_map.png")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do every step that is not done yet, and say where its result is."""
    flags = parser("Train an SVGE, evaluate it, extract its latents and draw what it learnt.")
    flags.add_argument(
        "--space",
        choices=list(SPACES),
        help="a whole search space (default: the NB101 cells of at most 5 nodes, without data)",
    )
    flags.add_argument("--out", type=Path, help="folder of the run (default: runs/first_run…)")
    flags.add_argument("--epochs", type=positive_int, help="epochs instead of the preset's")
    add_common(flags)
    given = flags.parse_args(arguments)

    name = f"first_run_{given.space}" if given.space else "first_run"
    out = given.out or ROOT / "runs" / name
    space = given.space or "NB101"
    folder = out / f"SVGE_{space}"
    common = ["--device", given.device, "--seed", str(given.seed)]
    common += ["--threads", str(given.threads or torch.get_num_threads())]
    common += ["--data_root", str(given.data_root)] if given.data_root else []
    small = [] if given.space else SMALL_FLAGS
    epochs = ["--epochs", str(given.epochs)] if given.epochs else []
    weights = ["--data_search_space", space, "--path_state_dict", str(folder), *common]

    if (folder / "result.json").exists():
        print(f"trained already, in {folder}:")
        report_evaluation(read_json(folder / "result.json"))
    else:
        print(f"training an SVGE on {'the small cells of ' if small else ''}{space}, in {folder}")
        resume = ["--resume"] if (folder / "config.json").exists() else []
        target = ["--data_search_space", space, "--log_dir", str(out), "--name", name]
        train_svge.main([*target, *common, *small, *epochs, *resume])

    latent_file = folder / f"{space}_latent_epoch{latest_epoch(folder)}.npz"
    if not latent_file.exists():
        extract_latents.main([*weights, *small[:2]])
    latent_picture = folder / "figures" / "latent_map.png"
    if not latent_picture.exists():
        draw_map(folder, latent_file, given.data_root, given.seed)
    strip = folder / "figures" / "interpolation.png"
    if not strip.exists():
        interpolate.main([*weights, "--out", str(strip.parent)])

    print()
    for what, path in (
        ("weights", folder / f"model_checkpoint{latest_epoch(folder)}.obj"),
        ("evaluation", folder / "result.json"),
        ("learning curve", folder / "metrics.jsonl"),
        ("latents", latent_file),
        ("latent map", latent_picture),
        ("interpolation", strip),
    ):
        print(f"{what:<15} {path}")
    return 0


if __name__ == "__main__":
    run_command(main)
