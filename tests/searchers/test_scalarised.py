"""The search for a front by gradients, and its parts: by formulas whose fronts are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm

from datasets import get_benchmark
from datasets.batch import GraphBatch
from estimators.evaluations import Evaluations
from experiment.errors import InputError
from predictors.features.costs import NetworkCosts
from searchers.domain import Candidates
from searchers.front import Reference
from searchers.known_costs import (
    counted_costs,
    log_hypervolume_improvement,
    published_parameters,
)
from searchers.latent import methods
from searchers.latent.data_region import DataRegion
from searchers.latent.methods import scalarised_ascent
from searchers.latent.scalarised import BOTH, LatentCosts, ScalarisedAscent
from searchers.latent.surrogates import (
    FittedSurrogate,
    LatentSurrogate,
    Prior,
    SeparateSurrogate,
    SurrogateInputs,
)
from searchers.latent.trade_offs import checked_trade_offs, spread, trade_offs_of
from searchers.loop import Budget, SearchLoop
from searchers.random_search import RandomSearch

CHEAP = pytest.mark.usefixtures("cheap_models")


def tensor(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def edges(graphs: GraphBatch) -> np.ndarray:
    """A cost: what has more edges is more accurate by the formula, and more expensive."""
    return np.array([float(len(graph.edges)) for graph in graphs])


def make(cells: Candidates, **settings: Any) -> ScalarisedAscent:
    return scalarised_ascent(cells, seed=0, initial=10, costs=edges, **settings)


def test_the_points_of_a_region_are_near_its_data() -> None:
    points = tensor(0.0, 1.0, 3.0, 7.0)[:, None] * torch.ones(1, 3)
    region = DataRegion.around(points)
    assert region.radius == pytest.approx(3**0.5)  # nearest: 1, 1, 2, 4 times the diagonal's
    drawn = 20 * torch.randn(50, 3, generator=torch.Generator().manual_seed(0)).double()
    moved = region.clip(drawn)
    assert (torch.cdist(moved, points).amin(1) <= region.radius * (1 + 1e-9)).all()
    torch.testing.assert_close(region.clip(moved), moved)
    near = points + 0.1
    assert torch.equal(region.clip(near), near)
    far = tensor(100.0, 100.0, 100.0)[None]
    assert torch.equal(region.with_points(far).clip(far), far)


def test_a_weight_makes_each_vertex_of_the_hull_the_best() -> None:
    costs, values = [1.0, 2.0, 3.0, 4.0, 6.0], [0.0, 4.0, 5.0, 6.5, 7.0]
    weights = trade_offs_of(values, costs)
    best = [int((tensor(*values) - each * tensor(*costs)).argmax()) for each in weights]
    assert best == [0, 1, 3, 4]  # the third member lies in a dent
    assert weights[-1] == 0
    assert weights == sorted(weights, reverse=True)
    assert trade_offs_of([2.0], [1.0]) == [0.0]
    assert trade_offs_of([], []) == [0.0]
    scaled = trade_offs_of([10 * each for each in values], [each / 2 for each in costs])
    assert scaled == pytest.approx([20 * each for each in weights])


def test_any_stretch_of_weights_is_spread() -> None:
    assert [spread(number) for number in range(5)] == [0.0, 0.5, 0.25, 0.75, 0.125]
    for first in (0, 13, 400):
        found = sorted(spread(number) for number in range(first, first + 16))
        assert all(abs(one - k / 16) < 1 / 16 for k, one in enumerate(found))


@pytest.mark.parametrize("given", [(-1,), (0.5, -1e-9), (float("nan"),), (float("inf"),), ("1",)])
def test_a_weight_below_zero_is_refused(given: Sequence[Any], cells: Candidates) -> None:
    with pytest.raises(InputError, match=r"λ = .*, expected finite numbers of 0 or more"):
        make(cells, trade_offs=given)


def test_weights_of_numpy_are_taken() -> None:
    given: list[Any] = [np.float32(0.5), np.int64(2), np.float64(0)]
    assert checked_trade_offs(given) == (0.5, 2, 0)
    array: Any = np.array(given)
    assert checked_trade_offs(array) == (0.5, 2, 0)


@pytest.mark.parametrize("given", [0.5, np.float64(0.5), np.array(0.5), torch.tensor(0.5)])
def test_a_bare_weight_is_refused(given: Any) -> None:
    with pytest.raises(InputError, match=r"the weights λ are .*, expected a list of numbers"):
        checked_trade_offs(given)


def test_no_weights_are_refused() -> None:
    with pytest.raises(InputError, match="no λ was given"):
        checked_trade_offs([])


def test_expected_gains_in_hypervolume() -> None:
    """Against many draws; and without uncertainty against the areas of rectangles."""
    front, worst = (tensor(1.0, 2.0), tensor(1.0, 3.0)), (0.0, 5.0)
    mean, cost = tensor(1.5, 3.0, 0.5, 2.5), tensor(2.0, 0.5, 4.0, 6.0)
    sure = log_hypervolume_improvement(mean, torch.full((4,), 1e-9).double(), cost, front, worst)
    torch.testing.assert_close(
        sure.exp(), tensor(0.5, 1.5 + 2 * 2 + 2, 0.0, 0.0), atol=1e-6, rtol=0
    )
    draws = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    found = log_hypervolume_improvement(mean, torch.full((4,), 0.7).double(), cost, front, worst)
    for k in range(4):
        value = float(mean[k]) + 0.7 * draws
        area = sum(
            max(0.0, end - max(begin, float(cost[k]))) * np.maximum(value - height, 0).mean()
            for begin, end, height in [(-9, 1, 0), (1, 3, 1), (3, 5, 2)]
        )
        assert float(found[k].exp()) == pytest.approx(area, rel=1e-3, abs=1e-12)


def test_costs_that_are_known_before() -> None:
    table = get_benchmark("DIGITS101")
    graphs = table.graphs[torch.tensor([70, 3])]
    parameters = table.metric("parameters").mean()
    assert counted_costs(table, "parameters")(graphs).tolist() == parameters[[70, 3]].tolist()
    flops, mflops = (counted_costs(table, name)(graphs) for name in ("flops", "mflops"))
    np.testing.assert_allclose(flops, 1e6 * mflops)
    with pytest.raises(InputError, match="'training_seconds' is known only once it is measured"):
        counted_costs(table, "training_seconds")
    logarithms = NetworkCosts(table.space)(graphs)[:, 0]
    np.testing.assert_allclose(np.log(published_parameters(table.space)(graphs)), logarithms)


@CHEAP
def test_costs_of_points_follow_those_of_architectures(cells: Candidates) -> None:
    latents = methods.trained_latents(cells)
    costs = LatentCosts(latents, methods.spanning(cells), edges)
    exact, expected = costs(cells.graphs), costs.at(latents.encode(cells.graphs))
    assert float(torch.corrcoef(torch.stack([exact, expected]))[0, 1]) > 0.9
    assert float(exact.max()) == pytest.approx(costs.worst)
    with pytest.raises(InputError, match="all costs are 1: there is no front"):
        LatentCosts(latents, methods.spanning(cells), lambda graphs: np.ones(len(graphs)))


@CHEAP
def test_the_process_on_latents_is_one_of_its_own(cells: Candidates, formula: Any) -> None:
    graphs = cells.graphs[torch.arange(0, len(cells), 60)]
    targets = tensor(*(formula(cells.space).value(graph) for graph in graphs))
    targets = (targets - targets.mean()) / targets.std()
    points = methods.trained_latents(cells).encode(graphs)

    def fitted(kind: type[LatentSurrogate], *features: str) -> FittedSurrogate:
        surrogate = kind(cells.space, features=features)
        return surrogate.fit(surrogate.inputs(points, graphs), targets, seed=0)

    both, alone = fitted(LatentSurrogate, "statistics"), fitted(LatentSurrogate)
    found = fitted(SeparateSurrogate, "statistics")
    assert torch.equal(found.whole.mean(found.whole.known), both.whole.mean(both.whole.known))
    assert torch.equal(found.on_latents.mean(points), alone.whole.mean(points))


@CHEAP
@pytest.mark.parametrize(("weight", "expensive"), [(0.0, True), (50.0, False)])
def test_walks_go_where_the_weight_leads(
    weight: float, expensive: bool, cells: Candidates, formula: Any
) -> None:
    """Without a weight only the accuracy counts, which edges raise; with a large one the cost."""
    searcher = make(cells, trade_offs=[weight])
    rows = range(0, len(cells), 60)
    searcher.tell(list(formula(cells.space).measure([cells.graphs.graph(row) for row in rows])))
    state = searcher._model_state(0)
    assert state is not None
    reached = searcher.reached(state)
    weights = searcher.next_trade_offs(reached, 2)
    assert weights.tolist() == [weight, weight]
    generator = np.random.default_rng(0)
    points = searcher.walk(state, reached, weights, generator)
    assert len(points) == 2 * searcher.starts * searcher.steps  # equal weights have the same walks
    way = points.split(2 * searcher.starts)
    first, last = way[0], way[-1]

    objective = searcher.objective(state, weights[:1])
    assert objective(last).mean() > objective(first).mean()
    costs = searcher.costs.at(last).mean() - searcher.costs.at(first).mean()
    assert (float(costs) > 0) == expensive
    region = searcher.costs.region.with_points(reached.points)
    torch.testing.assert_close(region.clip(last), last)


@CHEAP
def test_hyperparameters_are_fitted_once_the_labels_have_grown(
    cells: Candidates, formula: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first labels, so that a search that receives all of them at once fits the same."""
    fitted: list[int] = []
    prior = SeparateSurrogate.prior

    def counted(self: Any, inputs: SurrogateInputs, targets: torch.Tensor, seed: int) -> Prior:
        fitted.append(len(targets))
        return prior(self, inputs, targets, seed)

    monkeypatch.setattr(SeparateSurrogate, "prior", counted)
    searcher, resumed = make(cells), make(cells)
    searcher.refits = resumed.refits = 1.2
    measured = list(formula(cells.space).measure(searcher.ask(10)))
    searcher.tell(measured)
    for _ in range(5):
        found = list(formula(cells.space).measure(searcher.ask(1)))
        searcher.tell(found)
        measured += found
    assert fitted == [10, 12, 14]  # of 10 to 14 labels
    resumed.tell(measured)
    again, last = (each._model_state(0) for each in (resumed, searcher))
    assert again is not None
    assert last is not None
    assert again.fitted.whole.noise == last.fitted.whole.noise
    assert resumed.ask(1) == searcher.ask(1)


