from __future__ import annotations

import csv
import dataclasses
import json
import math
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark, Metric
from experiment.errors import InputError, run_command
from experiment.files import plain
from models import Embedding, Sizes, build_model
from models.checkpoints import checkpoint_path
from models.vae import GraphVAE, as_graph_vae
from Training_VAE import smoothness
from Training_VAE.measured import Measured
from Training_VAE.smoothness_figure import smoothness_figure
from Training_VAE.smoothness_measures import DecodedWalks, Smoothness, measure, random_steps


def tiny(model: str, space_name: str, scale: float = 3.0) -> GraphVAE:
    space = get_space(space_name)
    torch.manual_seed(0)
    sizes = Sizes(len(space.types), space.max_nodes, node_width=16, graph_width=8)
    vae = as_graph_vae(build_model(model, sizes)).eval()
    with torch.no_grad():
        for parameter in vae.parameters():
            parameter.mul_(scale)
    return vae


def some_graphs(space_name: str, count: int) -> GraphBatch:
    space = get_space(space_name)
    found = dict.fromkeys(space.sample(2 * count, np.random.default_rng(0)))
    return GraphBatch.from_graphs(list(found)[:count], space.max_nodes)


@cache
def half_known() -> Measured:
    """Invented accuracies of every second cell."""
    space = get_space("NB201")
    hashes = space.hashes(GraphBatch.cat(space.enumerate())).tolist()
    by_hash = {hash: int(hash[:4], 16) / 2**16 for hash in hashes[::2]}
    return Measured(by_hash, np.sort(list(by_hash.values())))


def result_of(model: Embedding, seed: int = 1) -> Smoothness:
    space, graphs = get_space("NB201"), some_graphs("NB201", 12)
    return measure(model, space, graphs, half_known(), epoch=1, pairs=5, steps=7, seed=seed)


@pytest.fixture(scope="module")
def result() -> Smoothness:
    return result_of(tiny("SVGE", "NB201"))


def test_a_result_counts_what_it_says(result: Smoothness) -> None:
    assert [(w.walk, w.walks, w.points) for w in result.walks] == [
        ("line", 5, 7),
        ("great_circle", 5, 7),
        ("random_step", 5, 8),
    ]
    counts = [(c.walk, c.step, c.changes) for c in result.changes]
    assert counts == [
        ("line", 1, 30),
        ("line", 2, 25),
        ("great_circle", 1, 30),
        ("great_circle", 2, 25),
        *[("random_step", length, 5) for length in range(1, 8)],
        ("ends", 1, 5),
    ]
    for walk in result.walks:
        assert 1 <= walk.distinct <= walk.points
        assert 0 <= walk.valid <= 1
        assert 0 < walk.known <= 1
    for change in result.changes:
        assert change.relative_distance == pytest.approx(
            change.latent_distance / result.typical_distance
        )
        assert 0 <= change.unchanged <= 1
        assert change.edit_distance >= 1 - change.unchanged


def test_random_steps_reach_the_typical_distance(result: Smoothness) -> None:
    lengths = [c.relative_distance for c in result.changes if c.walk == "random_step"]
    assert lengths == pytest.approx(np.geomspace(0.01, 1, 7).tolist(), rel=1e-3)
    start, directions = torch.randn(4, 8), torch.randn(4, 8)
    points = random_steps(start, directions, 2.0, 5)
    assert torch.equal(points[:, 0], start)
    moved = points[:, 1:] - start[:, None]
    assert moved[:, -1].norm(dim=1).tolist() == pytest.approx([2.0] * 4, rel=1e-5)
    cosines = torch.cosine_similarity(moved, directions[:, None], dim=-1)
    assert torch.allclose(cosines, torch.ones(4, 5), atol=1e-4)


def test_the_seed_decides_the_result(result: Smoothness) -> None:
    assert plain(result_of(tiny("SVGE", "NB201"))) == plain(result)
    assert plain(result_of(tiny("SVGE", "NB201"), seed=2)) != plain(result)


def test_dgmg_is_measured_too() -> None:
    assert result_of(tiny("DGMG", "NB201")).model == "DGMG"


def test_a_decoder_that_ignores_the_latent_is_perfectly_smooth() -> None:
    model = tiny("SVGE", "NB201")
    with torch.no_grad():
        for parameter in model.generator.parameters():
            parameter.zero_()
    constant = result_of(model)
    assert {walk.distinct for walk in constant.walks} == {1.0}
    assert {walk.valid for walk in constant.walks} <= {0.0, 1.0}
    assert {(change.edit_distance, change.unchanged) for change in constant.changes} == {(0, 1)}
    known = [c.accuracy_change for c in constant.changes if c.known]
    assert known == [0.0] * len(known)


CELLS = ("1 1 0", "1 1 0", "2 1 0", "2 2 1", "3 3 1", "1 1 0")
"""ENAS networks of two layers, as two walks of three points."""


