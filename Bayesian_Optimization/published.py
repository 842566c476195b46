"""The published experiment: Bayesian optimisation over the latent space, round after round.

Lukasik et al. 2021 (arXiv:2010.04683), after Zhang et al. 2019 (D-VAE, arXiv:1904.11088): from
1,000 labelled architectures on, ten rounds choose 50 points each in the box of the training
latents, by the expected improvement of a sparse Gaussian process with a kriging believer; of 500
decodings of a point the most frequent member is measured. Every round the process is judged on
architectures that were held out. Here high values are looked for: the published NB101 code fed
accuracies to an acquisition that minimises.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.splits import split_rows
from estimators.evaluations import Evaluations
from experiment.errors import InputError
from experiment.files import atomic_path, plain, read_json, write_json
from experiment.run import RunFolder
from predictors.regressor import Standardised
from searchers.domain import Candidates, Domain
from searchers.history import Step, found_record
from searchers.latent.acquisition import (
    Acquisition,
    BestDrawn,
    Draw,
    ExpectedImprovement,
    HighestMean,
)
from searchers.latent.search import FirstChoices, LatentBO, LatentSearcher
from searchers.latent.space import LatentSpace
from searchers.latent.standardised import Box
from searchers.latent.surrogates import LatentSurrogate, Sparse
from searchers.loop import Asked, Budget, SearchLoop
from searchers.problem import Problem
from searchers.recommendation import recommended
from searchers.recording import Recorder, write_queries
from searchers.searcher import Searcher

HELD_OUT = 2_000
"""Held-out architectures that the surrogate is judged on, at most."""
RANDOM_ATTEMPTS = 20
"""Times that random points are drawn anew, where too few of them decode to new architectures."""

DRAWS: dict[str, Draw] = {"uniform": Box.uniform, "normal": Box.normal}
"""How points of the box are drawn, by the published names."""


class PublishedMethod(Enum):
    """How points are chosen."""

    EI = "ei"
    PREDICTOR = "predictor"
    GRADIENT = "gradient"
    RANDOM = "random"

    def acquisition(self, draw: Draw) -> Acquisition:
        """What chooses the points of every method but the random one."""
        if self is PublishedMethod.PREDICTOR:
            return BestDrawn(draw)
        return HighestMean(draw) if self is PublishedMethod.GRADIENT else ExpectedImprovement(draw)


@dataclass(frozen=True)
class PublishedSettings:
    """What decides the numbers of an experiment.

    Attributes:
        rounds: how often points are chosen.
        batch: points of a round.
        labelled: architectures that are measured before the first round.
        share: part of the training architectures that those are drawn from.
        inducing: points of the sparse process.
        draw: how points of the box are drawn, a key of :data:`DRAWS`.
        random_as_train: whether the labelled architectures are decoded from random points.
        random_as_test: whether those that the process is judged on are.
    """

    rounds: int = 10
    batch: int = 50
    labelled: int = 1_000
    share: float = 1.0
    inducing: int = 500
    draw: str = "uniform"
    random_as_train: bool = False
    random_as_test: bool = False


class RandomPoints(Searcher):
    """The baseline: what random points of the box decode to.

    Args:
        domain: the candidate set.
        latents: the latent space, with the decoder.
        draw: how the points are drawn.
        seed: of everything that is drawn.
        initial: random architectures to begin with.
    """

    def __init__(
        self, domain: Domain, latents: LatentSpace, draw: Draw, seed: int = 0, initial: int = 10
    ) -> None:
        super().__init__(domain, seed, initial)
        self.latents = latents
        self.draw = draw

    def propose(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        """Draw and decode until enough new architectures are found."""
        return random_members(self.latents, self.draw, n, generator, self.new)


def random_members(
    latents: LatentSpace,
    draw: Draw,
    n: int,
    generator: np.random.Generator,
    wanted: Callable[[str], bool],
) -> list[ArchitectureGraph]:
    """Different architectures that random points decode to.

    Args:
        latents: the latent space.
        draw: how the points are drawn.
        n: how many; fewer where hardly any point decodes to a new member.
        generator: of what is drawn.
        wanted: tells by its hash whether an architecture is.
    """
    source = torch.Generator().manual_seed(int(generator.integers(2**62)))
    found: dict[str, ArchitectureGraph] = {}
    for _ in range(RANDOM_ATTEMPTS):
        if len(found) >= n:
            break
        points = draw(latents.box, n - len(found), source)
        new = latents.decode(points, generator).only(wanted)
        for row, hash in enumerate(new.hashes.tolist()):
            if new.rank[row] == 0:
                found.setdefault(hash, new.graphs.graph(row))
    return list(found.values())[:n]


@dataclass(frozen=True)
class HeldOut:
    """Measured architectures that no surrogate is fitted to.

    Attributes:
        graphs: the architectures.
        values: what was measured. **Shape** (B,).
    """

    graphs: GraphBatch
    values: np.ndarray


@dataclass(frozen=True)
class SurrogateFit:
    """How well a process predicts, in standard deviations of the held-out values.

    The labelled values are no measure: every round adds good ones, and narrows them.

    Attributes:
        rmse: root of the mean squared error.
        log_likelihood: mean logarithm of the density of what was measured, in nats.
        pearson: correlation of prediction and measurement.
    """

    rmse: float
    log_likelihood: float
    pearson: float

    @classmethod
    def of(cls, mean: np.ndarray, variance: np.ndarray, truth: np.ndarray) -> SurrogateFit:
        """From normal predictions and what was measured. **Shape** (B,) each."""
        unit = truth.std() or 1.0
        mean, variance, truth = mean / unit, variance / unit**2, truth / unit
        error = (truth - mean) ** 2
        density = -0.5 * (np.log(2 * np.pi * variance) + error / variance)
        varies = mean.std() > 0 and truth.std() > 0
        correlation = float(np.corrcoef(mean, truth)[0, 1]) if varies else float("nan")
        return cls(float(np.sqrt(error.mean())), float(density.mean()), correlation)


class Judge:
    """A :class:`~searchers.loop.Listener` that judges the surrogate of every round.

    What it found is in ``quality.json`` before the round is measured.

    Args:
        searcher: whose surrogate is judged.
        held_out: what it is judged on.
        place: folder of the run.
        quiet: whether nothing is printed.
    """

    def __init__(
        self, searcher: LatentSearcher, held_out: HeldOut, place: Path, quiet: bool = True
    ) -> None:
        self.searcher = searcher
        self.held_out = held_out
        self.path = place / "quality.json"
        self.quiet = quiet
        self._points = searcher.latents.encode(held_out.graphs)

    def asked(self, batch: Asked) -> None:
        """Judge what the batch was chosen by, if that was a surrogate."""
        state = self.searcher.state
        if state is None:
            return
        inputs = self.searcher.surrogate.inputs(self._points, self.held_out.graphs)
        whole = state.fitted.whole
        mean, variance = whole.mean_and_variance(state.fitted.rows(inputs))
        scale = state.scale
        (unit,) = np.diff(scale.back(np.array([0.0, 1.0])))
        quality = SurrogateFit.of(
            scale.back(mean.numpy()),
            unit**2 * (variance.numpy() + whole.noise),
            self.held_out.values,
        )
        known = len(state.targets)
        write_json(self.path, {**self.read(), str(known): asdict(quality)})
        if not self.quiet:
            print(
                f"{known:,} labels: RMSE {quality.rmse:.3f}, log-likelihood "
                f"{quality.log_likelihood:.3f}, Pearson r {quality.pearson:.3f}; "
                f"{len(batch.architectures)} chosen in {batch.seconds:.1f} s",
                flush=True,
            )

    def measured(self, step: Step) -> None:
        """Nothing follows from one measurement."""

    def read(self) -> dict[str, dict[str, float]]:
        """Number of labels → how good the process was."""
        return read_json(self.path) if self.path.exists() else {}


@dataclass(frozen=True)
class Experiment:
    """Everything but the seed.

    Attributes:
        problem: the candidate set, and what measures it.
        table: measured architectures that labelled and held-out ones are drawn from.
        latents: the latent space, whose box is that of the training part, with the decoder.
        train: rows of the table, the training part. **Shape** (n,).
        test: rows of the table, held out. **Shape** (m,).
        settings: the rest.
    """

    problem: Problem
    table: Candidates
    latents: LatentSpace
    train: np.ndarray
    test: np.ndarray
    settings: PublishedSettings

    def searcher(self, method: PublishedMethod, seed: int) -> Searcher:
        """The search that one method makes."""
        draw, domain = DRAWS[self.settings.draw], self.problem.domain
        if method is PublishedMethod.RANDOM:
            return RandomPoints(domain, self.latents, draw, seed, self.settings.labelled)
        return LatentBO(
            domain,
            self.latents,
            acquisition=method.acquisition(draw),
            choice=FirstChoices(),
            surrogate=LatentSurrogate(domain.space, Sparse(self.settings.inducing)),
            scale=Standardised,
            seed=seed,
            initial=self.settings.labelled,
        )

    def start(self, seed: int) -> list[ArchitectureGraph]:
        """The architectures that are labelled before the first round.

        Raises:
            InputError: there are fewer.
        """
        wanted, generator = self.settings.labelled, np.random.default_rng([seed, 0])
        if self.settings.random_as_train:
            found = self._random(wanted, generator)
        else:
            part = self.train[: max(1, round(self.settings.share * len(self.train)))]
            rows = generator.permutation(part)[:wanted]
            found = list(self.table.graphs[torch.from_numpy(rows)])
        if len(found) < wanted:
            raise InputError(
                f"{wanted} labelled architectures were requested, there are {len(found)}: "
                "ask for fewer (--keep), or take a larger --share"
            )
        return found

    def held_out(self, seed: int) -> HeldOut:
        """What the surrogate is judged on, measured."""
        generator = np.random.default_rng([seed, 1])
        if self.settings.random_as_test:
            graphs = self._random(HELD_OUT // 4, generator)
        else:
            rows = generator.permutation(self.test)[:HELD_OUT]
            graphs = list(self.table.graphs[torch.from_numpy(np.sort(rows))])
        measured = [each for each in self.problem.estimator.measure(graphs) if each.ok]
        values = np.array([each.validation for each in measured], dtype=np.float64)
        architectures = [each.architecture for each in measured]
        return HeldOut(GraphBatch.from_graphs(architectures, self.problem.space.max_nodes), values)

    def _random(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        draw = DRAWS[self.settings.draw]
        return random_members(self.latents, draw, n, generator, self.problem.domain.holds)


def divided(table: Candidates) -> tuple[np.ndarray, np.ndarray]:
    """Rows that the VAE may have been trained on, and those held out, as training divides them."""
    split = split_rows(table.hashes)
    return split.train, split.test


def perform(
    experiment: Experiment, method: PublishedMethod, seed: int, run: RunFolder, quiet: bool = True
) -> dict[str, Any]:
    """Start or resume one seed of an experiment.

    Args:
        experiment: what is done.
        method: how points are chosen.
        seed: of everything that is drawn.
        run: the folder, started.
        quiet: whether nothing is printed.

    Returns:
        What ``result.json`` holds.
    """
    settings, problem = experiment.settings, experiment.problem
    searcher = experiment.searcher(method, seed)
    recorder = Recorder(run, problem.space, problem.truth)
    listeners: list[Any] = [recorder]
    if isinstance(searcher, LatentSearcher):
        listeners.insert(0, Judge(searcher, experiment.held_out(seed), run.path, quiet))
    budget = Budget(settings.labelled + settings.rounds * settings.batch, settings.batch)
    started = time.perf_counter()
    loop = SearchLoop(
        searcher,
        Evaluations(problem.estimator),
        budget,
        experiment.start(seed),
        listeners,
    )
    loop.replay(recorder.events())
    history = loop.run()
    steps = [step for step in history.steps if step.query is not None]
    measured = {step.measurement.hash: step.measurement for step in steps}
    rounds = round_records(steps, settings, problem, run.path)
    write_rounds(run.path / "rounds.csv", rounds)
    write_queries(run.path / "queries.csv", run.read_metrics())
    result = {
        "queries": history.queries,
        "unknown": history.unknown,
        "share_known": history.share_known,
        "best_observed": found_record(history.incumbent, problem.space, problem.truth),
        "recommended": recommended(searcher, measured, problem.truth),
        "optimum": problem.optimum(),
        "seconds": time.perf_counter() - started,
        "simulated_seconds": history.simulated_seconds,
        "rounds": rounds,
    }
    run.save_result(result)
    return result


def round_records(
    steps: Sequence[Step], settings: PublishedSettings, problem: Problem, place: Path
) -> list[dict[str, Any]]:
    """One line a round: how good the surrogate was, and what was chosen by it.

    ``best`` is the best that was chosen so far, without the labelled ones; ``mean`` that of the
    round; ``incumbent`` the best of all.
    """
    path = place / "quality.json"
    qualities = read_json(path) if path.exists() else {}
    lines = []
    chosen: list[Step] = []
    for number in range(settings.rounds):
        begin = settings.labelled + number * settings.batch
        batch = list(steps[begin : begin + settings.batch])
        chosen += batch
        values = [value for step in batch if (value := step.measurement.validation) is not None]
        if not values:
            break
        best = max(chosen, key=lambda step: step.measurement.validation or 0.0).measurement
        incumbent = batch[-1].incumbent
        truth = problem.truth.of(best.hash) if problem.truth else {}
        lines.append(
            {
                "round": number + 1,
                "queries": begin + len(batch),
                "mean": float(np.mean(values)),
                "best": best.validation,
                "test": truth.get("true_test", best.test),
                "incumbent": incumbent.value if incumbent else None,
                **qualities.get(str(begin), {}),
            }
        )
    return lines


def write_rounds(path: Path, rounds: Iterable[Mapping[str, Any]]) -> None:
    """Write a table with a row a round."""
    lines = [plain(line) for line in rounds]
    columns = list(dict.fromkeys(name for line in lines for name in line))
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, columns)
        writer.writeheader()
        writer.writerows(lines)
