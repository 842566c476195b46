"""How long a search over the latent space takes to choose the next points.

    python benchmarks/choosing_points.py --threads 2

NB101: with 1,500 measured cells known, 50 new ones are chosen: a sparse Gaussian process with 500
inducing points is fitted, its expected improvement climbed fifty times in the belief of what came
before, 500 decodings of each point are counted up to isomorphism, and what is known or not in the
table gives way to the next most frequent one. So the published experiment chooses; and the suite's
own search over latents with an exact process, which encodes again what it decoded.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets import get_benchmark
from estimators.lookup import LookUp
from experiment.arguments import output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json
from searchers.latent.decoding import Modal
from searchers.latent.methods import trained_latents
from searchers.latent.search import FirstChoices, LatentBO
from searchers.latent.surrogates import LatentSurrogate, Sparse
from searchers.problem import known_rows
from searchers.searcher import Searcher

KNOWN, CHOSEN, DECODINGS = 1_500, 50, 500


def seconds(searcher: Searcher, estimator: LookUp) -> dict[str, Any]:
    """Tell a searcher of random architectures, and let it choose, twice: the second time counts."""
    searcher.tell(list(estimator.measure(searcher.ask(KNOWN - CHOSEN))))
    searcher.tell(list(estimator.measure(searcher.ask(CHOSEN))))
    started = time.perf_counter()
    chosen = searcher.ask(CHOSEN)
    return {"seconds": time.perf_counter() - started, "chosen": len(chosen)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and keep the record."""
    flags = parser("Time the choice of the next points.")
    flags.add_argument("--threads", type=positive_int, default=2)
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument(
        "--out", type=output_file, default=ROOT / "benchmarks" / "results" / "choosing_points.json"
    )
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    table = get_benchmark("NB101", given.data_root)
    domain = known_rows(table)
    latents = trained_latents(domain, Modal(DECODINGS))
    start = KNOWN - CHOSEN
    searchers = {
        "published": LatentBO(
            domain,
            latents,
            surrogate=LatentSurrogate(domain.space, Sparse()),
            choice=FirstChoices(),
            initial=start,
        ),
        "suite": LatentBO(domain, latents, initial=start),
    }
    found = {name: seconds(each, LookUp(table)) for name, each in searchers.items()}
    write_json(given.out, {"results": found, "environment": describe_environment(0)})
    for name, one in found.items():
        print(f"{name}: {one['chosen']} architectures chosen in {one['seconds']:.1f} s")
    return 0


if __name__ == "__main__":
    run_command(main)
