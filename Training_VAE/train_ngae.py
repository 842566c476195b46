"""Train D-VAE or NGAE on a search space, report what it can do, and search in its latent space.

From the repository root::

    PYTHONPATH=$PWD python Training_VAE/train_ngae.py --data_search_space ENAS

NGAE is D-VAE with heads for accuracy and complexity. ``--config`` chooses how it is trained:
``default`` is ours, ``published`` trains as the released code. ``--only_search`` goes up the
gradients of trained heads and writes the architectures that it finds, ``--train_from_scratch``
trains their networks. Run folders are those of ``train_svge.py``; the published flags of NGAE are
understood (``docs/dvae.md``).
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from argparse import BooleanOptionalAction, Namespace
from collections.abc import Sequence

from datasets import get_space
from datasets.architecture_files import read_architectures
from datasets.registry import SPACES
from estimators.commands.training import add_training_flags, train_all
from experiment.arguments import (
    Parser,
    non_negative_float,
    parser,
    positive_float,
    positive_int,
)
from experiment.errors import InputError, run_command
from experiment.files import check_output
from experiment.seeding import seed_everything
from experiment.threads import use_threads
from models.checkpoints import RUNS
from models.heads import ACCURACY
from Training_VAE.head_targets import recorded_targets
from Training_VAE.ngae_search import LatentSearch, find_architectures, report_found, write_found
from Training_VAE.trained import trained_architectures
from Training_VAE.training_command import NGAE, find_trained, folder_name, make_parser, run_given

PUBLISHED_DATA = {"final_structures6": "ENAS"}
"""Name of a published data file → its space."""
PUBLISHED_TYPES = {"ENAS": "ENAS", "NASBench": "NB101"}
"""Published name of a kind of data → its space."""
SMALL_TRAIN = 100
"""Graphs that ``--small_train`` trains on."""


def make_ngae_parser() -> Parser:
    """The command line: flags of every training, those of NGAE, and those of the search."""
    flags = make_parser(NGAE)
    add_model_flags(flags)
    add_published_flags(flags)
    add_search_flags(flags)
    return flags


def add_model_flags(flags: Parser) -> None:
    """Add sizes and heads."""
    flags.add_argument("--hs", dest="node_width", type=positive_int, help="width of the states")
    flags.add_argument("--nz", dest="graph_width", type=positive_int, help="width of the latent")
    flags.add_argument(
        "--bidirectional",
        action=BooleanOptionalAction,
        help="encode from the output, too (default: the preset's)",
    )
    flags.add_argument(
        "--predictor",
        action="store_true",
        default=None,
        help="give DVAE its head for accuracy (NGAE always has its two)",
    )
    flags.add_argument(
        "--complexity",
        choices=("proxy", "parameters", "flops"),
        help="what NGAE's second head predicts: the published proxy (ENAS), or the true number",
    )
    flags.add_argument(
        "--accuracy_weight", type=non_negative_float, help="of the error of the accuracy"
    )
    flags.add_argument(
        "--complexity_weight", type=non_negative_float, help="of the error of the complexity"
    )
    flags.add_argument(
        "--labels", type=positive_int, help="measured accuracies to use (default: all)"
    )


def add_published_flags(flags: Parser) -> None:
    """Add other names of flags: those of NGAE's ``train.py``."""
    flags.add_argument(
        "--data_name",
        dest="data_search_space",
        type=lambda name: PUBLISHED_DATA.get(name, name),
        choices=list(SPACES),
        help="the same as --data_search_space; final_structures6 is ENAS",
    )
    flags.add_argument(
        "--data_type",
        choices=list(PUBLISHED_TYPES),
        help="accepted where it agrees with the space: NASBench is NB101",
    )
    flags.add_argument(
        "--nvt",
        type=positive_int,
        help="accepted where the space has so many operations (ENAS: 6)",
    )
    flags.add_argument("--lr", dest="learning_rate", type=positive_float, help="--learning_rate")
    flags.add_argument(
        "--continue_from",
        dest="test_epoch",
        type=positive_int,
        help="epoch of the weights to test or to search with, as --test_epoch",
    )
    flags.add_argument(
        "--only_test",
        dest="only_test_mode",
        action="store_const",
        const=1,
        help="the same as --only_test_mode 1",
    )
    flags.add_argument(
        "--small_train",
        dest="limit",
        action="store_const",
        const=SMALL_TRAIN,
        help=f"the same as --limit {SMALL_TRAIN}",
    )
    flags.add_argument(
        "--save_appendix", default="", help="what the name of the run's folder ends in"
    )
    flags.add_argument(
        "--infer_batch_size",
        type=positive_int,
        help="accepted, and without effect: graphs are encoded in portions that fit",
    )


def add_search_flags(flags: Parser) -> None:
    """Add the search in the latent space, and what is done with the architectures it finds."""
    flags.add_argument(
        "--only_search",
        action="store_true",
        help="search with the weights in the run's folder, and write what was found",
    )
    flags.add_argument(
        "--train_from_scratch",
        action="store_true",
        help="train the networks of what such a search found; flags behind -- are those of "
        "Extrapolation_Ability/cell_training/train_enas.py",
    )
    flags.add_argument(
        "--search_optimizer",
        choices=("sgd", "Newton"),
        default=LatentSearch.optimizer,
        help="how steps are made",
    )
    flags.add_argument(
        "--search_strategy",
        choices=("random", "optimal"),
        default=LatentSearch.strategy,
        help="start at random points, or at the best measured architectures",
    )
    flags.add_argument(
        "--search_samples",
        type=positive_int,
        default=LatentSearch.samples,
        help="random points, or highest accuracies, to start at",
    )
    flags.add_argument(
        "--starts",
        metavar="FILE",
        help="start at these architectures instead; they are among those of the training",
    )
    flags.add_argument(
        "--search_rate", type=positive_float, help="of the steps (default: the published one)"
    )
    flags.add_argument(
        "--search_steps", type=positive_int, help="how many (default: as many as published)"
    )
    flags.add_argument(
        "--lambda",
        dest="trade_off",
        type=non_negative_float,
        default=LatentSearch.trade_off,
        help="what complexities weigh against accuracies",
    )
    flags.add_argument(
        "--found",
        type=Path,
        help="file of the architectures (default: found_<OPTIMIZER>_<STRATEGY>.jsonl, with the "
        "name of the run's folder before it, where that folder lies)",
    )


