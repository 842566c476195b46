import ast
import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from datasets import get_benchmark, get_space
from datasets.benchmarks.sources import TABLE_VARIABLE
from datasets.formats.enas import parse_structures, read_structures
from experiment.errors import InputError

GOOD = "[[1], [4, 0], [5, 0, 1]], 0.73"


# ENAS


def test_structures_are_what_python_reads(data_root: Path) -> None:
    path = data_root / "ENAS" / "final_structures6.txt"
    lines = path.read_text().splitlines()[1000:]
    rows, accuracies = parse_structures(path.read_text())
    assert rows.shape == (19_020, 21)
    for k in range(0, len(lines), 37):
        layers, accuracy = ast.literal_eval(lines[k])
        assert rows[k].tolist() == [number for layer in layers for number in layer]
        assert accuracies[k] == accuracy


def test_enas_merges_its_five_duplicates(data_root: Path) -> None:
    benchmark = get_benchmark("ENAS", data_root)
    validation = benchmark.metric("validation")
    trials = (~np.isnan(validation.values)).sum(axis=1)
    assert len(benchmark) == len(set(benchmark.hashes.tolist())) == 19_015
    assert (trials == 2).sum() == 5
    assert (trials == 1).sum() == 19_010
    assert validation.mean().max() == 0.7502
    assert (validation.mean() == 0.7502).sum() == 16
    assert list(benchmark.metrics) == ["validation"]
    assert benchmark.space.legal(benchmark.graphs).all()


def test_repeated_structure_becomes_one_row_at_its_first_place(tmp_path: Path) -> None:
    other = "[[0], [0, 0], [0, 0, 0]], 0.5"
    again = GOOD.replace("0.73", "0.75")
    (tmp_path / "s.txt").write_text("\n".join([other, GOOD, again, other]) + "\n")
    table = read_structures(tmp_path / "s.txt", burn_in=0)
    values = table.columns["cifar10/shared/validation"].values
    assert values.tolist() == [[0.5, 0.5], [0.73, 0.75]]
    graph = table.graphs.graph(1)
    assert graph.types == (1, 3, 6, 7, 0)
    assert graph.edges == ((0, 1), (1, 2), (1, 3), (2, 3), (3, 4))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[[1], [4, 0], [5, 0]], 0.73", "layer 3 has 2 numbers, expected 3"),
        ("[[1], [4, 0], [5, 0, ]], 0.73", "layer 3 has 2 numbers, expected 3"),
        ("[[1], [4, 0]], 0.73", "2 layers in brackets, expected 3"),
        ("[[1], [4, 0], [6, 0, 0]], 0.73", "layer 3 has operation '6', expected 0 to 5"),
        ("[[1], [4, 2], [5, 0, 0]], 0.73", "layer 2 has the skip bit '2'"),
        ("[[1], [4, 0], [5, 0, 0]]", "no accuracy"),
        ("[[1], [4, 0], [5, 0, 0]], nan", "no accuracy"),
        ("[[1], [4, 0], [5, 0, 0]], 7.3", "the accuracy is 7.3"),
        ("", "0 layers in brackets"),
        ("[[1], [4, 0], [5, 0, 0]], 0.7; import os", "no accuracy"),
    ],
)
def test_malformed_structure_is_named(line: str, expected: str) -> None:
    with pytest.raises(InputError, match=f"f.txt, line 3: .*{expected}"):
        parse_structures("\n".join([GOOD, GOOD, line, GOOD]), "f.txt", burn_in=0)


def test_file_with_only_burn_in_is_refused() -> None:
    with pytest.raises(InputError, match="burn-in"):
        parse_structures("\n".join([GOOD] * 1000))


def test_twelve_layers_are_recognised(tmp_path: Path) -> None:
    layers = [[k % 6] + [j % 2 for j in range(k)] for k in range(12)]
    path = tmp_path / "ENAS" / "final_structures12.txt"
    path.parent.mkdir()
    path.write_text(f"{layers}, 0.5\n" * 1001)
    benchmark = get_benchmark("ENAS12", tmp_path)
    assert benchmark.space is get_space("ENAS12")
    assert benchmark.graphs.max_nodes == benchmark.space.max_nodes == 14
    assert benchmark.space.to_layers(benchmark.graphs.graph(0)) == layers  # type: ignore[attr-defined]
    assert benchmark.metric("validation").trial(0).tolist() == [0.5]
    with pytest.raises(InputError, match="holds architectures of ENAS12, not of ENAS"):
        get_benchmark("ENAS", source=path)
    with pytest.raises(InputError, match="no measured numbers of ENAS below"):
        get_benchmark("ENAS", tmp_path)


