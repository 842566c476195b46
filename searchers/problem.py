"""The problem of a search: its domain, objective and estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.fidelities import rows_of_all
from datasets.graph import ArchitectureGraph
from datasets.kept_hashes import kept_hashes
from datasets.labels import SURROGATE_LABELS, LabelledSet
from datasets.objective import ACCURACY, Objective
from datasets.space import SearchSpace
from estimators.by_data_set import training_on, usual_data_set
from estimators.fidelity import ByFidelity
from estimators.from_scratch import FromScratch
from estimators.lookup import LookUp
from estimators.measurement import BuildsNetworks, Estimator
from estimators.networks import module_lines, table_design
from estimators.own_function import OwnFunction
from estimators.partial_training import train_partly
from estimators.shared_weights import SharedWeights
from estimators.supernet_training import OneShotRecipe, supernet_of
from estimators.surrogate import PredictorEstimator
from estimators.tasks.data_sets import DATA_SETS
from experiment.progress import progress
from predictors.defaults import defaults_of
from predictors.features.background import of_dataset
from predictors.methods import make_predictor, resolve_method
from searchers.domain import Candidates, Domain, WholeSpace
from searchers.history import TableTruth
from searchers.limits import Limit, table_costs


@dataclass(frozen=True)
class Problem:
    """The problem of a search.

    Attributes:
        domain: the candidate set.
        estimator: measures.
        objective: what is optimised.
        truth: the true means of a table, for the report only.
        settings: what else decides the numbers, for the run's configuration.
    """

    domain: Domain
    estimator: Estimator
    objective: Objective = ACCURACY
    truth: TableTruth | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def space(self) -> SearchSpace:
        """The search space."""
        return self.domain.space

    @property
    def size(self) -> int | None:
        """The size of the domain; ``None`` where it is not counted."""
        return len(self.domain) if isinstance(self.domain, Candidates) else None

    @property
    def measurements(self) -> int | None:
        """How many there can be, one for each architecture and fidelity; ``None``: not counted."""
        fidelities = len(self.settings.get("fidelities", ())) or 1
        return None if self.size is None else self.size * fidelities

    def network(self, graph: ArchitectureGraph) -> str:
        """Lines that build an architecture's network: of the size that is trained, if it is."""
        if isinstance(self.estimator, BuildsNetworks):
            return self.estimator.module_lines(graph)
        name = None if self.truth is None else self.truth.benchmark.dataset
        data = None if name is None else DATA_SETS.get(name)
        return module_lines(self.space, graph, table_design(self.space, name), data)

    def minimised(self) -> Problem:
        """The same where less is better, against what the table says of its metric, if need be."""
        objective = replace(self.objective, maximise=False)
        truth = self.truth and TableTruth(self.truth.benchmark, objective)
        return replace(self, objective=objective, truth=truth)

    def optimum(self, limit: Limit | None = None) -> dict[str, float | None] | None:
        """The optimum, where the table knows the whole domain.

        Args:
            limit: constraint the optimum must satisfy.
        """
        if self.truth is None or not isinstance(self.domain, Candidates):
            return None
        table = self.truth.benchmark
        rows = table.rows(self.domain.hashes)
        if (rows < 0).any():
            return None
        if limit is not None:
            rows = rows[limit.keeps(table_costs(table, limit.name)[rows])]
        return self.truth.optimum(rows) if len(rows) else None


def table_problem(benchmark: Benchmark, domain: Domain, trial: int | None = None) -> Problem:
    """Look architectures up.

    Args:
        benchmark: the table.
        domain: the candidate set.
        trial: which trial the search is shown, counted from 0; default: the means over them.

    Raises:
        InputError: there is no such trial.
    """
    estimator, truth = LookUp(benchmark, trial), TableTruth(benchmark)
    return Problem(domain, estimator, benchmark.objective(trial=trial), truth, {"trial": trial})


def known_rows(benchmark: Benchmark, trial: int | None = None) -> Candidates:
    """The rows of a table with a value to choose architectures by, in one trial or in any.

    Raises:
        InputError: there is no such trial.
    """
    metric = benchmark.metric(benchmark.chosen_by)
    values = metric.mean() if trial is None else metric.trial(trial)
    return _rows(benchmark, np.flatnonzero(np.isfinite(values)))


def _rows(benchmark: Benchmark, rows: np.ndarray) -> Candidates:
    if len(rows) == len(benchmark):
        return Candidates(benchmark.space, benchmark.graphs, benchmark.hashes)
    graphs = benchmark.graphs[torch.from_numpy(rows)]
    return Candidates(benchmark.space, graphs, benchmark.hashes[rows])


def whole_space(space: SearchSpace, data_root: Path | None = None) -> Domain:
    """All architectures of a space, as candidates where they can be enumerated."""
    if not space.is_enumerable:
        return WholeSpace(space)
    graphs = GraphBatch.cat(space.enumerate())
    return Candidates(space, graphs, kept_hashes(space, graphs, data_root))


def fidelity_problem(
    tables: Mapping[int, Benchmark], trial: int | None = None, domain: Domain | None = None
) -> Problem:
    """Look architectures up, each in the table of the epochs that the search chooses.

    Every look-up costs a whole training of so many epochs: a promotion trains anew. The report
    goes by the table of the most epochs.

    Args:
        tables: number of epochs → table.
        trial: which trial the search is shown, counted from 0; default: the means over them.
        domain: the candidate set; default: the rows that all tables have a value of.

    Raises:
        InputError: there are fewer than two tables, or no such trial.
    """
    estimator = ByFidelity({epochs: LookUp(each, trial) for epochs, each in tables.items()})
    longest = tables[estimator.fidelities[-1]]
    if domain is None:
        domain = _rows(longest, rows_of_all(tables, trial))
    truth = TableTruth(longest)
    settings = {"trial": trial, "fidelities": list(estimator.fidelities)}
    return Problem(domain, estimator, longest.objective(trial=trial), truth, settings)


