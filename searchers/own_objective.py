"""A search for the best architecture by a function of the user's own."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from datasets.benchmark import Benchmark
from datasets.graph import ArchitectureGraph
from datasets.measurement_files import Measurements, read_measurements
from datasets.objective import Objective
from datasets.registry import get_space
from datasets.source_record import announce, source_entries
from datasets.space import SearchSpace
from estimators.measurement import Measurement
from estimators.own_function import finite_number, function_name
from experiment.checks import as_path, shown, truth_value, whole_number
from experiment.engine import Engine
from experiment.engines import EngineChoice, check_sendable
from experiment.errors import InputError
from experiment.schema import Stage
from predictors.features.background import background_tables
from searchers.history import Step
from searchers.initial_design import check_amounts, initial_size
from searchers.loop import Budget
from searchers.methods import Factory, default_method, make_searcher, method_name
from searchers.problem import function_problem, whole_space
from searchers.running import Plan, carry_out
from searchers.starting import CODE, code_digests, start_search

Pairs = Iterable[tuple[ArchitectureGraph | str, float | None]] | Mapping[Any, float | None]
Known = Pairs | Measurements | str | Path
"""Pairs of an architecture, or its notation, and what was measured of it; or a file of them."""


@dataclass(frozen=True)
class Evaluation:
    """One architecture and what the function gave.

    Attributes:
        architecture: canonical.
        notation: of the architecture, as the space writes it.
        hash: the space's hash of it.
        value: in the objective's unit; ``None`` where it failed.
        query: its number, counted from 1; 0 for what was known before the search.
        reason: why it failed, in one sentence; else empty.
        traceback: of the exception by which it failed; empty without one.
    """

    architecture: ArchitectureGraph = field(repr=False)
    notation: str
    hash: str = field(repr=False)
    value: float | None
    query: int
    reason: str = ""
    traceback: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        best: the best evaluation, the first of equal ones.
        history: every evaluation, in order, without what was known before.
        objective: name, direction and unit.
        summary: what ``result.json`` holds.
        run: the folder, ``None`` where there is none.
    """

    best: Evaluation
    history: tuple[Evaluation, ...]
    objective: Objective
    summary: dict[str, Any]
    run: Path | None = None

    @property
    def network(self) -> str:
        """Three lines of Python that build the best architecture's PyTorch module, or a comment."""
        return str(self.summary["best_observed"]["network"])

    def __repr__(self) -> str:
        """The best, how many were measured and failed, and where the run is."""
        failed = sum(not each.ok for each in self.history)
        counts = f"{len(self.history)} queries" + (f", {failed} failed" if failed else "")
        value = self.objective.text(self.best.value)
        best = f"{self.objective.name} {value} of {self.best.notation} (query {self.best.query})"
        place = "" if self.run is None else f"; {self.run}"
        return f"SearchResult({best}; {counts}{place})"


