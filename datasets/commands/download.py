"""Fetch published files: the flags and the order of work of ``python -m datasets.download``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from datasets.downloads.part import discard
from datasets.downloads.placement import is_there, put_copy, put_part, unpack
from datasets.downloads.published import PUBLISHED, STATE_DICTS, PublishedFile, published_file
from datasets.downloads.transfer import fetch
from datasets.downloads.verification import VERIFIED, check
from datasets.downloads.web import Connection, check_address
from experiment.arguments import Parser, non_negative_int, parser, positive_float
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT, data_root


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch one file, or take one that was fetched by hand, check it and put it in place."""
    options = _command().parse_args(arguments)
    source = published_file(options.space, options.file)
    checksum = f"sha256:{options.sha256}" if options.sha256 else source.checksum
    folder, target = _places(options, source)
    if not options.overwrite and is_there(options.space, folder, target, checksum):
        print(f"{target} is there already, {VERIFIED}")
        return 0
    if options.from_file is not None:
        remark = check(options.from_file, source, checksum)
        if options.space == STATE_DICTS:
            lines = unpack(options.from_file, folder, options.overwrite, remark)
        else:
            lines = [put_copy(options.from_file, target, remark)]
        print(*lines, sep="\n")
        return 0
    part = _download(options, source, target)
    try:
        remark = check(part, source, checksum)
    except InputError as error:
        discard(part)
        raise InputError(f"{error}; it has been removed") from error
    if options.space == STATE_DICTS:
        lines = unpack(part, folder, options.overwrite, remark)
    else:
        lines = [put_part(part, target, options.overwrite, remark)]
    print(*lines, sep="\n")
    discard(part)
    return 0


def _command() -> Parser:
    command = parser(
        "Fetch the published files of a search space, images to train on, or the published weights."
    )
    command.add_argument("--space", required=True, choices=list(PUBLISHED))
    command.add_argument(
        "--file",
        metavar="NAME",
        help="which file, where a space has several: NB101 nasbench_only108.tfrecord (default) or "
        "nasbench_full.tfrecord, NB201 NAS-Bench-201-v1_0-e61699.pth (default) or "
        "NAS-Bench-201-v1_1-096897.pth; ImageNet16 imagenet-16-120-test-split.txt (default) or one "
        "of train_data_batch_1 to _10 and val_data (with --from)",
    )
    command.add_argument("--data_root", type=Path, help="folder with ENAS/, nasbench101/, …")
    command.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="put it here (default: its place below the data root; weights: state_dicts/published)",
    )
    other = command.add_mutually_exclusive_group()
    other.add_argument(
        "--from", dest="from_file", type=Path, metavar="FILE", help="take a file fetched by hand"
    )
    other.add_argument("--url", type=_address, help="fetch the file from this address")
    other.add_argument(
        "--mirror",
        type=_address,
        metavar="URL",
        help="fetch from a server that has the files in the same places as a data root",
    )
    command.add_argument("--sha256", type=_digits, help="expected instead of the known checksum")
    command.add_argument("--overwrite", action="store_true", help="replace what is there")
    command.add_argument(
        "--proxy",
        type=_address,
        metavar="URL",
        help="proxy for everything (default: http_proxy, https_proxy and no_proxy of the "
        "environment)",
    )
    command.add_argument(
        "--timeout", type=positive_float, default=60.0, help="seconds to wait for a silent server"
    )
    command.add_argument(
        "--retries", type=non_negative_int, default=5, help="tries without progress to repeat"
    )
    return command


def _address(text: str) -> str:
    try:
        return check_address(text, "it")
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _digits(text: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError(f"expected 64 hexadecimal digits, was given {text!r}")
    return text.lower()


def _places(options: argparse.Namespace, source: PublishedFile) -> tuple[Path, Path]:
    """Folder that is filled, and the file in it; of weights, their archive, which goes again."""
    if options.space == STATE_DICTS:
        folder = options.out or REPOSITORY_ROOT / "state_dicts" / "published"
    else:
        folder = options.out or (data_root(options.data_root) / source.place).parent
    return folder, folder / source.name


def _download(options: argparse.Namespace, source: PublishedFile, target: Path) -> Path:
    """Fetch the file; returns the ``.part`` that holds all of it."""
    url = options.url or source.url
    if options.mirror is not None:
        url = f"{options.mirror.rstrip('/')}/{source.place}"
    if url is None:
        raise InputError(
            f"no address of {source.name} is known: give one with --url, or hand the file over "
            f"with --from FILE, fetched by hand (see {source.page})"
        )
    connection = Connection(options.proxy, options.timeout, options.retries)
    try:
        return fetch(url, target, connection)
    except InputError as error:
        raise InputError(
            f"{error} (a file fetched by hand, see {source.page}, is taken with --from FILE; "
            "--url and --mirror name other addresses)"
        ) from error