def surrogate_problem(
    benchmark: Benchmark,
    domain: Domain,
    method: str | None = None,
    features: Sequence[str] | None = None,
    labels: int | None = None,
    seed: int = 0,
    weights: str | Path | None = None,
) -> Problem:
    """Guess by a predictor that is fitted to a random part of a table.

    Args:
        benchmark: the table.
        domain: the candidate set.
        method: of prediction; ``None`` for the space's default.
        features: that describe architectures; ``None`` for the method's own.
        labels: architectures to fit to; default: 1,000, or all where there are fewer.
        seed: of the draw and of the method.
        weights: folder or name of the VAE whose latents the predictor reads; default: those that
            are shipped.

    Raises:
        InputError: no such method or features, weights that are not read or of another space, or
            fewer architectures were measured.
    """
    known = LabelledSet.of(benchmark, [benchmark.chosen_by])
    amount = min(SURROGATE_LABELS, len(known)) if labels is None else labels
    labelled, _ = known.draw(amount, seed)
    name, described_by = resolve_method(defaults_of(benchmark.space).inside, method, features)
    described_by = of_dataset(described_by, benchmark.dataset)
    predictor = make_predictor(
        benchmark.space, name, described_by or None, seed=seed, weights=weights
    )
    with progress(None, f"fitting a surrogate to {len(labelled):,} labels"):
        predictor.fit(labelled.graphs, labelled.labels)
    settings = {"predictor": name, "features": list(described_by), "labels": len(labelled)}
    truth, estimator = TableTruth(benchmark), PredictorEstimator(benchmark.space, predictor)
    return Problem(domain, estimator, truth.objective, truth, settings)


def function_problem(
    domain: Domain, function: Callable[[Any], Any], objective: Objective, form: str | None = None
) -> Problem:
    """Call a function of the user's own.

    Args:
        domain: the candidate set.
        function: gives the value of an architecture.
        objective: its name, direction and unit.
        form: what it is given, see :class:`~estimators.own_function.OwnFunction`.

    Raises:
        InputError: it cannot be called, or there is no such form.
    """
    estimator = OwnFunction(domain.space, function, form)
    return Problem(domain, estimator, objective, None, {"form": form})


def training_problem(
    domain: Domain,
    seed: int = 0,
    benchmark: Benchmark | None = None,
    data_set: str | None = None,
    data_root: Path | None = None,
    split_seed: int | None = None,
) -> Problem:
    """Train every architecture, on the digits as those of DIGITS101 were trained.

    Args:
        domain: the candidate set.
        seed: of weights and order of the examples; the trial of that number in DIGITS101.
        benchmark: a table that was measured in the same way, for the report.
        data_set: one of :data:`estimators.by_data_set.TRAINED_ON`; default: that of the space.
        data_root: where its files are looked for.
        split_seed: of a random split of a graph; default: its public split, where it has one.

    Raises:
        InputError: no network is known for the space or of it for such data; the data are absent
            or damaged.
    """
    data_set = data_set or usual_data_set(domain.space)
    estimator = training_on(data_set, domain.space, seed, data_root, split_seed)
    truth = None if benchmark is None else TableTruth(benchmark)
    settings: dict[str, Any] = {"trial": seed, "training": estimator.settings}
    if split_seed is not None:
        settings["split_seed"] = split_seed
    objective = replace(ACCURACY, dataset=data_set, trial=seed)
    return Problem(domain, estimator, objective, truth, settings)


def one_shot_problem(
    domain: Domain,
    recipe: OneShotRecipe,
    seed: int = 0,
    data_set: str | None = None,
    data_root: Path | None = None,
    weights: type[SharedWeights] = SharedWeights,
    split_seed: int | None = None,
) -> Problem:
    """Train one supernet, and measure every architecture by its shared weights.

    Args:
        domain: the candidate set.
        recipe: how the supernet is trained and evaluated.
        seed: of its weights and paths.
        data_set: as for :func:`training_problem`.
        data_root: where its files are looked for.
        weights: trains the supernet by the recipe, and measures by it.
        split_seed: as for :func:`training_problem`.

    Raises:
        InputError: the space has no weights to share, or as for :func:`training_problem`.
    """
    supernet_of(domain.space)
    whole = training_problem(domain, seed, None, data_set, data_root, split_seed)
    assert isinstance(whole.estimator, FromScratch)
    settings = {**whole.settings, "supernet": asdict(recipe)}
    return replace(whole, estimator=weights(whole.estimator, recipe), settings=settings)


def partial_training_problem(
    domain: Domain,
    seed: int = 0,
    benchmark: Benchmark | None = None,
    fidelities: Sequence[int] | None = None,
    data_set: str | None = None,
    data_root: Path | None = None,
    split_seed: int | None = None,
) -> Problem:
    """The same, where the search chooses after how many epochs a training stops.

    Args:
        domain: the candidate set.
        seed: of weights and order of the images.
        benchmark: a table of whole trainings, for the report.
        fidelities: numbers of epochs, ascending; default: those of the recipe, half of them, and
            so on.
        data_set: as for :func:`training_problem`.
        data_root: where its files are looked for.
        split_seed: as for :func:`training_problem`.

    Raises:
        InputError: as for :func:`training_problem`, or there are no such fidelities.
    """
    whole = training_problem(domain, seed, benchmark, data_set, data_root, split_seed)
    assert isinstance(whole.estimator, FromScratch)
    partly = train_partly(whole.estimator, fidelities)
    settings = {**whole.settings, "fidelities": list(partly.fidelities)}
    return replace(whole, estimator=partly, settings=settings)
