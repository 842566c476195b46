"""The commands that train cells and macro networks, from their flags to their files."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from Bayesian_Optimization import fully_train_ENAS, fully_train_ENAS12
from datasets import get_space
from datasets.architecture_files import NAMED
from datasets.graph import ArchitectureGraph
from datasets.images import cifar10, imagenet16
from datasets.spaces.enas import ENAS
from estimators.from_scratch import FromScratch
from estimators.networks import load_design
from estimators.tasks.images import ImageClassification, ImageRecipe
from Extrapolation_Ability.cell_training import train_cell, train_enas
from tests.Extrapolation_Ability.tiny_trainings import (
    CONV,
    CONV3,
    POOL,
    SIX,
    TWELVE,
    Command,
    config,
    flags,
    measurements,
    results,
    write_cifar10,
)

# --- what a training leaves -------------------------------------------------------------------


def test_several_seeds_of_a_cell(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_cell.main([*tiny, "--cell", CONV, "--seed", "5", "--seeds", "2"]) == 0
    hash = get_space("NB101").hash(get_space("NB101").parse(CONV))
    assert list(results(tmp_path)) == [f"{hash[:12]}_seed{seed}" for seed in (5, 6)]
    kept = measurements(tmp_path)
    assert [(one["hash"], one["seed"], one["status"]) for one in kept] == [
        (hash, 5, "ok"),
        (hash, 6, "ok"),
    ]
    assert kept[0]["test"] != kept[1]["test"]
    assert get_space("NB101").parse(json.dumps(kept[0])).num_nodes == 4
    out, err = capsys.readouterr()
    assert err == ""
    assert "(trainings: 2)" in out


def test_a_cell_by_file_hash_text_or_name_is_the_same_cell(tiny: list[str], tmp_path: Path) -> None:
    best = NAMED["nb101_cell"]["best_validation"]
    space = get_space("NB101")
    (tmp_path / "cells.jsonl").write_text(space.format(best) + "\n")
    assert train_cell.main([*tiny, "--cell", "best_validation"]) == 0
    for text in (str(tmp_path / "cells.jsonl"), space.hash(best), space.format(best)):
        assert train_cell.main([*tiny, "--cell", text, "--resume"]) == 0
    assert len(results(tmp_path)) == 1


def test_the_default_is_the_cell_of_eight_nodes(tiny: list[str], tmp_path: Path) -> None:
    assert train_cell.main(tiny) == 0
    assert measurements(tmp_path)[0]["ops"].count("conv3x3-bn-relu") == 5
    assert len(measurements(tmp_path)[0]["matrix"]) == 8


def test_isomorphic_cells_of_a_file_are_trained_once(tiny: list[str], tmp_path: Path) -> None:
    one = ArchitectureGraph((1, 2, 3, 0), ((0, 1), (0, 2), (1, 3), (2, 3)))
    two = ArchitectureGraph((1, 3, 2, 0), ((0, 1), (0, 2), (1, 3), (2, 3)))
    dangling = ArchitectureGraph((1, 3, 2, 4, 0), ((0, 1), (0, 2), (0, 3), (1, 4), (2, 4)))
    space = get_space("NB101")
    (tmp_path / "cells").write_text("\n".join(space.format(cell) for cell in (one, two, dangling)))
    assert train_cell.main([*tiny, "--cell", str(tmp_path / "cells")]) == 0
    assert len(results(tmp_path)) == len(measurements(tmp_path)) == 1


def test_nb201_cells_are_trained_too(tiny: list[str], tmp_path: Path) -> None:
    arch = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|avg_pool_3x3~1|none~2|"
    assert train_cell.main([*tiny, "--data_search_space", "NB201", "--cell", arch]) == 0
    assert measurements(tmp_path)[0]["status"] == "ok"


def test_a_later_command_adds_its_measurements(tiny: list[str], tmp_path: Path) -> None:
    assert train_cell.main([*tiny, "--cell", CONV]) == 0
    assert train_cell.main([*tiny, "--cell", POOL]) == 0
    first = measurements(tmp_path)
    assert len({one["hash"] for one in first}) == 2
    assert train_cell.main([*tiny, "--cell", CONV, "--resume"]) == 0
    assert sorted(map(str, measurements(tmp_path))) == sorted(map(str, first))


def test_the_digits_give_what_the_estimator_gives(tmp_path: Path) -> None:
    arguments = ["--cell", CONV, "--data_set", "digits", "--device", "cpu", "--seed", "1"]
    named = ["--name", "test", "--log_dir", str(tmp_path / "runs")]
    assert train_cell.main([*arguments, *named]) == 0
    space = get_space("DIGITS101")
    estimator = FromScratch(
        space,
        ImageClassification("digits"),
        load_design("digits101", get_space("DIGITS101")),
        ImageRecipe.load("digits101"),
        seed=1,
    )
    (expected,) = estimator.measure([space.parse(CONV)])
    (found,) = measurements(tmp_path)
    for figure in ("validation", "test", "parameters", "flops"):
        assert found[figure] == getattr(expected, figure)


@pytest.mark.parametrize(
    ("command", "arguments", "layers"),
    [
        (train_enas.main, ["--arch", SIX], 6),
        (train_enas.main, ["--arch", TWELVE], 12),
        (fully_train_ENAS.main, [SIX], 6),
        (fully_train_ENAS12.main, [TWELVE], 12),
    ],
)
def test_macro_networks(
    tiny: list[str], tmp_path: Path, command: Command, arguments: list[str], layers: int
) -> None:
    assert command([*arguments, *tiny, "--size", "filters=2"]) == 0
    (record,) = measurements(tmp_path)
    assert ENAS(layers).parse(record["arch"]).num_nodes == layers + 2
    assert config(tmp_path)["network"]["filters"] == 2
    assert record["status"] == "ok"


@pytest.mark.parametrize(
    ("command", "arguments", "size"),
    [
        (train_cell.main, ["--cell", "svge_7_nodes"], {"stem_channels": 8, "cells": 1}),
        (
            train_cell.main,
            [
                "--data_search_space",
                "NB201",
                "--cell",
                f"|{CONV3}~0|+|{CONV3}~0|{CONV3}~1|+|{CONV3}~0|none~1|none~2|",
            ],
            {"channels": 8, "cells": 1},
        ),
        (train_enas.main, ["--arch", SIX], {"filters": 8}),
        (train_enas.main, ["--arch", TWELVE], {"filters": 8}),
    ],
)
def test_every_network_is_small_on_the_digits(
    tmp_path: Path, command: Command, arguments: list[str], size: dict[str, int]
) -> None:
    digits = [*flags(tmp_path)[:4], *flags(tmp_path)[6:], "--epochs", "1"]  # no --config
    assert command([*digits, *arguments]) == 0
    assert config(tmp_path)["network"].items() >= size.items()
    assert config(tmp_path)["recipe"]["optimiser"] == "adamw"


def test_macro_networks_from_files_and_texts(tiny: list[str], tmp_path: Path) -> None:
    other = SIX[:-1] + "0"
    (tmp_path / "found.txt").write_text(f"{SIX}\n{other}\n")
    third = "[[0],[0,0],[0,0,0],[0,0,0,0],[0,0,0,0,0],[0,0,0,0,0,0]]"
    command = [str(tmp_path / "found.txt"), third, *tiny, "--size", "filters=2"]
    assert fully_train_ENAS.main(command) == 0
    assert [one["arch"] for one in measurements(tmp_path)] == [SIX, other, " ".join("0" * 21)]


def test_the_published_command_on_cifar10(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10, "BATCH_SIZE", 20)
    folder = write_cifar10(tmp_path / "images")
    published = (
        "--data_set cifar10 --batch_size 16 --learning_rate 0.2 --lr_decay_method COSINE_BY_STEP "
        "--learning_rate_min 0 --momentum 0.9 --weight_decay 1e-4 --report_freq 50 --device cpu "
        "--epochs 1 --cutout --cutout_length 16 --cutout_prob 1.0 --grad_clip 5 --val_portion 0.8 "
        "--seed 0"
    )
    ours = ["--config", "published", "--size", "stem_channels=4", "--size", "cells=1"]
    assert train_cell.main([*tiny, *published.split(), *ours, "--data", str(folder)]) == 0
    found = config(tmp_path)
    assert found["network"] == {
        "stem_channels": 4,
        "stacks": 3,
        "cells": 1,
        "batch_norm_momentum": 0.003,
        "batch_norm_epsilon": 1e-5,
    }
    recipe = found["recipe"]
    assert (recipe["optimiser"], recipe["epsilon"], recipe["cutout_length"]) == ("rmsprop", 1.0, 16)
    assert found["images"] == "cifar10"
    assert measurements(tmp_path)[0]["validation"] * 20 % 1 == pytest.approx(0)  # 20 % of 100


def test_the_published_command_on_imagenet16(
    tiny: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(imagenet16, "TRAIN_IMAGES", 40)
    monkeypatch.setattr(imagenet16, "TEST_IMAGES", 4)
    folder = tmp_path / "images"
    folder.mkdir()
    for name in (*imagenet16.TRAIN_BATCHES, imagenet16.TEST_BATCH):
        content = {"data": np.zeros((5, 768), dtype=np.uint8), "labels": [1, 120, 60, 2, 121]}
        (folder / name).write_bytes(pickle.dumps(content))
    split = {"xvalid": ["int", ["0", "2"]], "xtest": ["int", ["1", "3"]]}
    (folder / imagenet16.SPLIT_FILE).write_text(json.dumps(split))
    published = ["--data_set", "Imagenet16", "--data", str(folder), "--val_portion", "0.5"]
    ours = ["--batch_size", "20", "--cell", POOL]
    assert train_cell.main([*tiny, *published, *ours]) == 0
    assert "--val_portion changes nothing" in capsys.readouterr().out
    assert config(tmp_path)["images"] == "ImageNet16"
    assert measurements(tmp_path)[0]["status"] == "ok"
