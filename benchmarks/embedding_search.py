r"""Searches by the vectors of an embedding, under the published clock of simulated seconds.

    python benchmarks/embedding_search.py --methods reinforce 'reinforce, published' --runs 100
    python benchmarks/embedding_search.py --methods dngo 'dngo, published' --runs 20
    python benchmarks/embedding_search.py --methods bo latent_bo evolution random --runs 20
    python benchmarks/embedding_search.py --weights runs/arch2vec_NB101 …

The protocol of arch2vec (NeurIPS 2020, arXiv:2006.06936) on the cells of NB101 that the table
knows: a query is a cell's mean validation accuracy over three trials and costs its mean training
time, until 1e6 s are spent. REINFORCE begins at a cell for free, DNGO with 16 cells and then
chooses 5 a round; other searchers begin with ten cells and choose one at a time. All see the same
cells. Kept are the regrets of the incumbent by validation at twenty times; what is there is not
measured again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread
from benchmarks.prediction import kept, note_machine
from datasets import get_benchmark
from datasets.benchmark import Benchmark
from estimators.lookup import COST_METRIC, LookUp
from experiment.arguments import parser, positive_int
from experiment.errors import run_command
from experiment.files import write_json
from experiment.progress import progress
from searchers.domain import Candidates
from searchers.embedded.dngo import PUBLISHED_DNGO, DNGOSettings
from searchers.embedded.policy import PUBLISHED_POLICY, Policy, PolicySettings, Trainer, Walk
from searchers.embedded.traces import EmbeddedTable, Trace, improve_table, walk_table
from searchers.embedded.vectors import embedding_vectors
from searchers.methods import make_searcher
from searchers.problem import known_rows

RESULTS = ROOT / "benchmarks" / "results"
BUDGET = 1e6
"""Simulated seconds of a run, where the published figures end."""
TIMES = np.linspace(BUDGET / 20, BUDGET, 20)
"""Simulated seconds at which regrets are kept."""
INITIAL = 10
"""Random architectures that other searchers begin with."""


@dataclass(frozen=True)
class Setup:
    """What every method sees.

    Attributes:
        benchmark: has the values.
        domain: the cells, in the order of the table's rows.
        table: vectors, accuracies and times.
        weights: of the embedding.
    """

    benchmark: Benchmark
    domain: Candidates
    table: EmbeddedTable
    weights: str


def reinforce(settings: PolicySettings, setup: Setup, seed: int) -> Trace:
    """A policy with fresh weights from a random cell."""
    vectors = settings.scaling(setup.table.vectors)
    width = vectors.shape[1]
    policy = Policy.seeded(width, settings.hidden, seed)
    walk = Walk(vectors, settings.episode)
    generator = np.random.default_rng(seed)
    walk.visit(int(generator.integers(len(vectors))))
    return walk_table(
        setup.table, walk, Trainer(policy, settings), noises(width, generator), BUDGET
    )


def noises(width: int, generator: np.random.Generator) -> Iterator[Tensor]:
    """Action − mean of one query after the other. **Shape** (width,) each."""
    while True:
        yield torch.from_numpy(generator.standard_normal(width, dtype=np.float32))


def dngo(settings: DNGOSettings, setup: Setup, seed: int) -> Trace:
    """16 random cells, then rounds of 5."""
    return improve_table(setup.table, settings, np.random.default_rng(seed), BUDGET)


def searcher(name: str, setup: Setup, seed: int) -> Trace:
    """Any other searcher, a query at a time."""
    weights = setup.weights if name == "latent_bo" else None
    made = make_searcher(name, setup.domain, seed, INITIAL, weights)
    estimator = LookUp(setup.benchmark)
    chosen: list[int] = []
    spent = 0.0
    while spent < BUDGET and (asked := made.ask()):
        made.tell(list(estimator.measure(asked)))
        rows = [setup.domain.row_of[made.space.hash(graph)] for graph in asked]
        chosen += rows
        spent += float(setup.table.seconds[rows].sum())
    return setup.table.trace(chosen)


METHODS: dict[str, Callable[[Setup, int], Trace]] = {
    "reinforce": partial(reinforce, PolicySettings()),
    "reinforce, published": partial(reinforce, PUBLISHED_POLICY),
    "dngo": partial(dngo, DNGOSettings()),
    "dngo, published": partial(dngo, PUBLISHED_DNGO),
    **{
        name: partial(searcher, name)
        for name in ("bo", "latent_bo", "evolution", "local_search", "random")
    },
}
"""What is compared, by name; each makes a run of a seed."""


def make_setup(benchmark: Benchmark, weights: str) -> Setup:
    """The cells that the table knows, with vectors, mean accuracies and mean training times."""
    domain = known_rows(benchmark)
    row_of = dict(zip(benchmark.hashes.tolist(), range(len(benchmark)), strict=True))
    rows = [row_of[hash] for hash in domain.hashes.tolist()]
    validation, test, seconds = (
        benchmark.metric(name).mean()[rows] for name in ("validation", "test", COST_METRIC)
    )
    table = EmbeddedTable(embedding_vectors(domain, weights), validation, test, seconds)
    return Setup(benchmark, domain, table, weights)


def summarise(trace: Trace) -> dict[str, Any]:
    """Regrets of the incumbent at :data:`TIMES`, ``None`` before the first query has ended."""
    ended = np.searchsorted(trace.runtime, TIMES, side="right")
    return {
        "queries": int(ended[-1]),
        **{
            name: [float(values[count - 1]) if count else None for count in ended]
            for name, values in (
                ("validation", trace.regret_validation),
                ("test", trace.regret_test),
            )
        },
    }


def measure(given: Any) -> None:
    """Run what is not kept yet, and print the means."""
    path = RESULTS / f"embedding_search_{Path(given.weights).name}.json"
    wanted = [(method, str(seed)) for method in given.methods for seed in range(given.runs)]
    missing = [(m, seed) for m, seed in wanted if seed not in kept(path)["results"].get(m, {})]
    setup = None
    if missing:
        setup = make_setup(get_benchmark("NB101", given.data_root), given.weights)
    for method, seed in progress(missing, "searching NB101", "runs"):
        assert setup is not None
        record = kept(path)
        runs = record["results"].setdefault(method, {})
        note_machine(record, method, runs)
        started = time.process_time()
        found = summarise(METHODS[method](setup, int(seed)))
        runs[seed] = {**found, "cpu_seconds": time.process_time() - started}
        write_json(path, record)
    for method, runs in kept(path)["results"].items():
        print(f"{method:<22} {summary(list(runs.values()))}")


def summary(runs: Sequence[dict[str, Any]]) -> str:
    """Mean regrets at the end, queries and processor seconds, for people."""
    last = {name: np.array([run[name][-1] for run in runs]) for name in ("test", "validation")}
    shown = ", ".join(f"{name} {Spread.of(values).text(5)}" for name, values in last.items())
    queries, seconds = (np.mean([run[key] for run in runs]) for key in ("queries", "cpu_seconds"))
    return f"{len(runs)} runs, regret: {shown}; {queries:.0f} queries, {seconds:.1f} CPU s a run"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print what is kept."""
    flags = parser("Searches by the vectors of an embedding on NB101, by simulated seconds.")
    flags.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    flags.add_argument("--weights", default="SVGE_NB101", help="folder or name of the embedding")
    flags.add_argument("--runs", type=positive_int, default=20, help="of each method")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    measure(given)
    return 0


if __name__ == "__main__":
    run_command(main)
