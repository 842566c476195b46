"""Sparse matrices of untrusted files, checked before they are used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np


class SparseRows(NamedTuple):
    """A matrix by its compressed sparse rows, as SciPy's ``csr_matrix`` keeps it.

    Attributes:
        shape: rows and columns.
        starts: of each row in the other two, and their end. **Shape** (rows + 1,), int64.
        columns: **Shape** (n,), int64.
        values: **Shape** (n,), numbers.
    """

    shape: tuple[int, int]
    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray

    @classmethod
    def of_state(cls, state: Mapping[Any, Any]) -> SparseRows:
        """The matrix of what a ``csr_matrix`` gives pickle.

        Raises:
            ValueError: it is no such state, or an index is out of range.
        """
        shape = state["_shape"] if "_shape" in state else state["shape"]
        rows, columns = (int(size) for size in shape)
        indptr, indices, data = state["indptr"], state["indices"], state["data"]
        for array, kinds in ((indptr, "iu"), (indices, "iu"), (data, "biuf")):
            if (
                not isinstance(array, np.ndarray)
                or array.ndim != 1
                or array.dtype.kind not in kinds
            ):
                raise ValueError("a sparse matrix without its three lists of numbers")
        found = cls((rows, columns), indptr.astype(np.int64), indices.astype(np.int64), data)
        if len(indptr) != rows + 1 or len(indices) != len(data):
            raise ValueError(f"a sparse matrix of {rows} rows whose lists have other lengths")
        lengths = np.diff(found.starts)
        if found.starts[0] != 0 or found.starts[-1] != len(data) or (lengths < 0).any():
            raise ValueError("a sparse matrix whose rows do not follow each other")
        if len(data) and not 0 <= found.columns.min() <= found.columns.max() < columns:
            raise ValueError(f"a sparse matrix with an entry beyond its {columns} columns")
        return found
