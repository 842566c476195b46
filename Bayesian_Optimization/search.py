"""Search for the best architecture of a space.

From the repository root::

    PYTHONPATH=$PWD python Bayesian_Optimization/search.py --space NB201 --dataset cifar100 \
        --method evolution --queries 150 --initial 10 --estimator table --trial mean --seed 0

Values are looked up in a table, guessed by a fitted surrogate (``--estimator surrogate``), or
come from real training on handwritten digits or citation graphs (``--estimator train``), or from
the shared weights of a supernet that is trained once (``--estimator one_shot``); or any Python
function gives the value of an architecture (``--objective my_module:score``, with
``--minimise`` the lowest is looked for). A run killed at any moment resumes with ``--resume``, to
the same end, without measuring anything twice.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))
if __name__ == "__main__":
    from experiment.errors import expect_interruption

    expect_interruption()

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from Bayesian_Optimization.search_flags import ON_DATA, check_flags, make_parser
from Bayesian_Optimization.shared_flags import run_place
from datasets import get_benchmark, get_space
from datasets.benchmark import Benchmark
from datasets.fidelities import fidelity_tables
from datasets.graph import ArchitectureGraph
from datasets.measurement_files import Measurements, read_measurements
from datasets.registry import BENCHMARKS, latency_choices
from datasets.source_record import announce, source_entries
from estimators.by_data_set import usual_data_set
from estimators.digits101 import CONFIG
from estimators.measurement import TrainingEstimator
from estimators.networks import measured_as
from estimators.own_function import function_name, load_function
from estimators.shared_weights import SharedWeights
from estimators.store import Store
from estimators.supernet_training import PRESET as ONE_SHOT
from estimators.supernet_training import OneShotRecipe
from experiment.arguments import engine_choice
from experiment.errors import InputError, run_command
from experiment.files import plain
from experiment.run import RunFolder
from experiment.schema import Stage
from experiment.seeding import seed_everything
from experiment.threads import use_threads
from predictors.features.background import background_tables
from searchers import search
from searchers.domain import Domain, WholeSpace
from searchers.final_training import train_incumbent
from searchers.initial_design import check_amounts, initial_size, read_start
from searchers.limits import Limit, measured_cost, with_counted_cost
from searchers.loop import Budget
from searchers.methods import (
    LIMITED,
    MULTI_FIDELITY,
    SHARED_WEIGHTS,
    WEIGHTED,
    default_method,
    make_searcher,
    reads_no_weights,
)
from searchers.problem import (
    Problem,
    fidelity_problem,
    known_rows,
    one_shot_problem,
    partial_training_problem,
    surrogate_problem,
    table_problem,
    training_problem,
    whole_space,
)
from searchers.running import Plan, carry_out, nothing_more
from searchers.searcher import Searcher
from searchers.shared_weights.choosing import ByChoice, ChoosingWeights
from searchers.shared_weights.methods import CHOOSING
from searchers.starting import start_search
from searchers.summary import result_lines

PRESETS = {name: name for name in SHARED_WEIGHTS}
"""Preset of the recipes of each search by shared weights that it trains itself."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, and report what was found."""
    given = make_parser().parse_args(arguments)
    check_flags(given)
    given.initial = initial_size(given.initial, given.queries, given.method)
    alone = 1 if given.estimator in ON_DATA else None  # digits are trained so, as for the table
    use_threads(given.threads or alone)
    seed_everything(given.seed)
    search_own = given.estimator == "function"
    run, result = search_by_function(given) if search_own else search_by_estimator(given)
    if given.json:
        print(json.dumps(plain(result)))
    else:
        print(
            "\n".join(
                [
                    *result_lines(result, run.config),
                    f"{run.path}/result.json, queries.csv, figures/",
                ]
            )
        )
    return 0


def search_by_function(given: Namespace) -> tuple[RunFolder, Mapping[str, Any]]:
    """Search by the function of the user's own that ``--objective`` names.

    Raises:
        InputError: there is no such function, or nothing could be measured.
    """
    function = load_function(given.objective)
    place = run_place(given, function_name(function), given.method)
    found = search(
        given.space,
        function,
        given.queries,
        given.method,
        run=place,
        resume=given.resume,
        minimise=given.minimise,
        unit=given.unit,
        known=read_known(given),
        initial=given.initial,
        start=start_of(given, WholeSpace(get_space(given.space))),
        batch=given.batch,
        asynchronous=given.asynchronous,
        engine=engine_choice(given),
        weights=given.weights,
        form=given.form,
        seed=given.seed,
        data_root=given.data_root,
    )
    return RunFolder(place), found.summary


