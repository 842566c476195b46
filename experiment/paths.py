"""Where the repository and the user's data are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from experiment.errors import InputError

REPOSITORY_ROOT: Path = Path(__file__).resolve().parents[1]
"""Folder that holds ``datasets/``, ``models/`` and the other rooms."""

DATA_ROOT_VARIABLE = "NAS_DATA_ROOT"
"""Environment variable that names the data root where no argument does."""


def data_root(argument: str | Path | None = None) -> Path:
    """Folder below which the data files stand in their published places.

    Args:
        argument: what the user gave as ``--data_root``. Without it the environment variable
            ``NAS_DATA_ROOT`` counts, without that the repository's own ``datasets/``.

    Raises:
        InputError: the folder that was named explicitly does not exist.
    """
    variable = os.environ.get(DATA_ROOT_VARIABLE)
    if argument is not None:
        chosen, source = Path(argument), "the data root given"
    elif variable:
        chosen, source = Path(variable), f"the environment variable {DATA_ROOT_VARIABLE}"
    else:
        return REPOSITORY_ROOT / "datasets"
    chosen = chosen.expanduser()
    if not chosen.is_dir():
        raise InputError(
            f"{source} names {str(chosen)!r}, which is no folder: "
            "name the folder that holds ENAS/, nasbench101/, nasbench201/ …"
        )
    return chosen


def check_datasets_package() -> None:
    """Make sure that the ``datasets`` in this process is this project's.

    A package of Hugging Face has the same name. Scripts put the repository root first on their
    path, so it can only win where it was imported before, as in a notebook.

    Raises:
        InputError: another package called ``datasets`` is loaded.
    """
    loaded = sys.modules.get("datasets")
    if loaded is None:
        return
    origin = getattr(loaded, "__file__", None)
    if origin is None or Path(origin).resolve().parent != REPOSITORY_ROOT / "datasets":
        raise InputError(
            f"another package called 'datasets' is loaded already, from {origin}: "
            f"put {str(REPOSITORY_ROOT)!r} first on sys.path and import this project before it"
        )
