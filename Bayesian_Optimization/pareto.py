"""Search for the front between the objective of architectures, such as accuracy, and their cost.

From the repository root::

    PYTHONPATH=$PWD python Bayesian_Optimization/pareto.py --space NB201 --dataset cifar10 \
        --cost latency.pixel3 --queries 100 --batch 5

Values and costs are looked up in a table. The run is that of ``search.py``; its result has the
``front`` besides, and the hypervolume that it dominates.
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
from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.figures import save_figure
from analysis.front_figure import value_against_cost
from Bayesian_Optimization.shared_flags import (
    add_search_flags,
    run_place,
)
from datasets import get_benchmark
from datasets.benchmark import Benchmark
from datasets.objective import Objective
from datasets.registry import latency_choices
from datasets.source_record import announce, source_entries
from estimators.measurement import Measurement
from experiment.arguments import Parser, parser
from experiment.errors import InputError, run_command
from experiment.files import plain
from experiment.run import RunFolder
from experiment.schema import Stage
from experiment.seeding import seed_everything
from experiment.threads import use_threads
from searchers.front import Pair, Reference, front
from searchers.initial_design import check_amounts, initial_size
from searchers.known_costs import counted_costs
from searchers.limits import cost, measured_cost, table_costs, with_counted_cost
from searchers.loop import Budget, SearchLoop
from searchers.methods import (
    FRONTS,
    KNOWN_COSTS,
    SEARCHERS,
    WEIGHTED,
    make_searcher,
    reads_no_weights,
)
from searchers.problem import Problem, known_rows, table_problem
from searchers.running import Plan, carry_out
from searchers.searcher import Searcher
from searchers.starting import start_search
from searchers.summary import result_lines


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Search for the front between the objective of architectures and their cost.")
    add_search_flags(flags)
    flags.add_argument(
        "--method",
        default="hypervolume",
        choices=[*FRONTS, *SEARCHERS],
        help="searcher; those that know of no cost look for the objective alone",
    )
    flags.add_argument(
        "--minimise", "--minimize", action="store_true", help="look for the lowest value"
    )
    flags.add_argument(
        "--cost",
        default="parameters",
        help="parameters, flops, mflops, cost_seconds, with NB201 latency.<device> (milliseconds), "
        "or another metric of the table",
    )
    flags.add_argument(
        "--weights",
        help=f"folder or name of the VAE for {', '.join(WEIGHTED)} (default: the shipped one)",
    )
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, and report the front."""
    given = make_parser().parse_args(arguments)
    given.initial = initial_size(given.initial, given.queries)
    use_threads(given.threads)
    seed_everything(given.seed)
    table = load_table(given)
    costs = table_costs(table, given.cost)
    problem = table_problem(table, known_rows(table))
    check_amounts(problem, given.queries, given.initial)
    problem = problem.minimised() if given.minimise else problem
    objective = problem.objective
    objectives = objective, measured_cost(given.cost, table)
    reference = Reference.of(table.metric(table.chosen_by).mean(), costs, objectives)
    plan = Plan(
        problem,
        given.method,
        find_searcher(given, problem, table, objectives[1]),
        Budget(given.queries, given.batch),
    )
    config = {
        "stage": Stage.FRONT,
        "method": given.method,
        "space": given.space,
        "dataset": table.dataset,
        "estimator": "table",
        "objective": objective,
        "cost": given.cost,
        "trial": None,
        "candidates": problem.size,
        "queries": given.queries,
        "initial": given.initial,
        "batch": given.batch,
        **({} if given.weights is None else {"weights": given.weights}),
        "sources": source_entries([table]),
    }
    place = run_place(given, "front", given.cost, given.method)
    run = start_search(place, config, given.seed, given.resume)
    announce([table], json=given.json)

    def with_front(loop: SearchLoop) -> dict[str, Any]:
        measured = [step.measurement for step in loop.history.steps]
        _draw(run, measured, table, costs, objectives)
        return found_front(measured, table, costs, reference)

    _, result = carry_out(plan, run, with_front)
    if given.json:
        print(json.dumps(plain(result)))
    else:
        print(
            "\n".join(
                [*result_lines(result, run.config), *_front_lines(result, given.cost, objective)]
            )
        )
        print(f"{run.path}/result.json, queries.csv, figures/")
    return 0