def search(
    space: str | SearchSpace,
    objective: Callable[[Any], Any],
    queries: int = 100,
    method: str | Factory | None = None,
    *,
    run: str | Path | None = None,
    resume: bool = False,
    minimise: bool = False,
    unit: str | None = None,
    known: Known = (),
    initial: int | None = None,
    start: Sequence[ArchitectureGraph | str] = (),
    batch: int = 1,
    asynchronous: int | None = None,
    workers: int | None = None,
    engine: Engine | EngineChoice | str | None = None,
    weights: str | Path | None = None,
    form: str | None = None,
    seed: int = 0,
    data_root: str | Path | None = None,
) -> SearchResult:
    """Find the architecture with the best value of a function.

    What the function raises, and what it returns that is no finite number, is a failed measurement
    with its reason: it costs a query, and the search continues, unless everything fails
    (:data:`~searchers.loop.HOPELESS`). A search that is interrupted, or killed, resumes from its
    folder to the same numbers and repeats no call that has ended.

    Args:
        space: a name of ``datasets.registry``, or any search space.
        objective: a function of an architecture that returns its value, on any scale.
        queries: calls of the function.
        method: a key of ``searchers.methods.SEARCHERS``; default ``bo``, and over a
            space too large to enumerate ``latent_bo``, or ``evolution`` where no VAE of it is at
            hand. A searcher of one's own is its class, or a function of the domain, the seed and
            the number of random architectures.
        run: folder of the run; default: nothing is written.
        resume: whether a run that is there continues, with as many ``queries`` or with more;
            without one it is started.
        minimise: whether less is better.
        unit: of the value, for people: ``kcal/mol``; ``fraction`` (0 to 1) is shown in percent.
        known: what was measured before, which is not measured again and costs no query: pairs of
            an architecture (or its notation) and its value, ``None`` or NaN for a failure; the
            path of a file, or :func:`~datasets.measurement_files.read_measurements` of it.
        initial: random architectures to begin with; default: 10, or as many as there are queries.
        start: architectures to be measured first.
        batch: architectures that are proposed together.
        asynchronous: how many are measured at once, each followed by another as soon as it is
            done; instead of ``batch``.
        workers: processes that call the function; above 1 it is one at the top of a module.
        engine: where the function is called: ``here``, ``processes`` or ``ray``, an
            :class:`~experiment.engines.EngineChoice`, or an engine whose ``with`` block was
            entered; default: in processes where there are several workers, else here.
        weights: folder or name of the VAE for the searches of a latent space.
        form: what the function is given: default an :class:`~datasets.graph.ArchitectureGraph`,
            or a name of ``space.forms()``, such as ``official`` for the notation.
        seed: of the search.
        data_root: where computed hashes of large spaces are kept.

    Raises:
        InputError: an argument is wrong, ``run`` holds something else, or a run with other
            settings or a function of another name. Other code under the same name gives a warning.
        GivenUpError: nothing could be measured.
        ModelError: there are no weights for a search of a latent space.
    """
    place, root = as_path(run, "run"), as_path(data_root, "data_root")
    if truth_value(resume, "resume") and place is None:
        raise InputError("there is nothing to resume without a folder: give run=, or no resume")
    searched = get_space(space) if isinstance(space, str) else space
    if not isinstance(searched, SearchSpace):
        raise InputError(f"the space is {space!r}, expected a name or a SearchSpace")
    choice = chosen_engine(engine, workers)
    queries = whole_number(queries, "queries", 1)
    batch, seed = whole_number(batch, "batch", 1), whole_number(seed, "seed")
    at_once = 1 if asynchronous is None else whole_number(asynchronous, "asynchronous", 1)
    if asynchronous is not None and batch > 1:
        raise InputError("an asynchronous search proposes one at a time: leave batch out")
    given = None if initial is None else whole_number(initial, "initial", 1)
    named = method if isinstance(method, str) else None
    first = initial_size(given, queries, named)
    goal = Objective(function_name(objective), not truth_value(minimise, "minimise"), unit)
    problem = function_problem(
        whole_space(searched, root),
        objective,
        goal,
        form,
    )
    read = read_measurements(known, searched, least=1) if isinstance(known, str | Path) else known
    before = known_measurements(read, searched)
    if misfits := [why for each in before if (why := goal.misfit(each.validation))]:
        raise InputError(f"in the known measurements {misfits[0]}")
    taken = {each.hash for each in before}
    begin = [graph for graph in _once(start, searched) if searched.hash(graph) not in taken]
    check_amounts(problem, queries, first)
    method = method or default_method(problem.domain, weights)
    plan = Plan(
        problem,
        method_name(method),
        make_searcher(method, problem.domain, seed, first, weights, goal),
        Budget(queries, batch, at_once),
        begin,
        before,
    )
    tables = background_tables(getattr(plan.searcher, "features", ()), searched)
    config = configuration(plan, first, weights, tables) | {
        CODE: code_digests(objective=objective, method=method)
    }
    with choice as working:
        check_sendable(working, problem.estimator)  # before a folder is made
        folder = None if place is None else start_search(place, config, seed, resume)
        announce(tables, aside=True)
        for note in getattr(read, "notes", ()):
            print(note, file=sys.stderr)
        loop, summary = carry_out(replace(plan, engine=working), folder)
    found = loop.history.incumbent
    if found is None:  # nothing was left to measure: with measurements it was given up
        raise InputError(
            f"every architecture of {searched.name} is among those that are known to fail: "
            "give fewer of them"
        )
    return SearchResult(
        _evaluation(found.measurement, found.query, searched),
        tuple(_of_step(step, searched) for step in loop.history.steps),
        goal,
        summary,
        place,
    )


def chosen_engine(
    engine: Engine | EngineChoice | str | None, workers: int | None
) -> AbstractContextManager[Engine]:
    """The engine that works, in a ``with`` block; one that was given stays as it is.

    Raises:
        InputError: there is no such engine, or it has workers of its own.
    """
    if workers is not None:
        workers = whole_number(workers, "workers", 1)
    if engine is None or isinstance(engine, str):
        return EngineChoice(engine, workers).start()
    if workers is not None:
        raise InputError("the engine that was given has workers of its own: leave workers out")
    if isinstance(engine, EngineChoice):
        return engine.start()
    if not callable(getattr(engine, "submit", None)):
        raise InputError(f"the engine is {shown(engine)}, expected a name or an Engine")
    return nullcontext(engine)


