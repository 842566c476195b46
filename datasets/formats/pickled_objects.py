"""The NumPy and SciPy objects and the dictionaries that :mod:`.safe_pickle` builds of a pickle.

They stand in for the functions and classes that a pickle names; no other is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from datasets.formats.sparse_rows import SparseRows


class PickleRefused(ValueError):
    """A pickle that is damaged, or that wants more than plain data, with the reason."""


class Unbuilt:
    """A NumPy type, an array or a sparse matrix that is named already, and filled by BUILD.

    Attributes:
        kind: the type, still in this machine's byte order; ``None`` for an array.
        remembered: places in the memo that the finished object has to take.
    """

    __slots__ = ("kind", "remembered")

    def __init__(self, kind: np.dtype | type[SparseRows] | None) -> None:
        self.kind = kind
        self.remembered: list[int] = []

    def build(self, state: Any) -> np.dtype | np.ndarray | SparseRows:
        """The finished object, of what its ``__reduce__`` gives as its state."""
        if self.kind is SparseRows:
            return SparseRows.of_state({_word(name): value for name, value in state.items()})
        assert not isinstance(self.kind, type)
        if self.kind is None:
            _version, shape, kind, by_columns, raw = state
            return _array(raw, kind, shape, "F" if by_columns else "C")
        order = _word(state[1])
        return self.kind.newbyteorder(order) if order in ("<", ">") else self.kind


def _word(text: object) -> object:
    """A text of Python 2 or 3 as one of Python 3."""
    return text.decode("ascii") if isinstance(text, bytes) else text


def _number_type(code: object, *_flags: object) -> Unbuilt:
    code = _word(code)
    if not isinstance(code, str) or not re.fullmatch(r"[<>=|]?[biuf][1248]", code):
        raise PickleRefused(f"it holds the NumPy type {code!r}, which is no number")
    return Unbuilt(np.dtype(code))


def _number(kind: np.dtype, raw: bytes) -> float | int:
    if not isinstance(kind, np.dtype) or not isinstance(raw, bytes):
        raise PickleRefused("it holds a damaged NumPy number")
    return np.frombuffer(raw, dtype=kind, count=1)[0].item()


def _empty_array(array_class: object, *_shape_and_code: object) -> Unbuilt:
    if array_class is not _array_class:
        raise PickleRefused("it holds an array of a class of its own")
    return Unbuilt(None)


def _array(raw: object, kind: object, shape: Any, order: object) -> np.ndarray:
    """An array of exactly the bytes that are there: a shape cannot ask for more room."""
    if not isinstance(raw, bytes | bytearray) or not isinstance(kind, np.dtype):
        raise PickleRefused("it holds a damaged NumPy array")
    array = np.frombuffer(bytes(raw), dtype=kind).reshape(shape, order="F" if order == "F" else "C")
    if array.shape != shape:  # reshape also takes -1
        raise PickleRefused(f"it holds a NumPy array of shape {shape}")
    return array


def _array_class() -> None:
    """Stands for ``numpy.ndarray`` where an array names its class."""
    raise PickleRefused("it makes an array in a way that pickle does not")


def _latin_bytes(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise PickleRefused(f"it encodes text as {encoding!r}")
    return text.encode("latin1")


def _ordered(*items: Any) -> dict[Any, Any]:
    return dict(*items)


def _list_class() -> None:
    """Stands for ``list`` where a dictionary names what it has of an absent key."""
    raise PickleRefused("it makes a list in a way that pickle does not")


def _defaulting(default: object = None) -> dict[Any, Any]:
    if default is not None and default is not _list_class:
        raise PickleRefused("it holds a dictionary with a default of a class of its own")
    return {}


def _sparse_rows() -> Unbuilt:
    return Unbuilt(SparseRows)


CONSTRUCTORS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _ordered,
    ("collections", "defaultdict"): _defaulting,
    ("__builtin__", "list"): _list_class,
    ("builtins", "list"): _list_class,
    ("scipy.sparse.csr", "csr_matrix"): _sparse_rows,
    ("scipy.sparse._csr", "csr_matrix"): _sparse_rows,
    ("numpy", "dtype"): _number_type,
    ("numpy", "ndarray"): _array_class,
    ("numpy.core.multiarray", "scalar"): _number,
    ("numpy._core.multiarray", "scalar"): _number,
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("numpy.core.numeric", "_frombuffer"): _array,
    ("numpy._core.numeric", "_frombuffer"): _array,
    ("_codecs", "encode"): _latin_bytes,
}
