"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from datasets.benchmarks.sources import TABLE_VARIABLE
from experiment.paths import DATA_ROOT_VARIABLE, REPOSITORY_ROOT

SHARED = REPOSITORY_ROOT.parent / "shared"


def _folder(variable: str, beside: Path, what: str) -> Path:
    chosen = Path(os.environ.get(variable) or beside)
    if not chosen.is_dir():
        pytest.skip(f"{what} not here: set {variable} to the folder that holds it")
    return chosen.resolve()


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the measured data; the test is skipped where there is none."""
    return _folder(DATA_ROOT_VARIABLE, SHARED / "data", "measured data")


@pytest.fixture(scope="session")
def fixtures_root() -> Path:
    """Folder of checkpoints with expected outputs; the test is skipped where there is none."""
    return _folder("NAS_FIXTURES_ROOT", SHARED / "fixtures", "checkpoints with expected outputs")


@pytest.fixture(scope="session", autouse=True)
def _own_tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tables that look-ups keep go into one folder for this run: a data root is only read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TABLE_VARIABLE, str(tmp_path_factory.mktemp("tables")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """The models of the tests are tiny: a second thread waits more than it works."""
    torch.set_num_threads(1)
