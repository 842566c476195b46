"""Searchers by the names that users type; a new one is a class or a function, and a line here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path

from datasets.objective import ACCURACY, Objective
from estimators.own_function import function_name
from experiment.checks import shown
from experiment.config import nearest
from experiment.errors import InputError
from models.checkpoints import STATE_DICTS
from models.shipped import read_manifest
from searchers.candidate_bo import bayesian_optimisation, guided_enumeration, thompson_sampling
from searchers.controllers.search import graphnas_rl, rl
from searchers.domain import Candidates, Domain, as_domain
from searchers.embedded.dngo import dngo
from searchers.embedded.reinforce import reinforce
from searchers.evolution import RegularisedEvolution
from searchers.known_costs import Costs
from searchers.latent.methods import gradient_ascent, latent_bo, scalarised_ascent
from searchers.limits import Limit
from searchers.local_search import LocalSearch
from searchers.random_search import RandomSearch
from searchers.searcher import Searcher
from searchers.transfer_bo import TransferBO
from searchers.two_objectives import ConstrainedImprovement, HypervolumeImprovement

Factory = Callable[[Domain, int, int], Searcher]
"""Makes a searcher of a domain, a seed, and the number of random architectures it begins with."""


SEARCHERS: dict[str, Factory] = {
    "bo": bayesian_optimisation,
    "thompson": thompson_sampling,
    "guided_enumeration": guided_enumeration,
    "random": RandomSearch,
    "evolution": RegularisedEvolution,
    "local_search": LocalSearch,
    "latent_bo": latent_bo,
    "gradient_ascent": gradient_ascent,
    "scalarised_ascent": scalarised_ascent,
    "reinforce": reinforce,
    "dngo": dngo,
    "rl": rl,
    "graphnas_rl": graphnas_rl,
}
"""Every searcher, by its name."""
WEIGHTED: dict[str, Callable[[Domain, int, int, str | Path | None], Searcher]] = {
    "latent_bo": latent_bo,
    "gradient_ascent": gradient_ascent,
    "scalarised_ascent": scalarised_ascent,
    "reinforce": reinforce,
    "dngo": dngo,
}
"""Those that search by the latents of a trained VAE."""
LISTED: dict[str, Callable[[Domain, int, int, Objective], Searcher]] = {
    "bo": bayesian_optimisation,
    "thompson": thompson_sampling,
    "guided_enumeration": guided_enumeration,
}
"""Those over a candidate set by features, which depend on the objective."""
TRANSFER: dict[str, Callable[[Domain, Objective, int, int], Searcher]] = {
    "transfer_bo": TransferBO,
}
"""Those over a candidate set that read the tables of a benchmark's other data sets."""
LIMITED: dict[str, Callable[[Domain, Limit, int, int], Searcher]] = {
    "constrained_improvement": ConstrainedImprovement,
}
"""Searchers that model the cost that is limited. To the others an architecture beyond the limit
is a failure."""
FRONTS: dict[str, Callable[[Domain, Objective, int, int], Searcher]] = {
    "hypervolume": HypervolumeImprovement
}
"""Searchers for the front between the value and a cost, which they receive as an objective."""
KNOWN_COSTS: dict[str, Callable[[Domain, int, int, str | Path | None, Costs], Searcher]] = {
    "scalarised_ascent": scalarised_ascent,
}
"""Searchers for that front which have to know the cost of an architecture before it is measured. By
:func:`make_searcher` it is the parameters of the published networks."""


def _successive_halving(
    domain: Domain, fidelities: Sequence[int], seed: int, eta: int | None
) -> Searcher:
    from searchers.halving import ETA, SuccessiveHalving

    return SuccessiveHalving(domain, fidelities, eta=ETA if eta is None else eta, seed=seed)


def _asha(domain: Domain, fidelities: Sequence[int], seed: int, eta: int | None) -> Searcher:
    from searchers.halving import ASHA, ETA

    return ASHA(domain, fidelities, eta=ETA if eta is None else eta, seed=seed)


MULTI_FIDELITY: dict[str, Callable[[Domain, Sequence[int], int, int | None], Searcher]] = {
    "successive_halving": _successive_halving,
    "asha": _asha,
}
"""Searchers that choose for how many epochs a network is trained, among some that are given; one in
``eta`` is trained for more."""

SHARED_WEIGHTS: dict[str, str] = {
    "enas": "a controller",
    "darts": "weights of all options",
    "gasso": "weights of options and of edges",
}
"""Searches that train the shared weights of a supernet together with what chooses among its paths:
:data:`searchers.shared_weights.methods.CHOOSING` makes them."""
ONLY_WITH: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(MULTI_FIDELITY, ("table", "train")),
    **dict.fromkeys(SHARED_WEIGHTS, ("one_shot",)),
}
"""Method → the estimators of ``search.py`` that it goes with; all others go with all of them."""