def two_walks() -> DecodedWalks:
    from datasets.spaces.enas import ENAS

    space = ENAS(layers=2)
    graphs = GraphBatch.from_graphs([space.parse(text) for text in CELLS])
    values = np.array([[0.5, 0.5, np.nan], [0.6, 0.2, 0.5]])
    return DecodedWalks(
        walk="line",
        latents=np.array([[[0.0, 0], [3, 4], [6, 8]], [[0, 0], [1, 0], [2, 0]]]),
        graphs=graphs,
        hashes=space.hashes(graphs).reshape(2, 3),
        valid=np.array([[True, False, False], [True, True, True]]),
        values=values,
        ranks=values * 2,
    )


def test_changes_of_known_walks() -> None:
    walks = two_walks()
    change = walks.change(1, np.array([0, 1]), np.array([1, 2]), typical=6.0)
    # Edits: none, one operation; two operations, then two operations and a connection.
    assert change.changes == 4
    assert change.edit_distance == pytest.approx((0 + 1 + 2 + 3) / 4)
    assert change.edit_distance_error == pytest.approx((2.5 - 0.5) / 2)
    assert change.unchanged == 0.25
    assert change.latent_distance == pytest.approx((5 + 5 + 1 + 1) / 4)
    assert change.relative_distance == pytest.approx(0.5)
    assert change.valid == 0.5
    assert change.known == 0.75
    assert change.accuracy_change == pytest.approx((0 + 0.4 + 0.3) / 3)
    assert change.accuracy_change_error == pytest.approx(0.35 / 2)
    assert change.rank_change == pytest.approx((0 + 0.8 + 0.6) / 3)
    summary = walks.summary()
    assert (summary.walks, summary.points, summary.distinct) == (2, 3, 2.5)
    assert summary.valid == pytest.approx(4 / 6)
    assert summary.known == pytest.approx(5 / 6)


def test_unknown_accuracies_are_no_number() -> None:
    unknown = dataclasses.replace(
        two_walks(), values=np.full((2, 3), np.nan), ranks=np.full((2, 3), np.nan)
    )
    change = unknown.change(1, np.array([0]), np.array([1]), typical=1.0)
    assert change.known == 0
    assert math.isnan(change.accuracy_change)
    assert math.isnan(change.accuracy_change_error)
    assert math.isnan(change.rank_change)


@pytest.mark.parametrize(
    ("pairs", "steps", "reason"),
    [(7, 5, "make up to 6"), (0, 5, "0 pairs"), (2, 2, "3 steps at least")],
)
def test_too_few_architectures_or_steps(pairs: int, steps: int, reason: str) -> None:
    space, graphs = get_space("NB201"), some_graphs("NB201", 12)
    with pytest.raises(InputError, match=reason):
        measure(
            tiny("SVGE", "NB201"), space, graphs, None, epoch=1, pairs=pairs, steps=steps, seed=1
        )


def test_an_encoder_that_tells_nothing_apart_is_refused() -> None:
    model = tiny("SVGE", "NB201")
    with torch.no_grad():
        for parameter in model.Encoder.GraphEmb_mean.parameters():
            parameter.zero_()
    with pytest.raises(InputError, match=r"typical distance of two latents is 0\.0"):
        result_of(model)


# What is known of accuracies.


def benchmark(**metrics: list[float]) -> Benchmark:
    space, graphs = get_space("NB201"), some_graphs("NB201", 4)
    return Benchmark(
        space,
        "cifar10",
        graphs,
        space.hashes(graphs),
        {
            name: Metric(name, "fraction", "", np.array(values)[:, None])
            for name, values in metrics.items()
        },
        "",
    )


def test_accuracies_and_their_ranks() -> None:
    table = benchmark(validation=[0.9, 0.5, 0.5, np.nan])
    accuracies = Measured.of(table)
    found = accuracies.look_up([*table.hashes, "of no architecture"])
    assert found.tolist() == pytest.approx([0.9, 0.5, 0.5, np.nan, np.nan], nan_ok=True)
    expected = [2.5 / 3, 1 / 3, 1 / 3, np.nan, np.nan]
    assert accuracies.ranks(found).tolist() == pytest.approx(expected, nan_ok=True)


def test_ranks_of_a_cost_and_its_words_in_the_figure(result: Smoothness) -> None:
    table = benchmark(validation=[-3.0, -1.0, -2.0, np.nan])
    table.metrics["validation"] = dataclasses.replace(
        table.metrics["validation"], unit="eV", maximise=False
    )
    measured = Measured.of(table)
    assert measured.ranks(np.array([-3.0, -1.0, -9.0])).tolist() == pytest.approx(
        [2.5 / 3, 1 / 6, 1]
    )
    energies = dataclasses.replace(result, objective=measured.objective)
    assert Smoothness.from_json(json.loads(json.dumps(plain(energies)))) == energies
    axes = smoothness_figure([energies]).axes[1]
    assert axes.get_ylabel() == "change of validation on cifar10, eV"
    assert list(heights(axes, "SVGE, line")) == pytest.approx(
        [c.accuracy_change for c in result.changes if c.walk == "line"]
    )
    assert smoothness_figure([result]).axes[1].get_ylabel() == (
        "change of validation accuracy, points"
    )


