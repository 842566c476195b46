"""Predicting from a table of one's own: any objective, judged by itself, the whole space ranked."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from analysis.report.__main__ import main as make_report
from datasets import get_benchmark, get_space
from datasets.convert import write_text
from datasets.graph import ArchitectureError
from datasets.measurement_files import read_measurements
from experiment.errors import InputError
from Performance_Prediction.fit_predictor import main
from Performance_Prediction.judging import number_of_folds

Output = pytest.CaptureFixture[str]
QUICK = ["--method", "ridge", "--features", "statistics"]


def loss_table(path: Path, count: int = 40, space_name: str = "NB201") -> Path:
    """Cells with a loss, lower with every 3×3 convolution."""
    space = get_space(space_name)
    generator = np.random.default_rng(0)
    cells = space.sample(count, generator)
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        table = csv.writer(file)
        table.writerow(("arch", "epochs", "val_loss"))
        for cell in cells:
            loss = 340.0 - 25 * cell.types.count(3) + generator.normal()
            table.writerow((space.format(cell), 12, loss))
    return path


def own(path: Path, *more: str, space: str = "NB201") -> list[str]:
    place = ["--log_dir", str(path.parent / "runs")]
    columns = ["--arch_column", "arch", "--value_column", "val_loss", "--minimise", "--unit", "eV"]
    return ["--space", space, "--labels_file", str(path), *columns, *QUICK, *place, *more]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_labels_of_ones_own_judge_by_cross_validation(tmp_path: Path, capsys: Output) -> None:
    file = loss_table(tmp_path / "mine.csv")
    assert main(own(file)) == 0
    printed = capsys.readouterr().out
    source, first, _, quality, coverage, _ = printed.splitlines()
    assert source.startswith(f"NB201 on mine.csv: 40 architectures from {file} (sha256 ")
    assert (
        "40 val_loss labels of NB201 on mine.csv (eV, lower is better), each predicted by" in first
    )
    assert "cross-validation" in first
    assert quality.startswith("val_loss ")
    assert quality.endswith(" eV")
    assert "%" not in quality
    assert "the val_loss value" in coverage
    (run,) = (tmp_path / "runs").iterdir()
    result = json.loads((run / "result.json").read_text())
    rows = rows_of(run / "predictions.csv")
    measured = np.array([float(row["val_loss"]) for row in rows])
    mean = np.array([float(row["mean"]) for row in rows])
    known = read_measurements(file, get_space("NB201"), value_column="val_loss")
    truth = dict(zip(known.hashes.tolist(), known.values.tolist(), strict=True))
    assert {row["hash"] for row in rows} == set(truth)
    assert all(truth[row["hash"]] == float(row["val_loss"]) for row in rows)
    tau = kendalltau(mean, measured).statistic
    assert result["quality"]["val_loss"]["kendall_tau"] == pytest.approx(tau)
    assert tau > 0.4
    assert result["quality"]["val_loss"]["rmse"] == pytest.approx(
        np.sqrt(np.mean((mean - measured) ** 2))
    )
    objective = {"name": "val_loss", "maximise": False, "unit": "eV"}
    assert result["objective"] == {**objective, "dataset": "mine.csv", "trial": None}
    assert result["labels_file_sha256"] == known.sha256
    assert result["judged"] == "cross-validation"
    page = tmp_path / "r.html"
    make_report([str(run), "--out", str(page)])
    words = page.read_text(encoding="utf-8")
    assert "measured val_loss on mine.csv, eV" in words
    assert "by val_loss on mine.csv, of which lower is better, each predicted by fits to" in words
    assert "accuracy" not in words.partition("<body")[2].partition("<script")[0]


def test_a_prediction_has_not_seen_its_label(tmp_path: Path, capsys: Output) -> None:
    """Another value of one architecture changes no prediction of its own part."""
    file = loss_table(tmp_path / "mine.csv", 20)
    main(own(file, "--name", "one", "--scale", "values"))
    text = file.read_text(encoding="utf-8-sig").splitlines()
    changed = text[1].rpartition(",")[0] + ",999"
    file.write_text("\n".join([text[0], changed, *text[2:]]))
    main(own(file, "--name", "two", "--scale", "values"))
    before, after = (
        {row["hash"]: row for row in rows_of(tmp_path / "runs" / name / "predictions.csv")}
        for name in ("one", "two")
    )
    (name,) = (name for name, row in after.items() if row["val_loss"] == "999.0")
    assert before[name]["mean"] == after[name]["mean"]
    moved = sum(before[name]["mean"] != after[name]["mean"] for name in before)
    assert moved == 16  # all but its part of five


def test_some_labels_learn_and_others_judge(tmp_path: Path, capsys: Output) -> None:
    file = loss_table(tmp_path / "mine.csv")
    main(own(file, "--labels", "25", "--json"))
    result = json.loads(capsys.readouterr().out)
    assert (result["labels"], result["predicted"], result["judged"]) == (25, 15, "held out")


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_the_whole_space_is_ranked_lowest_first(
    tmp_path: Path, capsys: Output, ending: str
) -> None:
    space = get_space("DIGITS101")
    file, out = loss_table(tmp_path / "mine.csv", space_name=space.name), tmp_path / f"r{ending}"
    flags = own(file, "--candidates", "all", "--out", str(out), space=space.name)
    assert main(flags) == 0
    printed = capsys.readouterr().out
    assert "2,532 architectures of DIGITS101 by predicted val_loss, the lowest first" in printed
    assert printed.count(" eV") >= 10
    rows: list[dict[str, Any]]
    if ending == ".csv":
        rows = [dict(row) for row in rows_of(out)]
    else:
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == space.size
    assert [int(row["rank"]) for row in rows] == [*range(1, space.size + 1)]
    mean = [float(row["mean"]) for row in rows]
    assert mean == sorted(mean)
    known = read_measurements(file, space, value_column="val_loss")
    truth = dict(zip(known.hashes.tolist(), known.values.tolist(), strict=True))
    found = {row["hash"]: row["measured"] for row in rows if row["measured"] not in ("", None)}
    assert {name: float(value) for name, value in found.items()} == pytest.approx(truth)
    for row in rows[:5]:
        graph = space.parse(row["architecture"])
        assert space.hash(graph) == row["hash"]
        assert float(row["low_90"]) < float(row["low_50"]) < float(row["mean"])
        assert float(row["mean"]) < float(row["high_50"]) < float(row["high_90"])
        assert graph.types.count(3) >= 2
    with pytest.raises(InputError, match="is there already: add --overwrite"):
        main(flags)


def test_a_ranking_of_a_table_is_judged_by_what_was_not_learnt(capsys: Output) -> None:
    flags = ["--space", "DIGITS101", *QUICK, "--labels", "60", "--candidates", "all"]
    main([*flags, "--json"])
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert answer["architectures"] == 2532
    assert "on 2,472 architectures" in captured.err
    first = answer["first"][0]
    benchmark = get_benchmark("DIGITS101")
    row = benchmark.row(first["hash"])
    assert row is not None
    assert first["measured"] == benchmark.metric("validation").mean()[row]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--candidates", "all", "--out", "ranked.parquet"], "ends in .csv or in .jsonl"),
        (["--candidates", "all", "--out", "mine.csv", "--overwrite"], "which is read as well"),
        (["--candidates", "all", "--out", "mine.csv/ranked.csv"], r"mine.csv' is a file"),
        (["--label", "loss"], "--label loss and --value_column val_loss both say"),
        (["--target", "absent"], r"no column 'absent': .*'arch', 'epochs', 'val_loss'"),
        (["--method", "trees"], "20 measured architectures are too few .* 20 .* --method gp"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = loss_table(tmp_path / "mine.csv", 20)
    content = file.read_bytes()
    with pytest.raises(InputError, match=words):
        main(own(Path("mine.csv"), *more))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]
    assert file.read_bytes() == content


def test_a_space_without_a_list_cannot_be_ranked() -> None:
    with pytest.raises(InputError, match=r"ENAS has 1,528,823,808 architectures, too many"):
        main(["--space", "ENAS", "--candidates", "all", "--labels_file", "absent.csv"])


@pytest.mark.parametrize(
    ("count", "least", "folds"), [(40, 5, 5), (7, 5, 5), (6, 5, 6), (21, 20, 21), (25, 20, 5)]
)
def test_folds_leave_enough_to_learn_from(count: int, least: int, folds: int) -> None:
    assert number_of_folds(count, least) == folds


def test_too_few_for_any_fold() -> None:
    with pytest.raises(InputError, match="5 measured architectures are too few"):
        number_of_folds(5, 5)


def test_architectures_of_a_file_are_written_as_csv(tmp_path: Path, capsys: Output) -> None:
    file = loss_table(tmp_path / "mine.csv")
    space = get_space("NB201")
    texts = [space.format(cell) for cell in space.sample(3, np.random.default_rng(3))]
    lines = [json.dumps({"arch": texts[0], "id": 1}), texts[1], json.dumps({"arch": texts[2]})]
    (tmp_path / "cells.jsonl").write_text("\n".join(lines), encoding="utf-8-sig")
    flags = ["--architectures", str(tmp_path / "cells.jsonl"), "--out", str(tmp_path / "p.csv")]
    main(own(file, *flags))
    rows = rows_of(tmp_path / "p.csv")
    assert [row["arch"] for row in rows] == texts
    assert [row["id"] for row in rows] == ["1", "", ""]
    assert all(float(row["std"]) > 0 for row in rows)


def test_architectures_to_predict_in_a_named_form(tmp_path: Path, capsys: Output) -> None:
    space = get_space("NB201")
    file, others = tmp_path / "mine.csv", tmp_path / "tuples.txt"
    file.write_text(
        "arch,val_loss\n"
        + "".join(
            f'"{write_text(space, "naslib", cell)}",{number}\n'
            for number, cell in enumerate(space.sample(30, np.random.default_rng(1)))
        )
    )
    others.write_text("(4, 3, 3, 0, 0, 0)\n")
    flags = own(file, "--arch_form", "naslib", "--architectures", str(others))
    assert main(flags) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["given"] == "(4, 3, 3, 0, 0, 0)"
    assert space.index(space.parse(record["arch"])) == 0  # type: ignore[attr-defined]
    assert np.isfinite(record["mean"])
    others.write_text("(4, 3, 3, 0, 0, 0)\n(4, 3, 3)\n")
    with pytest.raises(ArchitectureError, match=r"line 2 of .*tuples.txt': '\(4, 3, 3\)' is no"):
        main(flags)


def test_the_network_of_the_first_is_printed(tmp_path: Path, capsys: Output) -> None:
    file = loss_table(tmp_path / "mine.csv", space_name="NB201")
    assert main(own(file, "--candidates", "all")) == 0
    lines = capsys.readouterr().out.splitlines()
    place = lines.index("the network of the first:")
    first = next(line for line in lines if line.startswith("  1. "))
    assert first.split()[-1] in lines[-1]
    with torch.device("meta"):
        exec("\n".join(lines[place + 1 :]), {})


@pytest.mark.parametrize(
    ("count", "advice"), [(9, "measure more, or take --method gp"), (5, "measure more$")]
)
def test_a_method_for_fewer_labels_is_named_where_there_are_that_many(
    count: int, advice: str
) -> None:
    with pytest.raises(InputError, match=advice):
        number_of_folds(count, 20)
