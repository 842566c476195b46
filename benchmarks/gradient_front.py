"""Search by gradients for the front between accuracy and parameters, beside other searches.

    python benchmarks/gradient_front.py run [--tasks DIGITS101 …] [--methods random …] [--seeds 20]
    python benchmarks/gradient_front.py table
    python benchmarks/gradient_front.py page
    python benchmarks/gradient_front.py figure [--out docs/figures/gradient_front.png]

Every search has the same 400 random labels of a seed, then 100 queries, five at a time. Queries
look up mean validation accuracies; parameters are those of the table. Kept is, after every query,
the hypervolume of the front in parts of that of the whole table: ``validation`` by validation
accuracies, and ``test`` of the front that was chosen by validation accuracies, by its test
accuracies. Both are counted from the median accuracy and the most parameters of the table. What is
there is not measured again.

All searches know the parameters of what was measured. ``scalarised_ascent`` also knows those of all
candidates; ``hypervolume``, the default of ``pareto.py``, reads the parameters and FLOPs of the
published networks of all candidates among its features. ``evolution`` looks for accuracy alone; its
population begins with the best labels. ``evolution of the front`` is SEMO (Laumanns, Thiele,
Zitzler, Welzl & Deb, PPSN 2002): it mutates random members of the front.

The settings of ``scalarised_ascent`` were chosen on DIGITS101 with seeds from 100 on, which the
table does not use. ``thorough scalarised_ascent`` decodes twice as many points and refits
hyperparameters before each proposal, as the default once did. Two searches lack a part of
``scalarised_ascent``: one walks in random directions, the other one does not walk.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread, confidence_band, paired_difference
from benchmarks.front_ablations import RandomDirections, StartsAlone
from benchmarks.prediction import RESULTS, kept, note_machine
from datasets import get_benchmark
from datasets.benchmark import Benchmark
from datasets.graph import ArchitectureGraph
from estimators.evaluations import Evaluations
from experiment.arguments import Parser, non_negative_int, output_file, parser, positive_int
from experiment.errors import InputError, run_command
from experiment.files import write_json
from experiment.progress import progress
from searchers.domain import Domain
from searchers.evolution import TRIES, RegularisedEvolution
from searchers.front import Reference, front
from searchers.known_costs import counted_costs
from searchers.latent.methods import scalarised_ascent, spanning, trained_latents
from searchers.latent.scalarised import ScalarisedAscent
from searchers.limits import measured_cost, table_costs
from searchers.loop import Budget, SearchLoop
from searchers.methods import make_searcher
from searchers.problem import known_rows, table_problem
from searchers.searcher import Searcher
from searchers.two_objectives import HypervolumeImprovement

KEPT = RESULTS / "gradient_front.json"
FIGURE = ROOT / "docs" / "figures" / "gradient_front.png"
TASKS: dict[str, tuple[str, str | None]] = {
    "DIGITS101": ("DIGITS101", None),
    **{f"NB201 {name}": ("NB201", name) for name in ("cifar10", "cifar100", "ImageNet16-120")},
}
"""Name → space and data set."""
COST = "parameters"
LABELS, QUERIES, BATCH = 400, 100, 5
SHOWN = (0, 25, 50, 100)
"""Queries after which the table shows what is reached."""
REFERENCE = "scalarised_ascent"
"""What the other methods are compared with."""
THOROUGH = "thorough scalarised_ascent"
CALLED = {
    **{name: f"`{name}`" for name in (REFERENCE, "hypervolume", "evolution", "random")},
    THOROUGH: f"`{REFERENCE}`, 4 steps, refitted before each proposal",
    "random directions": f"`{REFERENCE}` in random directions",
    "starts alone": f"`{REFERENCE}` without walks",
}
"""Methods as the page names them."""


class FrontEvolution(RegularisedEvolution):
    """Mutates random members of the front of all that was measured.

    Args:
        domain: the candidate set.
        task: has the costs, and says what a front is.
        seed: of everything that is drawn.
        initial: random architectures to begin with.
    """

    def __init__(self, domain: Domain, task: Task, seed: int, initial: int) -> None:
        super().__init__(domain, seed, initial)
        self.task = task

    def propose(self, n: int, generator: np.random.Generator) -> Iterator[ArchitectureGraph]:
        """Yields mutated children until the caller stops."""
        members = self.succeeded
        rows = self.task.front([each.hash for each in members])
        for _ in range(TRIES * n):
            near = self._neighbourhoods.of(members[rows[generator.integers(len(rows))]])
            children = [graph for hash, graph in near.items() if self.new(hash)]
            if children:
                yield children[generator.integers(len(children))]


class Task:
    """A table whose front is searched.

    Args:
        table: of accuracies and costs.
        cost: the second objective.
        labels: random architectures that are measured first.
    """

    def __init__(self, table: Benchmark, cost: str = COST, labels: int = LABELS) -> None:
        self.table = table
        self.labels = labels
        self.domain = known_rows(table)
        self.costs = table_costs(table, cost)
        self.objectives = table.objective(), measured_cost(cost, table)
        self.values = {name: table.metric(name).mean() for name in ("validation", "test")}
        self.references = {
            name: Reference.of(values, self.costs, self.objectives)
            for name, values in self.values.items()
        }
        self._whole = {
            name: one.hypervolume(self.values[name], self.costs)
            for name, one in self.references.items()
        }

    def labelled(self, seed: int) -> list[ArchitectureGraph]:
        """The architectures that are measured first, the best last."""
        drawn = np.random.default_rng(seed).permutation(len(self.domain))[: self.labels]
        values = self.values["validation"][self.table.rows(self.domain.hashes[drawn])]
        return [
            self.domain.graphs.graph(int(row)) for row in drawn[np.argsort(values, kind="stable")]
        ]

    def front(self, hashes: Sequence[str]) -> np.ndarray:
        """Positions of those that no other one beats. **Shape** (n,) → (k,)."""
        rows = self.table.rows(np.array(hashes))
        return front(self.values["validation"][rows], self.costs[rows], self.objectives)

    def reached(self, hashes: Sequence[str]) -> dict[str, float]:
        """Hypervolumes of the front that was measured, in parts of the table's."""
        rows = self.table.rows(np.array(hashes))[self.front(hashes)]
        return {
            name: one.hypervolume(self.values[name][rows], self.costs[rows]) / self._whole[name]
            for name, one in self.references.items()
        }


