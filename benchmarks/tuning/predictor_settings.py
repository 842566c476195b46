"""Which method and features the suite predicts by, inside what was measured and beyond it.

    python benchmarks/tuning/predictor_settings.py NB101 --labels 100 --seeds 3
    python benchmarks/tuning/predictor_settings.py 'NB101 beyond' --labels 400 --seeds 3

Protocol, inside (``predictors/defaults.py``): labels are drawn from a random half of
the table's rows (``choosing.own_half``), and the other rows of the half are ranked; the reported
figures are over all rows. Of NAS_BENCH_GRAPH the table is that of Cora. Beyond (``Defaults.beyond``
there): the extrapolations that are reported, one step further inside, so that no reported row is
used: NB101 from at most 5 nodes to 6, NB201 from at most 1 convolution to 2, ENAS from its worst
quarter to the second, DIGITS101 from at most 4 nodes to 5.
Draws of the labels have the seeds from 100 on. The candidate with the largest mean Kendall's τ with
the *validation* accuracies of the ranked is chosen: no test accuracy is looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import extrapolation
from benchmarks.extrapolation import Domain, Setting, judge
from benchmarks.prediction import Task
from benchmarks.tuning.choosing import (
    Scores,
    measure_all,
    own_half,
    place,
    verdict,
)
from datasets import get_benchmark, get_space
from datasets.space import SearchSpace
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import InputError, run_command
from predictors.defaults import defaults_of
from predictors.methods import make_predictor

Candidate = tuple[str, tuple[str, ...]]
"""Method and features."""

COUNTS = ("statistics", "walks", "paths")
GROWING = ("statistics", "walks", "costs")
NETWORKS: Candidate = ("graph_network", ("statistics",))

CANDIDATES: dict[str, tuple[Candidate, ...]] = {
    "NB101": (
        ("ensemble", (*COUNTS, "digits")),
        ("ensemble", COUNTS),
        ("ensemble", ("statistics", "walks", "digits")),
        ("gp", (*COUNTS, "digits")),
        ("trees", (*COUNTS, "digits")),
        NETWORKS,
    ),
    "NB201": (
        ("ensemble", COUNTS),
        ("ensemble", ("statistics", "walks")),
        ("gp", COUNTS),
        ("trees", COUNTS),
        NETWORKS,
    ),
    "ENAS": (
        ("gp", ("one_hot",)),
        ("gp", ("statistics", "one_hot")),
        ("trees", ("one_hot",)),
        ("ensemble", ("statistics", "walks", "one_hot")),
    ),
    "DIGITS101": (
        ("ensemble", (*COUNTS, "costs")),
        ("ensemble", COUNTS),
        ("gp", (*COUNTS, "costs")),
        ("trees", (*COUNTS, "costs")),
        NETWORKS,
    ),
    "NAS_BENCH_GRAPH": (
        ("ensemble", ("statistics", "walks")),
        ("ensemble", ("statistics", "walks", "one_hot")),
        ("feature_ensemble", ("statistics", "one_hot")),
        ("ridge", ("statistics", "one_hot")),
        ("gp", ("statistics", "walks")),
        ("trees", ("statistics", "walks")),
        NETWORKS,
    ),
    "NB101 beyond": (
        ("trend_ensemble", (*GROWING, "digits")),
        ("trend_ensemble", GROWING),
        ("ensemble", (*COUNTS, "digits")),
        ("gp", (*GROWING, "digits")),
        ("ridge", (*GROWING, "digits")),
        NETWORKS,
    ),
    "NB201 beyond": (
        ("trend_ensemble", GROWING),
        ("ensemble", COUNTS),
        ("gp", GROWING),
        ("ridge", GROWING),
        NETWORKS,
    ),
    "ENAS beyond": (
        ("gp", ("one_hot", "latents")),
        ("gp", ("one_hot",)),
        ("gp", ("statistics", "one_hot")),
        ("trend_ensemble", ("statistics", "one_hot")),
    ),
    "DIGITS101 beyond": (
        ("trend_ensemble", GROWING),
        ("ensemble", (*COUNTS, "costs")),
        ("gp", GROWING),
        ("ridge", GROWING),
        NETWORKS,
    ),
}
"""What is chosen → the candidates, as data."""


def candidate(one: Candidate) -> str:
    """Name of a candidate."""
    return f"{one[0]}: {' '.join(one[1])}"


def today(what: str) -> str:
    """Name of what the suite takes now."""
    space, _, beyond = what.partition(" ")
    usual = defaults_of(get_space(space))
    return candidate(usual.beyond if beyond else usual.inside)


def inside(space: str, data_root: Path | None) -> Setting:
    """Half of a table, to label and to rank."""
    task = Task(get_benchmark(space, data_root))
    rows = own_half(len(task.labels))
    table = Domain(task.graphs, task.labels, task.truth)[rows]
    return task.space, table, table


def beyond(space: str, data_root: Path | None) -> Setting:
    """The reported extrapolation, one step further inside: its outside is left alone."""
    settings = {"NB101": "nodes", "NB201": "convolutions", "ENAS": "better", "DIGITS101": "digits"}
    of_space, table, _ = extrapolation.SETTINGS[settings[space]](data_root)
    further = STEPS[space](of_space, table)
    return of_space, table[np.flatnonzero(~further)], table[np.flatnonzero(further)]


def _largest(_: SearchSpace, table: Domain) -> np.ndarray:
    nodes = table.graphs.num_nodes.numpy()
    return nodes == nodes.max()


def _two_convolutions(space: SearchSpace, table: Domain) -> np.ndarray:
    return extrapolation.convolutions_of(table.graphs, space) == extrapolation.MOST_CONVOLUTIONS


def _better(_: SearchSpace, table: Domain) -> np.ndarray:
    return table.labels > np.median(table.labels)


STEPS: dict[str, Callable[[SearchSpace, Domain], np.ndarray]] = {
    "NB101": _largest,
    "NB201": _two_convolutions,
    "ENAS": _better,
    "DIGITS101": _largest,
}
"""Space → which rows of the reported inside are ranked here. **Shape** (rows,), bool."""


def score(setting: Setting, one: Candidate, amount: int, seed: int) -> Scores:
    """Fit to some labels, and rank what was not labelled."""
    space, known, ranked = setting
    order = np.random.default_rng(seed).permutation(len(known))
    learnt = known[order[:amount]]
    if ranked is known:
        ranked = known[order[amount:]]
    predictor = make_predictor(space, *one, seed=seed)
    predictor.fit(learnt.graphs, learnt.labels)
    judged = judge(predictor.forecast(ranked.graphs).scores, ranked.labels)
    return {"tau": judged["tau"], "top_rank": judged["top_rank"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the candidates, and say which one is the first."""
    flags = parser("Which method and features the suite predicts by.")
    flags.add_argument("what", choices=list(CANDIDATES))
    flags.add_argument("--labels", type=positive_int, default=100)
    flags.add_argument("--seeds", type=positive_int, default=3, help="draws of the labels")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument(
        "--out", type=output_file, default=place("predictor"), help="file that keeps all"
    )
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    space, _, further = given.what.partition(" ")
    setting = (beyond if further else inside)(space, given.data_root)
    if given.labels >= len(setting[1]):
        raise InputError(
            f"{given.labels} labels leave nothing to choose by: {given.what} has "
            f"{len(setting[1])} architectures to draw them from, give fewer"
        )
    named = {candidate(one): one for one in CANDIDATES[given.what]}
    task = f"{given.what}, {given.labels} labels"
    runs = measure_all(
        given.out,
        task,
        list(named),
        given.seeds,
        lambda name, seed: score(setting, named[name], given.labels, seed),
    )
    print("\n".join(verdict(task, runs, today(given.what), largest=True)))
    return 0


if __name__ == "__main__":
    run_command(main)