def test_ranks_are_counted_in_the_uniform_sample() -> None:
    accuracies = Measured.of(
        benchmark(validation=[0.9, 0.5, 0.6, 0.7], uniform_sample=[0, 1, 1, 0])
    )
    assert accuracies.ranks(np.array([0.9, 0.7, 0.55])).tolist() == [1, 1, 0.5]
    assert len(accuracies.by_hash) == 4


# Files and figure.


def test_a_result_survives_its_file(result: Smoothness) -> None:
    unknown = dataclasses.replace(
        result,
        changes=tuple(dataclasses.replace(c, accuracy_change=math.nan) for c in result.changes),
    )
    for original in (result, unknown):
        read = Smoothness.from_json(json.loads(json.dumps(plain(original))))
        assert plain(read) == plain(original)


@pytest.mark.parametrize("content", [[], 3, {}, {"model": "SVGE"}, {"walks": [], "changes": [{}]}])
def test_other_files_are_refused(content: object) -> None:
    with pytest.raises(InputError, match="no result of the smoothness command"):
        Smoothness.from_json(content)  # type: ignore[arg-type]


def test_the_figure_has_a_curve_for_each_walk_and_model(result: Smoothness) -> None:
    other = dataclasses.replace(result, model="DGMG")
    figure = smoothness_figure([result, other])
    edits, accuracies = figure.axes
    labels = [str(line.get_label()) for line in edits.lines]
    assert len(labels) == len(set(labels)) == 8
    assert list(heights(edits, "SVGE, random step")) == pytest.approx(
        [c.edit_distance for c in result.changes if c.walk == "random_step"]
    )
    assert list(heights(accuracies, "DGMG, line")) == pytest.approx(
        [100 * c.accuracy_change for c in result.changes if c.walk == "line"]
    )


def heights(axes: Axes, label: str) -> np.ndarray:
    (curve,) = [line for line in axes.lines if line.get_label() == label]
    return np.asarray(curve.get_ydata())


def test_the_figure_says_when_no_accuracy_is_known(result: Smoothness) -> None:
    changes = tuple(dataclasses.replace(c, accuracy_change=math.nan) for c in result.changes)
    figure = smoothness_figure([dataclasses.replace(result, changes=changes)])
    assert [text.get_text() for text in figure.axes[1].texts] == ["nothing was measured"]
    assert not smoothness_figure([result]).axes[1].texts


# The command.


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    for name in ("SVGE", "DGMG"):
        (folder / name).mkdir()
        torch.save(tiny(name, "NB201").state_dict(), checkpoint_path(folder / name, 7))
    return folder


def arguments(weights: Path, model: str, out: Path) -> list[str]:
    return [
        *("--model", model, "--data_search_space", "NB201"),
        *("--path_state_dict", str(weights / model), "--data_root", str(weights)),
        *("--pairs", "4", "--steps", "5", "--device", "cpu", "--out", str(out)),
    ]


def test_the_command_writes_and_compares(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "dgmg", tmp_path / "svge"
    assert smoothness.main(arguments(weights, "DGMG", first)) == 0
    assert smoothness.main([*arguments(weights, "SVGE", second), "--compare", str(first)]) == 0
    assert "great circle" in capsys.readouterr().out
    result = smoothness.read_result(second)
    assert (result.model, result.space, result.epoch, result.pairs) == ("SVGE", "NB201", 7, 4)
    rows = list(csv.DictReader((second / "smoothness.csv").open(encoding="utf-8")))
    assert len(rows) == len(result.changes)
    assert {row["model"] for row in rows} == {"SVGE"}
    for row, change in zip(rows, result.changes, strict=True):
        assert float(row["edit_distance"]) == pytest.approx(change.edit_distance)
        assert row["accuracy_change"] == ""
    alone = tmp_path / "alone"
    assert smoothness.main(arguments(weights, "SVGE", alone)) == 0
    assert (alone / "smoothness.json").read_bytes() == (second / "smoothness.json").read_bytes()
    assert (alone / "smoothness.png").read_bytes() != (second / "smoothness.png").read_bytes()


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--steps", "2"], "3 steps at least"),
        (["--steps", "few"], "whole number"),
        (["--pairs", "1000"], "make up to 781"),
        (["--compare", "nowhere"], "smoothness.json"),
        (["--compare", "other"], "the results to compare were measured on NB201 with 5 pairs"),
        (["--model", "DGMG"], "SVGE's, expected DGMG's"),
    ],
)
def test_bad_input_ends_in_one_sentence(
    result: Smoothness,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "smoothness.json").write_text(json.dumps(plain(result)))
    command = ["smoothness", *arguments(weights, "SVGE", tmp_path / "out"), *flags]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        run_command(smoothness.main)
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert reason in message
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert not (tmp_path / "out").exists()