# NB101


def test_nb101_optima_are_those_of_the_whole_space(data_root: Path) -> None:
    benchmark = get_benchmark("NB101", data_root, source="nb101_108ep_3rep")
    assert len(benchmark) == 145_646
    for name, value, start in (
        ("validation", 0.950554, "0da48e9f"),
        ("test", 0.943176, "02e5a024"),
    ):
        mean = benchmark.metric(name).mean()
        assert mean.max() == pytest.approx(value, abs=5e-7)
        assert benchmark.hashes[mean.argmax()].startswith(start)
    assert benchmark.metric("uniform_sample").values.sum() == 22_965


def test_nb101_rows_are_canonical_members_with_their_hashes(data_root: Path) -> None:
    benchmark = get_benchmark("NB101", data_root, source="nb101_108ep_3rep")
    space = benchmark.space
    assert space.legal(benchmark.graphs).all()
    rows = np.random.default_rng(0).choice(len(benchmark), 200, replace=False)
    for row in rows.tolist():
        graph = benchmark.graphs.graph(row)
        assert space.hash(graph) == benchmark.hashes[row]
        assert space.canonical(graph) == graph
        assert benchmark.row(graph) == row


def test_nb101_official_records_agree_with_the_array_table(data_root: Path) -> None:
    official = get_benchmark("NB101", data_root, source="other_tfrecord")
    table = get_benchmark("NB101", data_root, source="nb101_108ep_3rep")
    rows = np.array([table.row(name) for name in official.hashes.tolist()])
    assert len(rows) == 8_000
    for name, metric in official.metrics.items():
        np.testing.assert_array_equal(metric.values, table.metric(name).values[rows], name)
    for k in (0, 77, 7_999):
        assert official.graphs.graph(k) == table.graphs.graph(int(rows[k]))


def test_nb101_short_budgets(data_root: Path) -> None:
    short = get_benchmark("NB101", data_root, epochs=12)
    assert len(short) == 30_001
    assert short.metric("validation").mean().mean() < 0.75
    assert "test" not in short.metrics
    with pytest.raises(InputError, match="not for 13"):
        get_benchmark("NB101", data_root, epochs=13)


# NB201


@pytest.mark.parametrize(
    ("dataset", "validation", "test"),
    [
        ("cifar10", 0.91607, 0.94373),
        ("cifar10-valid", 0.91607, 0.91523),
        ("cifar100", 0.73493, 0.73513),
        ("ImageNet16-120", 0.46733, 0.47311),
    ],
)
def test_nb201_optima(data_root: Path, dataset: str, validation: float, test: float) -> None:
    benchmark = get_benchmark("NB201", data_root, dataset=dataset, source="nb201")
    assert len(benchmark) == 15_625
    assert benchmark.metric("validation").mean().max() == pytest.approx(validation, abs=6e-6)
    assert benchmark.metric("test").mean().max() == pytest.approx(test, abs=6e-6)


def test_nb201_rows_are_the_lines_of_the_file(data_root: Path) -> None:
    benchmark = get_benchmark("NB201", data_root, source="nb201")
    with gzip.open(data_root / "nasbench201" / "nb201.csv.gz", "rt") as file:
        lines = list(csv.DictReader(file))
    assert [benchmark.space.format(g) for g in benchmark.graphs] == [x["arch_str"] for x in lines]
    test = [float(x["c10_test200"]) / 100 for x in lines]
    assert benchmark.metric("test").mean().tolist() == test
    assert benchmark.metric("parameters").mean().tolist() == [float(x["params_c10"]) for x in lines]


def test_cifar10_valid_is_not_cifar10(data_root: Path) -> None:
    official = get_benchmark("NB201", data_root, dataset="cifar10", source="nb201")
    half = get_benchmark("NB201", data_root, dataset="cifar10-valid", source="nb201")
    assert "all 50,000" in official.metric("test").description
    assert "25,000" in half.metric("test").description
    assert (official.metric("test").mean() - half.metric("test").mean()).mean() > 0.03
    np.testing.assert_array_equal(
        official.metric("validation").values, half.metric("validation").values
    )


