"""What has arrived of a download, and of which version of the file on the server it is."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from http.client import HTTPResponse
from pathlib import Path

from experiment.errors import InputError
from experiment.files import read_json, write_json


def part_of(target: Path) -> Path:
    """Where what has arrived of ``target`` lies."""
    return target.with_name(target.name + ".part")


def discard(part: Path) -> None:
    """Remove a ``.part`` and what belongs to it."""
    part.unlink(missing_ok=True)
    _note_of(part).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Version:
    """What tells one version of a file on a server from another.

    Attributes:
        url: address that was requested.
        etag: the server's name for the version.
        modified: its date, as the server writes it.
        total: bytes of the whole file, where the server says.
    """

    url: str
    etag: str | None = None
    modified: str | None = None
    total: int | None = None

    @classmethod
    def of(cls, response: HTTPResponse, url: str) -> Version:
        """The version that an answer is about."""
        headers = response.headers
        if response.status == 200:
            size = re.fullmatch(r"\s*(\d+)\s*", headers.get("Content-Length", ""))
        else:
            size = re.fullmatch(r"\s*bytes .*/(\d+)\s*", headers.get("Content-Range", ""))
        total = int(size[1]) if size else None
        return cls(url, headers.get("ETag"), headers.get("Last-Modified"), total)

    @property
    def recognisable(self) -> bool:
        """Whether anything is known that another version would have different."""
        return any(value is not None for value in (self.etag, self.modified, self.total))

    def differs_from(self, other: Version) -> bool:
        """Whether something that is known of both is not the same."""
        pairs = [
            (self.etag, other.etag),
            (self.modified, other.modified),
            (self.total, other.total),
        ]
        return any(a is not None and b is not None and a != b for a, b in pairs)


class Part:
    """What has arrived of a file, and of which version.

    Attributes:
        path: the file.
        size: its bytes.
    """

    def __init__(self, path: Path, handle: io.FileIO) -> None:
        self.path = path
        self._handle = handle
        self.size = handle.seek(0, 2)
        self._version = self._noted()

    def is_complete(self, url: str) -> bool:
        """Whether nothing of the file is missing."""
        version = self._version
        if not self.size or version is None or version.url != url:
            return False
        return version.total == self.size

    def version_to_continue(self, url: str) -> Version | None:
        """The version that can be resumed; ``None`` if the download has to start anew."""
        version = self._version
        if not self.size or version is None or version.url != url or not version.recognisable:
            return None
        return version

    def begin(self, version: Version) -> None:
        """Forget what has arrived, and note of which version the rest will be."""
        self._handle.seek(0)
        self._handle.truncate()
        self.size = 0
        self._note(version)

    def write(self, block: bytes) -> None:
        """Append to the file."""
        rest = memoryview(block)
        try:
            while rest:
                written = self._handle.write(rest)
                rest = rest[written:]
                self.size += written
        except OSError as error:
            raise InputError(
                f"cannot write {str(self.path)!r}: {error.strerror or error}; make room there, or "
                "choose another place"
            ) from error

    def finish(self) -> None:
        """Note that nothing is missing."""
        if self._version is not None and self._version.total != self.size:
            self._note(replace(self._version, total=self.size))

    def _note(self, version: Version) -> None:
        write_json(_note_of(self.path), asdict(version))
        self._version = version

    def _noted(self) -> Version | None:
        with suppress(InputError, TypeError):
            return Version(**read_json(_note_of(self.path)))
        return None


@contextmanager
def open_part(path: Path) -> Iterator[Part]:
    """Open a ``.part``, for one process only; one that stays empty is removed in the end.

    Raises:
        InputError: it cannot be written, or another process writes it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("ab", buffering=0)
    except OSError as error:
        raise InputError(
            f"cannot write {str(path)!r}: {error.strerror or error}; choose another place"
        ) from error
    with handle:
        _lock(handle, path)
        part = Part(path, handle)
        try:
            yield part
        finally:
            if not part.size:
                discard(path)


def _lock(handle: io.FileIO, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no such signals
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise InputError(
            f"{str(path)!r} is being written by another download: wait for it, or end it"
        ) from error


def _note_of(part: Path) -> Path:
    return part.with_name(part.name + ".json")