@CHEAP
def test_what_an_architecture_costs_is_computed_once(cells: Candidates) -> None:
    asked: list[int] = []

    def counted(graphs: GraphBatch) -> np.ndarray:
        asked.append(len(graphs))
        return edges(graphs)

    latents = methods.trained_latents(cells)
    costs = LatentCosts(latents, methods.spanning(cells), counted)
    some = [(str(cells.hashes[row]), cells.graphs.graph(row)) for row in (3, 70, 5)]
    expected = costs(cells.graphs[torch.tensor([3, 70, 5])])
    asked.clear()
    assert costs.of(some[:2]).tolist() == expected[:2].tolist()
    assert costs.of(some).tolist() == expected.tolist()
    assert asked == [2, 1]


@CHEAP
def test_the_front_is_ahead_of_random(cells: Candidates, formula: Any) -> None:
    estimator = formula(cells.space)
    values = np.array([estimator.value(graph) for graph in cells.graphs])
    reference = Reference.of(values, edges(cells.graphs), BOTH)
    shares = {}
    for name, searcher in (("ascent", make(cells)), ("random", RandomSearch(cells))):
        history = SearchLoop(searcher, Evaluations(estimator), Budget(40, 5)).run()
        rows = [cells.row_of[step.measurement.hash] for step in history.steps]
        assert len(set(rows)) == 40
        shares[name] = reference.hypervolume(values[rows], edges(cells.graphs)[rows])
    best = reference.hypervolume(values, edges(cells.graphs))
    assert shares["random"] < shares["ascent"]
    assert shares["ascent"] > 0.9 * best


@CHEAP
def test_what_is_pending_is_not_proposed_and_counts(cells: Candidates, formula: Any) -> None:
    estimator = formula(cells.space)
    searcher = make(cells)
    searcher.tell(list(estimator.measure(searcher.ask(10))))
    asked = [*searcher.ask(3), *searcher.ask(3)]
    assert len({cells.space.hash(graph) for graph in asked}) == 6
    state = searcher._model_state(0)
    assert state is not None
    assert len(searcher.reached(state).values) == len(searcher.reached(state).costs) == 16
