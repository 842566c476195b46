"""The command that fits predictors: what it writes, what it predicts, what it refuses.

DIGITS101 is its space: its table comes with the project.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from datasets import get_benchmark, get_space
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.testing import relabelled
from experiment.errors import InputError
from models import ModelError
from Performance_Prediction.fit_predictor import main

Output = pytest.CaptureFixture[str]
SPACE = ["--space", "DIGITS101"]
QUICK = [*SPACE, "--method", "ridge", "--features", "statistics", "--labels", "60"]


def cell_lines(count: int, **more: object) -> list[dict[str, Any]]:
    """Cells of the space with keys of one's own."""
    space = get_space("DIGITS101")
    cells = space.sample(count, np.random.default_rng(0))
    return [{**space.to_record(cell), "id": n, **more} for n, cell in enumerate(cells)]


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def result_of(output: Output) -> dict[str, Any]:
    return json.loads(output.readouterr().out)


def test_it_says_how_good_predictions_of_the_rest_are(tmp_path: Path, capsys: Output) -> None:
    assert main([*QUICK, "--json", "--log_dir", str(tmp_path)]) == 0
    result = result_of(capsys)
    (folder,) = tmp_path.iterdir()
    assert json.loads((folder / "result.json").read_text()) == result
    assert (folder / "figures" / "predicted.png").stat().st_size > 10_000
    with (folder / "predictions.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert result["labels"] + len(rows) == len(get_benchmark("DIGITS101"))
    texts = ("hash", "architecture")
    column = {
        name: np.array([float(row[name]) for row in rows]) for name in rows[0] if name not in texts
    }
    for metric in ("test", "validation"):
        tau = kendalltau(column["mean"], column[metric]).statistic
        assert result["quality"][metric]["kendall_tau"] == pytest.approx(tau)
    inside = (column["low_90"] <= column["validation"]) & (
        column["validation"] <= column["high_90"]
    )
    assert result["coverage"]["90%"] == pytest.approx(inside.mean())
    assert result["quality"]["test"]["kendall_tau"] > 0.3
    benchmark = get_benchmark("DIGITS101")
    for row in rows[:5]:
        number = benchmark.row(row["hash"])
        assert number is not None
        assert benchmark.metric("test").mean()[number] == pytest.approx(float(row["test"]))
        assert benchmark.space.hash(benchmark.space.parse(row["architecture"])) == row["hash"]


def test_an_error_is_given_in_the_unit_of_the_label_alone(tmp_path: Path, capsys: Output) -> None:
    flags = [*QUICK, "--label", "training_seconds", "--log_dir", str(tmp_path)]
    main([*flags, "--json"])
    alone = result_of(capsys)
    assert alone["target"] == "training_seconds"
    assert list(alone["quality"]) == ["training_seconds"]
    main([*flags, "--json", "--target", "test", "--name", "both"])
    quality = result_of(capsys)["quality"]
    assert quality["test"]["rmse"] is None
    assert quality["test"]["kendall_tau"] is not None
    assert quality["training_seconds"]["rmse"] > 0
    main([*flags, "--target", "test", "--name", "both", "--resume"])
    test, seconds = capsys.readouterr().out.splitlines()[3:5]
    assert test.endswith("–")
    assert seconds.endswith("seconds")


def test_the_table_is_short_and_a_run_can_be_repeated(tmp_path: Path, capsys: Output) -> None:
    main([*QUICK, "--log_dir", str(tmp_path), "--features", "statistics,walks"])
    first = capsys.readouterr().out.splitlines()
    assert len(first) == 7
    assert first[0].startswith("DIGITS101 on digits: 2,532 architectures from ")
    assert first[1].startswith("ridge on statistics + walks, 60 validation labels of DIGITS101")
    again = [*QUICK, "--log_dir", str(tmp_path), "--features", "statistics", "walks"]
    (place,) = tmp_path.iterdir()
    kept = {path: path.read_bytes() for path in place.rglob("*.*")}
    with pytest.raises(InputError, match="holds a run already: add --resume"):
        main(again)
    main([*again, "--resume"])
    assert capsys.readouterr().out.splitlines() == [first[0], *first]
    assert {path: path.read_bytes() for path in place.rglob("*.*")} == kept
    main([*QUICK, "--log_dir", str(tmp_path), "--seed", "2"])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_run_of_other_settings_is_not_overwritten(tmp_path: Path) -> None:
    place = ["--log_dir", str(tmp_path), "--name", "mine"]
    main([*QUICK, *place])
    with pytest.raises(InputError, match="holds another experiment: its 'scale' is 'ranks'"):
        main([*QUICK, *place, "--scale", "values", "--resume"])
    with pytest.raises(InputError, match="holds a run already"):
        main([*QUICK, *place, "--scale", "values"])


def test_it_predicts_the_cells_of_a_file(tmp_path: Path, capsys: Output) -> None:
    """Isomorphic cells alike, keys kept, to a file or to the terminal."""
    space = get_space("DIGITS101")
    lines = cell_lines(6, note="kept")
    graphs = [space.parse(json.dumps(line)) for line in lines]
    twin = relabelled(graphs[0], np.random.default_rng(1))
    lines.append({**space.to_record(twin), "id": "twin"})
    file, out = write(tmp_path / "cells.jsonl", lines), tmp_path / "out" / "predicted.jsonl"
    assert main([*QUICK, "--architectures", str(file), "--out", str(out)]) == 0
    source, told = capsys.readouterr().out.splitlines()
    assert source.startswith("DIGITS101 on digits: 2,532 architectures from ")
    order = f"in the order of {file}, not ranked: the highest mean is the best"
    assert told == f"predictions of 7 architectures in {out}, {order}"
    found = [json.loads(line) for line in out.read_text().splitlines()]
    for line, predicted in zip(lines, found, strict=True):
        assert {key: predicted[key] for key in line} == line
        assert predicted["std"] > 0
    assert found[0]["mean"] == pytest.approx(found[6]["mean"])
    main([*QUICK, "--architectures", str(file)])
    said = capsys.readouterr()
    assert said.err.endswith(f"7 predictions {order}\n")
    printed = [json.loads(line) for line in said.out.splitlines()]
    assert printed == found
    with pytest.raises(InputError, match="is there already: add --overwrite"):
        main([*QUICK, "--architectures", str(file), "--out", str(out)])
    assert main([*QUICK, "--architectures", str(file), "--out", str(out), "--overwrite"]) == 0


def test_it_learns_from_a_file_of_measurements(tmp_path: Path, capsys: Output) -> None:
    """Numbers of one's own, where equal cells count by their mean."""
    space = get_space("DIGITS101")
    lines = cell_lines(90)
    for number, line in enumerate(lines):
        convolutions = line["ops"].count("conv3x3-bn-relu")
        line |= {"validation": 0.5 + 0.1 * convolutions, "test": 0.4 + 0.01 * number}
    file = write(tmp_path / "mine.jsonl", lines)
    others = write(tmp_path / "others.jsonl", cell_lines(30)[10:])
    own = [*SPACE, "--method", "ridge", "--features", "statistics", "--labels_file", str(file)]
    main([*own, "--architectures", str(others)])
    for printed in capsys.readouterr().out.splitlines():
        record = json.loads(printed)
        pruned = space.canonical(space.parse(printed))
        truth = 0.5 + 0.1 * sum(kind == 3 for kind in pruned.types)
        assert record["mean"] == pytest.approx(truth, abs=0.12)
    main([*own, "--labels", "40", "--json", "--log_dir", str(tmp_path / "runs")])
    result = result_of(capsys)
    distinct = {space.hash(space.parse(json.dumps(line))) for line in lines}
    assert result["predicted"] == len(distinct) - 40
    assert result["quality"]["validation"]["kendall_tau"] > 0.6


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--labels", "3"], "3 labels were given, this predictor needs at least 5"),
        (["--labels", "3", "--method", "trees"], "at least 20: measure more$"),
        (["--labels", "9", "--method", "trees"], "more, or take --method gp, which needs 5"),
        (["--labels", "99999"], "99999 labels are more than the 2532 measured"),
        (["--labels", "2532"], "none is left to predict"),
        (["--method", "rigde"], "no method is called 'rigde': did you mean 'ridge'"),
        (["--features", "statistics,wlaks"], "no features are called 'wlaks': did you mean"),
        (["--label", "accuracy"], "has no metric 'accuracy'"),
        (["--target", "accuracy"], "has no metric 'accuracy'"),
        (["--dataset", "cifar10"], "DIGITS101 was measured on digits only"),
        (["--weights", "SVGE_NB101"], "reads no weights"),
        (
            ["--features", "latents", "--weights", "SVGE_NB201"],
            "were trained on NB201, not on DIGITS101",
        ),
        (["--features", "latents", "--weights", "nowhere"], "no weights at nowhere"),
        (["--out", "x.jsonl"], "--out is for the predictions of --architectures"),
        (["--candidates", "all", "--out", "x.json"], "expected a name that ends in .csv or in"),
        (["--candidates", "all", "--architectures", "x"], "--architectures a file: give one"),
        (["--arch_column", "arch"], "--arch_column describes a file of measurements: add"),
        (["--unit", "eV"], "--unit describes a file of measurements: add --labels_file"),
        (["--architectures", "absent.jsonl"], "cannot read architectures from 'absent.jsonl'"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, more: list[str], words: str
) -> None:
    with pytest.raises((InputError, ModelError), match=words):
        main([*QUICK, "--log_dir", str(tmp_path), *more])
    assert list(tmp_path.iterdir()) == []


def bad_lines() -> dict[str, tuple[dict[str, Any], str]]:
    space = get_space("DIGITS101")
    large = ArchitectureGraph((1, 3, 3, 3, 3, 3, 3, 0), tuple((n, n + 1) for n in range(7)))
    fine = cell_lines(1)[0]
    return {
        "outside": (space.to_record(large), "line 3 of .*not an architecture of DIGITS101"),
        "no cell": ({"arch": "|a~0|"}, "line 3 of .*has no key 'matrix'"),
        "missing": (fine, "line 3 of .* has no 'validation', expected a finite number"),
        "failed": ({**fine, "validation": None}, "line 3 of .* has 'validation': null"),
        "nan": ({**fine, "validation": float("nan")}, "line 3 of .* has 'validation': NaN"),
    }


@pytest.mark.parametrize("fault", bad_lines())
def test_a_bad_line_is_named(tmp_path: Path, fault: str) -> None:
    line, words = bad_lines()[fault]
    good = cell_lines(2, validation=0.5)
    file = write(tmp_path / "lines.jsonl", [*good, line])
    flag = "--architectures" if fault in ("outside", "no cell") else "--labels_file"
    with pytest.raises((InputError, ArchitectureError), match=words):
        main([*QUICK, flag, str(file), "--log_dir", str(tmp_path / "runs")])
    assert [path.name for path in tmp_path.iterdir()] == ["lines.jsonl"]


def test_constant_measurements_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "lines.jsonl", cell_lines(40, validation=0.5))
    others = write(tmp_path / "others.jsonl", cell_lines(2))
    with pytest.raises(InputError, match=r"labels are 0\.5: there is nothing to learn"):
        main(
            [
                *SPACE,
                "--method",
                "ridge",
                "--features",
                "walks",
                "--labels_file",
                str(file),
                "--architectures",
                str(others),
            ]
        )
