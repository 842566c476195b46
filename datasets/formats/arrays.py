"""Arrays of an untrusted ``.npz`` archive, checked before they are used."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from experiment.errors import InputError


def array_names(path: Path) -> set[str]:
    """Names of the arrays in an ``.npz`` archive; none where the file is no such archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return set()


def read_arrays(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Read the named numeric arrays, which all have the same number of rows.

    Args:
        path: an ``.npz`` archive; pickled objects in it are refused.
        shapes: name of each array → its shape after the first axis.

    Raises:
        InputError: the file is absent or damaged, or an array is missing or of another shape.
    """
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            present = list(archive.files)
            arrays = {name: archive[name] for name in shapes if name in present}
    except Exception as error:  # zipfile and numpy raise a dozen kinds for damaged bytes
        raise InputError(
            f"{str(path)!r} is no readable .npz archive ({type(error).__name__}: {error}): "
            "fetch it again"
        ) from error
    missing = [name for name in shapes if name not in arrays]
    if missing:
        raise InputError(
            f"{str(path)!r} has no array {missing[0]!r}: is it the file that its name says?"
        )
    rows = len(np.atleast_1d(next(iter(arrays.values()))))
    for name, tail in shapes.items():
        array = arrays[name]
        if array.shape != (rows, *tail) or array.dtype.kind not in "uif":
            raise InputError(
                f"{str(path)!r}: array {name!r} is {array.dtype} {array.shape}, "
                f"expected numbers of shape {(rows, *tail)}"
            )
    return arrays
