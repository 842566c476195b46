"""An energy in kcal/mol, minimised, goes through search, predictor and report."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from analysis.report import __main__ as report
from datasets.graph import ArchitectureGraph
from Performance_Prediction import fit_predictor
from searchers import search


def energy(cell: ArchitectureGraph) -> float:
    """In kcal/mol, far from any share: lower with more convolutions and edges."""
    return -120.0 - 7.5 * cell.types.count(3) - 2.0 * len(cell.edges)


def test_an_energy_keeps_its_unit_and_direction(tmp_path: Path, command: Any) -> None:
    found = search(
        "DIGITS101",
        energy,
        60,
        "evolution",
        run=tmp_path / "search",
        minimise=True,
        unit="kcal/mol",
    )
    queries = tmp_path / "search" / "queries.csv"
    with queries.open(newline="", encoding="utf-8") as file:
        values = [float(row["value"]) for row in csv.DictReader(file)]
    assert found.best is not None
    assert found.best.value == min(values) < -130

    flags = ("--space", "DIGITS101", "--method", "ridge", "--labels_file", queries)
    columns = ("--arch_column", "architecture", "--value_column", "value")
    goal = ("--minimise", "--unit", "kcal/mol", "--labels", 45)
    place = ("--log_dir", tmp_path, "--name", "predictor")
    code, out, _ = command(fit_predictor.main, *flags, *columns, *goal, *place)
    assert code == 0
    assert "kcal/mol" in out
    assert "%" not in out.replace("50% ones", "").replace("90% ones", "").split("intervals")[0]
    result = json.loads((tmp_path / "predictor" / "result.json").read_text())
    objective = {"name": "value", "maximise": False, "unit": "kcal/mol"}
    assert result["objective"] == {**objective, "dataset": "queries.csv", "trial": None}
    ranked = tmp_path / "ranked.csv"
    everything = ("--candidates", "all", "--out", ranked)
    code, _, _ = command(fit_predictor.main, *flags, *columns, *goal[:3], *everything)
    assert code == 0
    with ranked.open(newline="", encoding="utf-8") as file:
        means = [float(row["mean"]) for row in csv.DictReader(file)]
    assert means == sorted(means)  # the lowest first
    assert len(means) == 2_532

    page = tmp_path / "page.html"
    code, _, _ = command(report.main, tmp_path / "search", tmp_path / "predictor", "--out", page)
    assert code == 0
    text = page.read_text(encoding="utf-8")
    assert "energy, kcal/mol, minimised" in text
    assert "accuracy" not in text.partition("<script")[0].partition("Search on")[2]
