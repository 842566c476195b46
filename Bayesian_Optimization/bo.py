"""The published Bayesian optimisation over the latent space of ENAS.

From the repository root::

    PYTHONPATH=$PWD python Bayesian_Optimization/bo.py --random-baseline --seed 1
    PYTHONPATH=$PWD python Bayesian_Optimization/bo.py --estimator surrogate

Of ENAS's networks 19,020 were measured, by weight sharing. The first command searches among them: a
point represents the nearest measured network. The second decodes freely, and what it
reports are the guesses of a predictor that was fitted to measured networks.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence

from Bayesian_Optimization.published import PublishedMethod
from Bayesian_Optimization.published_command import (
    add_published_flags,
    run_published,
)
from experiment.arguments import Parser, parser, positive_int
from experiment.errors import InputError, run_command
from models import MODELS


def make_parser() -> Parser:
    """The command line."""
    flags = parser("The published Bayesian optimisation over the latent space, on ENAS.")
    add_published_flags(flags, "ENAS")
    flags.add_argument(
        "--model", dest="model_name", default="SVGE", choices=list(MODELS), help="the VAE"
    )
    flags.add_argument(
        "--data-name",
        default="final_structures6",
        choices=["final_structures6"],
        help="file of the measured networks",
    )
    flags.add_argument("--data-type", default="ENAS", choices=["ENAS"], help="the space")
    flags.add_argument(
        "--res-dir", dest="log_dir", type=Path, help="folder of the runs (default: runs/bo)"
    )
    flags.add_argument(
        "--save-appendix",
        dest="weights",
        type=Path,
        help="folder of the weights (default: those that are shipped)",
    )
    flags.add_argument("--hs", type=positive_int, help="node width that the weights must have")
    flags.add_argument("--nz", type=positive_int, help="latent width that the weights must have")
    flags.add_argument("--bidirectional", action="store_true", help="SVGE always is; DGMG never")
    flags.add_argument(
        "--predictor",
        action="store_true",
        help="choose by the predicted mean of random points, instead of expected improvement",
    )
    flags.add_argument(
        "--grad-ascent",
        action="store_true",
        help="with --predictor: by where gradient ascent on the prediction leads to",
    )
    flags.add_argument(
        "--random-as-train",
        action="store_true",
        help="label what random points of the box decode to, instead of training networks",
    )
    flags.add_argument(
        "--random-as-test",
        action="store_true",
        help="judge the surrogate on what random points decode to, instead of held-out networks",
    )
    flags.add_argument(
        "--vis-2d", action="store_true", help="draw the chosen networks into a map of the latents"
    )
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, seed after seed."""
    given = make_parser().parse_args(arguments)
    if given.grad_ascent and not given.predictor:
        raise InputError("--grad_ascent climbs what a predictor says: give --predictor as well")
    if given.bidirectional and given.model_name == "DGMG":
        raise InputError("DGMG works in one direction: leave --bidirectional out")
    if given.predictor:
        given.method = PublishedMethod.GRADIENT if given.grad_ascent else PublishedMethod.PREDICTOR
    return run_published(given)


if __name__ == "__main__":
    run_command(main)
