"""NumPy arrays through the reader of pickles that nobody here has made."""

from __future__ import annotations

import os
import pickle
import struct
from typing import Any

import numpy as np
import pytest

from datasets.formats.safe_pickle import PickleRefused, read_pickle

ARRAYS = [
    np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    np.arange(12, dtype=np.int64).reshape(3, 4).T,
    np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4)),
    np.arange(20, dtype=np.uint8)[::2],
    np.array([1.5, -2.0], dtype=">f8"),
    np.array([[True], [False]]),
    np.array(7, dtype=np.int16),
    np.arange(70_000, dtype=np.uint8),
]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_are_what_python_reads(array: np.ndarray, protocol: int) -> None:
    text = pickle.dumps({"data": array, b"more": [array[..., None]]}, protocol=protocol)
    again, place = read_pickle(text)
    assert place == len(text)
    for found, expected in ((again["data"], array), (again[b"more"][0], array[..., None])):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("protocol", [2, 3])
def test_arrays_of_older_numpy(protocol: int) -> None:
    text = pickle.dumps(ARRAYS[0], protocol=protocol)
    assert b"numpy._core.multiarray" in text
    again, _ = read_pickle(text.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    np.testing.assert_array_equal(again, ARRAYS[0])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_shared_arrays_and_types(protocol: int) -> None:
    """The second use of an array, or of a byte order, refers to the first."""
    one, other = np.array([1.0, 2.0], dtype=">f8"), np.array([3.0], dtype=">f8")
    text = pickle.dumps([one, one, other, np.array([4.0])], protocol=protocol)
    again, _ = read_pickle(text)
    assert again[0] is again[1]
    assert [array.tolist() for array in again] == [[1.0, 2.0], [1.0, 2.0], [3.0], [4.0]]


def python2_array(array: np.ndarray, code: bytes = b"u1", order: bytes = b"|") -> bytes:
    """How Python 2's cPickle writes an array, second in its memo (which begins with 1)."""
    shape = b"".join(b"J" + struct.pack("<i", size) for size in array.shape)
    raw = array.tobytes()
    return (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85U\x01b\x87Rq\x04"
        b"(K\x01" + shape + {1: b"\x85", 2: b"\x86"}[array.ndim] + b"cnumpy\ndtype\nq\x05U"
        + bytes([len(code)]) + code + b"K\x00K\x01\x87Rq\x06(K\x03U\x01" + order
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + struct.pack("<i", len(raw)) + raw + b"tb"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("array", "code", "order"),
    [
        (np.arange(6, dtype=np.uint8).reshape(2, 3), b"u1", b"|"),
        (np.array([1, -2, 3], dtype=">i4"), b"i4", b">"),
        (np.array([[0.5, 2.0]], dtype="<f8"), b"f8", b"<"),
    ],
)
def test_python_2(array: np.ndarray, code: bytes, order: bytes) -> None:
    text = b"\x80\x02}q\x01(U\x04data" + python2_array(array, code, order)
    text += b"U\x06labels](K\x03M\x00\x01eu."
    again, _ = read_pickle(text)
    official = pickle.loads(text, encoding="bytes")
    assert list(again) == list(official) == [b"data", b"labels"]
    assert again[b"labels"] == official[b"labels"] == [3, 256]
    np.testing.assert_array_equal(again[b"data"], array)
    np.testing.assert_array_equal(official[b"data"], array)


class Calls:
    """Is pickled as a call of ``what`` with ``arguments`` (and a state)."""

    def __init__(self, what: Any, *arguments: Any, state: Any = None) -> None:
        self.what, self.arguments, self.state = what, arguments, state

    def __reduce__(self) -> tuple[Any, ...]:
        return self.what, self.arguments, self.state


KIND = np.dtype(np.uint8)
RECONSTRUCT = np.array([1]).__reduce__()[0]
FROM_BUFFER = np.array([1]).__reduce_ex__(5)[0]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(np.array([os.system, "true"], dtype=object), id="object array"),
        pytest.param(np.array(["text"]), id="text array"),
        pytest.param(np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), id="structured array"),
        pytest.param(np.array(["2020-01-01"], dtype="datetime64[D]"), id="dates"),
        pytest.param(np.rec.fromrecords([(1, 2.0)]), id="record array"),
        pytest.param(np.ma.masked_array([1, 2], [True, False]), id="masked array"),
        pytest.param(np.random.default_rng(0), id="generator"),
        pytest.param(Calls(np.ndarray, (1 << 40,)), id="huge array without content"),
        pytest.param(Calls(np.frombuffer, b"abc"), id="another call"),
        pytest.param(Calls(RECONSTRUCT, np.memmap, (0,), b"b"), id="another class"),
        pytest.param(Calls(RECONSTRUCT, np.ndarray, (0,), b"b"), id="no content"),
        pytest.param(Calls(FROM_BUFFER, b"abc", KIND, (1 << 40,), "C"), id="buffer too short"),
        pytest.param(Calls(FROM_BUFFER, b"abcd", KIND, (2, -1), "C"), id="negative size"),
        pytest.param(Calls(FROM_BUFFER, b"abcd", KIND, None, "C"), id="no shape"),
        pytest.param(Calls(FROM_BUFFER, "abcd", KIND, (4,), "C"), id="text as buffer"),
        pytest.param(Calls(FROM_BUFFER, b"abcd", "u1", (4,), "C"), id="text as type"),
        pytest.param(
            Calls(RECONSTRUCT, np.ndarray, (0,), b"b", state=(1, (1 << 40,), KIND, False, b"abc")),
            id="content too short",
        ),
        pytest.param(
            Calls(RECONSTRUCT, np.ndarray, (0,), b"b", state=(1, (2,), KIND, False, [1, 2])),
            id="content a list",
        ),
        pytest.param(Calls(RECONSTRUCT, np.ndarray, (0,), b"b", state=(1, (2,))), id="short state"),
        pytest.param(
            Calls(RECONSTRUCT, np.ndarray, (0,), b"b", state={"shape": (2,)}),
            id="state of a mapping",
        ),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(content: object, protocol: int) -> None:
    with pytest.raises(PickleRefused):
        read_pickle(pickle.dumps({"data": content}, protocol=protocol))


def test_every_cut_of_an_array_is_refused() -> None:
    for protocol in (2, 3, 4, 5):
        text = pickle.dumps({"data": ARRAYS[0], "labels": [1, 2]}, protocol=protocol)
        for end in range(len(text)):
            with pytest.raises(PickleRefused):
                read_pickle(text[:end])


def test_an_array_that_is_used_before_its_content_is_refused() -> None:
    kind = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87Rq\x01"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87Rq\x01"
    for unbuilt in (kind, array):
        with pytest.raises(PickleRefused, match="before its content"):
            read_pickle(b"\x80\x02](" + unbuilt + b"h\x01e.")
        with pytest.raises(PickleRefused, match="has no content"):
            read_pickle(b"\x80\x02](" + unbuilt + b"e.")