def check_estimator(method: str | None, estimator: str) -> None:
    """Refuse a method that does not go with an estimator.

    Whether both suit the space is checked where they are made: a space of decisions for a
    controller, a supernet for shared weights, a list for Bayesian optimisation.

    Raises:
        InputError: it does not.
    """
    known = ONLY_WITH.get(method or "", (estimator,))
    if estimator not in known:
        raise InputError(
            f"--method {method} {_doing(method or '')}: it needs --estimator {' or '.join(known)}"
        )


def _doing(method: str) -> str:
    """What a method does that goes with some estimators alone."""
    if method in MULTI_FIDELITY:
        return "chooses for how many epochs networks are trained"
    return f"trains shared weights together with {SHARED_WEIGHTS[method]}"


def default_method(domain: Domain, weights: str | Path | None = None) -> str:
    """The searcher by default.

    Args:
        domain: the candidate set.
        weights: of a VAE, where the user named some.
    """
    if weights is None and isinstance(domain, Candidates):
        return "bo"
    shipped = f"SVGE_{domain.space.name}" in read_manifest(STATE_DICTS)
    return "latent_bo" if weights is not None or shipped else "evolution"


def method_name(method: str | Factory) -> str:
    """What a searcher is called: by its name, or as its class or function is."""
    return method if isinstance(method, str) else function_name(method, "searcher")


def make_searcher(
    method: str | Factory,
    domain: Domain,
    seed: int = 0,
    initial: int = 10,
    weights: str | Path | None = None,
    objective: Objective = ACCURACY,
) -> Searcher:
    """The searcher that a method makes.

    Args:
        method: a key of :data:`SEARCHERS` or :data:`TRANSFER`, or a searcher of one's own: its
            class, or a function of the domain, the seed and the number of random architectures.
        domain: the candidate set.
        seed: of everything that is drawn.
        initial: random architectures to begin with.
        weights: folder or name of the VAE whose latents are searched; default: the shipped one of
            the space.
        objective: what is looked for; features that were fitted to accuracies are for accuracies
            alone.

    Raises:
        InputError: there is none of that name, it does not suit the domain or reads no weights, or
            they are of another space; or what is given makes no searcher.
        ModelError: there are no such weights, or they cannot be read.
    """
    if callable(method):
        if weights is not None:
            raise InputError(
                f"the search {method_name(method)!r} reads no weights: leave them out, and let it "
                "load its own"
            )
        return searcher_of(method, as_domain(domain), seed, initial)
    if isinstance(method, str) and method in MULTI_FIDELITY:
        raise InputError(
            f"the search {method!r} chooses for how many epochs networks are trained: it searches "
            "tables and trainings by search.py, or by searchers.halving from Python"
        )
    if isinstance(method, str) and method in SHARED_WEIGHTS:
        raise InputError(
            f"the search {method!r} {_doing(method)}: it searches by "
            "search.py --estimator one_shot, or by searchers.shared_weights from Python"
        )
    if not isinstance(method, str) or method not in SEARCHERS | TRANSFER:
        near = nearest(str(method), [*SEARCHERS, *TRANSFER])
        raise InputError(f"no search is called {method!r}: {near}")
    as_domain(domain)
    if weights is not None:
        if method not in WEIGHTED:
            raise reads_no_weights(method)
        return WEIGHTED[method](domain, seed, initial, weights)
    if method in TRANSFER:
        return TRANSFER[method](domain, objective, seed, initial)
    if method in LISTED:
        return LISTED[method](domain, seed, initial, objective)
    return SEARCHERS[method](domain, seed, initial)


def reads_no_weights(method: str) -> InputError:
    """What is raised where weights are given to a search that has no use for them."""
    return InputError(
        f"the search {method!r} reads no weights: leave them out, or choose {' or '.join(WEIGHTED)}"
    )


def searcher_of(factory: Factory, domain: Domain, seed: int, initial: int) -> Searcher:
    """The searcher that a class or a function of the user's own makes.

    Raises:
        InputError: it cannot be called with these, or makes something else.
    """
    expected = "expected a Searcher class, or a function of a domain, a seed and a number"
    if not callable(factory):
        raise InputError(f"{shown(factory)} makes no searcher: {expected}")
    name = method_name(factory)
    try:
        inspect.signature(factory).bind(domain, seed, initial)
    except TypeError as error:
        raise InputError(f"{name} cannot be called ({error}): {expected}") from error
    made = factory(domain, seed, initial)
    if not isinstance(made, Searcher):
        raise InputError(f"{name} made {shown(made)}, expected a Searcher")
    return made
