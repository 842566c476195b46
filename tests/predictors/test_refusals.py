"""Every method and every description refuses what it cannot work with, in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureError, ArchitectureGraph
from experiment.errors import InputError
from models import SVGE, ModelError, Sizes
from predictors.features import FEATURES, describe, make_features
from predictors.fine_tuned import FineTuned
from predictors.linear import Ridge
from predictors.methods import METHODS, make_predictor
from predictors.predictor import Predictor
from predictors.regressor import FeatureMatrix

SPACE = get_space("DIGITS101")
CELLS = SPACE.sample(20, np.random.default_rng(0))
FOREIGN = get_space("NB201").sample(20, np.random.default_rng(0))
VALUES = np.linspace(0.5, 0.9, 20)
ANYWHERE = [name for name in METHODS if name != "transfer"]
"""Methods that need no tables of other data sets; ``test_transfer.py`` has the one that does."""

Refusal = tuple[Any, Any, str]
REFUSALS: dict[str, Refusal] = {
    "too few values": (CELLS, VALUES[:5], "20 architectures and 5 labels"),
    "too many values": (CELLS[:12], VALUES, "12 architectures and 20 labels"),
    "no values": (CELLS, [], "20 architectures and 0 labels"),
    "nothing": ([], [], "0 labels were given"),
    "two columns": (CELLS, np.zeros((20, 2)), r"shape \(20, 2\)"),
    "a single value": (CELLS, 0.5, r"shape \(\)"),
    "texts for values": (CELLS, ["a"] * 20, "label 0 is a str"),
    "dictionary for values": (CELLS, {"a": 1}, "labels are a dict"),
    "not a number": (CELLS, [*VALUES[:-1], np.nan], "label 19 is nan"),
    "infinity": (CELLS, [*VALUES[:-1], np.inf], "label 19 is inf"),
    "None": (CELLS, [*VALUES[:-1], None], "label 19 is nan"),
    "constant values": (CELLS, np.ones(20), "all 20 labels are 1"),
    "texts for architectures": (["|none~0|"] * 20, VALUES, "architecture 0 is a str"),
    "a text": ("|none~0|", VALUES, "a str is given"),
    "dictionaries": ([{}] * 20, VALUES, "architecture 0 is a dict"),
    "a dictionary": ({"arch": "x"}, VALUES, "a dict is given"),
    "a single graph": (CELLS[0], VALUES, "put a single ArchitectureGraph into a list"),
    "batches": ([GraphBatch.from_graphs(CELLS)], VALUES, r"GraphBatch\.cat"),
    "an array": (np.zeros((20, 7, 7)), VALUES, "architecture 0 is a ndarray"),
    "a tensor": (torch.zeros(20, 7, 7), VALUES, "architecture 0 is a Tensor"),
    "another space": (FOREIGN, VALUES, "of another search space than DIGITS101"),
}


def tiny_vae() -> SVGE:
    return SVGE(Sizes(len(SPACE.types), SPACE.max_nodes, node_width=4, graph_width=8, rounds=1))


def predictor_called(method: str) -> Predictor:
    if method == "svge_head":
        return FineTuned(SPACE, tiny_vae(), shown=False)
    return make_predictor(SPACE, method, ["statistics"])


def refuse(call: Callable[[], object], message: str = "") -> None:
    with pytest.raises(
        (InputError, ArchitectureError, ModelError), match=message or None
    ) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("graphs", "values", "message"), REFUSALS.values(), ids=[*map(str, REFUSALS)]
)
@pytest.mark.parametrize("method", ANYWHERE)
def test_a_fit_refuses(method: str, graphs: Any, values: Any, message: str) -> None:
    refuse(lambda: predictor_called(method).fit(graphs, values), message)


@pytest.mark.parametrize("method", ANYWHERE)
def test_nothing_is_predicted_before_a_fit(method: str) -> None:
    refuse(lambda: predictor_called(method).predict(CELLS), r"call fit\(\) first")


@pytest.fixture(scope="module")
def fitted() -> Predictor:
    predictor = make_predictor(SPACE, "ridge", ["statistics"])
    predictor.fit(CELLS, torch.tensor(VALUES))  # type: ignore[arg-type]
    return predictor


@pytest.mark.parametrize(
    "wrong",
    [case for case in REFUSALS if case not in ("nothing",) and REFUSALS[case][0] is not CELLS],
)
def test_predictions_refuse_the_same(fitted: Predictor, wrong: str) -> None:
    graphs, _, message = REFUSALS[wrong]
    if wrong == "too many values":
        return
    refuse(lambda: fitted.predict(graphs), message)
    refuse(lambda: fitted.forecast(graphs), message)
    refuse(lambda: fitted.interval(graphs, 0.9), message)


def test_none_are_predicted_of_none(fitted: Predictor) -> None:
    mean, std = fitted.predict([])
    assert mean.shape == std.shape == (0,)


def test_lists_tuples_and_batches_are_the_same(fitted: Predictor) -> None:
    batch = GraphBatch.from_graphs(CELLS)
    expected, _ = fitted.predict(batch)
    for given in (CELLS, tuple(CELLS), iter(CELLS)):
        assert np.array_equal(fitted.predict(given)[0], expected)  # type: ignore[arg-type]


def test_fitting_to_a_list_of_numbers_is_fitting_to_an_array(fitted: Predictor) -> None:
    other = make_predictor(SPACE, "ridge", ["statistics"])
    other.fit(CELLS, VALUES.tolist())
    assert np.array_equal(other.predict(CELLS)[0], fitted.predict(CELLS)[0])


@pytest.mark.parametrize(
    "name",
    [n for n in FEATURES if n not in ("latents", "graph_vectors", "digits", "other_datasets")],
)
def test_descriptions_refuse_what_is_no_architecture(name: str) -> None:
    features = make_features(name, SPACE)
    refused: list[Any] = [["a"], "a", {}, None, 3, CELLS[0], np.zeros((3, 7, 7)), FOREIGN]
    for wrong in refused:
        refuse(partial(features, wrong))
        refuse(partial(describe, features, wrong))


@pytest.mark.parametrize("space", ["NB201", "ENAS"])
@pytest.mark.parametrize("name", ["statistics", "walks", "neighbourhoods", "one_hot", "costs"])
def test_cells_of_fewer_types_are_no_architectures_of_other_spaces(name: str, space: str) -> None:
    features = make_features(name, get_space(space))
    refuse(lambda: features(GraphBatch.from_graphs(CELLS)), f"another search space than {space}")


MADE: dict[str, tuple[dict[str, Any], str]] = {
    "name of a space": ({"space": "NB201"}, r"datasets\.get_space"),
    "number for a method": ({"method": 3}, "no method is called 3"),
    "empty method": ({"method": ""}, "no method is called"),
    "features as text": ({"features": "statistics"}, r"such as \['statistics'\]"),
    "a number for features": ({"features": 3}, "expected a list of names"),
    "a number among features": ({"features": [3]}, "among the features is"),
    "no features": ({"features": []}, "no features were named"),
    "negative seed": ({"seed": -1}, "seed is -1"),
    "half a seed": ({"seed": 1.5}, "seed is a float"),
    "seed as text": ({"seed": "1"}, "seed is a str"),
    "name of a scale": ({"scale": "ranks"}, "the scale is a str"),
    "number for weights": ({"weights": 3, "features": ["latents"]}, "named by 3"),
}


@pytest.mark.parametrize(("wrong", "message"), MADE.values(), ids=[*MADE])
def test_a_predictor_is_made_of_what_is_expected(wrong: dict[str, Any], message: str) -> None:
    refuse(lambda: make_predictor(**{"space": get_space("NB201"), **wrong}), message)


@pytest.mark.parametrize(
    "inputs",
    [
        [],
        None,
        CELLS,
        [np.zeros((20, 2))],
        [FeatureMatrix(np.zeros((20, 2))), FeatureMatrix(np.zeros((19, 2)))],
        [FeatureMatrix(np.zeros(20))],
    ],
    ids=["none", "None", "graphs", "array", "unequal", "one number"],
)
def test_regressors_take_descriptions(inputs: Any) -> None:
    refuse(lambda: Ridge().fit(inputs, VALUES))


def test_regressors_take_one_label_a_row() -> None:
    refuse(lambda: Ridge().fit([FeatureMatrix(np.eye(20))], VALUES[:7]), "20 architectures and 7")


def test_a_graph_whose_edges_run_backwards_is_refused(fitted: Predictor) -> None:
    batch = GraphBatch.from_graphs([ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2)))])
    turned = GraphBatch(batch.types, batch.adjacency.transpose(1, 2), batch.num_nodes)
    refuse(lambda: fitted.predict(turned), "from a lower to a higher")
