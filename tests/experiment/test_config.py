from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from experiment.config import PRESETS, load_preset, resolve
from experiment.errors import InputError

PRESET = """
comment = "general"

[training]
epochs = 300
batch_size = 32

[training.NB101]
batch_size = 128

[training.NB101.DGMG]
epochs = 100
"""


@dataclass(frozen=True)
class Training:
    epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    precision: Literal["float32", "bfloat16"] = "float32"
    betas: tuple[float, ...] = (0.9, 0.999)
    resume: bool = False
    limit: int | None = None
    reader: Literal["quick", "full"] | None = None
    out: Path = Path("runs")


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(PRESET)
    return path


def test_particular_tables_win_over_general_ones(preset: Path) -> None:
    assert load_preset(preset, "training") == {
        "comment": "general",
        "epochs": 300,
        "batch_size": 32,
    }
    assert load_preset(preset, "training", "NB101")["batch_size"] == 128
    assert load_preset(preset, "training", "NB101", "DGMG") == {
        "comment": "general",
        "epochs": 100,
        "batch_size": 128,
    }
    # ENAS has no table of its own: the general settings hold.
    assert load_preset(preset, "training", "ENAS") == load_preset(preset, "training")


def test_presets_that_are_not_there(preset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no table \[trianing\]: did you mean 'training'"):
        load_preset(preset, "trianing")
    with pytest.raises(InputError, match="no preset is called 'nothing-like-it'"):
        load_preset("nothing-like-it")
    with pytest.raises(InputError, match="cannot read the preset"):
        load_preset(tmp_path / "absent.toml")
    (tmp_path / "broken.toml").write_text("epochs = = 3")
    with pytest.raises(InputError, match="not a TOML file"):
        load_preset(tmp_path / "broken.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\x00")
    with pytest.raises(InputError, match="not a TOML file"):
        load_preset(tmp_path / "bytes.toml")


def test_every_shipped_preset_is_found_by_its_name() -> None:
    for file in PRESETS.glob("*.toml"):
        assert load_preset(file.stem) == load_preset(file)


def test_overrides_win_and_none_means_not_given() -> None:
    settings = resolve(
        Training,
        {"epochs": 3, "batch_size": 8, "learning_rate": 1, "betas": [0.5, 1]},
        {"batch_size": 16, "epochs": None, "out": "somewhere"},
    )
    assert settings == Training(3, 16, 1.0, betas=(0.5, 1.0), out=Path("somewhere"))
    assert isinstance(settings.learning_rate, float)
    assert resolve(Training, {"epochs": 3, "batch_size": 8}) == Training(3, 8)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epoch": 3}, "unknown setting 'epoch': did you mean 'epochs'"),
        ({"zzz": 3}, "unknown setting 'zzz': valid are epochs, batch_size"),
        ({"epochs": 3.5}, "'epochs' is 3.5, expected a whole number"),
        ({"epochs": True}, "'epochs' is True, expected a whole number"),
        ({"epochs": "3"}, "'epochs' is '3', expected a whole number"),
        ({"learning_rate": "fast"}, "'learning_rate' is 'fast', expected a number"),
        ({"resume": 1}, "'resume' is 1, expected true or false"),
        ({"precision": "float3"}, "'precision' is 'float3': did you mean 'float32'"),
        ({"betas": [0.9, "x"]}, "'betas' is 'x', expected a number"),
        ({"betas": 0.9}, "'betas' is 0.9, expected a list, each entry a number"),
        ({"limit": 1.5}, "'limit' is 1.5, expected a whole number or nothing"),
        ({"reader": "quik"}, "'reader' is 'quik': did you mean 'quick'"),
        ({"reader": "x"}, "'reader' is 'x': valid are quick, full"),
        ({"reader": 3}, "'reader' is 3, expected one of quick, full or nothing"),
    ],
)
@pytest.mark.parametrize("where", ["preset", "overrides"])
def test_wrong_settings(wrong: dict[str, Any], message: str, where: str) -> None:
    right = {"epochs": 3, "batch_size": 8}
    preset, overrides = ({**right, **wrong}, {}) if where == "preset" else (right, wrong)
    with pytest.raises(InputError, match=message):
        resolve(Training, preset, overrides)


def test_a_setting_without_a_value() -> None:
    with pytest.raises(InputError, match=r"'batch_size' has no value: give one$"):
        resolve(Training, {"epochs": 3})