def search_by_estimator(given: Namespace) -> tuple[RunFolder, Mapping[str, Any]]:
    """Search by a look-up, a guess or a training.

    Raises:
        InputError: the flags do not fit together, or nothing could be measured.
    """
    limit = Limit.parse(given.limit) if given.limit else None
    problem = make_problem(given, limit)
    problem = problem.minimised() if given.minimise else problem
    given.method = given.method or default_method(problem.domain, searcher_weights(given))
    budget = make_budget(given, problem)
    start = start_of(given, problem.domain)
    searcher = find_searcher(given, problem, limit)
    tables = tables_used(problem, searcher)
    config = configuration(given, problem, budget, start) | {"sources": source_entries(tables)}
    place = run_place(given, given.estimator, given.method)
    store = Store(given.store) if given.store else None  # refused before the folder is made
    with engine_choice(given).start() as engine:
        run = start_search(place, config, given.seed, given.resume)
        announce(tables, json=given.json)
        estimator, more = problem.estimator, nothing_more
        if isinstance(estimator, SharedWeights | TrainingEstimator):
            store = store or Store(run.path / "trainings.sqlite")
            if not given.json:
                print(estimator.computing_line(), flush=True)
            if isinstance(estimator, SharedWeights):
                more = partial(train_incumbent, training=estimator.training.with_store(store))
                estimator = estimator.in_folder(run.path)
                if isinstance(estimator, ChoosingWeights):
                    searcher = ByChoice(problem.domain, estimator, given.seed)
            else:
                estimator = estimator.with_store(store)
            problem = replace(problem, estimator=estimator)
        plan = Plan(problem, given.method, searcher, budget, start, limit=limit, engine=engine)
        return run, carry_out(plan, run, more)[1]


def start_of(given: Namespace, domain: Domain) -> list[ArchitectureGraph]:
    """The architectures of ``--start``; none without it.

    Raises:
        ArchitectureError: a line is none.
        InputError: the file is absent, or an architecture is repeated or outside the domain.
    """
    if given.start is None:
        return []
    return read_start(given.start, domain, given.arch_form, given.data_root)


def read_known(given: Namespace) -> Measurements | tuple[()]:
    """The measurements of ``--known``; the search says which columns were guessed.

    Raises:
        InputError: the file is absent or broken, or a column cannot be guessed.
    """
    if given.known is None:
        return ()
    return read_measurements(
        given.known,
        get_space(given.space),
        arch_column=given.arch_column,
        value_column=given.value_column,
        form=given.arch_form,
        data_root=given.data_root,
        least=1,
    )


def find_searcher(given: Namespace, problem: Problem, limit: Limit | None) -> Searcher:
    """The searcher that is called for; those of ``LIMITED`` receive the limit.

    Raises:
        InputError: it needs a limit, does not suit the domain, or reads no weights.
    """
    weights = searcher_weights(given)
    if weights is not None and given.method in {**MULTI_FIDELITY, **LIMITED}:
        raise reads_no_weights(given.method)
    if given.method in MULTI_FIDELITY:
        rungs = problem.settings["fidelities"]
        return MULTI_FIDELITY[given.method](problem.domain, rungs, given.seed, given.eta)
    if isinstance(problem.estimator, ChoosingWeights):
        return ByChoice(problem.domain, problem.estimator, given.seed)
    if given.method not in LIMITED:
        return make_searcher(
            given.method,
            problem.domain,
            given.seed,
            given.initial,
            weights,
            problem.objective,
        )
    if limit is None:
        raise InputError(f"--method {given.method} needs a limit: give --limit")
    return LIMITED[given.method](problem.domain, limit, given.seed, given.initial)


