"""Put the weights of a finished training among those that are shipped, and measure them there.

From the repository root::

    python -m Training_VAE.ship_weights --run runs/SVGE_NB101

writes into ``state_dicts/SVGE_NB101/`` the weights in half precision under the published epoch,
their ``config.json``, the curve and a model card, and into ``state_dicts/manifest.json`` all that
is known of them. The stored file is read back and evaluated in float32 on what the training held
out; these numbers, not those of the run, are kept. Surrogates (``SVGE_acc``), which
``Performance_Prediction/train_surrogate_model.py`` trains, are shipped by the same command.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

import json
import shutil
import tempfile
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from experiment.arguments import add_common, best_device, parser, positive_int
from experiment.checkpoint import save_checkpoint
from experiment.environment import git_state
from experiment.errors import InputError, run_command
from experiment.files import atomic_path, plain, write_json
from experiment.threads import use_threads
from models.checkpoints import STATE_DICTS, checkpoint_path
from models.shipped import MANIFEST, read_manifest
from predictors.fine_tuned import TARGETS_FILE
from Training_VAE.evaluation import Protocol, evaluate
from Training_VAE.head_targets import judge, recorded_targets
from Training_VAE.model_card import model_card
from Training_VAE.reporting import report_evaluation, report_heads
from Training_VAE.shipping import FinishedRun, curve_line, describe_data
from Training_VAE.surrogate_card import surrogate_card
from Training_VAE.surrogate_shipping import measured_surrogate, stage_scale
from Training_VAE.trained import TrainingRecord, load_trained, trained_architectures

PUBLISHED_EPOCH, PUBLISHED_SURROGATE_EPOCH = 300, 100
"""Epochs in the names of the published files: of VAEs, and of those with an accuracy head."""


def check_free(out: Path, name: str, files: Sequence[Path]) -> None:
    """Make sure that nothing would be overwritten.

    Raises:
        InputError: one of the files is there, or the manifest tells of such weights.
    """
    there = [str(file) for file in files if file.exists()]
    if name in read_manifest(out):
        there.append(f"{out / MANIFEST}: {name}")
    if there:
        raise InputError(f"{there[0]!r} is there already: add --overwrite or choose --out")


def stage(run: FinishedRun, folder: Path, epoch: int) -> None:
    """Write weights, configuration and curve of a run into a folder.

    Raises:
        InputError: the weights are not finite, or too large for half precision.
        ModelError: they are absent or damaged.
    """
    save_checkpoint(checkpoint_path(folder, epoch), run.half_precision())
    write_json(folder / "config.json", run.shipped_config(epoch))
    with atomic_path(folder / "metrics.jsonl") as partial:
        lines = [json.dumps(plain(curve_line(entry))) + "\n" for entry in run.curve]
        partial.write_text("".join(lines), encoding="utf-8")


def measured_entry(
    run: FinishedRun,
    folder: Path,
    epoch: int,
    notes: list[str],
    data_root: Path | None,
    device: torch.device,
    seed: int,
) -> dict[str, Any]:
    """The manifest's entry for staged weights, with their evaluation.

    Raises:
        InputError: they are not the weights that their configuration tells of, or the data of the
            training is not at hand.
    """
    model_name, space = run.config["model"], run.config["space"]
    trained = load_trained(model_name, space, folder, epoch, device)
    record = TrainingRecord.read(folder)
    architectures = trained_architectures(trained, data_root, seed)
    noise_scale = Protocol.noise_scale if record.noise_scale is None else record.noise_scale
    result = evaluate(trained.model, architectures, Protocol(noise_scale=noise_scale), seed)
    report_evaluation(result)
    if trained.heads:
        targets = recorded_targets(trained, architectures, data_root)
        rows = architectures.test_rows
        if heads := judge(trained.model, trained.heads, targets, architectures, rows):
            result["heads"] = heads
            report_heads(heads)
    code = git_state()
    everything = nn.ModuleList([trained.model, *trained.heads.values()])
    return {
        **run.stored(checkpoint_path(folder, epoch), epoch, everything),
        "data": describe_data(architectures, record.cells_up_to, data_root),
        "metrics": {
            "precision": "float32",
            "seed": seed,
            "commit": code["commit"],
            "uncommitted_changes": code["dirty"],
            **result,
        },
        "notes": notes,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Ship the weights of a run."""
    flags = parser(__doc__.splitlines()[0] if __doc__ else "")
    flags.add_argument("--run", type=Path, required=True, help="folder of the finished training")
    flags.add_argument("--epoch", type=positive_int, help="whose weights (default: the last one)")
    flags.add_argument(
        "--as_epoch",
        type=positive_int,
        help=f"epoch in the file's name (default: {PUBLISHED_EPOCH}, of surrogates "
        f"{PUBLISHED_SURROGATE_EPOCH})",
    )
    flags.add_argument("--out", type=Path, default=STATE_DICTS, help="where shipped weights lie")
    flags.add_argument(
        "--note", action="append", default=[], help="a sentence for the card's limits; repeatable"
    )
    flags.add_argument("--overwrite", action="store_true", help="replace what is there")
    add_common(flags)
    given = flags.parse_args(arguments)
    use_threads(given.threads)

    run = FinishedRun.read(given.run, given.epoch)
    published = PUBLISHED_SURROGATE_EPOCH if run.is_surrogate else PUBLISHED_EPOCH
    epoch = given.as_epoch or published
    target = given.out / run.name
    names = [f"model_checkpoint{epoch}.obj", "config.json", "metrics.jsonl", "README.md"]
    names += [TARGETS_FILE] if run.is_surrogate else []
    if not given.overwrite:
        check_free(given.out, run.name, [target / name for name in names])
    device = best_device(given.device)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / run.name
        stage(run, folder, epoch)
        if run.is_surrogate:
            stage_scale(run, folder)
            entry = measured_surrogate(run, folder, epoch, given.note, given.data_root, device)
            card = surrogate_card(run.name, entry)
        else:
            entry = measured_entry(
                run, folder, epoch, given.note, given.data_root, device, given.seed
            )
            card = model_card(run.name, entry)
        (folder / "README.md").write_text(card, encoding="utf-8")
        for name in names:
            with atomic_path(target / name) as partial:
                shutil.copyfile(folder / name, partial)
    # Last: weights whose shipping was cut off have no entry, or one with another checksum.
    entries = {**read_manifest(given.out), run.name: entry}
    write_json(given.out / MANIFEST, {"weights": dict(sorted(entries.items()))})
    print(f"{target / names[0]}: {entry['bytes']} bytes, sha256 {entry['sha256']}")
    return 0


if __name__ == "__main__":
    run_command(main)
