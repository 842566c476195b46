"""``examples/tour.ipynb`` runs from top to bottom, and is kept as it ran."""

from __future__ import annotations

import base64
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from experiment import REPOSITORY_ROOT

NOTEBOOK = REPOSITORY_ROOT / "examples" / "tour.ipynb"
CHECKS = """
assert np.mean(space.hashes(decoded) == table.hashes) > 0.98
assert path[0] != path[-1] and space.legal(decoded).all()
assert kendalltau(mean, accuracy[others])[0] > 0.7
assert all(len(result.history) == QUERIES for result in found.values())
assert found["bo"].best.value > 100 * np.quantile(accuracy, 0.98)
assert measurement.ok and measurement.test > 0.9
"""
"""Run after the last cell, in its session."""


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [one for cell in notebook.cells for one in cell.get("outputs", ())]


def test_the_notebook_runs_without_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAS_DATA_ROOT", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(CHECKS))
    place = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute()
    assert sum("image/png" in one.get("data", ()) for one in outputs(notebook)) == 5


def test_the_notebook_is_kept_with_small_outputs_of_one_run() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kept = outputs(notebook)
    assert {one.output_type for one in kept} == {"stream", "execute_result"}
    pictures = [one.data["image/png"] for one in kept if one.output_type == "execute_result"]
    assert len(pictures) == 5
    assert all(base64.b64decode(each).startswith(b"\x89PNG") for each in pictures)
    assert NOTEBOOK.stat().st_size < 700_000
    assert str(REPOSITORY_ROOT) not in NOTEBOOK.read_text(encoding="utf-8")
