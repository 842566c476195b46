"""Fine-tune a trained graph VAE with an accuracy head on measured architectures.

From the repository root::

    PYTHONPATH=$PWD python Performance_Prediction/train_surrogate_model.py --model SVGE_acc

The run's folder is ``runs/<MODEL>_<SPACE>/``, or below ``--log_dir``: checkpoints under the
published names beside ``config.json``, ``metrics.jsonl`` and ``result.json``. A run that was
killed resumes with ``--resume``. ``--config published`` trains as the published code did.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from argparse import Namespace
from collections.abc import Sequence

from datasets import get_benchmark, get_space
from datasets.commands.measurement_flags import (
    add_measurement_flags,
    check_measurement_flags,
    file_measurements,
)
from datasets.labels import SURROGATE_LABELS, LabelledSet
from datasets.registry import SPACES
from datasets.source_record import announce
from datasets.space import SearchSpace
from experiment.arguments import (
    Parser,
    add_common,
    best_device,
    parser,
    positive_int,
)
from experiment.errors import InputError, run_command
from experiment.seeding import seed_everything
from experiment.threads import use_threads
from models import MODELS
from models.checkpoints import RUNS
from models.heads import surrogate_name
from models.shipped import check_no_shipped
from Performance_Prediction.surrogate_training import load_start, train
from predictors.fine_tuned import LEAST_LABELS
from predictors.fine_tuning import ERRORS, TARGET_SCALES, FineTuning

SURROGATES = [surrogate_name(name) for name in MODELS]
SETTING_FLAGS = ("epochs", "loss", "targets")
"""Flags that override a setting of the preset when they are given."""


def make_parser() -> Parser:
    """The command line: the published flags, and ours."""
    flags = parser(__doc__.splitlines()[0] if __doc__ else "")
    flags.add_argument(
        "--model", default="SVGE_acc", choices=SURROGATES, help="which VAE, with the head"
    )
    flags.add_argument("--name", default="Train_PP", help="name of the run, for its records")
    flags.add_argument(
        "--data_search_space", default="NB101", choices=list(SPACES), help="which search space"
    )
    flags.add_argument(
        "--path_state_dict",
        type=Path,
        help="folder of the VAE's weights to begin at (default: <VAE>_<SPACE> in state_dicts/, "
        "else in runs/); a head among them is left out",
    )
    flags.add_argument(
        "--checkpoint", type=positive_int, help="epoch of these weights (default: the last one)"
    )
    flags.add_argument(
        "--test",
        type=int,
        default=0,
        choices=(0, 1),
        help="1: fit test accuracy, as the published code did; 0: validation accuracy",
    )
    flags.add_argument(
        "--sample_amount",
        type=positive_int,
        help=f"architectures to learn from (default: {SURROGATE_LABELS}; of a file all but the "
        "tenth that is held out)",
    )
    add_measurement_flags(flags)
    flags.add_argument(
        "--save_interval", type=positive_int, default=50, help="epochs between checkpoints"
    )
    flags.add_argument("--log_dir", type=Path, default=RUNS, help="where the run's folder lies")
    flags.add_argument("--config", default="default", help="preset of configs/, or a TOML file")
    flags.add_argument("--epochs", type=positive_int, help="passes over the labelled ones")
    flags.add_argument("--loss", choices=list(ERRORS), help="squared error, or order of pairs")
    flags.add_argument(
        "--targets",
        choices=list(TARGET_SCALES),
        help="targets of the head: ranks, accuracies of mean 0 and std 1, or raw accuracies",
    )
    flags.add_argument("--resume", action="store_true", help="resume a killed run")
    add_common(flags)
    return flags


def settings_of(given: Namespace) -> FineTuning:
    """The settings that the flags name: those of the preset, with what was given on top."""
    overrides = {name: getattr(given, name) for name in SETTING_FLAGS}
    return FineTuning.preset(given.config, given.data_search_space, overrides)


def labels_of(given: Namespace, space: SearchSpace) -> tuple[LabelledSet, LabelledSet]:
    """The labelled and the held-out set: a benchmark's metric, or a column of a file.

    Raises:
        InputError: it is not there, or there are too few.
    """
    if given.labels_file is None:
        benchmark, amount = get_benchmark(space.name, given.data_root), SURROGATE_LABELS
        metric = "test" if given.test else benchmark.chosen_by
    else:
        found = file_measurements(given, space, given.value_column)
        metric, benchmark, amount = found.value_column, found.benchmark(given.unit), None
    known = LabelledSet.of(benchmark, [metric], minimise=given.minimise)
    labelled, held_out = known.draw_beside_held_out(given.sample_amount or amount, given.seed)
    if len(labelled) < LEAST_LABELS:
        raise InputError(
            f"{len(labelled)} architectures are too few to learn from: "
            f"{LEAST_LABELS} are the least, beside the tenth that is held out"
        )
    return labelled, held_out


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, judge and save."""
    given = make_parser().parse_args(arguments)
    use_threads(given.threads)
    seed_everything(given.seed)
    check_measurement_flags(given)
    if given.labels_file is None and given.minimise:
        raise InputError("--minimise describes a file of measurements: add --labels_file")
    if given.sample_amount is not None and given.sample_amount < LEAST_LABELS:
        raise InputError(
            f"--sample_amount {given.sample_amount} is too few to learn from: "
            f"give {LEAST_LABELS} at least"
        )
    space = get_space(given.data_search_space)
    folder = given.log_dir / f"{given.model}_{space.name}"
    check_no_shipped(folder)
    settings = settings_of(given)
    start = load_start(given.model, space, given.path_state_dict, given.checkpoint)
    labelled, held_out = labels_of(given, space)
    announce([labelled.benchmark])
    train(
        name=given.name,
        settings=settings,
        start=start,
        labelled=labelled,
        held_out=held_out,
        folder=folder,
        device=best_device(given.device),
        seed=given.seed,
        save_interval=given.save_interval,
        resume=given.resume,
    )
    print(f"the weights are in {folder}: --path_state_dict {folder} gives them to other commands")
    return 0


if __name__ == "__main__":
    run_command(main)
