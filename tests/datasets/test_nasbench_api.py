import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.batch import GraphBatch
from datasets.benchmark import Metric
from datasets.graph import ArchitectureGraph
from datasets.nasbench import api, model_spec
from datasets.spaces.nb101 import NB101
from datasets.table import Table, read_table, write_table
from experiment.errors import InputError

OPS = ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]
INCEPTION = (
    [
        [0, 1, 1, 1, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 0],
    ],
    ["input", OPS[1], OPS[0], OPS[0], OPS[0], OPS[2], "output"],
)
"""The cell in the documentation of the public package; its hash there is the one below."""
INCEPTION_HASH = "28cfc7874f6d200472e1a9dcd8650aa0"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A table of one cell, input → conv1x1 → output, with three repeats and two budgets."""
    graph = ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2)))
    columns = {"parameters": Metric("parameters", "parameters", "", np.array([[300.0]]))}
    for epochs in (36, 108):
        for place, moment in enumerate(("", "halfway_")):
            for k, quantity in enumerate(("validation", "test", "train", "training_seconds")):
                name = f"cifar10/{epochs}/{moment}{quantity}"
                values = epochs + place * 0.5 + k * 0.1 + np.array([[0.01, 0.02, 0.03]])
                columns[name] = Metric(name, "", "", values)
    table = Table(
        "NB101",
        GraphBatch.from_graphs([graph], 7),
        np.array([NB101().hash(graph)]),
        columns,
        "one cell",
    )
    write_table(tmp_path / "cells.npz", table)
    return tmp_path / "cells.npz"


@pytest.fixture
def small() -> api.ModelSpec:
    return api.ModelSpec([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", OPS[1], "output"])


def test_spec_is_pruned_and_keeps_what_was_given() -> None:
    matrix = np.array([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
    spec = api.ModelSpec(matrix, ["input", OPS[0], OPS[2], "output"])
    assert spec.valid_spec
    assert spec.ops == ["input", OPS[0], "output"]
    assert spec.matrix is not None
    assert spec.matrix.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert spec.original_matrix.tolist() == matrix.tolist()
    assert len(spec.original_ops) == 4
    matrix[0, 3] = 1
    assert spec.original_matrix[0, 3] == 0


def test_hash_is_the_official_one_and_the_same_for_isomorphic_cells() -> None:
    matrix, ops = INCEPTION
    assert api.ModelSpec(matrix, ops).hash_spec(OPS) == INCEPTION_HASH
    order = [0, 2, 1, 5, 3, 4, 6]
    moved = api.ModelSpec(np.array(matrix)[np.ix_(order, order)], [ops[k] for k in order])
    assert moved.hash_spec(OPS) == INCEPTION_HASH
    assert moved.hash_spec(OPS[::-1]) != INCEPTION_HASH


@pytest.mark.parametrize(
    ("matrix", "ops"),
    [
        ([[0, 1]], ["input", "output"]),
        ([[0, 1], [0, 0]], ["input", OPS[0], "output"]),
        ([[0, 1], [1, 0]], ["input", "output"]),
    ],
)
def test_no_cell_is_a_value_error(matrix: list[list[int]], ops: list[str]) -> None:
    with pytest.raises(ValueError, match="matrix"):
        api.ModelSpec(matrix, ops)


def test_cell_without_a_path_is_invalid(dataset: Path) -> None:
    spec = api.ModelSpec([[0, 0], [0, 0]], ["input", "output"])
    assert (spec.valid_spec, spec.matrix, spec.ops) == (False, None, None)
    nasbench = api.NASBench(dataset)
    assert not nasbench.is_valid(spec)
    with pytest.raises(api.OutOfDomainError, match="path"):
        nasbench.query(spec)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (api.ModelSpec(np.eye(8, k=1, dtype=int), ["input", *OPS[:1] * 6, "output"]), "8"),
        (
            api.ModelSpec(np.triu(np.ones((6, 6), int), 1), ["input", *OPS[:1] * 4, "output"]),
            "15",
        ),
        (api.ModelSpec([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "sep", "output"]), "sep"),
        (api.ModelSpec([[0, 1], [0, 0]], ["in", "output"]), "first"),
        (api.ModelSpec([[0, 1], [0, 0]], ["input", "out"]), "last"),
    ],
)
def test_cells_outside_of_the_space(dataset: Path, spec: api.ModelSpec, expected: str) -> None:
    nasbench = api.NASBench(dataset)
    assert not nasbench.is_valid(spec)
    with pytest.raises(api.OutOfDomainError, match=expected):
        nasbench.get_metrics_from_spec(spec)
    assert nasbench.get_budget_counters() == (0.0, 0)


def test_query_answers_with_one_repeat_and_counts_the_budget(
    dataset: Path, small: api.ModelSpec
) -> None:
    nasbench = api.NASBench(str(dataset), seed=1)
    assert nasbench.valid_epochs == {36, 108}
    answer = nasbench.query(small)
    assert list(answer) == [
        "module_adjacency",
        "module_operations",
        "trainable_parameters",
        "training_time",
        "train_accuracy",
        "validation_accuracy",
        "test_accuracy",
    ]
    assert answer["trainable_parameters"] == 300
    assert round(answer["validation_accuracy"] - 108, 6) in (0.01, 0.02, 0.03)
    # One repeat, not a mixture of several.
    assert answer["test_accuracy"] - answer["validation_accuracy"] == pytest.approx(0.1)
    assert nasbench.get_budget_counters() == (answer["training_time"], 108)
    half = nasbench.query(small, epochs=36, stop_halfway=True)
    assert 36.5 < half["validation_accuracy"] < 36.6
    seconds, epochs = nasbench.get_budget_counters()
    assert epochs == 108 + 18
    assert seconds == answer["training_time"] + half["training_time"]
    nasbench.reset_budget_counters()
    assert nasbench.get_budget_counters() == (0.0, 0)


def test_same_seed_same_answers_and_every_repeat_is_drawn(
    dataset: Path, small: api.ModelSpec
) -> None:
    def answers(seed: int) -> list[float]:
        nasbench = api.NASBench(dataset, seed=seed)
        return [nasbench.query(small)["validation_accuracy"] for _ in range(40)]

    assert answers(5) == answers(5)
    assert answers(5) != answers(6)
    assert len(set(answers(5))) == 3


def test_config_is_the_published_one(dataset: Path) -> None:
    config = api.NASBench(dataset).config
    assert config["available_ops"] == OPS
    published = {
        "module_vertices": 7,
        "max_edges": 9,
        "num_repeats": 3,
        "num_labels": 10,
        "stem_filter_size": 128,
        "num_stacks": 3,
        "num_modules_per_stack": 3,
        "batch_size": 256,
        "train_epochs": 108,
        "learning_rate": 0.1,
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "lr_decay_method": "COSINE_BY_STEP",
        "intermediate_evaluations": ["0.5"],
        "data_format": "channels_last",
    }
    assert {name: config[name] for name in published} == published
    config["available_ops"].clear()
    other = api.NASBench(dataset)
    assert other.config["available_ops"] == OPS
    assert other.history == {}


def rewritten(dataset: Path, **columns: np.ndarray) -> api.NASBench:
    """The table of one cell with other values in columns of 36 epochs."""
    table = read_table(dataset)
    for quantity, values in columns.items():
        name = f"cifar10/36/{quantity}"
        table.columns[name] = replace(table.columns[name], values=values)
    write_table(dataset, table)
    return api.NASBench(dataset, seed=0)


def test_unknown_training_time_adds_nothing_to_the_budget(
    dataset: Path, small: api.ModelSpec
) -> None:
    nasbench = rewritten(dataset, training_seconds=np.full((1, 3), np.nan))
    assert math.isnan(nasbench.query(small, epochs=36)["training_time"])
    assert nasbench.get_budget_counters() == (0.0, 36)
    known = nasbench.query(small, epochs=108)["training_time"]
    assert nasbench.get_budget_counters() == (known, 144)


def test_cell_without_a_repeat_at_a_budget_is_out_of_domain(
    dataset: Path, small: api.ModelSpec
) -> None:
    nasbench = rewritten(dataset, validation=np.full((1, 3), np.nan))
    assert nasbench.valid_epochs == {36, 108}
    _, computed = nasbench.get_metrics_from_spec(small)
    assert list(computed) == [108]
    with pytest.raises(api.OutOfDomainError, match="not trained for 36 epochs, but for 108"):
        nasbench.query(small, epochs=36)
    assert nasbench.get_budget_counters() == (0.0, 0)


def test_only_repeats_that_exist_are_drawn(dataset: Path, small: api.ModelSpec) -> None:
    nasbench = rewritten(dataset, validation=np.array([[np.nan, 0.5, np.nan]]))
    drawn = {nasbench.query(small, epochs=36)["validation_accuracy"] for _ in range(20)}
    assert drawn == {0.5}


def test_untrained_budget_is_out_of_domain(dataset: Path, small: api.ModelSpec) -> None:
    with pytest.raises(api.OutOfDomainError, match="12"):
        api.NASBench(dataset).query(small, epochs=12)


def test_metrics_are_copies(dataset: Path, small: api.ModelSpec) -> None:
    nasbench = api.NASBench(dataset)
    (hash,) = nasbench.hash_iterator()
    fixed, computed = nasbench.get_metrics_from_hash(hash)
    assert [len(repeats) for repeats in computed.values()] == [3, 3]
    assert set(computed[108][0]) == {
        f"{when}_{what}"
        for when in ("halfway", "final")
        for what in ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
    }
    fixed["module_adjacency"][:] = 7
    computed[108].clear()
    again, still = nasbench.get_metrics_from_spec(small)
    assert again["module_adjacency"].max() == 1
    assert len(still[108]) == 3


def test_cell_inside_the_space_but_not_in_the_file(dataset: Path) -> None:
    matrix, ops = INCEPTION
    nasbench = api.NASBench(dataset)
    assert nasbench.is_valid(api.ModelSpec(matrix, ops))
    with pytest.raises(KeyError, match=INCEPTION_HASH):
        nasbench.query(api.ModelSpec(matrix, ops))


def test_missing_dataset_and_training_are_said_plainly(
    tmp_path: Path, dataset: Path, small: api.ModelSpec
) -> None:
    with pytest.raises(InputError, match="no dataset file"):
        api.NASBench(tmp_path / "absent.tfrecord")
    with pytest.raises(NotImplementedError, match="query"):
        api.NASBench(dataset).evaluate(small, "folder")


def test_official_file_of_any_name(data_root: Path) -> None:
    nasbench = api.NASBench(data_root / "nasbench101" / "nasbench_only108_sample.tfrecord")
    assert nasbench.valid_epochs == {108}
    assert len(nasbench.hash_iterator()) == 8_000
    name = next(iter(nasbench.hash_iterator()))
    fixed, computed = nasbench.get_metrics_from_hash(name)
    spec = api.ModelSpec(fixed["module_adjacency"], fixed["module_operations"])
    assert spec.hash_spec(nasbench.config["available_ops"]) == name
    assert nasbench.query(spec)["test_accuracy"] in [
        r["final_test_accuracy"] for r in computed[108]
    ]


def test_what_a_file_does_not_have_is_nan(data_root: Path) -> None:
    nasbench = api.NASBench(data_root / "nasbench101" / "nb101_multibudget_val.npz")
    assert nasbench.valid_epochs == {4, 12, 36, 108}
    hash = next(iter(nasbench.hash_iterator()))
    _, computed = nasbench.get_metrics_from_hash(hash)
    assert math.isnan(computed[4][0]["final_test_accuracy"])
    assert 0 < computed[4][0]["final_validation_accuracy"] < 1


def test_a_hash_is_found_in_any_case_and_so_is_the_cell(
    dataset: Path, small: api.ModelSpec
) -> None:
    nasbench = api.NASBench(dataset)
    (hash,) = nasbench.hash_iterator()
    expected = nasbench.get_metrics_from_spec(small)[1]
    cell = '{"matrix": [[0, 1.0, 0], [0, 0, true], [0, 0, 0]], "ops": ["input", "%s", "output"]}'
    for way in hash, hash.upper(), f" {hash} ", cell % OPS[1]:
        assert nasbench.get_metrics_from_hash(way)[1] == expected
    with pytest.raises(KeyError):
        nasbench.get_metrics_from_hash("0" * 32)
    no_hashes: list[Any] = ["abc", None, {}, 5, small]
    for wrong in no_hashes:
        with pytest.raises(InputError, match="hash"):
            nasbench.get_metrics_from_hash(wrong)
    no_specs: list[Any] = [hash, None, {}, [[0, 1], [0, 0]]]
    for wrong in no_specs:
        with pytest.raises(InputError, match="is no ModelSpec"):
            nasbench.query(wrong)


def test_matrices_of_every_sane_type_are_cells() -> None:
    matrix = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]])
    ops = ["input", OPS[1], "output"]
    expected = api.ModelSpec(matrix, ops).hash_spec(OPS)
    mixed = [[False, np.True_, 0.0], [0, np.int8(0), np.float32(1)], [0, 0, 0]]
    for kind in bool, float, np.float16, np.uint8, object:
        assert api.ModelSpec(matrix.astype(kind), ops).hash_spec(OPS) == expected
    assert api.ModelSpec(mixed, ops).hash_spec(OPS) == expected  # type: ignore[arg-type]
    for wrong in matrix * 0.5, matrix * np.nan, matrix.astype(str), [[0, 1], [0]], [], None, "ab":
        with pytest.raises(InputError, match="matrix"):
            api.ModelSpec(wrong, ops)  # type: ignore[arg-type]


def test_upper_triangular() -> None:
    assert model_spec.is_upper_triangular(np.zeros((3, 3)))
    assert model_spec.is_upper_triangular(np.triu(np.ones((4, 4)), 1))
    assert not model_spec.is_upper_triangular(np.triu(np.ones((4, 4))))
    assert not model_spec.is_upper_triangular([[0, 0], [1, 0]])


def test_lib_has_what_needs_no_tensorflow() -> None:
    from datasets.nasbench.lib import config, graph_util
    from datasets.nasbench.lib import model_spec as same

    assert same is model_spec
    assert config.build_config()["available_ops"] == OPS
    is_edge = graph_util.gen_is_edge_fn(0b101)
    assert [is_edge(0, 1), is_edge(0, 2), is_edge(1, 2), is_edge(1, 0)] == [1, 0, 1, 0]
    chain = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]])
    assert graph_util.is_full_dag(chain)
    assert not graph_util.is_full_dag(np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0]]))
    assert not graph_util.is_full_dag(np.array([[0, 1, 1], [0, 0, 0], [0, 0, 0]]))
    assert graph_util.num_edges(chain) == 2
    spec = api.ModelSpec(chain, ["input", OPS[1], "output"])
    assert graph_util.hash_module(chain, [-1, 1, -2]) == spec.hash_spec(OPS)
    labelling: Any = np.array([-1, 1, -2])
    assert graph_util.hash_module(chain.astype(float), labelling) == spec.hash_spec(OPS)
    matrix = np.array([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]])
    moved, labels = graph_util.permute_graph(matrix, [-1, 0, 2, -2], [0, 2, 1, 3])
    assert (moved.tolist(), labels) == (matrix.tolist(), [-1, 2, 0, -2])
    assert graph_util.is_isomorphic((matrix, [-1, 0, 2, -2]), (moved, labels))
    assert not graph_util.is_isomorphic((matrix, [-1, 0, 2, -2]), (matrix, [-1, 0, 0, -2]))
    with pytest.raises(InputError, match="of one size"):
        graph_util.is_isomorphic((matrix, [-1, 0, 2, -2]), (chain, [-1, 0, -2]))
