"""What DIGITS101 says of a cell: read from the fit that comes with the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets import get_benchmark, get_space
from datasets.batch import GraphBatch
from experiment.errors import InputError
from predictors.features import describe, digits_transfer, make_features
from predictors.processes import sparse


@pytest.fixture
def no_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("fitted")

    monkeypatch.setattr(sparse, "fit", refuse)


@pytest.mark.usefixtures("no_fit")
def test_no_process_fits_again() -> None:
    digits_transfer._shipped_fit.cache_clear()
    cells = get_benchmark("DIGITS101", cells="larger")
    members = GraphBatch.from_graphs([each for each in cells.graphs if each.num_nodes < 8])
    scores = describe(make_features("digits", get_space("NB101")), members)[:, 0]
    accuracies = cells.metric("validation").mean()[: len(members)]
    assert np.corrcoef(scores, accuracies)[0, 1] > 0.8


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "transfer.npz"
    path.write_bytes(digits_transfer.FIT.read_bytes())
    return path


@pytest.mark.parametrize(
    "damage", ["absent", "empty", "truncated", "other table", "other features"]
)
@pytest.mark.usefixtures("no_fit")
def test_a_fit_that_cannot_be_used_is_refused(kept: Path, damage: str) -> None:
    content = kept.read_bytes()
    with np.load(kept) as file:
        arrays = dict(file)
    if damage == "absent":
        kept.unlink()
    elif damage == "empty":
        kept.write_bytes(b"")
    elif damage == "truncated":
        kept.write_bytes(content[: len(content) // 2])
    elif damage == "other table":
        np.savez(kept, **arrays | {digits_transfer.TABLE_KEY: np.array("0" * 64)})
    else:
        np.savez(kept, **arrays | {"points": arrays["points"][:, 1:]})
    with pytest.raises(InputError, match=r"transfer\.npz'.*ship_digits_fit\.py --overwrite makes"):
        digits_transfer.read_fit(kept)
