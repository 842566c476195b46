"""Reading JSON that people wrote: every fault becomes one sentence."""

from __future__ import annotations

import json

from datasets.graph import ArchitectureError


def read_json(text: str, expected: str) -> object:
    """The value that ``text`` describes.

    Args:
        text: a JSON value.
        expected: what the text should be, for the message.

    Raises:
        ArchitectureError: the text is no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArchitectureError(f"{excerpt(text)} is no JSON ({error}): expected {expected}") from (
            None
        )


def read_record(text: str, keys: tuple[str, ...], expected: str) -> list[object]:
    """Values of ``keys`` in the JSON object of an architecture file; other keys are left alone.

    Raises:
        ArchitectureError: the text is no JSON object, or a key is missing.
    """
    record = read_json(text, expected)
    if not isinstance(record, dict):
        raise ArchitectureError(f"{excerpt(text)} is no JSON object: expected {expected}")
    for key in keys:
        if key not in record:
            raise ArchitectureError(f"{excerpt(text)} has no key {key!r}: expected {expected}")
    return [record[key] for key in keys]


def read_arch(text: str, example: str) -> str:
    """The notation of an architecture: ``text``, or the ``arch`` of the JSON object that it is.

    Args:
        text: without blanks around it.
        example: of the notation, for the message.

    Raises:
        ArchitectureError: the JSON is damaged, or its ``arch`` is absent or no string.
    """
    if not text.startswith("{"):
        return text
    (arch,) = read_record(text, ("arch",), f'an object {{"arch": "{example}"}}')
    if not isinstance(arch, str):
        raise ArchitectureError(f"'arch' is {excerpt(str(arch))}, expected a string: {example}")
    return arch.strip()


def excerpt(text: str) -> str:
    """The beginning of ``text`` in quotes, on one line, short enough for a message."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def about(text: str, error: Exception) -> str:
    """What ``error`` says of ``text``, with the beginning of the text where it is not repeated."""
    given, said = excerpt(text), str(error)
    return said if given in said else f"{given}: {said}"
