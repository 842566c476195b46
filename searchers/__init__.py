"""Search for the best architecture by any objective, from Python: :func:`search`.

The parts of a search can be put together by hand as well; ``docs/api.md`` says what each name is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiment.exports import exports

if TYPE_CHECKING:
    from searchers.aging import AgingEvolution
    from searchers.candidate_bo import CandidateBO
    from searchers.controllers.learning import ControllerSettings
    from searchers.controllers.search import ControllerSearch
    from searchers.criteria import log_expected_improvement, upper_confidence_bound
    from searchers.decision_bo import DecisionBO
    from searchers.declared.problem import NASProblem
    from searchers.declared.run import run_problem
    from searchers.defaults import SEARCH_DEFAULTS, SearchDefaults
    from searchers.domain import Candidates, Domain, WholeSpace
    from searchers.embedded.dngo import DNGO
    from searchers.embedded.reinforce import Reinforce
    from searchers.embedded.vectors import embedding_vectors
    from searchers.evolution import RegularisedEvolution
    from searchers.halving import ASHA, SuccessiveHalving
    from searchers.history import Incumbent, SearchHistory
    from searchers.latent.scalarised import ScalarisedAscent
    from searchers.latent.search import GradientAscent, LatentBO
    from searchers.latent.space import LatentSpace
    from searchers.latent.trust_region import TrustRegion
    from searchers.limits import Limit
    from searchers.local_search import LocalSearch
    from searchers.loop import Budget, SearchLoop
    from searchers.methods import MULTI_FIDELITY, SEARCHERS, make_searcher
    from searchers.own_objective import Evaluation, SearchResult, search
    from searchers.problem import Problem, fidelity_problem, known_rows, table_problem
    from searchers.random_search import RandomSearch
    from searchers.searcher import Observation, Searcher
    from searchers.testing import check_searcher
else:
    __all__, __getattr__, __dir__ = exports(
        __name__,
        {
            "aging": ["AgingEvolution"],
            "candidate_bo": ["CandidateBO"],
            "controllers.learning": ["ControllerSettings"],
            "controllers.search": ["ControllerSearch"],
            "criteria": ["log_expected_improvement", "upper_confidence_bound"],
            "decision_bo": ["DecisionBO"],
            "declared.problem": ["NASProblem"],
            "declared.run": ["run_problem"],
            "defaults": ["SEARCH_DEFAULTS", "SearchDefaults"],
            "domain": ["Candidates", "Domain", "WholeSpace"],
            "embedded.dngo": ["DNGO"],
            "embedded.reinforce": ["Reinforce"],
            "embedded.vectors": ["embedding_vectors"],
            "evolution": ["RegularisedEvolution"],
            "halving": ["ASHA", "SuccessiveHalving"],
            "history": ["Incumbent", "SearchHistory"],
            "latent.scalarised": ["ScalarisedAscent"],
            "latent.search": ["GradientAscent", "LatentBO"],
            "latent.space": ["LatentSpace"],
            "latent.trust_region": ["TrustRegion"],
            "limits": ["Limit"],
            "local_search": ["LocalSearch"],
            "loop": ["Budget", "SearchLoop"],
            "methods": ["MULTI_FIDELITY", "SEARCHERS", "make_searcher"],
            "own_objective": ["Evaluation", "SearchResult", "search"],
            "problem": ["Problem", "fidelity_problem", "known_rows", "table_problem"],
            "random_search": ["RandomSearch"],
            "searcher": ["Observation", "Searcher"],
            "testing": ["check_searcher"],
        },
    )