Make = Callable[[Task, int], Searcher]
"""Makes the searcher of a task and a seed."""


def ascent(task: Task, seed: int) -> Searcher:
    """Gradients, with the parameters of the table."""
    costs = counted_costs(task.table, COST)
    return scalarised_ascent(task.domain, seed, task.labels, costs=costs)


def thorough_ascent(task: Task, seed: int) -> Searcher:
    """The same with twice as many points on the walks, and refitted before each proposal."""
    searcher = ascent(task, seed)
    assert isinstance(searcher, ScalarisedAscent)
    searcher.refits, searcher.steps = 1.0, 4
    return searcher


def without(part: type[ScalarisedAscent]) -> Make:
    """The search that lacks a part."""

    def make(task: Task, seed: int) -> Searcher:
        latents, data = trained_latents(task.domain), spanning(task.domain)
        costs = counted_costs(task.table, COST)
        return part(task.domain, latents, costs, data, seed=seed, initial=task.labels)

    return make


METHODS: dict[str, Make] = {
    REFERENCE: ascent,
    "random directions": without(RandomDirections),
    "starts alone": without(StartsAlone),
    THOROUGH: thorough_ascent,
    "hypervolume": lambda task, seed: HypervolumeImprovement(
        task.domain, task.objectives[1], seed, task.labels
    ),
    "evolution": lambda task, seed: make_searcher("evolution", task.domain, seed, task.labels),
    "evolution of the front": lambda task, seed: FrontEvolution(
        task.domain, task, seed, task.labels
    ),
    "random": lambda task, seed: make_searcher("random", task.domain, seed, task.labels),
}


def search(task: Task, make: Make, seed: int, queries: int = QUERIES) -> dict[str, Any]:
    """One search, and the hypervolumes from the labels on, after every query."""
    started = time.process_time()
    problem = table_problem(task.table, task.domain)
    known = list(problem.estimator.measure(task.labelled(seed)))
    searcher = make(task, seed)
    loop = SearchLoop(searcher, Evaluations(problem.estimator), Budget(queries, BATCH), known=known)
    hashes = [each.hash for each in known]
    hashes += [step.measurement.hash for step in loop.steps()]
    spent = time.process_time() - started
    curve, best = [], hashes[: len(known)]
    for new in ([], *([hash] for hash in hashes[len(known) :])):
        measured = [*best, *new]
        best = [measured[row] for row in task.front(measured)]  # what is beaten stays so
        curve.append(task.reached(best))
    return {
        **{name: [round(each[name], 6) for each in curve] for name in task.references},
        "cpu_seconds": spent,
    }


def measure(given: Namespace) -> None:
    """Run what is not kept yet, and print the table."""
    wanted = [
        (name, method, seed)
        for seed in range(given.first_seed, given.first_seed + given.seeds)
        for name in given.tasks
        for method in given.methods
    ]
    tasks: dict[str, Task] = {}
    for name, method, seed in progress(wanted, "searching", "searches"):
        record = kept(given.results)
        runs = record["results"].setdefault(name, {}).setdefault(method, {})
        if str(seed) in runs:
            continue
        if name not in tasks:
            space, dataset = TASKS[name]
            tasks[name] = Task(get_benchmark(space, given.data_root, dataset=dataset))
        note_machine(record, f"{name}, {method}", runs)
        runs[str(seed)] = search(tasks[name], METHODS[method], seed)
        write_json(given.results, record)
    table(given)


def after(runs: Mapping[str, Mapping[str, Any]], value: str, queries: int) -> dict[str, float]:
    """Seed → hypervolume after so many queries."""
    return {seed: run[value][queries] for seed, run in runs.items()}


