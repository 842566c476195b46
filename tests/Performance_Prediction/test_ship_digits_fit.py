"""The fit behind the features ``digits`` is made by its command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets import get_space
from datasets.batch import GraphBatch
from experiment.errors import InputError
from Performance_Prediction.ship_digits_fit import main
from predictors.features import describe, digits_transfer, make_features


@pytest.mark.slow
def test_the_command_makes_what_comes_with_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails where table, features or process have changed, and the fit has not been made again."""
    path = tmp_path / "transfer.npz"
    assert main(["--out", str(path)]) == 0
    cells = GraphBatch.from_graphs(get_space("NB101").sample(500, np.random.default_rng(0)))
    features = make_features("digits", get_space("NB101"))
    shipped = describe(features, cells)
    monkeypatch.setattr(digits_transfer, "_shipped_fit", lambda: digits_transfer.read_fit(path))
    np.testing.assert_allclose(describe(features, cells), shipped, atol=1e-4)


def test_a_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "transfer.npz"
    path.write_text("mine")
    with pytest.raises(InputError, match="is there already: add --overwrite"):
        main(["--out", str(path)])
    assert path.read_text() == "mine"
