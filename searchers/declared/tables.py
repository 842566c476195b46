"""Tables of a problem's file: values that win over them, and the parts they are read into."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from experiment.checks import shown
from experiment.config import resolve
from experiment.errors import InputError


def resolved(kind: type, name: str, table: object) -> Any:
    """The dataclass ``kind`` of a table.

    Args:
        kind: as for :func:`experiment.config.resolve`.
        name: of the table, for messages.
        table: as it is in the file.

    Raises:
        InputError: it is no table, or has an unknown key or a wrong value.
    """
    try:
        return resolve(kind, checked_table(name, table))
    except InputError as error:
        raise InputError(f"in the table [{name}]: {error}") from error


def checked_table(name: str, table: object) -> Mapping[str, Any]:
    """The table itself.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(table, Mapping):
        raise InputError(f"{name} is {shown(table)}, expected a table")
    return table


def changed(table: Mapping[str, Any], change: str) -> dict[str, Any]:
    """The tables with one value in place of another; a text may stand without quotes.

    Raises:
        InputError: it is no ``TABLE.KEY=VALUE``.
    """
    name, equals, value = change.partition("=")
    try:
        try:
            new = tomllib.loads(change)
        except tomllib.TOMLDecodeError:
            new = tomllib.loads(f"{name} = {json.dumps(value)}")
    except tomllib.TOMLDecodeError:
        equals = ""
    if not equals:
        raise InputError(f"{change!r} changes nothing: expected TABLE.KEY=VALUE")
    return _merged(table, new)


def _merged(table: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(table)
    for key, value in new.items():
        old = both.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and not _replaces(value, old):
            both[key] = _merged(old, value)
        else:
            both[key] = value
    return both


def _replaces(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Whether one range takes the place of another: not where it names one end of its kind."""
    return (
        "choices" in new
        or {"low", "high"} <= set(new)
        or ("choices" in old and bool({"low", "high"} & set(new)))
    )
