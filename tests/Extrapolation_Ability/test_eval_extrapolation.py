"""Ranking candidates by a surrogate and training the best: files, strings, bad input."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from analysis.report import __main__ as report
from datasets import get_benchmark, get_space
from datasets.architecture_files import NAMED, read_architectures
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.spaces.enas import ENAS
from estimators.recorded import LAST
from experiment.errors import InputError, run_command
from experiment.files import read_json
from Extrapolation_Ability import eval_extrapolation
from Extrapolation_Ability.candidates import best_cells, extensions
from Extrapolation_Ability.cell_training import train_cell, train_enas
from Extrapolation_Ability.ranking import Ranking, line_of
from Extrapolation_Ability.surrogates import fine_tuned, usual_amount
from models import Embedding, Sizes, WithHeads, build_model
from models.checkpoints import model_from_state, stored_state
from predictors.fine_tuned import save_scale
from predictors.regressor import NormalScores

TINY = """
[network]
[network.NB101]
stem_channels = 8
stacks = 2
cells = 1
batch_norm_momentum = 0.1
[network.ENAS]
filters = 4
[recipe]
epochs = 1
batch_size = 200
learning_rate = 0.02
optimiser = "adamw"
schedule = "one_cycle"
weight_decay = 0.01
precision = "float32"
"""


def vae(types: int = 5, max_nodes: int = 7) -> Embedding:
    torch.manual_seed(3)
    return build_model("SVGE", Sizes(types, max_nodes, node_width=12, graph_width=16, rounds=1))


def saved(model: Embedding | WithHeads, folder: Path, epoch: int = 100) -> Path:
    folder.mkdir(parents=True)
    torch.save(stored_state(model), folder / f"model_checkpoint{epoch}.obj")
    return folder


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """An untrained accuracy model of NB101."""
    return saved(WithHeads.fresh(vae()), tmp_path / "weights")


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return str(path)


def run(weights: Path, *more: str) -> int:
    """The published command, with its results beside the weights."""
    flags = ["--model", "SVGE_acc", "--name", "extrapol", "--path_state_dict", str(weights)]
    flags += ["--checkpoint", "100", "--device", "cpu", "--log_dir", str(weights.parent / "out")]
    return eval_extrapolation.main([*flags, *more])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_published_candidates_are_ranked(
    head: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(head, "--data_search_space", "NB101", "--top", "3") == 0
    out = head.parent / "out" / "extrapol_NB101"
    space = get_space("NB101")
    ranked = lines(out / "ranking.jsonl")
    graphs = read_architectures(str(out / "ranking.jsonl"), space)
    assert len(ranked) == 1384
    assert space.hash(NAMED["nb101_cell"]["svge_8_nodes"]) in {record["hash"] for record in ranked}
    assert [record["rank"] for record in ranked] == list(range(1, 1385))
    means = [record["mean"] for record in ranked]
    assert means == sorted(means, reverse=True)
    torch.manual_seed(3)
    with torch.no_grad():
        state = torch.load(head / "model_checkpoint100.obj", weights_only=True)
        (direct,) = model_from_state(state, 7)(GraphBatch.from_graphs(graphs)).unbind(1)
    assert np.allclose(direct.numpy(), means, atol=1e-5)
    assert [space.hash(graph) for graph in graphs[:20]] == [one["hash"] for one in ranked[:20]]
    with (out / "ranking.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["mean"]) for row in table] == means
    assert space.read(table[5]["architecture"]) == graphs[5]
    assert (table[5]["nodes"], table[5]["std"]) == ("8", "")
    assert [line_of(one) for one in read_json(out / "result.json")["top"]] == ranked[:3]
    assert (out / "figures" / "top.png").stat().st_size > 1000
    printed = capsys.readouterr().out
    assert "1,384 candidates, the best 3 by SVGE_acc, epoch 100" in printed
    row = "".join(map(str, graphs[0].adjacency[0].tolist()))
    assert f"adjacency   {row} · " in printed


def test_printed_strings_are_what_train_cell_takes(
    head: Path, tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(head, "--data_search_space", "NB101", "--top", "1") == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "train_cell.py" in line]
    words = shlex.split(line)
    assert words[:2] == ["python", "Extrapolation_Ability/cell_training/train_cell.py"]
    flags = ["--data_set", "digits", "--config", tiny, "--log_dir", str(tmp_path / "cells")]
    assert train_cell.main([*words[2:], *flags, "--device", "cpu"]) == 0
    (trained,) = lines(tmp_path / "cells" / "train_cell" / "measurements.jsonl")
    out = head.parent / "out" / "extrapol_NB101"
    assert trained["hash"] == lines(out / "ranking.jsonl")[0]["hash"]


def test_the_best_are_trained_and_what_is_done_is_not_done_again(
    head: Path, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    candidates = head.parent / "cells.jsonl"
    space = get_space("NB101")
    graphs = [*space.sample(4, np.random.default_rng(0)), NAMED["nb101_cell"]["svge_8_nodes"]]
    candidates.write_text("".join(space.format(graph) + "\n" for graph in graphs))
    flags = ["--data_search_space", "NB101", "--candidates", str(candidates)]
    training = ["--data_set", "digits", "--config", tiny, "--seeds", "2"]
    assert run(head, *flags) == 0
    capsys.readouterr()
    assert run(head, *flags, *training, "--train_top", "2", "--resume", "--json") == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    out = head.parent / "out" / "extrapol_NB101"
    assert [line_of(one) for one in read_json(out / "result.json")["top"]] == printed
    assert len(printed) == 5
    for record in printed[:2]:
        tests = []
        for seed in (0, 1):
            folder = out / "trainings" / f"{record['hash'][:12]}_seed{seed}"
            tests.append(read_json(folder / "result.json")["test"])
        assert record["measured"]["test"] == pytest.approx(np.mean(tests))
        assert record["measured"]["data_set"] == "digits"
        assert record["measured"]["trained"] == 2
    assert "measured" not in printed[2]
    before = {path: path.stat().st_mtime_ns for path in out.rglob("trainings/*/result.json")}
    assert run(head, *flags, *training, "--train_top", "3", "--resume") == 0
    after = {path: path.stat().st_mtime_ns for path in out.rglob("trainings/*/result.json")}
    assert len(before) == 4
    assert len(after) == 6
    assert before.items() <= after.items()
    text = capsys.readouterr().out.partition("the network of the first:\n")[2]
    session: dict[str, Any] = {}
    exec("\n".join(text.splitlines()[:3]), session)
    trained = out / "trainings" / f"{printed[0]['hash'][:12]}_seed0" / "checkpoints"
    session["network"].load_state_dict(torch.load(trained / LAST, weights_only=True))


def test_isomorphic_candidates_are_one(head: Path) -> None:
    cell = ArchitectureGraph((1, 2, 3, 0), ((0, 1), (0, 2), (1, 3), (2, 3)))
    same = ArchitectureGraph((1, 3, 2, 0), cell.edges)
    dangling = ArchitectureGraph((1, 2, 3, 4, 0), ((0, 1), (0, 2), (0, 3), (1, 4), (2, 4)))
    path = head.parent / "cells.jsonl"
    space = get_space("NB101")
    path.write_text("\n".join(space.format(one) for one in (cell, same, dangling)))
    assert run(head, "--candidates", str(path)) == 0
    (only,) = lines(head.parent / "out" / "extrapol_NB101" / "ranking.jsonl")
    assert only["hash"] == space.hash(cell)


def test_networks_of_twelve_layers_are_ranked_by_a_model_of_six(
    tmp_path: Path, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = saved(WithHeads.fresh(vae(types=8, max_nodes=8)), tmp_path / "weights")
    assert run(weights, "--data_search_space", "ENAS", "--random", "7", "--top", "1") == 0
    ranked = lines(tmp_path / "out" / "extrapol_ENAS" / "ranking.jsonl")
    assert len(ranked) == 7
    assert all(len(record["arch"].split()) == 78 for record in ranked)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "train_enas.py" in line]
    flags = ["--data_set", "digits", "--config", tiny, "--log_dir", str(tmp_path / "cells")]
    assert train_enas.main([*shlex.split(line)[2:], *flags, "--device", "cpu"]) == 0
    (trained,) = lines(tmp_path / "cells" / "train_enas" / "measurements.jsonl")
    assert trained["arch"] == ranked[0]["arch"]
    assert trained["hash"] == ranked[0]["hash"]


def test_cells_beyond_by_several_nodes_grow_from_those_ranked_best(tmp_path: Path) -> None:
    weights = saved(WithHeads.fresh(vae(max_nodes=5)), tmp_path / "weights")
    flags = ["--data_search_space", "DIGITS101", "--nodes", "7"]
    flags += ["--extend_best", "1", "--top", "1"]
    assert run(weights, *flags) == 0
    ranked = lines(tmp_path / "out" / "extrapol_DIGITS101" / "ranking.jsonl")
    assert {len(record["ops"]) for record in ranked} == {7}
    surrogate = fine_tuned("SVGE_acc", get_space("DIGITS101"), weights, 100, torch.device("cpu"))
    benchmark = get_benchmark("DIGITS101")

    six = extensions(best_cells(benchmark, 5, 1))
    best = six.graph(int(surrogate.predict(six)[0].argmax()))
    wanted = extensions([best])
    assert len(ranked) == len(wanted)
    hashes = set(get_space("DIGITS101").hashes(wanted).tolist())
    assert {record["hash"] for record in ranked} == hashes


def test_equal_predictions_keep_their_order() -> None:
    space = get_space("DIGITS101")
    graphs = GraphBatch.from_graphs(space.sample(5, np.random.default_rng(1)))
    ranking = Ranking.of(space, graphs, (np.array([1.0, 2, 1, 2, 0]), np.arange(5.0)))
    assert ranking.std is not None
    assert ranking.std.tolist() == [1, 3, 0, 2, 4]
    assert list(ranking.graphs) == [graphs.graph(row) for row in (1, 3, 0, 2, 4)]


def test_candidates_are_ranked_by_a_loss_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = get_space("DIGITS101")
    cells = space.sample(60, np.random.default_rng(0))
    rows = [{"cell": space.to_record(each), "loss": 900.0 - each.types.count(3)} for each in cells]
    file, candidates = tmp_path / "mine.jsonl", tmp_path / "cells.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    candidates.write_text("\n".join(json.dumps(each["cell"]) for each in rows[:20]))
    own = ["--labels_file", str(file), "--minimise", "--unit", "nat", "--name", "own"]
    flags = ["--data_search_space", "DIGITS101", "--candidates", str(candidates), *own]
    flags += ["--log_dir", str(tmp_path), "--top", "2", "--features", "statistics"]
    assert eval_extrapolation.main([*flags, "--predictor", "ridge"]) == 0
    means = [record["mean"] for record in lines(tmp_path / "own_DIGITS101" / "ranking.jsonl")]
    assert means == sorted(means)
    printed = capsys.readouterr().out
    assert "loss labels on mine.jsonl, lower is better" in printed
    assert printed.count(" nat  ") == 2
    page = tmp_path / "r.html"
    report.main([str(tmp_path / "own_DIGITS101"), "--out", str(page)])
    assert "predicted loss on mine.jsonl, nat" in page.read_text()
    with pytest.raises(InputError, match="add --predictor default"):
        eval_extrapolation.main(flags)
    with pytest.raises(InputError, match="add --labels_file"):
        eval_extrapolation.main(["--data_search_space", "DIGITS101", "--minimise"])


def test_a_small_benchmark_is_learnt_from_as_a_whole() -> None:
    assert [usual_amount(known) for known in (100, 2999, 3000, 423_624)] == [100, 2999, 1000, 1000]


CELL = '{"matrix": [[0,1,0],[0,0,1],[0,0,0]], "ops": ["input", "conv3x3-bn-relu", "output"]}'
BROKEN = {
    "no file": (None, "there is no file of candidates"),
    "no cell": (CELL + '\n{"matrix": [[0]]}', "line 2 of"),
    "no path": (
        CELL + "\n" + CELL.replace("[0,1,0]", "[0,0,0]"),
        "is no cell: expected an input first",
    ),
    "no input": ("\n" + CELL.replace('"input"', '"maxpool3x3"'), "is no cell"),
    "empty": ("\n", "holds no architectures"),
}


def refused(capsys: pytest.CaptureFixture[str], weights: Path, *flags: str) -> str:
    """The one sentence that a command ends with; nothing may be left of a run.

    Before it stands what is said of weights without a configuration, once a process.
    """
    with pytest.raises(SystemExit) as ended:
        run_command(lambda _: run(weights, *flags))
    assert ended.value.code == 2
    *notes, error = capsys.readouterr().err.splitlines()
    assert all("does not tell which search space" in note for note in notes)
    assert error.startswith("error: ")
    assert not (weights.parent / "out").exists()
    return error


@pytest.mark.parametrize("case", BROKEN)
def test_candidates_that_are_none_are_refused(
    case: str, head: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, message = BROKEN[case]
    path = head.parent / "cells.jsonl"
    if text is not None:
        path.write_text(text)
    error = refused(capsys, head, "--candidates", str(path))
    assert message in error
    if "is no cell" in message:
        assert f'line 2 of {str(path)!r} (\'{{"matrix": [[0,' in error


def test_networks_of_several_sizes_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = saved(WithHeads.fresh(vae(types=8, max_nodes=8)), tmp_path / "weights")
    path = tmp_path / "networks.jsonl"
    generator = np.random.default_rng(0)
    drawn = [(ENAS(layers), ENAS(layers).sample(1, generator)[0]) for layers in (2, 4)]
    path.write_text("\n".join(space.format(graph) for space, graph in drawn))
    flags = ["--data_search_space", "ENAS", "--candidates", str(path)]
    assert "networks of 2 and of 4 layers" in refused(capsys, weights, *flags)


def test_weights_that_predict_nothing_or_another_space_are_refused(
    head: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = refused(capsys, head.parent / "nowhere", "--data_search_space", "NB101")
    assert "Performance_Prediction/train_surrogate_model.py --model SVGE_acc" in missing
    assert "--data_search_space NB101" in missing
    assert "5 node types" in refused(capsys, head, "--data_search_space", "ENAS")
    assert "SVGE_acc's, expected DGMG_acc's" in refused(capsys, head, "--model", "DGMG_acc")
    assert "no checkpoint" in refused(capsys, head, "--checkpoint", "7")
    bare = saved(vae(), head.parent / "bare")
    assert "SVGE's, which predicts no accuracy" in refused(capsys, bare)


def test_wishes_of_another_space_and_a_run_that_is_there_are_refused(
    head: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--data_search_space", "NB101", "--stack_best", "2"]
    assert "--stack_best makes no NB101 candidates" in refused(capsys, head, *flags)
    candidates = head.parent / "cells.jsonl"
    candidates.write_text(CELL)
    assert run(head, "--candidates", str(candidates)) == 0
    with pytest.raises(ValueError, match="holds a run already: add --resume"):
        run(head, "--candidates", str(candidates))
    candidates.write_text(CELL.replace("conv3x3", "conv1x1"))
    with pytest.raises(ValueError, match="holds another experiment: its 'candidates_sha256'"):
        run(head, "--candidates", str(candidates), "--resume")


@pytest.mark.parametrize(
    ("space", "method", "nodes"), [("DIGITS101", "ridge", 6), ("ENAS", "default", 14)]
)
def test_a_predictor_is_fitted_where_no_weights_are_wanted(
    space: str,
    method: str,
    nodes: int,
    data_root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ["--data_search_space", space, "--predictor", method, "--labels", "40"]
    flags += ["--random", "20", "--top", "1", "--device", "cpu", "--seed", "3"]
    runs = []
    for name in ("one", "two"):
        flags += ["--name", name, "--log_dir", str(tmp_path), "--data_root", str(data_root)]
        assert eval_extrapolation.main(flags) == 0
        runs.append(lines(tmp_path / f"{name}_{space}" / "ranking.jsonl"))
    printed = capsys.readouterr().out
    assert re.search(r"by the predictor \w+ on .+, fitted on 40 validation labels", printed)
    told = read_json(tmp_path / f"one_{space}" / "config.json")["surrogate"]
    assert told["predictor"] != "default"  # what that means may change
    assert told["features"]
    assert runs[0] == runs[1]
    assert len(runs[0]) == 20
    assert all(record["std"] > 0 for record in runs[0])
    beyond = ENAS(12) if space == "ENAS" else get_space(space)
    graphs = read_architectures(str(tmp_path / f"one_{space}" / "ranking.jsonl"), beyond)
    assert {graph.num_nodes for graph in graphs} == {nodes}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--labels", "30", "--features", "one_hot"],
            "6 nodes, the one-hot encoding of DIGITS101 has places for 5",
        ),
        (["--labels", "9999"], "9999 labels are more than the 2532 measured"),
        (["--features", "statistic"], "no features are called 'statistic'"),
        (["--predictor", "guess"], "no method is called 'guess'"),
    ],
)
def test_predictors_that_cannot_be_are_refused(
    flags: list[str], message: str, tmp_path: Path
) -> None:
    asked = ["--data_search_space", "DIGITS101", "--predictor", "ridge", "--random", "5"]
    asked += ["--log_dir", str(tmp_path), *flags]
    with pytest.raises(InputError, match=message):
        eval_extrapolation.main(asked)
    assert list(tmp_path.iterdir()) == []


def test_the_last_checkpoint_is_taken_where_none_is_named(tmp_path: Path) -> None:
    weights = saved(vae(), tmp_path / "weights", epoch=20)
    model = WithHeads.fresh(vae())
    torch.save(stored_state(model), weights / "model_checkpoint50.obj")
    surrogate = fine_tuned("SVGE_acc", get_space("NB101"), weights, None, torch.device("cpu"))
    assert surrogate.settings["checkpoint"] == 50


def test_a_head_that_learnt_ranks_predicts_accuracies(head: Path) -> None:
    space = get_space("NB101")
    cells = GraphBatch.from_graphs(space.sample(9, np.random.default_rng(0)))
    outputs, _ = fine_tuned("SVGE_acc", space, head, 100, torch.device("cpu")).predict(cells)
    values = np.linspace(0.5, 0.9, 40)
    save_scale(head, "ranks", values)
    means, _ = fine_tuned("SVGE_acc", space, head, 100, torch.device("cpu")).predict(cells)
    assert np.allclose(means, NormalScores(values).back(outputs))
    assert not np.allclose(means, outputs)
