"""Which trained VAEs a space takes: by the space that they were trained on, not by sizes alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from datasets import get_space
from datasets.registry import SPACES
from datasets.spaces.digits101 import Digits101
from examples.adding_a_space import Ladder
from experiment.errors import InputError
from experiment.files import write_json
from models import SVGE, ModelError, Sizes, load_vae
from models.checkpoints import checkpoint_path
from predictors.fine_tuned import FineTuned
from predictors.trained_vae import check_vae, load_trained_vae
from Training_VAE.trained import load_trained

SIZES = Sizes(5, 7, node_width=4, graph_width=8, rounds=1)


class FiveTypes(Digits101):
    """A user's space with as many node types as NB101, and others."""

    name = "FiveTypes"
    types = ("output", "input", "relu", "tanh", "sine")


def weights(folder: Path, space: str | None, sizes: Sizes = SIZES) -> Path:
    """A checkpoint, with the configuration of its training unless it is a published one."""
    folder.mkdir()
    torch.save(SVGE(sizes).state_dict(), checkpoint_path(folder, 1))
    if space is not None:
        config = {"space": space, "sizes": dataclasses.asdict(sizes)}
        write_json(folder / "config.json", config)
    return folder


def test_weights_of_another_space_with_as_many_types_are_refused(tmp_path: Path) -> None:
    folder = weights(tmp_path / "SVGE_NB101", "NB101")
    message = r"SVGE_NB101' were trained on NB101, not on FiveTypes"
    with pytest.raises(InputError, match=message):
        load_trained_vae(FiveTypes(), folder)
    with pytest.raises(InputError, match=message):
        FineTuned(FiveTypes(), load_vae(folder))
    own = weights(tmp_path / "SVGE_FiveTypes", "FiveTypes")
    with pytest.raises(InputError, match="were trained on FiveTypes, not on DIGITS101"):
        load_trained_vae(get_space("DIGITS101"), own)
    with pytest.raises(InputError, match="were trained on FiveTypes, not on DIGITS101"):
        load_trained("SVGE", "DIGITS101", own, None, torch.device("cpu"))
    assert load_trained_vae(FiveTypes(), own).origin is not None


def test_missing_weights_name_a_command_only_where_it_knows_the_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.checkpoints.RUNS", tmp_path)  # a reader may have trained Ladder
    with pytest.raises(ModelError, match=r"register the space.*docs/adding-a-space\.md") as caught:
        load_trained_vae(Ladder())
    assert "--data_search_space" not in str(caught.value)
    monkeypatch.setitem(SPACES, "Ladder", ("examples.adding_a_space", "Ladder"))
    with pytest.raises(ModelError, match="--data_search_space Ladder"):
        load_trained_vae(Ladder())


def test_shipped_weights_are_of_their_space() -> None:
    with pytest.raises(InputError, match="were trained on NB101, not on FiveTypes"):
        load_trained_vae(FiveTypes(), "SVGE_NB101")


def test_spaces_with_the_same_types_share_weights(tmp_path: Path) -> None:
    cells = weights(tmp_path / "cells", "NB101")
    assert load_trained_vae(get_space("DIGITS101"), cells).sizes.num_types == 5
    networks = weights(tmp_path / "networks", "ENAS", dataclasses.replace(SIZES, num_types=8))
    assert load_trained_vae(get_space("ENAS12"), networks).sizes.num_types == 8


def test_published_weights_are_told_by_their_sizes_and_a_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = weights(tmp_path / "published", None)
    for _ in range(2):
        load_trained_vae(get_space("DIGITS101"), folder)
    said = capsys.readouterr().err
    assert said.count("does not tell which search space") == 1
    assert "as many node types as DIGITS101, 5" in said
    with pytest.raises(InputError, match="5 node types, NB201 has 7"):
        load_trained_vae(get_space("NB201"), folder)


def test_weights_that_were_made_here_are_told_by_their_sizes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    check_vae(SVGE(SIZES), FiveTypes())
    assert not capsys.readouterr().err
