"""Whether a file is the published one: its checksum, and what its format says."""

from __future__ import annotations

import hashlib
from pathlib import Path

from datasets.downloads.pages import is_page
from datasets.downloads.published import PublishedFile
from datasets.downloads.transfer import MEGABYTE
from experiment.errors import InputError
from experiment.progress import progress

VERIFIED = "with the expected checksum"
_BLOCK = 1 << 20


def check(path: Path, source: PublishedFile, checksum: str | None) -> str:
    """Compare a file with what is known of the published one; returns a remark on it.

    Raises:
        InputError: it cannot be read, or is another file or a damaged one.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_BLOCK)
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    if is_page(head):
        raise InputError(f"{str(path)!r} is a web page, expected {source.name}")
    if checksum is not None and (found := digest_like(path, checksum)) != checksum:
        raise InputError(
            f"{str(path)!r} is not the published {source.name} or damaged: it has {found}, "
            f"expected {checksum} (--sha256 gives another)"
        )
    source.check(path)
    if checksum is not None:
        return VERIFIED
    return f"{digest_like(path, 'sha256:')}, and no checksum is known to compare it with"


def digest_like(path: Path, checksum: str) -> str:
    """The checksum of a file, by the algorithm of another one."""
    algorithm = checksum.partition(":")[0]
    digest = hashlib.new(algorithm, usedforsecurity=False)
    shown = 0
    with (
        path.open("rb") as file,
        progress(path.stat().st_size // MEGABYTE, f"checking {path.name}", "MB") as bar,
    ):
        while block := file.read(_BLOCK):
            digest.update(block)
            bar.advance(file.tell() // MEGABYTE - shown)
            shown = file.tell() // MEGABYTE
    return f"{algorithm}:{digest.hexdigest()}"
