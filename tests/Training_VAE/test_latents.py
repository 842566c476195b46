"""Latent files: what cannot be read, and the published keys."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from datasets import get_benchmark, get_space
from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark, Metric
from datasets.latent_files import (
    dataset_of,
    load_latents,
    objective_of,
    objectives_column,
    save_latents,
)
from datasets.objective import ACCURACY, Objective
from datasets.spaces.nb101 import NB101
from datasets.splits import split_rows
from experiment.errors import InputError
from models import Sizes, build_model
from Training_VAE import extract_latents, latent_map, train_svge
from Training_VAE.data import Architectures
from Training_VAE.latents import latent_table, published_matrices


def a_table(**columns: list[float]) -> dict[str, np.ndarray]:
    return {
        "mean": np.arange(8.0).reshape(4, 2),
        "log_variance": np.zeros((4, 2)),
        "hash": np.array(["a", "b", "c", "d"]),
        "split": np.array([0, 1, 0, 0], dtype=np.uint8),
        **{f"metric/{name}": np.array(values) for name, values in columns.items()},
    }


def test_a_latent_file_comes_back(tmp_path: Path) -> None:
    save_latents(tmp_path / "l.npz", a_table())
    read = load_latents(tmp_path / "l.npz")
    assert read.keys() == a_table().keys()
    assert all((read[name] == column).all() for name, column in a_table().items())


def test_a_file_of_before_is_read(tmp_path: Path) -> None:
    """Its metrics stand under their plain names, and no data set is told."""
    old = {**a_table(), "validation": np.arange(4.0), "cifar10.test": np.ones(4)}
    np.savez(tmp_path / "old.npz", **old)  # type: ignore[arg-type]
    read = load_latents(tmp_path / "old.npz")
    assert read.keys() == {*a_table(), "metric/validation", "metric/cifar10.test"}
    assert dataset_of(read) is None
    assert objective_of(read, "validation") == ACCURACY
    assert objective_of(read, "cifar10.test") == Objective("cifar10.test")
    save_latents(tmp_path / "new.npz", {**read, "dataset": np.array("cifar10")})
    again = load_latents(tmp_path / "new.npz")
    assert again.keys() == {*read, "dataset"}
    assert dataset_of(again) == "cifar10"


@pytest.mark.parametrize("name", ["latents", "latents.npy", "latents.txt"])
def test_a_name_that_numpy_would_change_is_refused_first(tmp_path: Path, name: str) -> None:
    flags = ["--data_search_space", "NB101", "--out", str(tmp_path / "new" / name)]
    with pytest.raises(InputError, match=r"ends in \.npz"):
        extract_latents.main([*flags, "--path_state_dict", str(tmp_path / "not looked for")])
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_latent_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "l.npz"
    save_latents(path, a_table())
    content = path.read_bytes()
    damaged = [content[:length] for length in (0, 1, 5, 200, len(content) // 2, len(content) - 1)]
    changed = bytearray(content)
    changed[content.index(b"NUMPY") + 130] ^= 0xFF
    for wrong in (*damaged, bytes(changed), b"no latents"):
        path.write_bytes(wrong)
        with pytest.raises(InputError, match=r"cannot read the latents .*l\.npz"):
            load_latents(path)
    with pytest.raises(InputError, match="No such file"):
        load_latents(tmp_path / "absent.npz")


def test_other_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "l.npy", np.zeros((4, 2)))
    with pytest.raises(InputError, match="holds one array"):
        load_latents(tmp_path / "l.npy")
    table = a_table()
    del table["split"]
    save_latents(tmp_path / "l.npz", table)
    with pytest.raises(InputError, match="lacks the column 'split'"):
        load_latents(tmp_path / "l.npz")


@pytest.mark.parametrize(
    ("space", "keys"),
    [
        ("ENAS", {"Y_train", "Y_test"}),
        ("NB101", {"Y_val_train", "Y_val_test", "Y_test_train", "Y_test_test"}),
        (
            "NB201",
            {
                *("Y_val_train", "Y_val_test", "Y_val_train_avg", "Y_val_test_avg"),
                *("Y_test_train", "Y_test_test", "Y_test_train_avg", "Y_test_test_avg"),
            },
        ),
    ],
)
def test_published_keys_are_those_of_the_space(space: str, keys: set[str]) -> None:
    table = a_table(validation=[0.1, 0.2, 0.3, 0.4], test=[0.5, 0.6, 0.7, 0.8])
    matrices = published_matrices(table, get_space(space))
    assert matrices.keys() == {"Z_train", "Z_test", *keys}
    assert matrices["Z_test"].tolist() == [[2, 3]]
    validation = "Y_train" if space == "ENAS" else "Y_val_train"
    assert matrices[validation].tolist() == [[0.1], [0.3], [0.4]]
    for key in keys:
        if key.endswith("_avg"):
            assert (matrices[key] == matrices[key.removesuffix("_avg")]).all()


def test_a_space_without_test_accuracies_keeps_its_keys() -> None:
    matrices = published_matrices(a_table(validation=[0.1, 0.2, 0.3, 0.4]), get_space("NB101"))
    assert matrices.keys() == {"Z_train", "Z_test", "Y_val_train", "Y_val_test"}


def test_measurements_stand_beside_the_architectures_they_are_of() -> None:
    space = NB101()
    graphs = GraphBatch.cat(space.enumerate(max_nodes=4))
    hashes = space.hashes(graphs)
    measured = np.arange(len(graphs))[::-2]  # every other one, backwards
    values = np.column_stack([measured, measured + 2.0])
    metric = Metric("validation", "fraction", "made up", values)
    unlucky = Metric("mean", "eV", "called as the latents are", -values, maximise=False)
    benchmark = Benchmark(
        space,
        "some images",
        graphs[torch.from_numpy(measured.copy())],
        hashes[measured],
        {"validation": metric, "mean": unlucky},
        "made up",
    )
    assert benchmark.rows(hashes[measured]).tolist() == list(range(len(measured)))
    assert benchmark.rows(np.array(["0" * 32, hashes[measured[3]]])).tolist() == [-1, 3]

    model = build_model("SVGE", Sizes(5, 7, node_width=12, graph_width=8))
    table = latent_table(model, Architectures(space, graphs, hashes, split_rows(hashes)), benchmark)
    known = np.isin(np.arange(len(graphs)), measured)
    assert (table["metric/validation"][known] == np.flatnonzero(known) + 1).all()
    assert np.isnan(table["metric/validation"][~known]).all()
    assert (table["metric/mean"][known] == -table["metric/validation"][known]).all()
    assert dataset_of(table) == "some images"
    assert objective_of(table, "validation") == ACCURACY
    assert objective_of(table, "mean") == Objective("mean", False, "eV")
    with pytest.raises(InputError, match=r"says nothing of 'test'.* make it again"):
        objective_of(table, "test")
    np.testing.assert_allclose(
        table["mean"], model.encode(graphs).mean.detach().numpy(), rtol=1e-5, atol=1e-6
    )
    assert table["mean"].dtype == table["log_variance"].dtype == np.float32


@pytest.mark.parametrize(
    ("objective", "label"),
    [
        (ACCURACY, "validation accuracy on some images"),
        (Objective("validation", False, "eV"), "validation on some images, eV"),
        (Objective("validation"), "validation on some images"),
    ],
    ids=["accuracy", "energy", "without a unit"],
)
def test_the_map_says_what_was_measured(
    objective: Objective, label: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(latent_map, "save_figure", lambda figure, out: drawn.append(figure))
    table = {
        **a_table(validation=[0.1, 0.2, 0.3, 0.4]),
        "dataset": np.array("some images"),
        "objectives": objectives_column({"validation": objective}),
    }
    trained = SimpleNamespace(space=NB101())
    latent_map.draw_map(trained, table, None, 0, tmp_path / "map.png")  # type: ignore[arg-type]
    (axes, bar) = drawn[0].axes
    assert bar.get_ylabel() == label
    on_top = np.asarray(axes.collections[1].get_array())[-1]
    assert on_top == (0.4 if objective.maximise else 0.1)


def map_of_nas_bench_graph(
    datasets: list[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[Figure, list[float]]:
    """The map of forty architectures, and what they reached on the first of the data sets."""
    drawn: list[Figure] = []
    monkeypatch.setattr(latent_map, "save_figure", lambda figure, out: drawn.append(figure))
    space = get_space("NAS_BENCH_GRAPH")
    graphs = space.sample(40, np.random.default_rng(0))
    latent = np.random.default_rng(1).normal(size=(40, 3))
    table = {"mean": latent, "hash": space.hashes(GraphBatch.from_graphs(graphs))}
    benchmarks = [get_benchmark(space.name, dataset=name) for name in datasets]
    latent_map.draw_measured(space, table, benchmarks, Path("map.png"))
    return drawn[0], [benchmarks[0].query(graph).metrics["validation"][0] for graph in graphs]


def test_the_map_is_coloured_by_the_named_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    figure, values = map_of_nas_bench_graph(["citeseer"], monkeypatch)
    axes, bar = figure.axes
    assert bar.get_ylabel() == "validation accuracy on citeseer"
    np.testing.assert_allclose(np.asarray(axes.collections[1].get_array()), sorted(values))


def test_the_map_of_several_data_sets_has_a_panel_each(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = ["cora", "citeseer", "proteins"]
    figure, _ = map_of_nas_bench_graph(datasets, monkeypatch)
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == datasets
    assert "by validation accuracy" in figure.get_suptitle()


def test_a_map_of_an_unknown_data_set_is_refused(tmp_path: Path) -> None:
    flags = ["--data_search_space", "NAS_BENCH_GRAPH", "--dataset", "cora", "mnist"]
    with pytest.raises(InputError, match="was not measured on 'mnist'"):
        latent_map.main([*flags, "--out", str(tmp_path / "map.png"), "--threads", "1"])


def test_the_map_is_drawn_and_its_latents_are_made_on_demand(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--data_search_space", "NB101", "--device", "cpu", "--threads", "1"]
    log_dir = ["--config", str(tiny), "--epochs", "1", "--log_dir", str(tmp_path)]
    train_svge.main([*common, *log_dir, "--sampled_graphs", "2"])
    weights = [*common, "--path_state_dict", str(tmp_path / "SVGE_NB101")]
    capsys.readouterr()
    assert latent_map.main(weights) == 0
    picture = Path(capsys.readouterr().out.strip())
    assert picture == tmp_path / "SVGE_NB101" / "figures" / "latent_map.png"
    assert picture.stat().st_size > 1000
    made = tmp_path / "SVGE_NB101" / "NB101_latent_epoch1.npz"
    assert len(load_latents(made)["mean"]) == 91  # cells of at most four nodes
    with pytest.raises(InputError, match="there is no latent file"):
        latent_map.main([*weights, "--latents", str(tmp_path / "absent.npz")])
