"""The parts of a declared problem beside task, space and hyper-parameters."""

from __future__ import annotations

from dataclasses import dataclass

from datasets.objective import Objective
from experiment.checks import LARGEST, whole_number
from experiment.config import nearest
from experiment.errors import InputError
from searchers.aging import POPULATION, TOURNAMENT, AgingEvolution
from searchers.decision_bo import DecisionBO
from searchers.domain import Domain
from searchers.methods import SEARCHERS, make_searcher
from searchers.random_search import RandomSearch
from searchers.searcher import Searcher

OWN = ("random", "evolution", "bo", "rl", "graphnas_rl")
"""Methods that search architectures together with hyper-parameters."""


@dataclass(frozen=True)
class Fidelity:
    """How the trainings of the search are shorter than whole ones.

    Attributes:
        epochs: of a training; default: all of the hyper-parameters' epochs.
    """

    epochs: int | None = None


@dataclass(frozen=True)
class EarlyStopping:
    """When a training of the search ends early.

    Attributes:
        patience: epochs without a better value after which it ends.
        monitor: what is looked at.
    """

    patience: int
    monitor: str | None = None

    def __post_init__(self) -> None:
        whole_number(self.patience, "early_stopping.patience", least=1)


@dataclass(frozen=True)
class Callbacks:
    """What is done during the search.

    Attributes:
        early_stopping: of a training; ``None``: it has all of its epochs.
        checkpoints: whether the weights of each training's best epoch are kept.
        log: whether a line is printed for each evaluation.
        search_patience: evaluations without a better one after which the search ends.
    """

    early_stopping: EarlyStopping | None = None
    checkpoints: bool = False
    log: bool = True
    search_patience: int | None = None

    def __post_init__(self) -> None:
        if self.search_patience is not None:
            whole_number(self.search_patience, "callbacks.search_patience", least=1)


@dataclass(frozen=True)
class SearchBudget:
    """When the search ends; at least one is needed.

    Attributes:
        evaluations: trainings in all.
        minutes: after which no other training begins.
    """

    evaluations: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        if self.evaluations is None and self.minutes is None:
            raise InputError("the budget is not given: give evaluations, minutes, or both")
        if self.evaluations is not None:
            whole_number(self.evaluations, "budget.evaluations", least=1)
        if self.minutes is not None and not self.minutes > 0:
            raise InputError(f"budget.minutes is {self.minutes}, expected more than 0")


@dataclass(frozen=True)
class Method:
    """How is searched.

    Attributes:
        name: one of :data:`OWN`, or for architectures alone another searcher.
        seed: of the search, and of the weights and order of each of its trainings.
        population: of the evolution.
        tournament: of the evolution.
        initial: random architectures that other methods begin with.
        start: candidates that are measured first, in the notation of the space.
    """

    name: str = "evolution"
    seed: int = 0
    population: int = POPULATION
    tournament: int = TOURNAMENT
    initial: int = 10
    start: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in (*OWN, *SEARCHERS):
            raise InputError(
                f"no search is called {self.name!r}: {nearest(self.name, [*SEARCHERS])}"
            )
        whole_number(self.seed, "search.seed", most=LARGEST)
        for name in ("population", "tournament", "initial"):
            whole_number(getattr(self, name), f"search.{name}", least=1)
        if self.name == "evolution" and self.tournament > self.population:
            raise InputError(
                f"search.tournament is {self.tournament}, more than search.population, "
                f"{self.population}: give at most as many"
            )

    def searcher(self, domain: Domain, objective: Objective) -> Searcher:
        """A new searcher.

        Raises:
            InputError: it does not suit the domain.
        """
        if self.name == "random":
            return RandomSearch(domain, self.seed, self.initial)
        if self.name == "evolution":
            return AgingEvolution(domain, self.seed, self.population, self.tournament)
        if self.name == "bo":
            return DecisionBO(domain, self.seed, self.initial)
        return make_searcher(self.name, domain, self.seed, self.initial, objective=objective)


@dataclass(frozen=True)
class TopK:
    """What is trained fully after the search.

    Attributes:
        k: how many of the best; 0: none.
        repeats: trainings of each, with seeds 0, 1, …, and splits 0, 1, … where there are several.
    """

    k: int = 5
    repeats: int = 3

    def __post_init__(self) -> None:
        whole_number(self.k, "top_k.k")
        whole_number(self.repeats, "top_k.repeats", least=1)