def load_table(given: Namespace) -> Benchmark:
    """The table that the flags name, with the latencies that are wanted.

    Raises:
        InputError: there is none, no such device, or the cost is the objective itself.
    """
    latencies = latency_choices(given.space, [given.cost])
    table = get_benchmark(given.space, given.data_root, dataset=given.dataset, **latencies)
    if given.cost == table.chosen_by:
        raise InputError(
            f"--cost {given.cost} is the objective itself, whose front is one point: give what the "
            "architectures cost, such as parameters"
        )
    return with_counted_cost(table, given.cost)


def find_searcher(
    given: Namespace, problem: Problem, table: Benchmark, price: Objective
) -> Searcher:
    """The searcher that is called for; those that look for a front receive the cost.

    Raises:
        InputError: it reads no weights, or needs a cost that is known before it is measured.
    """
    if given.method in KNOWN_COSTS:
        costs = counted_costs(table, given.cost)
        return KNOWN_COSTS[given.method](
            problem.domain, given.seed, given.initial, given.weights, costs
        )
    if given.method in FRONTS:
        if given.weights is not None:
            raise reads_no_weights(given.method)
        return FRONTS[given.method](problem.domain, price, given.seed, given.initial)
    return make_searcher(
        given.method,
        problem.domain,
        given.seed,
        given.initial,
        given.weights,
        objective=problem.objective,
    )


def found_front(
    measured: Sequence[Measurement],
    table: Benchmark,
    costs: np.ndarray,
    reference: Reference,
) -> dict[str, Any]:
    """The front of what was measured, and its hypervolume beside that of the whole table."""
    name = reference.objectives[1].name
    values, own = _pairs(measured, name)
    good = [one for one in measured if one.ok and cost(one, name) is not None]
    best = reference.hypervolume(table.metric(table.chosen_by).mean(), costs)
    volume = reference.hypervolume(values, own)
    return {
        "front": [
            {
                "hash": good[row].hash,
                "architecture": table.space.to_record(good[row].architecture),
                "validation": good[row].validation,
                "test": good[row].test,
                "cost": own[row],
            }
            for row in front(values, own, reference.objectives)
        ],
        "cost": name,
        "reference": {"validation": reference.value, "cost": reference.cost},
        "hypervolume": volume,
        "hypervolume_of_the_table": best,
        "share_of_hypervolume": volume / best,
    }


def _pairs(measured: Sequence[Measurement], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Values and costs of the measurements that have both. **Shape** (n,) each."""
    pairs = [
        (one.validation, cost(one, name))
        for one in measured
        if one.ok and cost(one, name) is not None
    ]
    both = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _draw(
    run: RunFolder,
    measured: Sequence[Measurement],
    table: Benchmark,
    costs: np.ndarray,
    objectives: Pair,
) -> None:
    objective, price = objectives
    values, own = _pairs(measured, price.name)
    everything = table.metric(table.chosen_by).mean()
    rows = front(everything, costs, objectives)
    figure = value_against_cost(
        own,
        objective.scale * values,
        front(values, own, objectives),
        best=(costs[rows], objective.scale * everything[rows]),
        names=(price.label, objective.label),
        maximise=objective.maximise,
        title=f"Front of {len(own)} architectures",
    )
    save_figure(figure, run.figures / "front.png")


def _front_lines(result: dict[str, Any], name: str, objective: Objective) -> list[str]:
    lines = [
        f"front of {len(result['front'])} architectures{objective.where}, "
        f"{result['share_of_hypervolume']:.2%} of the hypervolume of the table's front",
        f"{name:>20}  {objective.name}",
    ]
    return lines + [
        f"{one['cost']:20.4g}  {objective.text(one['validation']):>10}" for one in result["front"]
    ]


if __name__ == "__main__":
    run_command(main)
