"""What the parts of a search are worth: one of them is exchanged at a time.

    python benchmarks/search_parts.py NB201 --dataset cifar10 --queries 100 --seeds 5 [--parts …]

The base is Bayesian optimisation over the latents of the shipped model: expected improvement of an
exact Gaussian process, one query at a time, the mode of 100 decodings, masks, re-encoding. Beside
it stand searches over the list of all architectures, and the plainest of them: BoTorch's
``SingleTaskGP`` and ``LogExpectedImprovement`` on the one-hot encoding. What is kept is as in
``search.py``. What is there is not measured again.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from botorch.acquisition import LogExpectedImprovement, qLogExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.optim import optimize_acqf_discrete
from gpytorch.mlls import ExactMarginalLogLikelihood

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.prediction import kept
from benchmarks.search import INITIAL, RESULTS, search, summary
from datasets import get_benchmark
from experiment.arguments import parser, positive_int
from experiment.errors import run_command
from experiment.files import write_json
from experiment.progress import progress
from searchers.candidate_bo import CandidateBO, FeatureSearcher
from searchers.criteria import log_expected_improvement
from searchers.defaults import search_defaults
from searchers.domain import Candidates, Domain
from searchers.latent.acquisition import (
    NoisyExpectedImprovement,
    ThompsonSampling,
)
from searchers.latent.decoding import Masks, Modal, MostProbable
from searchers.latent.methods import gradient_ascent, trained_latents
from searchers.latent.search import FirstChoices, LatentBO
from searchers.latent.surrogates import LatentSurrogate, Sparse
from searchers.latent.trust_region import TrustRegion
from searchers.loop import Budget
from searchers.methods import make_searcher
from searchers.problem import known_rows, table_problem
from searchers.random_search import RandomSearch
from searchers.searcher import Searcher


class PlainBoTorch(FeatureSearcher):
    """BoTorch's own model and acquisition, with its defaults, over the rows of a list."""

    def choose(self, n: int, generator: np.random.Generator) -> list[int]:
        """Fit, and take the best rows of those that are open."""
        rows, values = self.known()
        points = torch.from_numpy(self.feature_matrices[0].rows).double()
        torch.manual_seed(int(generator.integers(2**31)))
        model = SingleTaskGP(points[rows], torch.from_numpy(values)[:, None])
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        best = float(values.max())
        value = (
            LogExpectedImprovement(model, best) if n == 1 else qLogExpectedImprovement(model, best)
        )
        is_open = self.open_rows().nonzero()[:, 0]
        found, _ = optimize_acqf_discrete(value, q=n, choices=points[is_open], max_batch_size=2048)
        same = (points[is_open][None] == found[:, None]).all(-1)
        return is_open[same.int().argmax(1)].tolist()


Make = Callable[[Domain, int], Searcher]


def over_latents(domain: Domain, seed: int, /, **parts: object) -> Searcher:
    """The base with some parts exchanged."""
    latents = trained_latents(domain, parts.pop("decoding", None), parts.pop("masks", Masks.LEGAL))  # type: ignore[arg-type]
    return LatentBO(domain, latents, seed=seed, initial=INITIAL, **parts)  # type: ignore[arg-type]


def joined(domain: Domain, seed: int) -> Searcher:
    """A kernel on the latents, and one on the raw encoding."""
    surrogate = LatentSurrogate(domain.space, features=("one_hot",))
    return over_latents(domain, seed, surrogate=surrogate)


def with_graph_features(domain: Domain, seed: int) -> Searcher:
    """A kernel on the latents, and one on each of the graph features of the list's search."""
    surrogate = LatentSurrogate(domain.space, features=search_defaults(domain.space).features)
    return over_latents(domain, seed, surrogate=surrogate)


def sparse(domain: Domain, seed: int) -> Searcher:
    """With inducing points, as published."""
    return over_latents(domain, seed, surrogate=LatentSurrogate(domain.space, Sparse()))


def over_list(domain: Domain, seed: int, *, features: Sequence[str]) -> Searcher:
    """Expected improvement over the list, with the same kind of process."""
    return CandidateBO(domain, features, log_expected_improvement, seed=seed, initial=INITIAL)


def default(domain: Domain, seed: int) -> Searcher:
    """The suite's own."""
    return make_searcher("bo", domain, seed, INITIAL)


def plain(domain: Domain, seed: int) -> Searcher:
    """Nothing of ours but the loop."""
    return PlainBoTorch(domain, ["one_hot"], log_expected_improvement, seed=seed, initial=INITIAL)


PARTS: dict[str, tuple[Make, int]] = {
    "base": (over_latents, 1),
    "one decoding": (partial(over_latents, decoding=Modal(1)), 1),
    "most probable decoding": (partial(over_latents, decoding=MostProbable()), 1),
    "no masks": (partial(over_latents, masks=Masks.NONE), 1),
    "first choices, not encoded again": (partial(over_latents, choice=FirstChoices()), 1),
    "trust region": (partial(over_latents, region=TrustRegion()), 1),
    "noisy expected improvement": (
        partial(over_latents, acquisition=NoisyExpectedImprovement()),
        1,
    ),
    "Thompson sampling": (partial(over_latents, acquisition=ThompsonSampling()), 1),
    "sparse process": (sparse, 1),
    "latents and one-hots": (joined, 1),
    "latents and graph features": (with_graph_features, 1),
    "batches of 5": (over_latents, 5),
    "batches of 10": (over_latents, 10),
    "gradient ascent": (partial(gradient_ascent, initial=INITIAL), 1),
    "list, latents": (partial(over_list, features=["latents"]), 1),
    "list, one-hots": (partial(over_list, features=["one_hot"]), 1),
    "list, plain BoTorch on one-hots": (plain, 1),
    "list, graph features (bo)": (default, 1),
    "random": (lambda domain, seed: RandomSearch(domain, seed, INITIAL), 1),
}
"""Name → makes the searcher; and architectures per batch."""


def measure(given: Namespace) -> None:
    """Run the requested searches that are not kept yet, and print the table."""
    table = get_benchmark(given.space, dataset=given.dataset)
    name = "_".join(word for word in (given.space, given.dataset) if word)
    path = RESULTS / f"search_parts_{name}.json"
    domain: Candidates = known_rows(table)
    problem = table_problem(table, domain)
    wanted = [(part, seed) for seed in range(given.seeds) for part in given.parts]
    for part, seed in progress(wanted, f"searching {name}", "searches"):
        record = kept(path)
        runs = record["results"].setdefault(part, {})
        if str(seed) not in runs:
            make, batch = PARTS[part]
            runs[str(seed)] = search(problem, make(domain, seed), Budget(given.queries, batch))
            write_json(path, record)
    for part, runs in kept(path)["results"].items():
        print(f"{part:<34} {summary(runs)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print."""
    flags = parser("What the parts of a search are worth.")
    flags.add_argument("space", choices=("NB101", "NB201", "DIGITS101"))
    flags.add_argument("--dataset", help="NB201: cifar10, cifar100, ImageNet16-120")
    flags.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    flags.add_argument("--queries", type=positive_int, default=100, help="of each search")
    flags.add_argument("--seeds", type=positive_int, default=5, help="searches with each part")
    flags.add_argument("--threads", type=positive_int, default=1)
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    measure(given)
    return 0


if __name__ == "__main__":
    run_command(main)