def table(given: Namespace) -> None:
    """Print what is kept."""
    print("\n".join(lines(kept(given.results)["results"])))


def lines(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Hypervolumes in per cent, mean ± standard deviation, and paired differences in points."""
    for name, methods in results.items():
        for value in ("test", "validation"):
            yield f"{name}, hypervolume by {value} accuracies, % of the table's"
            for method, runs in methods.items():
                spreads = [Spread.of([*after(runs, value, n).values()]) for n in SHOWN]
                shown = [f"{n}: {one.text(2, 100)}" for n, one in zip(SHOWN, spreads, strict=True)]
                seconds = np.mean([run["cpu_seconds"] for run in runs.values()])
                yield f"  {method:<24} {'; '.join(shown)}; {seconds:.1f} CPU s ({len(runs)} seeds)"
            for method in methods:
                if method == REFERENCE or REFERENCE not in methods:
                    continue
                ours = methods[REFERENCE]
                pairs = [
                    (n, paired_difference(after(ours, value, n), after(methods[method], value, n)))
                    for n in SHOWN[1:]
                ]
                found = [f"{n}: {one.text(2, 100)}" for n, one in pairs if one]
                yield f"  {REFERENCE} − {method}, paired, 95 % intervals: {'; '.join(found)}"


def page(given: Namespace) -> None:
    """Print what is kept as the table of ``docs/search_latent.md``."""
    print("\n".join(page_rows(kept(given.results)["results"])))


def page_rows(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Rows in Markdown, in per cent of the table's; differences over the seeds that both have."""
    queries = ", ".join(map(str, SHOWN[1:]))
    yield (
        f"| task | search, seeds | by validation: {queries} queries | by test: {queries} queries "
        f"| `{REFERENCE}` less this after {QUERIES}: validation | test |"
    )
    yield "|---|---|---|---|---|---|"
    for name, methods in results.items():
        task = name
        ours = methods.get(REFERENCE, {})
        for method in (each for each in METHODS if each in methods):
            runs = methods[method]
            shown, less = [], []
            for value in ("validation", "test"):
                spreads = [Spread.of([*after(runs, value, n).values()]) for n in SHOWN[1:]]
                shown.append(", ".join(one.text(1, 100) for one in spreads))
                pair = paired_difference(after(ours, value, QUERIES), after(runs, value, QUERIES))
                less.append(pair.text(1, 100) if pair and method != REFERENCE else "")
            label = f"{CALLED.get(method, method)}, {len(runs)}"
            yield f"| {task} | {label} | {' | '.join([*shown, *less])} |"
            task = ""


def draw(given: Namespace) -> None:
    """Hypervolumes by query with 95 % intervals of the mean; a row a value, a column a task."""
    from matplotlib.figure import Figure

    results = kept(given.results)["results"]
    if not results:
        raise InputError(f"{given.results.name} has no searches: make some by `run`")
    figure = Figure(figsize=(4 * len(results), 7.5), layout="constrained")
    axes = figure.subplots(2, len(results), squeeze=False, sharex=True)
    for column, (name, methods) in enumerate(results.items()):
        for axis, value in zip(axes[:, column], ("test", "validation"), strict=True):
            for number, method in enumerate(METHODS):
                if method not in methods or method not in given.methods:
                    continue
                curves = 100 * np.array([run[value] for run in methods[method].values()])
                middle, reach = confidence_band(curves)
                at = np.arange(len(middle))
                axis.plot(at, middle, color=f"C{number}", label=method)
                axis.fill_between(
                    at, middle - reach, middle + reach, color=f"C{number}", alpha=0.15, lw=0
                )
            axis.grid(alpha=0.3)
        axes[0, column].set_title(name)
        axes[1, column].set_xlabel(f"queries after {LABELS} labels")
    for axis, value in zip(axes[:, 0], ("test", "validation"), strict=True):
        axis.set_ylabel(f"hypervolume, {value}, % of the table's")
    drawn = {str(line.get_label()): line for axis in figure.axes for line in axis.get_lines()}
    figure.legend([*drawn.values()], [*drawn], loc="outside lower center", ncols=len(drawn))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(given.out, dpi=120)
    print(f"drawn: {given.out}")


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Searches for the front between accuracy and parameters.")
    flags.add_argument("what", choices=("run", "table", "page", "figure"))
    flags.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    flags.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    flags.add_argument("--seeds", type=positive_int, default=20, help="searches of each method")
    flags.add_argument("--first_seed", type=non_negative_int, default=0)
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument("--results", type=output_file, default=KEPT, help="what is kept")
    flags.add_argument("--out", type=output_file, default=FIGURE, help="the figure")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, print or draw."""
    given = make_parser().parse_args(arguments)
    torch.set_num_threads(given.threads)
    {"run": measure, "table": table, "page": page, "figure": draw}[given.what](given)
    return 0


if __name__ == "__main__":
    run_command(main)
