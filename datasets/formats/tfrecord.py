"""TFRecord files without TensorFlow: framing and checksums.

A record is its length (8 bytes, little-endian), the length's masked CRC-32C (4 bytes), the data,
and the data's masked CRC-32C (4 bytes); see TensorFlow's guide "TFRecord and tf.train.Example".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from datasets.formats.crc32c import crc32c, crc32c_many, masked, masked_many
from experiment.errors import InputError

_HEADER = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")
_CHUNK_RECORDS = 8192
_CHUNK_BYTES = 1 << 25  # of records padded to the longest of the chunk


def read_records(path: Path) -> Iterator[bytes]:
    """The records of a TFRecord file, each checked against its checksum.

    Some thousand records are read and checked at a time, so memory stays bounded.

    Raises:
        InputError: the file is absent, cut off or damaged; the message names the record, counted
            from 1, and its byte offset.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            first = 1
            while chunk := _read_chunk(file, size, str(path), first):
                _check(chunk, str(path), first)
                yield from (data for _, data, _ in chunk)
                first += len(chunk)
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from error


_Framed = tuple[int, bytes, int]
"""Byte offset of a record, its data, and the masked checksum that the file gives."""


def _read_chunk(file: BinaryIO, size: int, name: str, first: int) -> list[_Framed]:
    chunk: list[_Framed] = []
    longest = 0
    while len(chunk) < _CHUNK_RECORDS and longest * len(chunk) < _CHUNK_BYTES:
        offset = file.tell()
        header = file.read(_HEADER.size)
        if not header:
            break
        where = f"{name!r}, record {first + len(chunk):,} at byte {offset:,}"
        if len(header) < _HEADER.size:
            raise InputError(f"{where}: the file is cut off inside the record's length; {_AGAIN}")
        length, checksum = _HEADER.unpack(header)
        if masked(crc32c(header[:8])) != checksum:
            raise InputError(
                f"{where}: the record's length does not match its checksum, the file is damaged "
                f"or no TFRecord file; {_AGAIN}"
            )
        there = size - offset - _HEADER.size
        if length + _CHECKSUM.size > there:
            raise InputError(
                f"{where}: the file is cut off, the record needs {length + _CHECKSUM.size:,} more "
                f"bytes and {there:,} are there; {_AGAIN}"
            )
        body = file.read(length + _CHECKSUM.size)
        chunk.append((offset, body[:length], _CHECKSUM.unpack_from(body, length)[0]))
        longest = max(longest, length)
    return chunk


def _check(chunk: list[_Framed], name: str, first: int) -> None:
    given = np.array([checksum for _, _, checksum in chunk], dtype=np.uint32)
    wrong = np.flatnonzero(masked_many(crc32c_many([data for _, data, _ in chunk])) != given)
    if len(wrong):
        raise InputError(
            f"{name!r}, record {first + wrong[0]:,} at byte {chunk[wrong[0]][0]:,}: the data does "
            f"not match its checksum, the file is damaged; {_AGAIN}"
        )


_AGAIN = "fetch it again"
