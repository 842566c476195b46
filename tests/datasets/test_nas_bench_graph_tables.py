"""The nine tables of NAS-Bench-Graph: the shipped one, the official files, and damaged ones."""

from __future__ import annotations

import contextlib
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets import get_benchmark
from datasets.benchmark import NoMeasurementsError
from datasets.benchmarks.nas_bench_graph import TABLE
from datasets.commands import pack_nas_bench_graph
from datasets.commands.download import main as download
from datasets.downloads.published import published_file
from datasets.formats.nas_bench_graph import DATASETS, QUANTITIES, read_bench, read_package
from datasets.formats.nas_bench_graph_packed import read_packed, write_packed
from datasets.query import describe, look_up
from experiment.errors import InputError

BEST = {
    "cora": (0.8193, 0.8313),
    "citeseer": (0.7280, 0.7157),
    "pubmed": (0.8113, 0.7860),
    "cs": (0.9213, 0.9126),
    "physics": (0.9400, 0.9300),
    "photo": (0.9407, 0.9279),
    "computers": (0.9190, 0.8558),
    "arxiv": (0.7367, 0.7239),
    "proteins": (0.8533, 0.7926),
}
"""Best validation and best test performance of each official table, four decimals."""
quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def official(data_root: Path) -> Path:
    """The arrays of the official tables, where they are at hand."""
    path = data_root / "nasbenchgraph" / "nas_bench_graph.npz"
    if not path.is_file():
        pytest.skip(f"the arrays of NAS-Bench-Graph are not in {str(path.parent)!r}")
    return path


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_table_opens_without_a_data_root(dataset: str, tmp_path: Path) -> None:
    table = get_benchmark("NAS_BENCH_GRAPH", tmp_path, dataset=dataset)
    assert len(table) == (2_021 if dataset == "proteins" else 26_206)
    assert list(table.metrics) == ["validation", "test", "latency_seconds", "parameters"]
    assert table.costs == ("latency_seconds", "parameters")
    assert table.reported == "test"
    best = tuple(round(float(table.metric(name).mean().max()), 4) for name in table.metrics)[:2]
    assert best == BEST[dataset]
    for row in range(0, len(table), len(table) // 7):
        graph = table.graphs.graph(row)
        assert table.row(graph) == row
        assert table.row(table.space.format(graph)) == row
        assert table.row(str(int(table.hashes[row]))) == row  # the official key


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_shipped_numbers_are_the_official_ones(dataset: str, official: Path) -> None:
    packed = read_packed(TABLE, dataset)
    with np.load(official) as arrays:
        assert packed.keys.tolist() == arrays[f"{dataset}_hash"].tolist()
        for name in QUANTITIES:
            expected = arrays[f"{dataset}_{name}"]
            assert np.array_equal(packed.columns[name].astype(expected.dtype), expected), name


def test_the_shipped_table_is_small() -> None:
    folder = TABLE.parent
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_300_000
    assert "Apache License" in (folder / "NOTICE").read_text(encoding="utf-8")


def test_one_architecture_on_two_data_sets() -> None:
    arch = "0 1 2 1 gcn gin fc cheb"
    cora = get_benchmark("NAS_BENCH_GRAPH")
    answer = look_up(cora, arch=arch)
    assert answer["known"]
    assert answer["architecture"] == {"arch": "0 1 1 2 gcn gin cheb fc"}
    assert answer["validation"] == {"mean": pytest.approx(0.79), "trials": []}
    assert answer["parameters"] == 765_191
    assert "accuracy on the test nodes" in describe(answer, cora)
    proteins = get_benchmark("NAS_BENCH_GRAPH", dataset="proteins")
    assert not proteins.query(arch).known  # gin was not measured there
    assert proteins.query("0 1 2 1 gcn sage fc arma").known
    assert "ROC-AUC" in proteins.metric("test").description


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"dataset": "mnist"}, "was not measured on 'mnist': choose one of cora, citeseer"),
        ({"epochs": 20}, "learning curves are in the official full files, source='full'"),
        ({"source": "no/such/file"}, "there is no table 'no/such/file'"),
        ({"source": "full"}, "datasets.download --space NAS_BENCH_GRAPH --file cora0.bench"),
        ({"seed": 3}, "has no choice 'seed'"),
    ],
)
def test_bad_choices_are_one_sentence(
    choices: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=sentence):
        get_benchmark("NAS_BENCH_GRAPH", tmp_path, **choices)


