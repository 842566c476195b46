"""Downloads that resume where they were interrupted.

What has arrived of a file lies beside its place as ``<name>.part``, with ``<name>.part.json``
that says which version of which file it is. It is continued (HTTP ``Range``) only if the server
still has that version: its ``ETag``, its date and its size are compared, and a strong ``ETag`` is
sent along (``If-Range``), so that the server itself sends the whole of a changed file (RFC 9110,
sections 13 and 14).
"""

from __future__ import annotations

import math
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPException, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import NoReturn

from datasets.downloads.pages import confirmed_address, drive_address, is_page, page_title
from datasets.downloads.part import Part, Version, open_part, part_of
from datasets.downloads.web import (
    HTML_LIMIT,
    RANGE_NOT_SATISFIABLE,
    Connection,
    Interrupted,
    Session,
    described,
)
from experiment.errors import InputError
from experiment.progress import progress

MEGABYTE = 1_000_000
LONGEST_WAIT = 60.0
"""Seconds between two tries, at most."""
_BLOCK = 1 << 14
_HEAD = 512
_REQUESTS = 4


def fetch(url: str, target: Path, connection: Connection) -> Path:
    """Download a file to its ``.part``; the caller checks it and puts it in place.

    Args:
        url: its address; a link to Google Drive is followed through the pages that Drive shows.
        target: where the file will be. Missing folders are made.
        connection: how to reach the server.

    Returns:
        The complete ``.part``. :func:`datasets.downloads.part.discard` removes what belongs to it.

    Raises:
        InputError: the file cannot be had, or not be written; what has arrived is kept, and the
            message says so.
    """
    url = drive_address(url) or url
    session = Session(connection)
    with open_part(part_of(target)) as part:
        failures, most = 0, part.size
        try:
            while not part.is_complete(url):
                try:
                    _receive(session, url, part, target.name)
                except Interrupted as error:
                    failures = 1 if part.size > most else failures + 1
                    most = max(most, part.size)
                    if failures > connection.retries:
                        times = (
                            f" (tried {failures} times without progress)" if failures > 1 else ""
                        )
                        raise InputError(f"{error}{times}") from error
                    time.sleep(min(connection.first_wait * 2 ** (failures - 1), LONGEST_WAIT))
        except InputError as error:
            if not part.size:
                raise
            raise InputError(
                f"{error}; the first {in_megabytes(part.size)} are kept in {str(part.path)!r}, "
                "and the same command continues from there"
            ) from error
    return part.path


def check_room(folder: Path, needed: int) -> None:
    """Make sure that ``needed`` more bytes fit on the disk of ``folder``.

    Raises:
        InputError: they do not.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise InputError(
            f"the disk of {str(folder)!r} has {in_megabytes(free)} free and "
            f"{in_megabytes(needed)} are needed: make room, or choose another place"
        )


def in_megabytes(size: int) -> str:
    """A number of bytes for people."""
    return f"{size:,} bytes" if size < MEGABYTE else f"{size / MEGABYTE:,.1f} MB"


def _receive(session: Session, url: str, part: Part, name: str) -> None:
    """Ask once for what is missing and store it.

    Raises:
        Interrupted: something is still missing.
        InputError: another try would not help.
    """
    known = part.version_to_continue(url)
    response, head = _ask(session, url, part.size, known)
    with response:
        version = Version.of(response, url)
        if response.status == RANGE_NOT_SATISFIABLE:
            # All of it is there where the size announced at first was too large.
            same = known is not None and not version.differs_from(replace(known, total=None))
            if same and version.total == part.size:
                part.finish()
                return
            _begin_anew(part, url, "has become shorter than what has arrived of it")
        if response.status == 206:
            where = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", "").strip())
            if where is None or int(where[1]) != part.size:
                _begin_anew(part, url, "sent another part than was requested")
            if known is None or version.differs_from(known):
                _begin_anew(part, url, "has changed since its first part was fetched")
        else:
            part.begin(version)
        missing = None if version.total is None else version.total - part.size
        check_room(part.path.parent, missing or 0)
        _store(response, head, part, missing, name)
    if version.total is not None and part.size != version.total:
        raise Interrupted(
            f"{url} ended after {part.size:,} bytes, {version.total:,} were announced"
        )
    if not part.size:
        raise Interrupted(f"{url} sent an empty file")
    part.finish()


def _begin_anew(part: Part, url: str, reason: str) -> NoReturn:
    part.begin(Version(url))
    raise Interrupted(f"{url} {reason}")


def _ask(
    session: Session, url: str, offset: int, known: Version | None
) -> tuple[HTTPResponse, bytes]:
    """The answer that brings data, and the beginning of it, which had to be looked at.

    Raises:
        Interrupted: there was none, this time.
        InputError: a web page came instead, or the server refuses.
    """
    headers = {}
    if known is not None:
        headers["Range"] = f"bytes={offset}-"
        if known.etag and not known.etag.startswith("W/"):  # weak ones are not for ranges
            headers["If-Range"] = known.etag
    on_drive = drive_address(url) is not None
    # Drive's first answer is often a page, of which no part is requested.
    address, in_part = url, not on_drive
    for _ in range(_REQUESTS):
        response = session.get(address, headers if in_part else {})
        if response.status != 200:
            return response, b""
        head = _read(response, _HEAD)
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            response.close()
            raise InputError(f"{url} is sent in the encoding {encoding!r}, which was not requested")
        if is_page(head):
            with response:
                head += _read(response, HTML_LIMIT)
            further = confirmed_address(head, address, session.cookies) if on_drive else None
            if further is None:
                break
            address = further
        elif in_part or not headers:
            return response, head
        else:
            response.close()  # it was the file at once: ask for what is missing of it
        in_part = True
    title = page_title(head)
    raise InputError(
        f"{url} sent a web page{f' ({title[:200]})' if title else ''} instead of the file"
    )


def _store(response: HTTPResponse, head: bytes, part: Part, missing: int | None, name: str) -> None:
    """Write the answer's body to the end of the part, with a bar in megabytes."""
    first = part.size
    shown = 0
    with progress(
        None if missing is None else math.ceil(missing / MEGABYTE),
        f"the rest of {name}" if first else name,
        "MB",
    ) as bar:
        part.write(head)
        for block in _blocks(response):
            part.write(block)
            arrived = (part.size - first) // MEGABYTE
            if arrived > shown:
                bar.advance(arrived - shown)
                shown = arrived


def _blocks(response: HTTPResponse) -> Iterator[bytes]:
    """What is left of an answer, in pieces.

    Raises:
        Interrupted: the connection broke, after everything that came has been given.
    """
    while True:
        try:
            block = response.read(_BLOCK)
        except (OSError, HTTPException) as error:
            if isinstance(error, IncompleteRead):
                yield error.partial
            raise _broken(response, error) from error
        if not block:
            return
        yield block


def _read(response: HTTPResponse, amount: int) -> bytes:
    """The next bytes of an answer; fewer at its end.

    Raises:
        Interrupted: the connection broke.
    """
    try:
        return response.read(amount)
    except (OSError, HTTPException) as error:
        raise _broken(response, error) from error


def _broken(response: HTTPResponse, error: Exception) -> Interrupted:
    return Interrupted(f"the connection to {response.geturl()} broke ({described(error)})")