def test_a_mean_is_not_a_trial(data_root: Path) -> None:
    benchmark = get_benchmark("NB201", data_root, source="nb201")
    with pytest.raises(InputError, match="only the mean"):
        benchmark.metric("test").trial(0)
    assert benchmark.metric("test_single").trial(0).max() == pytest.approx(0.9447)


def test_twelve_epochs_are_another_schedule(data_root: Path) -> None:
    short = get_benchmark("NB201", data_root, epochs=12, source="nb201")
    assert short.metric("test").mean().max() == pytest.approx(0.8916)


def test_latencies_are_added_on_demand(data_root: Path) -> None:
    benchmark = get_benchmark("NB201", data_root, source="nb201", latency_devices=["fpga"])
    assert [name for name in benchmark.metrics if name.startswith("latency.")] == ["latency.fpga"]
    assert benchmark.metric("latency.fpga").values[0, 0] == 2.57296
    with pytest.raises(InputError, match="no latencies were measured on 'toaster'"):
        get_benchmark("NB201", data_root, source="nb201", latency_devices=["toaster"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0,|none~0|", "no NB201|parts"),
        ("0", "has 1 values, expected 2"),
    ],
)
def test_bad_csv_line_is_named(tmp_path: Path, line: str, expected: str) -> None:
    from datasets.formats.nasbench201_csv import read_csv

    good = "0,|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    path = tmp_path / "nb201.csv.gz"
    with gzip.open(path, "wt") as file:
        file.write(f"index,arch_str\n{good}\n{line}\n")
    with pytest.raises(InputError, match=f"line 3.*({expected})"):
        read_csv(path)


# All


def test_unknown_architecture_is_an_answer(data_root: Path) -> None:
    benchmark = get_benchmark("NB101", data_root, source="other_tfrecord")
    record = benchmark.query("0" * 32)
    assert not record.known
    assert record.metrics == {}


def test_unknown_choices_are_refused(tmp_path: Path, data_root: Path) -> None:
    with pytest.raises(InputError, match="not measured on 'svhn'"):
        get_benchmark("NB201", data_root, dataset="svhn")
    with pytest.raises(InputError, match="no source 'nowhere'"):
        get_benchmark("NB201", data_root, source="nowhere")
    with pytest.raises(InputError, match="no measured numbers of ENAS"):
        get_benchmark("ENAS", tmp_path)
    with pytest.raises(InputError, match="no metric 'accuracy'; it has validation"):
        get_benchmark("ENAS", data_root).metric("accuracy")


def test_slow_file_is_read_once(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TABLE_VARIABLE, str(tmp_path))
    first = get_benchmark("NB201", data_root, source="other_pth")
    (table,) = tmp_path.iterdir()
    again = get_benchmark("NB201", data_root, source="other_pth")
    by_path = get_benchmark("NB201", source=table)
    for other in again, by_path:
        assert other.hashes.tolist() == first.hashes.tolist()
        for name, metric in first.metrics.items():
            np.testing.assert_array_equal(other.metric(name).values, metric.values)
    with pytest.raises(InputError, match="is a table of NB201, not of NB101"):
        get_benchmark("NB101", source=table)


def test_table_of_a_changed_file_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TABLE_VARIABLE, str(tmp_path / "tables"))
    path: Path = tmp_path / "ENAS" / "final_structures6.txt"
    path.parent.mkdir()
    space = get_space("ENAS")
    graphs = space.sample(1002, np.random.default_rng(0))
    lines = [f"{space.to_layers(g)}, 0.5" for g in graphs]  # type: ignore[attr-defined]
    path.write_text("\n".join(lines[:1001]))
    from datasets.benchmarks.enas import SOURCES
    from datasets.benchmarks.sources import choose

    choose("ENAS", SOURCES, tmp_path).convert()
    assert choose("ENAS", SOURCES, tmp_path).table is not None
    path.write_text("\n".join(lines))
    assert choose("ENAS", SOURCES, tmp_path).table is None
    assert len(get_benchmark("ENAS", tmp_path)) == 2