def records(keys: list[int], **changed: Any) -> dict[int, dict[str, Any]]:
    """Light records of a made-up data set, in the types of the official files."""
    return {
        key: {
            "valid_perf": np.float64((2000 + key % 1000) / 3000),
            "perf": (1000 + key) / 145_809,  # a multiple for arxiv, and rounded for proteins
            "latency": (key + 7) / (3 << 22),
            "para": np.float64((300 + key) / 3e6),
            **changed,
        }
        for key in keys
    }


def wheel(folder: Path, dataset: str = "arxiv", **changed: Any) -> Path:
    """A wheel with nine tables of two architectures each."""
    path = folder / published_file("NAS_BENCH_GRAPH").place
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in DATASETS:
            light = records([1, 61237], perf=2 / 3, **(changed if name == dataset else {}))
            content = pickle.dumps(light, protocol=3)
            archive.writestr(f"nas_bench_graph/light/{name}.bench", content)
    return path


def test_official_tables_are_packed_and_read_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel(tmp_path)
    out = tmp_path / "packed.npz"
    assert pack_nas_bench_graph.main(["--data_root", str(tmp_path), "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    expected = read_package(tmp_path / published_file("NAS_BENCH_GRAPH").place)
    for dataset in DATASETS:
        packed = read_packed(out, dataset)
        assert packed.keys.tolist() == [1, 61237]
        for name in QUANTITIES:
            values = [expected[dataset][key][name] for key in (1, 61237)]
            assert packed.columns[name].tolist() == pytest.approx(values, rel=0, abs=1e-12)
    table = get_benchmark("NAS_BENCH_GRAPH", source=out)
    assert len(table) == 2
    assert table.source is not None
    assert table.source.path == out


def test_numbers_of_another_kind_are_not_packed(tmp_path: Path) -> None:
    broken = {name: records([5], perf=2 / 3) for name in DATASETS}
    broken["cs"] = records([5], perf=0.123456789)
    with pytest.raises(InputError, match="perf of cs has numbers that are no multiples of 1/52749"):
        write_packed(tmp_path / "packed.npz", broken)
    broken["cs"] = records([6], perf=2 / 3)
    with pytest.raises(InputError, match="cs has other architectures than cora"):
        write_packed(tmp_path / "packed.npz", broken)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [None, "0.5", float("nan"), [0.5]])
def test_a_wheel_with_another_number_is_refused(value: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"arxiv of '.*': key 1 has no number 'latency'"):
        read_package(wheel(tmp_path, latency=value))


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.whl"
    for content in (b"", b"no archive"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="no wheel of the package nas-bench-graph"):
            read_package(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other", "")
    with pytest.raises(InputError, match=r"no wheel .*arxiv\.bench|no wheel .*cora\.bench"):
        read_package(path)


def test_a_wheel_fetched_by_hand_is_put_in_place(tmp_path: Path) -> None:
    own = wheel(tmp_path / "elsewhere")
    flags = ["--space", "NAS_BENCH_GRAPH", "--from", str(own), "--data_root", str(tmp_path)]
    with pytest.raises(InputError, match="sha256"):  # it is not the published one
        download(flags)


def full_files(folder: Path, epochs: int = 3, keys: tuple[int, ...] = (1, 61237)) -> np.ndarray:
    """Three full files of Cora; returns their curves. **Shape** (keys, seeds, epochs, 7)."""
    curves = np.random.default_rng(0).random((len(keys), 3, epochs, 7)).round(3)
    (folder / "nasbenchgraph").mkdir()
    for seed in range(3):
        bench = {key: {"dur": curves[row, seed].tolist()} for row, key in enumerate(keys)}
        content = pickle.dumps(bench, protocol=3)
        (folder / "nasbenchgraph" / f"cora{seed}.bench").write_bytes(content)
    return curves


def test_full_files_give_the_seeds_and_the_curves(tmp_path: Path) -> None:
    curves = full_files(tmp_path)
    last = get_benchmark("NAS_BENCH_GRAPH", tmp_path, source="full")
    assert last.metric("validation").values.tolist() == curves[:, :, 2, 1].tolist()
    assert last.metric("test").trial(1).tolist() == curves[:, 1, 2, 2].tolist()
    first = get_benchmark("NAS_BENCH_GRAPH", tmp_path, source="full", epochs=1)
    assert first.metric("test").values.tolist() == curves[:, :, 0, 2].tolist()
    assert first.metric("best").values.tolist() == curves[:, :, 0, 6].tolist()
    assert first.query("61237").metrics["parameters"].tolist() == [pytest.approx(765_191)]


@pytest.mark.parametrize(
    ("epochs", "sentence"),
    [
        (4, "^a network was trained for 3 epochs, 4 was requested: choose 1 to 3$"),
        (0, "^a network was trained for 3 epochs, 0 was requested: choose 1 to 3$"),
        (-1, "^epochs is -1, expected at least 0$"),
        (2.0, r"^epochs is a float \(2.0\), expected a whole number$"),
    ],
)
def test_epochs_that_there_are_not_are_no_damage(
    epochs: Any, sentence: str, tmp_path: Path
) -> None:
    full_files(tmp_path)
    with pytest.raises(InputError, match=sentence):
        get_benchmark("NAS_BENCH_GRAPH", tmp_path, source="full", epochs=epochs)


def test_full_files_that_are_incomplete(tmp_path: Path) -> None:
    full_files(tmp_path)
    other = tmp_path / "nasbenchgraph" / "cora2.bench"
    other.write_bytes(pickle.dumps({7: {"dur": [[0.0] * 7]}}, protocol=3))
    with pytest.raises(InputError, match="have no architecture in common"):
        get_benchmark("NAS_BENCH_GRAPH", tmp_path, source="full")
    other.write_bytes(pickle.dumps({1: {"perf": 0.5}}, protocol=3))
    with pytest.raises(InputError, match="has no curve"):
        get_benchmark("NAS_BENCH_GRAPH", tmp_path, source="full")
    other.unlink()
    with pytest.raises(NoMeasurementsError, match=r"--file cora2\.bench"):
        get_benchmark("NAS_BENCH_GRAPH", tmp_path, source="full")


class Harmful:
    """A pickle that would run a command."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("never",))


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({1: Harmful()}, protocol=3),
        pickle.dumps([1, 2], protocol=3),
        pickle.dumps({}, protocol=3),
        pickle.dumps({"1": {}}, protocol=3),
        pickle.dumps({1: 0.5}, protocol=3),
        pickle.dumps({1: {"dur": [[1.0, 2.0]]}}, protocol=3),
        pickle.dumps({1: {"dur": [["a"] * 7]}}, protocol=3),
        b"",
        b"no pickle",
    ],
    ids=["harmful", "list", "empty", "text_key", "number", "narrow", "words", "nothing", "text"],
)
def test_bench_files_that_are_none(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.bench"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no file of NAS-Bench-Graph"):
        read_bench(path)
    assert capsys.readouterr().out == ""


def damaged(content: bytes, changes: list[tuple[int, int]]) -> bytes:
    """The content with some bytes changed; a value of −1 cuts it off."""
    result = bytearray(content)
    for place, value in changes:
        if value < 0:
            del result[place % (len(result) + 1) :]
        elif result:
            result[place % len(result)] = value
    return bytes(result)


CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.integers(-1, 255)), max_size=5)
LIGHT = pickle.dumps(records([1, 2, 61237]), protocol=3)


@quick
@given(CHANGES)
def test_damaged_bench_files_are_read_or_refused(
    tmp_path: Path, changes: list[tuple[int, int]]
) -> None:
    path = tmp_path / "a.bench"
    path.write_bytes(damaged(LIGHT, changes))
    with contextlib.suppress(InputError):
        read_bench(path)


@pytest.fixture(scope="module")
def packed_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("packed") / "packed.npz"
    write_packed(path, {name: records([1, 61237], perf=2 / 3) for name in DATASETS})
    return path.read_bytes()


@quick
@given(CHANGES)
def test_damaged_tables_are_read_or_refused(
    tmp_path: Path, packed_bytes: bytes, changes: list[tuple[int, int]]
) -> None:
    path = tmp_path / "packed.npz"
    path.write_bytes(damaged(packed_bytes, changes))
    with contextlib.suppress(InputError):
        get_benchmark("NAS_BENCH_GRAPH", source=path)
