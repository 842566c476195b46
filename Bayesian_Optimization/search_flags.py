"""The flags of ``search.py``, and which of them go together."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from pathlib import Path

from Bayesian_Optimization.shared_flags import add_search_flags
from estimators.by_data_set import TRAINED_ON
from estimators.fidelity import as_fidelities
from experiment.arguments import (
    Parser,
    add_engine_flags,
    non_negative_int,
    parser,
    positive_int,
)
from experiment.errors import InputError
from searchers.methods import (
    LIMITED,
    MULTI_FIDELITY,
    SEARCHERS,
    SHARED_WEIGHTS,
    TRANSFER,
    WEIGHTED,
    check_estimator,
)

ESTIMATORS = ("table", "surrogate", "train", "one_shot")
ON_DATA = ("train", "one_shot")
"""Estimators that train networks on a data set."""
OF_ESTIMATORS = (
    "estimator",
    "dataset",
    "trial",
    "limit",
    "domain",
    "predictor",
    "features",
    "labels",
    "store",
    "supernet",
    "split_seed",
)
"""Flags that a function of the user's own has no use for."""
SUPERNET_RECIPES = ("default", "published")
"""Sections of ``configs/one_shot.toml``."""
OF_FUNCTIONS = ("unit", "form", "known", "arch_column", "value_column")
"""Flags of such a function."""


def trial(text: str) -> int | None:
    """``mean``, or the number of a trial."""
    if text == "mean":
        return None
    if not text.isdigit():
        raise ArgumentTypeError(f"expected mean or a number from 0 on, was given {text!r}")
    return int(text)


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Search for the best architecture of a space.")
    add_search_flags(flags)
    flags.add_argument(
        "--method",
        choices=[*SEARCHERS, *TRANSFER, *LIMITED, *MULTI_FIDELITY, *SHARED_WEIGHTS],
        help="searcher (default: bo; latent_bo where the space is too large for a list)",
    )
    flags.add_argument(
        "--start",
        type=Path,
        help="file of architectures to begin with, one a line, or a CSV with a column architecture",
    )
    flags.add_argument(
        "--asynchronous",
        type=positive_int,
        metavar="N",
        help="measure N at once, and propose another as soon as one is done",
    )
    flags.add_argument(
        "--objective",
        metavar="MODULE:FUNCTION",
        help="Python function of an architecture that gives its value, found in the current folder "
        "or where Python finds modules; instead of --estimator",
    )
    flags.add_argument(
        "--minimise", "--minimize", action="store_true", help="look for the lowest value"
    )
    flags.add_argument(
        "--unit", help="of the function's values: eV, kcal/mol (fraction: 0 to 1, shown in percent)"
    )
    flags.add_argument(
        "--form",
        help="what the function is given: a form of python -m datasets.convert --list, such as "
        "official (default: an ArchitectureGraph)",
    )
    flags.add_argument(
        "--known",
        type=Path,
        metavar="FILE",
        help="what was measured before, CSV or JSON lines: not measured again, costs no query",
    )
    flags.add_argument("--arch_column", help="column of --known with the architectures")
    flags.add_argument(
        "--arch_form",
        metavar="FORM",
        help="how --known and --start write them (default: official notation)",
    )
    flags.add_argument("--value_column", help="column of --known with the values")
    flags.add_argument(
        "--weights",
        help=f"folder or name of the VAE for {', '.join(WEIGHTED)} and the features latents "
        "(default: the shipped one)",
    )
    flags.add_argument(
        "--estimator",
        choices=ESTIMATORS,
        help="look values up (default), let a fitted predictor guess them, train on the digits "
        "or on a citation graph, or train one supernet there and measure by its weights",
    )
    flags.add_argument(
        "--supernet",
        choices=SUPERNET_RECIPES,
        help="for --estimator one_shot: how shared weights are trained and evaluated (default: "
        "default; published: as in AutoGL)",
    )
    flags.add_argument(
        "--trial",
        type=trial,
        help="mean, or the number of the one trial that is looked up (default: mean); when "
        "training, its seed (default: 0)",
    )
    flags.add_argument(
        "--split_seed",
        type=non_negative_int,
        help="of the random split of a citation graph on which --estimator train and one_shot "
        "train (default: its public split, where it has one)",
    )
    flags.add_argument(
        "--limit",
        metavar="NAME<=MOST",
        help="the most that an architecture may cost: parameters<=500000, or with NB201 "
        "latency.pixel3<=8 (milliseconds); of a table any metric; NAME>=LEAST for the least that "
        "it has to have",
    )
    flags.add_argument(
        "--domain",
        choices=("table", "space"),
        help="candidates: the rows of the table, or all of the space (default: table "
        "with --estimator table, else space)",
    )
    flags.add_argument("--predictor", help="of the surrogate (default: the suite's choice)")
    flags.add_argument("--features", nargs="+", help="features that it reads")
    flags.add_argument(
        "--labels",
        type=positive_int,
        help="labelled architectures the predictor is fitted to (default: 1000)",
    )
    flags.add_argument(
        "--fidelity",
        type=positive_int,
        nargs="+",
        metavar="EPOCHS",
        help="for --method asha and successive_halving: epochs among which they choose, ascending, "
        "such as 4 12 36 108 (default: all that the table holds)",
    )
    flags.add_argument(
        "--eta", type=positive_int, help="one in so many is trained for more epochs (default: 3)"
    )
    add_engine_flags(flags)
    flags.add_argument(
        "--store", type=Path, help="file of trainings that are not repeated (default: in the run)"
    )
    return flags


