"""Seconds for 500 decodings of each of 50 latents, and the architecture most of them agree on.

    python benchmarks/decoding.py [--path_state_dict state_dicts/SVGE_NB101] [--out FILE.json]

Both directions are decoded and joined, every decoding is checked for membership, and the most
frequent architecture of each latent is returned, counted up to isomorphism. Latents are those of
encoded cells, and points drawn uniformly from the box of the training latents (the case of
Bayesian optimisation). Beside it, in the same run, the time of as many decodings that are each
generated for themselves, without the legality check and the count: timed on a tenth of them.

The published code needs 63 s for one direction of 25,000 decodings on two such cores (measured at
another time).
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets import get_space
from datasets.batch import GraphBatch, Legality
from experiment.arguments import output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json
from models import Embedding, load_vae
from models.decodings import modal
from models.vae import as_graph_vae

LATENTS, DECODINGS = 50, 500
LIMITS = {"encoded": 1.5, "box": 6.0}
"""Seconds that the masked and the unmasked case must both stay under, on two cores."""
BOX_CELLS = 20_000
"""Cells whose latents span the box."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; 1 if one is missed."""
    command = parser("Time many decodings of many latents.")
    command.add_argument("--path_state_dict", default="SVGE_NB101", help="NB101 weights to decode")
    command.add_argument("--repeats", type=positive_int, default=5)
    command.add_argument("--threads", type=positive_int, help="default: all cores")
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--out", type=output_file, help="JSON file to write")
    options = command.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    environment = describe_environment(seed=options.seed)
    print(json.dumps(environment, indent=2))

    model, space = load_vae(options.path_state_dict), get_space("NB101")
    legality = space.legality()
    points = latents(model, options.seed)
    figures: dict[str, Any] = {"directions": len(as_graph_vae(model).start_types)}
    missed = False
    for place, z in points.items():
        for masked in (False, True):
            figure = measure(model, z, legality, masked, options.repeats, options.seed)
            figures[f"{place}_{'masked' if masked else 'unmasked'}"] = figure
            late = figure["seconds"] > LIMITS[place]
            missed |= late
            print(
                f"{place:8} {'masked  ' if masked else 'unmasked'} {figure['seconds']:6.2f} s "
                f"({'over' if late else 'limit'} {LIMITS[place]} s), {figure['prefixes']:,} "
                f"distinct prefixes, {figure['members']:.1%} members, most frequent "
                f"{figure['modal_share']:.1%}; each for itself {figure['alone_seconds']:.1f} s"
            )
    if options.out:
        write_json(options.out, {**figures, "environment": environment})
    return int(missed)


def latents(model: Embedding, seed: int) -> dict[str, Tensor]:
    """Encoded cells, and uniform points of the box that cells' latents span. **Shape** (50, G)."""
    space = get_space("NB101")
    cells = space.sample(BOX_CELLS, np.random.default_rng(seed))
    encoded = model.encode_all(GraphBatch.from_graphs(cells, space.max_nodes)).flat
    low, high = encoded.amin(0), encoded.amax(0)
    uniform = torch.rand(LATENTS, encoded.shape[1], generator=torch.Generator().manual_seed(seed))
    return {"encoded": encoded[:LATENTS], "box": low + (high - low) * uniform}


def measure(
    model: Embedding, z: Tensor, legality: Legality, masked: bool, repeats: int, seed: int
) -> dict[str, Any]:
    """Medians of several repeats, and what was decoded in the last one."""
    masks = legality if masked else None
    generator = torch.Generator().manual_seed(seed)

    def counted() -> tuple[int, float, float]:
        decodings = model.decode_many(z, DECODINGS, masks, generator)
        found = modal(decodings, legality)
        total = LATENTS * DECODINGS
        return decodings.prefixes, int(found.members.sum()) / total, int(found.count.sum()) / total

    def alone() -> None:
        model.decode_sampled(z.repeat_interleave(DECODINGS // 10, 0), masks, generator)

    prefixes, members, share = counted()
    return {
        "seconds": round(median(counted, repeats), 3),
        "alone_seconds": round(10 * median(alone, 1), 1),
        "prefixes": prefixes,
        "members": round(members, 4),
        "modal_share": round(share, 4),
    }


def median(call: Callable[[], object], repeats: int) -> float:
    """Median seconds of a call."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    run_command(main)
