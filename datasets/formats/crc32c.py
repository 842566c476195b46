"""CRC-32C (Castagnoli) of many byte strings at once, and TFRecord's masked form of it.

Polynomial 0x1EDC6F41, bits reflected (RFC 3720, appendix B.4); the mask is TFRecord's
(``tensorflow/core/lib/hash/crc32c.h``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_POLYNOMIAL = 0x82F63B78  # 0x1EDC6F41 with its bits reversed
_MASK = 0xA282EAD8


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()
_TABLE_ARRAY = np.array(_TABLE, dtype=np.uint32)


def crc32c(data: bytes) -> int:
    """Checksum of one short byte string."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def crc32c_many(strings: Sequence[bytes]) -> np.ndarray:
    """Checksums of many byte strings, byte position by byte position. **Shape** (len,), uint32.

    Takes memory for all strings padded to the longest.
    """
    lengths = np.array([len(s) for s in strings], dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")  # the longest first: the rows alive stay together
    longest = int(lengths.max(initial=0))
    padded = b"".join([strings[k].ljust(longest, b"\0") for k in order])
    columns = np.ascontiguousarray(
        np.frombuffer(padded, dtype=np.uint8).reshape(len(strings), longest).T
    )
    alive = np.searchsorted(-lengths[order], -np.arange(longest), side="left")
    crc = np.full(len(strings), 0xFFFFFFFF, dtype=np.uint32)
    for column, rows in zip(columns, alive, strict=True):
        part = crc[:rows]
        crc[:rows] = _TABLE_ARRAY[(part ^ column[:rows]) & 0xFF] ^ part >> 8
    result = np.empty_like(crc)
    result[order] = crc ^ np.uint32(0xFFFFFFFF)
    return result


def masked(crc: int) -> int:
    """TFRecord's form of a checksum: turned right by 15 bits, plus a constant."""
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def masked_many(crc: np.ndarray) -> np.ndarray:
    """:func:`masked` of every checksum. **Shape** (rows,) → (rows,), uint32."""
    return (crc >> np.uint32(15) | crc << np.uint32(17)) + np.uint32(_MASK)
