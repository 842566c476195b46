"""Flags that every search has, and what they decide."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from datasets.registry import SPACES
from experiment.arguments import Parser, non_negative_int, positive_int
from experiment.paths import REPOSITORY_ROOT
from searchers.initial_design import INITIAL, INITIAL_OF

RUNS = REPOSITORY_ROOT / "runs" / "search"


def add_search_flags(flags: Parser) -> None:
    """Add what to search, for how long, and where it is written."""
    flags.add_argument("--space", default="DIGITS101", choices=list(SPACES), help="search space")
    flags.add_argument(
        "--dataset", help="data set, where there are several (NB201, NAS_BENCH_GRAPH)"
    )
    flags.add_argument("--queries", type=positive_int, default=150, help="measurements in all")
    flags.add_argument(
        "--initial",
        type=positive_int,
        help=f"random architectures to begin with (default: {INITIAL}, of transfer_bo "
        f"{INITIAL_OF['transfer_bo']}, or as many as there are queries)",
    )
    flags.add_argument(
        "--batch", type=positive_int, default=1, help="architectures proposed together"
    )
    add_run_flags(flags, named="made of the settings", folders="ENAS/, nasbench101/")
    flags.add_argument("--seed", type=non_negative_int, default=0, help="of the search")
    flags.add_argument("--threads", type=positive_int, help="CPU threads of PyTorch")


def add_run_flags(flags: Parser, *, named: str, folders: str) -> None:
    """Add where a search is written and its data are, and how it is resumed and reported.

    Args:
        flags: of the command.
        named: how the run's folder is called by default.
        folders: some of those in ``--data_root``.
    """
    flags.add_argument("--name", help=f"name of the run's folder (default: {named})")
    flags.add_argument("--log_dir", type=Path, default=RUNS, help="where the run's folder lies")
    flags.add_argument("--resume", action="store_true", help="resume the run that is there")
    flags.add_argument("--json", action="store_true", help="print the result as one JSON object")
    flags.add_argument(
        "--data_root",
        type=Path,
        help=f"folder with {folders} … (default: NAS_DATA_ROOT, else datasets/)",
    )


def run_place(given: Namespace, *words: str | None) -> Path:
    """The run's folder: the name that was given, or one made of the settings."""
    named = "_".join(word for word in (given.space, given.dataset, *words) if word)
    return given.log_dir / (given.name or f"{named}_seed{given.seed}")
