"""Searchers by the names that users type; a new one is a function and a line here."""

from __future__ import annotations

from collections.abc import Callable

from Bayesian_Optimization.domain import Domain
from Bayesian_Optimization.searcher import Searcher
from experiment.config import nearest
from experiment.errors import InputError

Factory = Callable[[Domain, int, int], Searcher]
"""Makes a searcher of a domain, a seed, and the number of random architectures it begins with."""


def _random(domain: Domain, seed: int, initial: int) -> Searcher:
    from Bayesian_Optimization.random_search import RandomSearch

    return RandomSearch(domain, seed, initial)


def _evolution(domain: Domain, seed: int, initial: int) -> Searcher:
    from Bayesian_Optimization.evolution import RegularisedEvolution

    return RegularisedEvolution(domain, seed, initial)


def _local_search(domain: Domain, seed: int, initial: int) -> Searcher:
    from Bayesian_Optimization.local_search import LocalSearch

    return LocalSearch(domain, seed, initial)


SEARCHERS: dict[str, Factory] = {
    "random": _random,
    "evolution": _evolution,
    "local_search": _local_search,
}
"""Every searcher, by its name."""


def make_searcher(name: str, domain: Domain, seed: int = 0, initial: int = 10) -> Searcher:
    """The searcher called ``name``.

    Args:
        name: a key of :data:`SEARCHERS`.
        domain: what may be asked for.
        seed: of everything that is drawn.
        initial: random architectures to begin with.

    Raises:
        InputError: there is none of that name, or it does not suit the domain.
    """
    if name not in SEARCHERS:
        raise InputError(f"no search is called {name!r}: {nearest(name, list(SEARCHERS))}")
    return SEARCHERS[name](domain, seed, initial)