def make_problem(given: Namespace, limit: Limit | None) -> Problem:
    """What the flags ask to search.

    Raises:
        InputError: there is no such table, trial, predictor, network or cost.
    """
    space = get_space(given.space)
    if given.estimator in ON_DATA and limit is not None:
        measured_cost(limit.name)  # refuses a cost that it has not
    if given.estimator == "one_shot":
        domain = whole_space(space, given.data_root)
        sections = (given.supernet,) if given.supernet == "published" else ()
        of = (given.trial or 0, given.dataset, given.data_root)
        split = {"split_seed": given.split_seed}
        if given.method in SHARED_WEIGHTS:
            choosing = CHOOSING[given.method]
            recipe = choosing.recipe.load(PRESETS[given.method], *sections)
            return one_shot_problem(domain, recipe, *of, choosing.weights, **split)
        return one_shot_problem(domain, OneShotRecipe.load(ONE_SHOT, *sections), *of, **split)
    if given.estimator == "train":
        known = measured_as(space, CONFIG, given.dataset or usual_data_set(space))
        same = get_benchmark(given.space) if known else None
        domain = whole_space(space, given.data_root)
        seed, data = given.trial or 0, (given.dataset, given.data_root, given.split_seed)
        if given.method in MULTI_FIDELITY:
            return partial_training_problem(domain, seed, same, given.fidelity, *data)
        return training_problem(domain, seed, same, *data)
    if given.space not in BENCHMARKS:
        raise InputError(
            f"there is no table of {given.space}: give --estimator train or one_shot, or an "
            "--objective of your own"
        )
    if given.method in MULTI_FIDELITY:
        return make_fidelity_problem(given, limit)
    table = get_benchmark(given.space, given.data_root, **table_choices(given, limit))
    if limit is not None:
        table = with_counted_cost(table, limit.name)
        measured_cost(limit.name, table)  # refuses a cost that it has not
    usual = "table" if given.estimator == "table" else "space"
    domain = (
        known_rows(table, given.trial)
        if (given.domain or usual) == "table"
        else whole_space(space, given.data_root)
    )
    if given.estimator == "table":
        return table_problem(table, domain, given.trial)
    return surrogate_problem(
        table,
        domain,
        given.predictor,
        given.features,
        given.labels,
        given.seed,
        given.weights if predictor_reads_weights(given) else None,
    )


def make_fidelity_problem(given: Namespace, limit: Limit | None) -> Problem:
    """What a search that chooses among the fidelities of a table is about.

    Raises:
        InputError: the table lacks a fidelity, a trial or a cost.
    """
    choices = table_choices(given, limit)
    tables = fidelity_tables(given.space, given.data_root, given.fidelity, **choices)
    if limit is not None:
        tables = {at: with_counted_cost(each, limit.name) for at, each in tables.items()}
        for table in tables.values():
            measured_cost(limit.name, table)  # refuses a cost that it has not
    whole = (given.domain or "table") == "space"
    domain = whole_space(get_space(given.space), given.data_root) if whole else None
    return fidelity_problem(tables, given.trial, domain)


def tables_used(problem: Problem, searcher: Searcher) -> list[Benchmark]:
    """The benchmarks whose numbers a search sees or is judged by, those in its features too."""
    tables = [] if problem.truth is None else [problem.truth.benchmark]
    features = [*getattr(searcher, "features", ()), *problem.settings.get("features", ())]
    return tables + background_tables(features, problem.space)


def predictor_reads_weights(given: Namespace) -> bool:
    """Whether a surrogate is fitted on what a VAE makes of architectures."""
    if given.estimator != "surrogate":
        return False
    return "latents" in (given.features or ()) or given.predictor == "svge_head"


def searcher_weights(given: Namespace) -> str | None:
    """The weights that are the searcher's: not those that a predictor alone reads."""
    alone = predictor_reads_weights(given) and given.method not in WEIGHTED
    return None if alone else given.weights


def table_choices(given: Namespace, limit: Limit | None) -> dict[str, Any]:
    """What is asked of the table beside the space."""
    latencies = latency_choices(given.space, [limit.name] if limit else [])
    return {"dataset": given.dataset, **latencies}


def make_budget(given: Namespace, problem: Problem) -> Budget:
    """The budget of the flags.

    Raises:
        InputError: there are not so many architectures.
    """
    check_amounts(problem, given.queries, given.initial)
    return Budget(given.queries, given.batch, given.asynchronous or 1)


def configuration(
    given: Namespace, problem: Problem, budget: Budget, start: Sequence[ArchitectureGraph]
) -> dict[str, Any]:
    """All that decides the numbers."""
    hashes = [problem.space.hash(graph) for graph in start]
    return {
        "stage": Stage.SEARCH,
        "method": given.method,
        "space": given.space,
        "dataset": given.dataset
        or (problem.truth.benchmark.dataset if problem.truth else problem.objective.dataset),
        "estimator": given.estimator,
        **({} if given.weights is None else {"weights": given.weights}),
        **problem.settings,
        **({} if given.eta is None else {"eta": given.eta}),
        "objective": problem.objective,
        "candidates": problem.size,
        "queries": budget.queries,
        "initial": given.initial,
        "limit": given.limit,
        "start": hashes,
        "batch": budget.batch,
        "at_once": budget.at_once,
    }


if __name__ == "__main__":
    run_command(main)
