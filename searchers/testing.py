"""What every searcher promises, as checks that a test of any searcher can run.

:func:`check_searcher` is all that the test of a new one needs::

    def test_mine_keeps_the_promises_of_a_searcher() -> None:
        check_searcher(lambda domain, seed, initial: MySearcher(domain, seed, initial))

The checks of :data:`CHECKS` can be run one by one as well. They search the cells of DIGITS101, or a
domain of your own, by a formula, so that no data are needed and the optimum is known. Everything
that is drawn is seeded: a searcher passes always or never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.registry import get_space
from datasets.space import SearchSpace
from estimators.evaluations import Evaluations
from estimators.fidelity import ByFidelity
from estimators.measurement import Measurement
from searchers.domain import Candidates
from searchers.history import Step
from searchers.loop import Asked, Budget, SearchLoop
from searchers.methods import Factory, searcher_of
from searchers.recommendation import Recommends
from searchers.searcher import Searcher

INITIAL, QUERIES, FEW = 5, 10, 20


class Formula:
    """An estimator whose accuracy is a formula of the architecture; ``answers`` overrule it.

    The third type of node is worth most, then an edge, then the second; the fourth costs.

    Args:
        space: of the architectures.
        answers: fields of a measurement, or functions of the number of the call and the graph that
            give them; a ``status`` other than ``ok`` makes a measurement without numbers.

    Attributes:
        asked: hashes of what was measured, in order.
        fidelities: epochs for which each was to be trained, ``None`` where none were chosen; the
            formula does not depend on them.
    """

    def __init__(self, space: SearchSpace, **answers: Any) -> None:
        self.space = space
        self.answers = answers
        self.asked: list[str] = []
        self.fidelities: list[int | None] = []

    def value(self, graph: ArchitectureGraph) -> float:
        """The formula."""
        kinds = graph.types
        worth = 3 * kinds.count(3) + kinds.count(2) - kinds.count(4) + 0.5 * len(graph.edges)
        return 0.5 + worth / 100

    @property
    def pairs(self) -> list[tuple[str, int | None]]:
        """Hash and fidelity of what was measured, in order."""
        return list(zip(self.asked, self.fidelities, strict=True))

    def measure(
        self, architectures: Sequence[ArchitectureGraph], fidelity: int | None = None
    ) -> Iterator[Measurement]:
        """One measurement each, of two simulated seconds."""
        for graph in architectures:
            hash = self.space.hash(graph)
            self.asked.append(hash)
            self.fidelities.append(fidelity)
            number = len(self.asked)
            answer: dict[str, Any] = {"validation": self.value(graph), "cost_seconds": 2.0}
            for key, given in self.answers.items():
                answer[key] = given(number, graph) if callable(given) else given
            status = answer.pop("status", "ok")
            if status != "ok":
                answer = {"reason": "it was so decided"}
            yield Measurement(graph, hash, status, **answer)


@dataclass(frozen=True, slots=True)
class FormulaAt:
    """The same formula at a fidelity.

    Attributes:
        formula: that is evaluated.
        fidelity: epochs that it is said to be trained for.
    """

    formula: Formula
    fidelity: int

    @property
    def space(self) -> SearchSpace:
        """The formula's."""
        return self.formula.space

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        """As the formula does."""
        return self.formula.measure(architectures, self.fidelity)


class Events:
    """Keeps what happens in a search, to replay it."""

    def __init__(self) -> None:
        self.all: list[Asked | Measurement] = []

    def asked(self, batch: Asked) -> None:
        """A batch was proposed."""
        self.all.append(batch)

    def measured(self, step: Step) -> None:
        """An architecture was measured."""
        self.all.append(step.measurement)


@cache
def cells() -> Candidates:
    """The 2,532 cells of DIGITS101: the domain of the checks."""
    space = get_space("DIGITS101")
    return Candidates(space, GraphBatch.cat(space.enumerate()))


