"""Measurements that were made once and are not made again."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from experiment.checks import shown
from experiment.errors import InputError
from experiment.files import plain

_TABLES = """
CREATE TABLE IF NOT EXISTS settings (digest TEXT PRIMARY KEY, settings TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS measurements (
    digest TEXT NOT NULL, hash TEXT NOT NULL, figures TEXT NOT NULL, PRIMARY KEY (digest, hash)
) WITHOUT ROWID;
"""
_HASHES_AT_ONCE = 500
"""Hashes a query; SQLite takes at least 999 parameters."""
_PATIENCE = 60.0
"""Seconds to wait for another process that is writing."""


class Store:
    """Figures by an architecture's hash and by the settings that they were measured with.

    A file of SQLite: what was put into it survives a kill, and several
    processes may use it at once.

    Args:
        path: the file; it is made if it is absent.

    Raises:
        InputError: the file cannot be made or opened, or is something else.
    """

    def __init__(self, path: str | Path) -> None:
        if not isinstance(path, str | Path) or not str(path):
            raise InputError(f"the store of measurements is {shown(path)}, expected a file's name")
        self.path = Path(path)
        with self._connection() as connection:
            connection.executescript(_TABLES)

    def get(self, settings: Mapping[str, Any], hash: str) -> dict[str, Any] | None:
        """The figures of the architecture whose hash is ``hash``, ``None`` if there are none."""
        return self.get_some(settings, [hash]).get(hash)

    def get_some(
        self, settings: Mapping[str, Any], hashes: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """Hash → figures of those of ``hashes`` that were measured; no other row is read."""
        key = digest(settings)
        found: dict[str, dict[str, Any]] = {}
        with self._connection() as connection:
            for start in range(0, len(hashes), _HASHES_AT_ONCE):
                some = hashes[start : start + _HASHES_AT_ONCE]
                places = ", ".join("?" * len(some))
                query = (
                    "SELECT hash, figures FROM measurements "
                    f"WHERE digest = ? AND hash IN ({places})"
                )
                rows = connection.execute(query, (key, *some))
                found |= {hash: json.loads(figures) for hash, figures in rows}
        return found

    def get_all(self, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Hash → figures of everything that was measured with these settings."""
        query = "SELECT hash, figures FROM measurements WHERE digest = ?"
        with self._connection() as connection:
            rows = connection.execute(query, (digest(settings),)).fetchall()
        return {hash: json.loads(figures) for hash, figures in rows}

    def put(self, settings: Mapping[str, Any], hash: str, figures: Mapping[str, Any]) -> None:
        """Keep the figures of an architecture; they are on the disk when this returns.

        Raises:
            InputError: they cannot be written, as when the disk is full.
        """
        if not isinstance(hash, str) or not isinstance(figures, Mapping):
            raise InputError(
                f"the store keeps figures by an architecture's hash, not {shown(figures)} by "
                f"{shown(hash)}: give the hash, then the figures by their names"
            )
        key, text = digest(settings), _text(settings)
        with self._connection() as connection:
            connection.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", (key, text))
            connection.execute(
                "INSERT OR REPLACE INTO measurements VALUES (?, ?, ?)", (key, hash, _text(figures))
            )

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are all made when the block ends, or none of them."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=_PATIENCE)) as connection, connection:
                yield connection
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise InputError(
                f"the store of measurements {str(self.path)!r} cannot be used ({reason}): "
                "name another file, or make room there"
            ) from error


def digest(settings: Mapping[str, Any]) -> str:
    """A name for settings, the same for equal ones in any order."""
    return hashlib.sha256(_text(settings).encode()).hexdigest()


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, allow_nan=False)
