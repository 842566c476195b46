"""Output files: refused before the work begins, whole or not there at all, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from experiment.errors import InputError
from experiment.files import atomic_path, check_output

LATENTS = ("--model", "SVGE", "--data_search_space", "NB201")
COMMANDS = {
    "Training_VAE.extract_latents": (LATENTS, "latents.npz"),
    "Training_VAE.latent_map": (LATENTS, "map.png"),
    "datasets.commands.enumerate": (("--space", "NB201"), "cells.npz"),
    "estimators.commands.digits101_table": ((), "table.npz"),
    "Extrapolation_Ability.generate_enas12": ((), "networks.jsonl"),
    "Extrapolation_Ability.generate_nb101_8": ((), "cells.jsonl"),
    "Performance_Prediction.fit_predictor": (
        ("--space", "DIGITS101", "--architectures", "absent"),
        "predictions.jsonl",
    ),
    "analysis.report.__main__": (("no run",), "report.html"),
}
"""Module → flags that name what it needs, and a name for ``--out``."""
FOLDERS = {
    "Training_VAE.interpolate": (LATENTS, "interpolation.jsonl"),
    "Training_VAE.smoothness": (LATENTS, "smoothness.json"),
}
"""The same of commands whose ``--out`` is a folder, and a file that they write there."""
ENDINGS = {
    "Training_VAE.extract_latents": ("latents", "latents.mat", "latents.NPZ"),
    "Training_VAE.latent_map": ("map", "map.txt"),
    "datasets.commands.enumerate": ("cells", "cells.csv"),
    "estimators.commands.digits101_table": ("table",),
}


def call(module: str, *arguments: str) -> None:
    main: Callable[[list[str]], int] = import_module(module).main
    main(list(arguments))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("module", [*COMMANDS, *FOLDERS])
def test_a_place_that_cannot_be_written_is_refused_first(module: str, place: Path) -> None:
    flags, name = {**COMMANDS, **FOLDERS}[module]
    (place / "file").write_text("mine")
    out = f"file/{name}" if module in COMMANDS else "file/folder"
    with pytest.raises(InputError, match="file' is a file, no folder") as raised:
        call(module, *flags, "--out", out)
    assert "\n" not in str(raised.value)
    assert [path.name for path in place.iterdir()] == ["file"]
    assert (place / "file").read_text() == "mine"


@pytest.mark.parametrize("module", [*COMMANDS, *FOLDERS])
def test_a_file_that_is_there_is_not_replaced_unasked(module: str, place: Path) -> None:
    flags, name = {**COMMANDS, **FOLDERS}[module]
    (place / name).write_text("mine")
    with pytest.raises(InputError, match="is there already: add --overwrite"):
        call(module, *flags, "--out", name if module in COMMANDS else ".")
    assert [path.name for path in place.iterdir()] == [name]
    assert (place / name).read_text() == "mine"


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module in ENDINGS for name in ENDINGS[module]]
)
def test_a_name_with_another_ending_is_refused_first(module: str, name: str, place: Path) -> None:
    with pytest.raises(InputError, match=r"ends in \.(npz|png)"):
        call(module, *COMMANDS[module][0], "--out", name)
    assert not list(place.iterdir())


def test_a_place_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = tmp_path / "new" / "folder" / "x.npz"
    assert check_output(new, ".npz") == new
    assert not (tmp_path / "new").exists()
    (tmp_path / "x.npz").write_text("mine")
    assert check_output(tmp_path / "x.npz", ".npz", overwrite=True) == tmp_path / "x.npz"
    with pytest.raises(InputError, match="is a folder: give the name of a file"):
        check_output(tmp_path, overwrite=True)
    with pytest.raises(InputError, match="cannot write"):
        check_output(tmp_path / ("x" * 300))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(InputError, match="permission denied"):
        check_output(new)


def test_what_a_library_leaves_beside_the_file_is_removed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write"), atomic_path(tmp_path / "x") as partial:
        np.savez(partial, a=np.zeros(3))  # to <partial>.npz
    assert not list(tmp_path.iterdir())


def test_folders_of_a_file_that_was_not_written_are_removed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "a" / "b" / "x"):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
    (tmp_path / "a").mkdir()
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "a" / "b" / "x"):
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
