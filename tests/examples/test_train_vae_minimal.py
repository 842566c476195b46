"""The short training: it stays short, its loss falls and what it trains on is decoded exactly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from datasets import GraphBatch, SearchSpace
from examples import train_vae_minimal


def test_it_is_short() -> None:
    lines = Path(train_vae_minimal.__file__).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 80


def test_reconstruction_rises(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On sixteen cells, which it is asked to learn by heart."""
    whole = train_vae_minimal.split

    def sixteen(space: SearchSpace) -> tuple[GraphBatch, GraphBatch]:
        training, held_out = whole(space)
        assert (len(training), len(held_out)) == (2279, 253)
        return training[-16:], training[-16:]

    monkeypatch.setattr(train_vae_minimal, "split", sixteen)
    monkeypatch.setattr(train_vae_minimal, "BATCH_SIZE", 8)
    shares = train_vae_minimal.train(epochs=40)
    losses = [float(each) for each in re.findall(r"loss +([\d.]+)", capsys.readouterr().out)]
    assert len(losses) == len(shares) == 40
    assert shares[0] == 0
    assert shares[-1] > 0.5
    assert losses[-1] < 0.2 * losses[0]
