"""The protocol-buffer messages in which NAS-Bench-101 keeps its measurements.

The wire format is that of https://protobuf.dev/programming-guides/encoding; the field numbers
are those of ``nasbench/lib/model_metrics.proto`` in google-research/nasbench.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DOUBLE = struct.Struct("<d")


class MessageError(ValueError):
    """Bytes that are no message, with the reason."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``EvaluationData``: a network's state at one moment of its training.

    Attributes:
        training_seconds: time spent training so far, in seconds.
        train: accuracy on images of the training set, a fraction.
        validation: accuracy on the validation set, a fraction.
        test: accuracy on the test set, a fraction.
    """

    training_seconds: float
    train: float
    validation: float
    test: float


@dataclass(frozen=True, slots=True)
class ModelMetrics:
    """``ModelMetrics``: one training of one cell.

    Attributes:
        parameters: number of trainable parameters.
        evaluations: at the start, halfway through and at the end of training.
    """

    parameters: int
    evaluations: tuple[Evaluation, ...]


def parse_model_metrics(message: bytes) -> ModelMetrics:
    """Decode a ``ModelMetrics`` message; fields that it does not know are skipped.

    Raises:
        MessageError: the bytes are no message.
    """
    evaluations, parameters = [], 0
    for number, kind, value in _fields(message):
        if number == 1 and kind == _BYTES:
            evaluations.append(_evaluation(value))  # type: ignore[arg-type]
        elif number == 2 and kind == _VARINT:
            parameters = _signed_32(value)  # type: ignore[arg-type]
    return ModelMetrics(parameters, tuple(evaluations))


def _evaluation(message: bytes) -> Evaluation:
    # Fields 2 to 5 are training_time, train, validation and test accuracy; one that is left out
    # is 0, as the format has it. Fields 1 and 6, the epoch and a path, are not needed.
    values = [0.0] * 6
    for number, kind, value in _fields(message):
        if kind == _FIXED64 and number <= 5:
            (values[number],) = _DOUBLE.unpack(value)  # type: ignore[arg-type]
    return Evaluation(*values[2:])


def _fields(message: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Number, wire type and value of each field."""
    place, end = 0, len(message)
    while place < end:
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise MessageError("field number 0")
        value: int | bytes
        if kind == _VARINT:
            value, place = _varint(message, place)
        else:
            if kind == _FIXED64:
                size = 8
            elif kind == _BYTES:
                size, place = _varint(message, place)
            elif kind == _FIXED32:
                size = 4
            else:
                raise MessageError(f"field {number} has the wire type {kind}")
            if size > end - place:
                raise MessageError(f"field {number} is cut off")
            value = message[place : place + size]
            place += size
        yield number, kind, value


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """The number that begins at ``place``, and where the next thing begins."""
    value = shift = 0
    for position in range(place, min(place + 10, len(message))):
        byte = message[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position + 1
        shift += 7
    raise MessageError("a number is cut off or longer than ten bytes")


def _signed_32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value