def evaluations(searcher: Searcher, estimator: Formula) -> Evaluations:
    """Measurements by a formula, at the searcher's fidelities if it chooses some."""
    rungs = searcher.fidelities
    at = {epochs: FormulaAt(estimator, epochs) for epochs in rungs}
    return Evaluations(ByFidelity(at) if rungs else estimator)


def check_searcher(make: Factory, domain: Candidates | None = None) -> None:
    """Run every check.

    Args:
        make: makes the searcher.
        domain: candidates to search; default: the cells of DIGITS101. Some hundred at least.

    Raises:
        AssertionError: a promise is broken; the message says which.
        InputError: it makes no searcher, or one whose ``propose`` gives no architectures.
    """
    domain = cells() if domain is None else domain
    searcher_of(make, domain, 0, INITIAL)
    for check in CHECKS:
        check(make, domain)


def check_proposals(make: Factory, domain: Candidates) -> None:
    """Proposals are members of the domain, canonical, new, and as many as requested."""
    for size in (1, 4):
        estimator, events = Formula(domain.space), Events()
        _search(make, domain, estimator, Budget(QUERIES, size), listeners=[events])
        assert len(estimator.asked) == QUERIES, "fewer were proposed than there are queries"
        again = "an architecture was proposed twice (at the same fidelity, if it chooses one)"
        assert len(set(estimator.pairs)) == QUERIES, again
        assert all(map(domain.holds, estimator.asked)), "a proposal lies outside the domain"
        batches = [one for one in events.all if isinstance(one, Asked)]
        sizes = {len(one.architectures) for one in batches[:-1]}
        assert sizes == {size}, f"batches of {size} were requested, {sizes} proposed"
        graphs = [graph for one in batches for graph in one.architectures]
        canonical = all(domain.space.canonical(graph) == graph for graph in graphs)
        assert canonical, "a proposal is not in canonical form"


def check_seed(make: Factory, domain: Candidates) -> None:
    """Proposals are a function of the seed and of what was received."""
    asked = []
    for seed in (3, 3, 4):
        torch.rand(1)  # a global generator in another state
        estimator = Formula(domain.space)
        _search(make, domain, estimator, Budget(QUERIES), seed=seed)
        asked.append(estimator.pairs)
    assert asked[0] == asked[1], "equal seeds propose different architectures"
    assert asked[0] != asked[2], "different seeds propose the same architectures"