def known_measurements(known: Measurements | Pairs, space: SearchSpace) -> list[Measurement]:
    """Pairs of an architecture and its value as measurements, each architecture once.

    Of an architecture with several values the mean is taken; ``None`` and NaN are failures.

    Raises:
        InputError: an entry is no pair, or its value no number.
        ArchitectureError: an architecture is none of the space.
    """
    values: dict[str, list[float]] = {}
    graphs: dict[str, ArchitectureGraph] = {}
    if isinstance(known, Measurements):
        known = zip(known.graphs, known.values.tolist(), strict=True)
    elif isinstance(known, Mapping):
        known = known.items()
    if not isinstance(known, Iterable):
        raise InputError(
            f"what is known is {shown(known)}, expected pairs of an architecture and its value, "
            "or the path of a file of them"
        )
    for number, pair in enumerate(known, 1):
        try:
            architecture, value = pair
        except (TypeError, ValueError):
            raise InputError(
                f"entry {number} of the known measurements is {pair!r}, expected a pair of an "
                "architecture and its value"
            ) from None
        graph = _member(architecture, space)
        hash = space.hash(graph)
        graphs[hash] = graph
        measured = values.setdefault(hash, [])
        if (found := finite_number(value)) is not None:
            measured.append(found)
        elif not _is_nothing(value):
            raise InputError(
                f"entry {number} of the known measurements has the value {shown(value)}, expected "
                "a finite number, or NaN for a failure"
            )
    return [
        Measurement(graphs[hash], hash, "ok", validation=math.fsum(each) / len(each))
        if each
        else Measurement(graphs[hash], hash, "failed", "it was known to fail")
        for hash, each in values.items()
    ]


def configuration(
    plan: Plan, initial: int, weights: str | Path | None, tables: Sequence[Benchmark]
) -> dict[str, Any]:
    """All that decides the numbers and can be written down."""
    problem, space = plan.problem, plan.problem.space
    return {
        "stage": Stage.SEARCH,
        "method": plan.method,
        "space": space.name,
        "estimator": "function",
        "objective": problem.objective,
        **problem.settings,
        "candidates": problem.size,
        "queries": plan.budget.queries,
        "initial": initial,
        "start": [space.hash(graph) for graph in plan.start],
        "known": _fingerprint(plan.known),
        "weights": None if weights is None else str(weights),
        "batch": plan.budget.batch,
        "at_once": plan.budget.at_once,
        "sources": source_entries(tables),
    }


def _fingerprint(known: Sequence[Measurement]) -> dict[str, Any] | None:
    """How many measurements were known, and a checksum of them; ``None`` without any."""
    if not known:
        return None
    pairs = sorted((each.hash, str(each.validation)) for each in known)
    return {
        "count": len(pairs),
        "sha256": hashlib.sha256(json.dumps(pairs).encode()).hexdigest(),
    }


def _member(architecture: ArchitectureGraph | str, space: SearchSpace) -> ArchitectureGraph:
    """The canonical graph of an architecture or its notation."""
    if isinstance(architecture, str):
        return space.canonical(space.parse(architecture))
    if not isinstance(architecture, ArchitectureGraph):
        raise InputError(
            f"{architecture!r} is no architecture: expected an ArchitectureGraph, or the notation "
            f"of {space.name}"
        )
    return space.canonical(space.check(architecture))


def _is_nothing(value: Any) -> bool:
    """Whether a value marks a failure: ``None``, or NaN, which differs from itself."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError, RuntimeError):  # arrays, and pandas' own kind of nothing
        return False


def _once(
    architectures: Sequence[ArchitectureGraph | str], space: SearchSpace
) -> list[ArchitectureGraph]:
    if isinstance(architectures, str) or not isinstance(architectures, Iterable):
        raise InputError(
            f"start is {shown(architectures)}, expected a list of architectures, or of their "
            "notations"
        )
    graphs = [_member(each, space) for each in architectures]
    return list({space.hash(graph): graph for graph in graphs}.values())


def _of_step(step: Step, space: SearchSpace) -> Evaluation:
    return _evaluation(step.measurement, step.query or 0, space)


def _evaluation(measurement: Measurement, query: int, space: SearchSpace) -> Evaluation:
    graph = measurement.architecture
    value = measurement.validation if measurement.ok else None
    notation = space.format(graph)
    reason, traceback = measurement.reason, measurement.traceback
    return Evaluation(graph, notation, measurement.hash, value, query, reason, traceback)
