"""Where images are looked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from experiment import paths
from experiment.errors import InputError

PUBLISHED_PLACE = paths.REPOSITORY_ROOT / "Extrapolation_Ability" / "cell_training" / "data"
"""Where the published SVGe code keeps the images that it trains cells on."""


def find_place(
    below: str,
    folder: str | Path | None,
    data_root: str | Path | None,
    look: Callable[[Path], Path | None],
    expected: str,
) -> Path:
    """The file or folder that holds a data set.

    Args:
        below: its folder below the data root.
        folder: where to look instead.
        data_root: as for :func:`experiment.paths.data_root`.
        look: finds the data set in a folder.
        expected: what is looked for and how one gets it, for the error.

    Raises:
        InputError: it is not there.
    """
    if folder is not None:
        places = [Path(folder).expanduser()]
    else:
        places = [paths.data_root(data_root) / below, PUBLISHED_PLACE]
    for place in places:
        if (found := look(place)) is not None:
            return found
    searched = " or ".join(repr(str(place)) for place in places)
    raise InputError(f"there is no {expected}: looked in {searched}, --data names another folder")