def found_file(given: Namespace) -> Path:
    """Where a search writes what it found."""
    if given.found is not None:
        return Path(given.found)
    kind = f"{given.search_optimizer}_{given.search_strategy}"
    return Path(given.log_dir or RUNS) / f"{folder_name(NGAE, given)}_found_{kind}.jsonl"


def search(given: Namespace) -> int:
    """Search with trained weights, and write what was found.

    Raises:
        InputError: the weights have no head to search by, are others than the flags say, or no
            accuracies are at hand.
        ArchitectureError: a row of ``--starts`` is no member of the space.
        ModelError: there are no such weights.
    """
    path = check_output(found_file(given), overwrite=True)
    use_threads(given.threads)
    seed_everything(given.seed)
    trained = find_trained(NGAE, given)
    if ACCURACY not in trained.heads:
        raise InputError(
            f"the weights in {str(trained.folder)!r} have no head for accuracy, whose gradients a "
            "search goes by: train NGAE, or DVAE with --predictor"
        )
    architectures = trained_architectures(trained, given.data_root, given.seed)
    targets = recorded_targets(trained, architectures, given.data_root)
    starts = read_architectures(given.starts, trained.space) if given.starts else ()
    kind = LatentSearch(
        given.search_optimizer,
        given.search_strategy,
        given.search_samples,
        given.trade_off,
        given.search_rate,
        given.search_steps,
        tuple(starts),
    )
    found = find_architectures(kind, trained, architectures, targets, given.seed)
    report_found(found, trained.space)
    write_found(path, found)
    print(f"they are in {path}: --train_from_scratch trains their networks")
    return 0


def train_from_scratch(given: Namespace, further: Sequence[str]) -> int:
    """Train the networks of what a search found.

    Args:
        given: the flags of this command.
        further: those of the training of networks.

    Raises:
        InputError: nothing was found yet, or a flag is wrong.
        ArchitectureError: the file has an architecture that is no member of the space.
    """
    path = found_file(given)
    if not path.is_file():
        raise InputError(
            f"there is no file {str(path)!r} of found architectures: search first, with "
            "--only_search and the same --search_optimizer and --search_strategy"
        )
    space = get_space(given.data_search_space)
    found = [space.check(graph) for graph in read_architectures(str(path), space)]
    flags = parser("Train the networks of the architectures that a latent search found.")
    add_training_flags(flags, f"{folder_name(NGAE, given)}_found")
    training = flags.parse_args([*shared_flags(given), *further])
    return train_all(space, found, training)


def shared_flags(given: Namespace) -> list[str]:
    """Flags of this command that the training of networks has in the same meaning."""
    shared = {name: getattr(given, name) for name in ("data_root", "device", "seed", "threads")}
    if given.config != "default":  # which for networks depends on the images
        shared["config"] = given.config
    flags = [f"--{name}={value}" for name, value in shared.items() if value is not None]
    return [*flags, "--resume"] if given.resume else flags


def check_flags(given: Namespace, further: Sequence[str]) -> None:
    """Refuse flags that do not go together.

    Raises:
        InputError: two modes are named, or what belongs to another one.
    """
    modes = {
        "--only_test": given.only_test_mode,
        "--only_search": given.only_search,
        "--train_from_scratch": given.train_from_scratch,
    }
    chosen = [flag for flag, on in modes.items() if on]
    if len(chosen) > 1:
        raise InputError(f"{' and '.join(chosen)} are given, expected one of them")
    if not chosen and given.test_epoch is not None:
        raise InputError(
            f"--continue_from {given.test_epoch} names weights to test or to search with; a killed "
            "training continues with --resume, another one begins at --start_from"
        )
    if further and not given.train_from_scratch:
        raise InputError(
            f"{further[0]} stands behind --, where the flags of --train_from_scratch do"
        )


def check_published_data(given: Namespace) -> None:
    """Refuse published flags for the data that are not those of the space.

    Raises:
        InputError: they are of another space.
    """
    space = get_space(given.data_search_space)
    named = PUBLISHED_TYPES.get(given.data_type, space.name)
    if named != space.name:
        raise InputError(
            f"--data_type {given.data_type} is of {named}, and the space is {space.name}: leave "
            "it out, or name the space by --data_search_space"
        )
    operations = len(space.types) - 2  # without input and output
    if given.nvt not in (None, operations):
        raise InputError(
            f"--nvt {given.nvt} is given, and {space.name} has {operations} operations: leave it "
            "out"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, evaluate, search, or train what was found, as the flags say."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    end = words.index("--") if "--" in words else len(words)
    given, further = make_ngae_parser().parse_args(words[:end]), words[end + 1 :]
    check_flags(given, further)
    check_published_data(given)
    if given.only_search:
        return search(given)
    if given.train_from_scratch:
        return train_from_scratch(given, further)
    return run_given(NGAE, given)


if __name__ == "__main__":
    run_command(main)