def check_fidelity_flags(given: Namespace) -> None:
    """Refuse fidelities where none are chosen, and what does not go with a search that does.

    Raises:
        InputError: there is such a flag, or the fidelities are not ascending.
    """
    if given.method not in MULTI_FIDELITY:
        if unused := [name for name in ("fidelity", "eta") if getattr(given, name) is not None]:
            raise InputError(
                f"--{unused[0]} belongs to --method {' and '.join(MULTI_FIDELITY)}: leave it out"
            )
        return
    if given.initial is not None:
        raise InputError(f"--method {given.method} draws at random throughout: leave --initial out")
    if given.fidelity is not None:
        as_fidelities(given.fidelity)


def check_shared_weights_flags(given: Namespace) -> None:
    """Refuse what a search that trains shared weights itself has no use for.

    Raises:
        InputError: there is such a flag.
    """
    if given.initial is not None:
        raise InputError(f"--method {given.method} begins with nothing: leave --initial out")
    if given.weights is not None:
        raise InputError(f"--method {given.method} trains its own weights: leave --weights out")


def check_flags(given: Namespace) -> None:
    """Refuse flags that would change nothing.

    Raises:
        InputError: there is one.
    """
    foreign = OF_ESTIMATORS if given.objective else OF_FUNCTIONS
    if unused := [name for name in foreign if getattr(given, name) is not None]:
        how = "does not go with" if given.objective else "belongs to"
        raise InputError(f"--{unused[0]} {how} --objective: leave it out")
    given.estimator = "function" if given.objective else given.estimator or "table"
    described = [name for name in ("arch_column", "value_column") if vars(given)[name]]
    if given.arch_form and given.start is None:
        described.append("arch_form")
    if described and given.known is None:
        raise InputError(f"--{described[0]} describes a file of measurements: give --known")
    if given.supernet and given.estimator != "one_shot":
        raise InputError("--supernet belongs to --estimator one_shot: leave it out")
    if given.minimise and given.estimator in ON_DATA:
        raise InputError("a training has an accuracy, which is maximised: leave --minimise out")
    surrogate = [name for name in ("predictor", "features", "labels") if getattr(given, name)]
    if surrogate and given.estimator != "surrogate":
        raise InputError(f"--{surrogate[0]} belongs to --estimator surrogate: leave it out")
    if given.split_seed is not None and given.estimator not in ON_DATA:
        raise InputError("--split_seed belongs to --estimator train or one_shot: leave it out")
    if given.store and given.estimator not in ON_DATA:
        raise InputError("--store keeps trainings: it belongs to --estimator train or one_shot")
    if given.limit and given.estimator == "surrogate":
        raise InputError("a surrogate guesses the objective, no costs: leave --limit out")
    if given.estimator == "surrogate" and given.trial is not None:
        raise InputError("--trial chooses what is looked up or trained: a surrogate guesses")
    check_estimator(given.method, given.estimator)
    check_fidelity_flags(given)
    if given.method in SHARED_WEIGHTS:
        check_shared_weights_flags(given)
    if given.asynchronous and given.batch > 1:
        raise InputError("an asynchronous search proposes one at a time: leave --batch out")
    if given.estimator in ON_DATA and given.domain == "table":
        raise InputError("what is trained needs no table: leave --domain out")
    if given.estimator in ON_DATA and given.dataset not in (None, *TRAINED_ON):
        raise InputError(
            f"nothing is trained on {given.dataset!r}: choose a --dataset of "
            f"{', '.join(TRAINED_ON)}, or leave it out (search_problem.py trains on molecules)"
        )
    if given.features is not None:
        given.features = [name for word in given.features for name in word.split(",") if name]
