"""Look one architecture up: the flags of ``python -m datasets.query``."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

from datasets.commands.form_flag import add_form_flag
from datasets.convert import parse
from datasets.query import describe, look_up
from datasets.registry import BENCHMARKS, get_benchmark
from experiment.arguments import parser
from experiment.errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was measured of one architecture."""
    command = parser("Look an architecture up in a benchmark.")
    command.add_argument("--space", required=True, choices=list(BENCHMARKS))
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--hash", type=hash_digits, help="hash of the architecture")
    which.add_argument("--arch", help="the architecture, in the official notation or as JSON")
    add_form_flag(command, "--arch")
    command.add_argument(
        "--dataset", help="data set, where there are several (NB201, NAS_BENCH_GRAPH)"
    )
    command.add_argument("--epochs", type=int, help="training budget, where there are several")
    command.add_argument("--source", help="name or path of the file to read")
    command.add_argument("--data_root", type=Path, help="folder with ENAS/, nasbench101/, …")
    command.add_argument("--json", action="store_true", help="one JSON object")
    options = command.parse_args(arguments)
    choices = {name: getattr(options, name) for name in ("dataset", "epochs", "source")}
    if options.arch_form is not None and options.arch is None:
        raise InputError("--arch_form says how --arch is written: give the architecture by --arch")
    benchmark = get_benchmark(options.space, options.data_root, **choices)
    arch = options.arch
    if options.arch_form is not None:
        graph = parse(benchmark.space, options.arch_form, arch, options.data_root)
        arch = benchmark.space.format(graph)
    answer = look_up(benchmark, hash_=options.hash, arch=arch)
    print(json.dumps(answer) if options.json else describe(answer, benchmark, options.arch))
    return 0


def hash_digits(text: str) -> str:
    """A hash as the command line takes it: 32 hexadecimal digits, in either case."""
    if not re.fullmatch("[0-9a-fA-F]{32}", text):
        raise argparse.ArgumentTypeError(f"expected 32 hexadecimal digits, was given {text!r}")
    return text
