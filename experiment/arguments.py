"""Command lines: flags in both spellings, one-sentence errors, the options all commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch

from experiment.config import nearest
from experiment.engines import ENGINES, HERE, PROCESSES, RAY, EngineChoice
from experiment.errors import EXIT_BAD_INPUT, InputError
from experiment.files import check_output
from experiment.paths import check_datasets_package


def whole_number(text: str) -> int:
    """A whole number; the type that replaces ``type=int`` in a :class:`Parser`."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, was given {text!r}") from None


def number(text: str) -> float:
    """A finite number; the type that replaces ``type=float`` in a :class:`Parser`."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, was given {text!r}") from None
    if not abs(value) < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a finite number, was given {text!r}")
    return value


def positive_int(text: str) -> int:
    """A whole number from 1 on."""
    if (value := whole_number(text)) < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, was given {text!r}")
    return value


def non_negative_int(text: str) -> int:
    """A whole number from 0 on."""
    if (value := whole_number(text)) < 0:
        raise argparse.ArgumentTypeError(f"expected 0 or more, was given {text!r}")
    return value


def positive_float(text: str) -> float:
    """A number above 0."""
    if (value := number(text)) <= 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, was given {text!r}")
    return value


def non_negative_float(text: str) -> float:
    """A number from 0 on."""
    if (value := number(text)) < 0:
        raise argparse.ArgumentTypeError(f"expected 0 or more, was given {text!r}")
    return value


def share(text: str) -> float:
    """A number from 0 to 1."""
    if not 0 <= (value := number(text)) <= 1:
        raise argparse.ArgumentTypeError(f"expected a share from 0 to 1, was given {text!r}")
    return value


def output_file(text: str) -> Path:
    """A file that can be written, whether or not one is there."""
    try:
        return check_output(Path(text), overwrite=True)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


class Parser(argparse.ArgumentParser):
    """An argument parser whose flags may be written with ``_`` or ``-`` between their words.

    An error is one sentence on standard error and exit code 2; ``--help`` shows every default.
    """

    def __init__(self, *positional: Any, **named: Any) -> None:
        named.setdefault("formatter_class", _HelpFormatter)
        named.setdefault("allow_abbrev", False)
        super().__init__(*positional, **named)
        self.register("type", int, whole_number)
        self.register("type", float, number)

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse, with a hint at the nearest flag where one is unknown."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            flag = unknown[0].partition("=")[0]
            if flag.startswith("-"):
                self.error(f"unknown flag {flag}: {nearest(flag, self._long_flags())}")
            self.error(f"unexpected argument {flag!r}: see --help")
        return parsed

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse after putting every known flag into the spelling it was declared with."""
        spelling = {_dashed(flag): flag for flag in self._long_flags()}
        arguments = list(sys.argv[1:] if args is None else args)
        end = arguments.index("--") if "--" in arguments else len(arguments)
        for position, argument in enumerate(arguments[:end]):
            flag, equals, value = argument.partition("=")
            if flag.startswith("--") and _dashed(flag) in spelling:
                arguments[position] = spelling[_dashed(flag)] + equals + value
        return super().parse_known_args(arguments, namespace)

    def error(self, message: str) -> NoReturn:
        """End the process with one sentence and exit code 2."""
        self.exit(EXIT_BAD_INPUT, f"error: {' '.join(message.split())}\n")

    def _long_flags(self) -> list[str]:
        return [flag for flag in self._option_string_actions if flag.startswith("--")]


def _dashed(flag: str) -> str:
    return flag.replace("_", "-")


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults, but not those that say no more than "not given"."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False:
            return action.help
        return super()._get_help_string(action)


def parser(description: str) -> Parser:
    """A parser for a command that is described in one sentence.

    Raises:
        InputError: another package called ``datasets`` is loaded, so that the command cannot work.
    """
    check_datasets_package()
    return Parser(description=description)


def add_common(target: argparse.ArgumentParser, seed: int = 1) -> None:
    """Add the options that every command has: ``--data_root --device --seed --threads``.

    Args:
        target: the parser.
        seed: default of ``--seed``.
    """
    target.add_argument(
        "--data_root",
        type=Path,
        help="folder with ENAS/, nasbench101/, nasbench201/ … (default: the environment variable "
        "NAS_DATA_ROOT, else datasets/)",
    )
    target.add_argument(
        "--device", default="best", help="cpu, cuda, cuda:1, mps, or best: the best one present"
    )
    target.add_argument("--seed", type=non_negative_int, default=seed, help="seed of the run")
    target.add_argument(
        "--threads",
        type=positive_int,
        help="CPU threads (default: as many as are faster than fewer, measured at the start)",
    )


def add_engine_flags(
    target: argparse.ArgumentParser, workers: int = 1, engine: str | None = None
) -> None:
    """Add where independent work is done: ``--engine --workers``, and what Ray needs.

    Args:
        target: the parser.
        workers: how many there are by default, unless a Ray cluster decides.
        engine: the default; ``None``: this process for one worker, else processes.
    """
    usual = f"default: {engine}" if engine else f"default: {HERE} for 1 worker, else {PROCESSES}"
    target.add_argument(
        "--engine",
        choices=ENGINES,
        help="where it is measured: in this process, in processes of this machine, or on a Ray "
        f"cluster, as docs/cluster.md says ({usual})",
    )
    target.add_argument(
        "--workers",
        type=positive_int,
        help=f"processes of one thread each (default: {workers}; with --engine {RAY} as many as "
        "its CPUs, or GPUs, allow)",
    )
    target.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="head of the Ray cluster (default: RAY_ADDRESS, else Ray is started on this machine)",
    )
    target.add_argument(
        "--cpus_per_task", type=positive_int, help="CPUs that a worker of Ray keeps (default: 1)"
    )
    target.add_argument(
        "--gpus_per_task",
        type=non_negative_float,
        help="GPUs that it keeps (default: 1 where there are GPUs, else 0)",
    )
    target.set_defaults(usual_engine=EngineChoice(engine, workers))


def engine_choice(given: argparse.Namespace) -> EngineChoice:
    """The engine that the flags of :func:`add_engine_flags` choose.

    Raises:
        InputError: they do not go together.
    """
    usual: EngineChoice = given.usual_engine
    name = given.engine or usual.name
    workers = given.workers or (usual.workers if name in (None, PROCESSES) else None)
    return EngineChoice(name, workers, given.address, given.cpus_per_task, given.gpus_per_task)


def best_device(name: str = "best") -> torch.device:
    """The device called ``name``; ``best`` is CUDA, else Apple's MPS, else the CPU.

    Raises:
        InputError: there is no such device here.
    """
    present: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    if name == "best":
        return torch.device(next(kind for kind, check in present.items() if check()))
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in present:
        raise InputError(f"no device is called {name!r}: choose best, cpu, cuda, cuda:N or mps")
    count = torch.cuda.device_count() if device.type == "cuda" else 1
    if not present[device.type]() or (device.index or 0) >= count:
        raise InputError(
            f"the device {name!r} is not present here: --device best takes {best_device()}"
        )
    return device
