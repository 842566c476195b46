"""What every method promises: order, uncertainty, equal numbers for equal architecture and seed."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import kendalltau

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.objective import Objective
from datasets.registry import SPACES
from datasets.testing import relabelled
from experiment.errors import InputError
from predictors import graph_network
from predictors.defaults import FALLBACK, defaults_of
from predictors.methods import METHODS, SCALES, make_predictor, resolve_method
from predictors.predictor import Predictor

LABELLED, OTHERS = 100, 300

SLOW = ["graph_network", "svge_head", "ensemble"]
FAST = [name for name in METHODS if name not in (*SLOW, "transfer")]
"""Methods that learn 100 labels in a second or two; ``test_transfer.py`` has the one that reads
other data sets."""
ALL = [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]


@cache
def cells() -> GraphBatch:
    """Cells of NAS-Bench-101, the labelled ones first, none of them twice."""
    space = get_space("NB101")
    drawn = space.sample(2 * (LABELLED + OTHERS), np.random.default_rng(0))
    distinct = {space.hash(cell): cell for cell in drawn}
    return GraphBatch.from_graphs(list(distinct.values())[: LABELLED + OTHERS], space.max_nodes)


@cache
def values() -> np.ndarray:
    """Something like an accuracy: convolutions help, more of them ever less, and noise."""
    convolutions = (cells().types == 3).sum(dim=1).numpy() + 0.5 * (cells().types == 2).sum(
        dim=1
    ).numpy()
    noise = np.random.default_rng(1).normal(size=len(cells()))
    return 0.9 - 0.2 * np.exp(-convolutions / 2) + 0.015 * noise


def make(method: str, scale: str = "ranks") -> Predictor:
    features = None if METHODS[method].features == () else ["statistics"]
    return make_predictor(get_space("NB101"), method, features, scale=SCALES[scale])


def fit(method: str, scale: str = "ranks") -> Predictor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph_network, "PASSES", 0)
        patch.setattr(graph_network, "LEAST_STEPS", 60)
        predictor = make(method, scale)
        predictor.fit(cells()[:LABELLED], values()[:LABELLED])
    return predictor


@cache
def fitted(method: str) -> Predictor:
    return fit(method)


@pytest.mark.parametrize("method", ALL)
def test_it_learns_the_order_and_the_size(method: str) -> None:
    check_order_and_size(fitted(method))


@pytest.mark.parametrize("method", FAST)
def test_it_learns_values_as_they_are(method: str) -> None:
    check_order_and_size(fit(method, "values"))


def check_order_and_size(predictor: Predictor) -> None:
    mean, std = predictor.predict(cells()[LABELLED:])
    truth = values()[LABELLED:]
    assert mean.shape == std.shape == (OTHERS,)
    assert (std > 0).all()
    assert kendalltau(mean, truth).statistic > 0.5
    assert np.sqrt(np.mean((mean - truth) ** 2)) < 0.7 * truth.std()


@pytest.mark.parametrize("method", ALL)
def test_intervals_lie_in_each_other_and_hold_their_share(method: str) -> None:
    """One labelling of 100 tells the quantiles no better than by a tenth or so."""
    forecast = fitted(method).forecast(cells()[LABELLED:])
    truth = values()[LABELLED:]
    before = forecast.mean, forecast.mean
    for share in (0.2, 0.5, 0.9):
        low, high = forecast.interval(share)
        assert (low <= before[0]).all()
        assert (before[1] <= high).all()
        assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(share, abs=0.16)
        before = low, high


@pytest.mark.parametrize("method", ALL)
def test_isomorphic_cells_are_one(method: str) -> None:
    generator = np.random.default_rng(2)
    others = list(cells()[LABELLED : LABELLED + 30])
    same = [relabelled(cell, generator) for cell in others]
    assert sum(a != b for a, b in zip(others, same, strict=True)) > 5
    for first, second in zip(
        fitted(method).predict(others), fitted(method).predict(same), strict=True
    ):
        assert np.allclose(first, second, rtol=1e-4)


@pytest.mark.parametrize("method", FAST)
def test_the_same_seed_gives_the_same_numbers(method: str) -> None:
    first = fitted(method).predict(cells()[LABELLED:])
    second = fit(method).predict(cells()[LABELLED:])
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


@pytest.mark.parametrize("method", ALL)
def test_one_architecture_alone(method: str) -> None:
    many, _ = fitted(method).predict(cells()[LABELLED:])
    one, _ = fitted(method).predict([cells().graph(LABELLED)])
    assert one == pytest.approx(many[:1])


@pytest.mark.parametrize("method", [name for name in METHODS if name != "transfer"])
def test_labels_that_teach_nothing_are_refused(method: str) -> None:
    few = make(method)
    with pytest.raises(InputError, match=r"3 labels were given, this predictor needs at least \d"):
        few.fit(cells()[:3], values()[:3])
    with pytest.raises(InputError, match=r"all 100 labels are 0\.5: there is nothing to learn"):
        few.fit(cells()[:LABELLED], np.full(LABELLED, 0.5))
    broken = np.where(np.arange(LABELLED) == 7, np.nan, values()[:LABELLED])
    with pytest.raises(InputError, match="label 7 is nan, expected a finite number"):
        few.fit(cells()[:LABELLED], broken)
    with pytest.raises(InputError, match=r"call fit\(\) first"):
        few.predict(cells())


@pytest.mark.parametrize("space", SPACES)
def test_every_space_has_a_default_that_predicts(
    space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_network, "PASSES", 0)
    monkeypatch.setattr(graph_network, "LEAST_STEPS", 3)
    assert defaults_of(get_space(space)).inside != FALLBACK
    graphs = get_space(space).sample_batch(24, np.random.default_rng(0))
    predictor = make_predictor(get_space(space))
    predictor.fit(graphs[:20], np.linspace(0.1, 0.9, 20))
    mean, std = predictor.predict(graphs)
    assert np.isfinite(mean).all()
    assert np.isfinite(std).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"method": "gpp"}, "no method is called 'gpp': did you mean 'gp'"),
        ({"features": ["statistcs"]}, "no features are called 'statistcs': did you mean"),
        ({"features": []}, "no features were named"),
        ({"method": "svge_head", "features": ["paths"]}, "'svge_head' reads graphs, no features"),
        ({"method": "svge_head", "weights": "SVGE_NB201"}, "were trained on NB201, not on NB101"),
        (
            {"method": "ridge", "features": ["walks"], "weights": "SVGE_NB101"},
            "the method 'ridge' on walks reads no weights",
        ),
    ],
)
def test_bad_wishes_are_refused(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_predictor(get_space("NB101"), **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("where", ["inside", "beyond"])
def test_features_of_accuracies_are_the_default_of_accuracies_alone(where: str) -> None:
    usual = getattr(defaults_of(get_space("NB101")), where)
    of_accuracy = resolve_method(usual, None, None).features
    assert "digits" in of_accuracy
    for objective in (
        Objective("loss", maximise=False, unit="nat"),
        Objective("error", maximise=False, unit="fraction"),
        Objective("score"),
    ):
        others = tuple(name for name in of_accuracy if name != "digits")
        assert resolve_method(usual, None, None, objective).features == others
        assert resolve_method(usual, None, ["digits"], objective).features == ("digits",)