def check_resumed(make: Factory, domain: Candidates) -> None:
    """A search that was killed resumes to the same queries: one by one, in batches, at once."""
    for batch, at_once in ((1, 1), (4, 1), (1, 3)):
        budget = Budget(QUERIES, batch, at_once)
        estimator, events = Formula(domain.space), Events()
        _search(make, domain, estimator, budget, listeners=[events])
        for killed in (len(events.all) // 2 - 1, len(events.all) - 2):
            again = Formula(domain.space)
            searcher = make(domain, 0, INITIAL)
            loop = SearchLoop(searcher, evaluations(searcher, again), budget)
            loop.replay(events.all[:killed])
            loop.run()
            done = sum(isinstance(one, Measurement) for one in events.all[:killed])
            how = f"in batches of {batch}, {at_once} at once, killed after {done} measurements"
            assert again.pairs == estimator.pairs[done:], f"resumed, {how}, it proposes others"


def check_exhausted(make: Factory, domain: Candidates) -> None:
    """A domain is searched to its end, without a repetition, and the optimum is found."""
    rows = torch.arange(0, len(domain), max(len(domain) // FEW, 1))[:FEW]
    few = Candidates(domain.space, domain.graphs[rows])
    estimator = Formula(domain.space)
    loop = _search(make, few, estimator, Budget(5 * FEW, batch=3))
    rungs = loop.searcher.fidelities or (None,)
    each_once = {(hash, rung) for hash in few.hashes.tolist() for rung in rungs}
    everything = set(estimator.pairs) == each_once and len(estimator.asked) == len(each_once)
    assert everything, "it ends before all of a small domain is measured"
    best = max(estimator.value(graph) for graph in few.graphs)
    found = loop.history.incumbent
    assert found is not None and found.value == best, "the incumbent is not the optimum"  # noqa: PT018


def check_uninformative(make: Factory, domain: Candidates) -> None:
    """Constant values, values that are no number, and failures end no search."""
    answers: dict[str, dict[str, Any]] = {
        "constant values": {"validation": 0.5},
        "values that are no number": {
            "validation": lambda number, _: float("nan") if number % 3 else 0.4 + number / 100
        },
        "failures": {"status": lambda number, _: "failed" if number % 2 else "ok"},
    }
    for what, given in answers.items():
        estimator = Formula(domain.space, **given)
        loop = _search(make, domain, estimator, Budget(QUERIES, batch=2))
        assert loop.history.queries == QUERIES, f"the search ends early by {what}"
        assert len(set(estimator.pairs)) == QUERIES, f"it repeats itself with {what}"


def check_unknown(make: Factory, domain: Candidates) -> None:
    """What a table does not have costs no query, and the search continues."""
    estimator = Formula(domain.space, status=lambda number, _: "unknown" if number % 2 else "ok")
    history = _search(make, domain, estimator, Budget(7)).history
    found = (history.queries, history.unknown, history.simulated_seconds)
    assert found == (7, 7, 14.0), f"queries, unknown and seconds are {found}, expected (7, 7, 14.0)"


def check_told(make: Factory, domain: Candidates) -> None:
    """Measurements of what was not proposed count, and are not proposed later."""
    estimator = Formula(domain.space)
    others = [domain.graphs.graph(row) for row in range(0, 10 * FEW, 10)]
    searcher = make(domain, 0, INITIAL)
    searcher.tell(list(estimator.measure(others)))
    assert len(searcher.succeeded) == FEW, "a measurement of something else was not kept"
    asked = {domain.space.hash(graph) for graph in searcher.ask(6)}
    assert len(asked) == 6, "six were requested, fewer proposed"
    assert not asked & set(estimator.asked), "it proposes what was measured already"


def check_fidelities(make: Factory, domain: Candidates) -> None:
    """An architecture is trained for more epochs each time, and the incumbent for the most."""
    rungs = make(domain, 0, INITIAL).fidelities
    if not rungs:
        return
    estimator = Formula(domain.space)
    loop = _search(make, domain, estimator, Budget(6 * QUERIES, batch=2))
    before: dict[str, int | None] = {}
    for hash, epochs in estimator.pairs:
        passed = rungs.index(before[hash]) + 1 if hash in before else 0
        assert rungs[passed] == epochs, "an architecture skips a fidelity, or goes back"
        before[hash] = epochs
    assert set(before.values()) == set(rungs), "a fidelity is never reached"
    found = loop.history.incumbent
    assert found is not None, "nothing is the best"
    assert found.measurement.fidelity == rungs[-1], "the best was not trained for the longest"


def check_recommendation(make: Factory, domain: Candidates) -> None:
    """What is recommended was observed."""
    searcher = _search(make, domain, Formula(domain.space), Budget(8)).searcher
    if isinstance(searcher, Recommends):
        best = searcher.recommend()
        assert best in searcher.observations, "it recommends what was not observed"


CHECKS: tuple[Callable[[Factory, Candidates], None], ...] = (
    check_proposals,
    check_seed,
    check_resumed,
    check_exhausted,
    check_uninformative,
    check_unknown,
    check_told,
    check_fidelities,
    check_recommendation,
)
"""Every check, each of a factory and a domain."""


def _search(
    make: Factory, domain: Candidates, estimator: Formula, budget: Budget, **more: Any
) -> SearchLoop:
    searcher = make(domain, more.pop("seed", 0), INITIAL)
    loop = SearchLoop(searcher, evaluations(searcher, estimator), budget, **more)
    loop.run()
    return loop
