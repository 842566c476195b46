"""What ``fully_train_ENAS.py`` and ``fully_train_ENAS12.py`` do: train what a search found."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from Bayesian_Optimization.found_architectures import newest_found
from datasets.commands.form_flag import add_form_flag
from datasets.spaces.enas import ENAS
from estimators.commands.training import add_training_flags, train_macros
from experiment.arguments import parser, positive_int
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT

RUNS = REPOSITORY_ROOT / "runs"
TOP = 3
"""Architectures of a run that are trained where none are named; each takes days without a GPU."""
MAKERS = {
    6: "Bayesian_Optimization/bo.py",
    12: "Extrapolation_Ability/eval_extrapolation.py --data_search_space ENAS",
}
"""Layers → the command that finds architectures of so many."""


def fully_train(layers: int, name: str, arguments: Sequence[str] | None) -> int:
    """Train every requested architecture with every seed.

    Args:
        layers: of the networks.
        name: default of ``--name``.
        arguments: of the command; default: those of the process.

    Returns:
        The exit code.

    Raises:
        InputError: a flag or a file is wrong, or there is nothing to train.
    """
    flags = parser(
        f"Train the {layers}-layer ENAS networks that a search found, from scratch to the end."
    )
    flags.add_argument(
        "architectures",
        nargs="*",
        help="files or architectures (default: the first of the newest finished ranking or search "
        f"of {layers} layers below runs/)",
    )
    flags.add_argument(
        "--top",
        type=positive_int,
        metavar="K",
        help=f"how many of that ranking or search are trained (default: {TOP})",
    )
    add_form_flag(flags, "the architectures")
    add_training_flags(flags, name, config="published")
    given = flags.parse_args(arguments)
    if given.architectures and given.top is not None:
        raise InputError("--top is of the newest run: leave it out, or name no architectures")
    texts = given.architectures or newest(layers, given)
    return train_macros(texts, given, layers)


def newest(layers: int, given: Namespace) -> list[str]:
    """The notations of the best architectures of the newest run, which is said.

    Raises:
        InputError: there is no such run, or ``--arch_form`` describes nothing.
    """
    if given.arch_form is not None:
        raise InputError("--arch_form describes architectures that are named: name them")
    space = ENAS(layers)
    found = newest_found(space, RUNS, given.top or TOP)
    if found is None:
        raise InputError(
            f"no architectures are named, and no ranking or search of {space.name} has ended below "
            f"{str(RUNS)!r}: name files or architectures, or make a run by "
            f"python {MAKERS[layers]}"
        )
    print(f"no architectures are named: training {found}", flush=True)
    return [space.format(graph) for graph in found.graphs]
