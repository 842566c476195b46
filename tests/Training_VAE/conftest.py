"""What the tests of the training room share."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from datasets.batch import GraphBatch
from datasets.benchmarks.sources import TABLE_VARIABLE
from models import Embedding
from Training_VAE import evaluation, training_command

TINY = """
[training]
node_width = 12
graph_width = 8
rounds = 1
beta = 0.005
alpha = 0.5
edge_reduction = "sum"
kl_reduction = "mean"
noise_scale = 0.01
epochs = 3
batch_size = 8
learning_rate = 1e-3
optimiser = "adamw"
schedule = "one_cycle"
precision = "float32"
cells_up_to = 4
"""


@pytest.fixture(autouse=True)
def _no_tables_of_other_tests(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty data root has no measured numbers, whatever tests before have looked up."""
    monkeypatch.setenv(TABLE_VARIABLE, str(tmp_path_factory.mktemp("tables")))


@pytest.fixture(scope="session")
def tiny_settings() -> str:
    """Preset of a training that takes seconds: small cells, small model."""
    return TINY


@pytest.fixture
def tiny(tiny_settings: str, tmp_path: Path) -> Path:
    """File of the preset :func:`tiny_settings`, for a test to change."""
    path = tmp_path / "tiny.toml"
    path.write_text(tiny_settings)
    return path


@pytest.fixture(scope="module")
def small_evaluation() -> Iterator[None]:
    """Evaluate trained weights on few samples: ``test_prior_decodings.py`` tests the counts."""
    protocol_of, nearest = training_command.protocol_of, evaluation.nearest_reconstruction

    def few(given: Namespace) -> evaluation.Protocol:
        return replace(protocol_of(given), prior_points=20, encodings=2, decodings=5)

    def nearest_of_few(model: Embedding, graphs: GraphBatch) -> dict[str, Any]:
        return nearest(model, graphs[:20])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_command, "protocol_of", few)
        patch.setattr(evaluation, "nearest_reconstruction", nearest_of_few)
        patch.setattr(evaluation, "WIDEST", 4)
        yield
