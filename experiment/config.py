"""Settings of a run: presets as data, then what the user overrides, into one frozen dataclass.

A preset is a TOML file in ``configs/``. The plain keys of a table are general; a table inside it
holds what differs for one space or model::

    [training]
    epochs = 300
    batch_size = 32

    [training.NB101]
    batch_size = 128

``load_preset("published", "training", "NB101")`` gives 300 epochs and batches of 128.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from experiment.checks import LARGEST, whole_number
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT

PRESETS = REPOSITORY_ROOT / "configs"
"""Folder of the presets that have a name."""

Settings = TypeVar("Settings")


def nearest(name: str, valid: list[str]) -> str:
    """The hint that ends a message about an unknown name: the nearest valid one, or all."""
    close = difflib.get_close_matches(name, valid, n=1)
    return f"did you mean {close[0]!r}?" if close else f"valid are {', '.join(valid)}"


def load_preset(name_or_path: str | Path, *sections: str) -> dict[str, Any]:
    """Read the settings of one section of a preset.

    Args:
        name_or_path: a name in ``configs/`` (``default``, ``published``), or a TOML file's path.
        sections: the way from the top of the file to the most particular table. The plain keys
            of every table on it are merged, a later table wins; the way ends early, without
            complaint, where no more particular table exists, but the first must.

    Raises:
        InputError: there is no such preset or first section, or the file is not TOML.
    """
    path = _preset_path(name_or_path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot read the preset {str(path)!r}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"the preset {str(path)!r} is not a TOML file: {error}") from error
    merged = _plain_keys(table)
    for depth, section in enumerate(sections):
        inner = table.get(section)
        if not isinstance(inner, dict):
            if depth:
                break
            tables = [key for key, value in table.items() if isinstance(value, dict)]
            raise InputError(
                f"the preset {str(path)!r} has no table [{section}]: {nearest(section, tables)}"
            )
        table = inner
        merged |= _plain_keys(table)
    return merged


def _preset_path(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix == ".toml" or len(path.parts) != 1:
        return path
    named = PRESETS / f"{name_or_path}.toml"
    if not named.is_file():
        known = sorted(file.stem for file in PRESETS.glob("*.toml"))
        raise InputError(
            f"no preset is called {str(name_or_path)!r}: {nearest(str(name_or_path), known)} "
            "(a file of your own is given by its path, ending in .toml)"
        )
    return named


def _plain_keys(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if not isinstance(value, dict)}


def resolve(
    cls: type[Settings], preset: Mapping[str, Any], overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Make the dataclass ``cls`` from a preset and what the user gave.

    Args:
        cls: a dataclass whose fields are ``bool``, ``int``, ``float``, ``str``, ``Path``,
            ``Literal``, tuples of them, or any of them ``| None``.
        preset: values by field name, as :func:`load_preset` gives them.
        overrides: values that win over the preset; ``None`` means "not given".

    Raises:
        InputError: an unknown key (the nearest valid one is named), a value of the wrong type,
            or a field without a value.
    """
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    for key in (*preset, *given):
        if key not in fields:
            raise InputError(f"unknown setting {key!r}: {nearest(key, list(fields))}")
    hints = get_type_hints(cls)
    values = {key: _convert(key, value, hints[key]) for key, value in {**preset, **given}.items()}
    for name, field in fields.items():
        optional = (field.default, field.default_factory) != (dataclasses.MISSING,) * 2
        if name not in values and not optional:
            raise InputError(f"the setting {name!r} has no value: give one")
    return cls(**values)


def part_of(record: Any, cls: type[Settings], **given: Any) -> Settings:
    """The dataclass ``cls`` made of those of its fields that a flat record has, and of ``given``.

    Args:
        record: an instance of a dataclass.
        cls: a dataclass.
        given: fields that ``record`` does not have, or that win over its own.
    """
    own = {field.name for field in dataclasses.fields(record)}
    names = own & {field.name for field in dataclasses.fields(cls)} - set(given)  # type: ignore[arg-type]
    return cls(**{name: getattr(record, name) for name in names}, **given)


def _convert(key: str, value: Any, hint: Any) -> Any:
    """``value`` as the type ``hint``, without any conversion that loses something."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        for option in get_args(hint):
            try:
                return _convert(key, value, option)
            except InputError:
                continue
        named = [option for option in get_args(hint) if get_origin(option) is Literal]
        if named and isinstance(value, str):
            return _convert(key, value, named[0])  # refuses it, and names the nearest
    elif origin is Literal:
        if value in get_args(hint):
            return value
        valid = [str(option) for option in get_args(hint)]
        raise InputError(f"the setting {key!r} is {value!r}: {nearest(str(value), valid)}")
    elif origin is tuple:
        if isinstance(value, list | tuple):
            return tuple(_convert(key, item, get_args(hint)[0]) for item in value)
    elif hint is float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    elif hint is Path:
        if isinstance(value, str | Path):
            return Path(value)
    elif isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        if hint is int:
            return whole_number(value, f"the setting {key!r}", least=-LARGEST, most=LARGEST)
        return value
    raise InputError(f"the setting {key!r} is {value!r}, expected {_describe(hint)}")


def _describe(hint: Any) -> str:
    words = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text",
        Path: "a path",
        types.NoneType: "nothing",
    }
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(_describe(option) for option in get_args(hint))
    if get_origin(hint) is tuple:
        return f"a list, each entry {_describe(get_args(hint)[0])}"
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    return words.get(hint, str(hint))
