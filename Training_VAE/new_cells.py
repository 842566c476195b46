"""Decode new cells from the latent space, and train them on handwritten digits.

``python -m Training_VAE.new_cells --data_search_space DIGITS101`` draws points from the normal
distribution fitted to the training's latents, decodes them, leaves out the cells that the VAE was
trained on, and measures the first few others as the cells of DIGITS101 were measured: seconds
each. ``new_cells.jsonl`` and ``figures/new_cells.png`` are left beside the weights.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence

import torch

from analysis.figures import gallery, save_figure
from datasets import get_space
from datasets.graph import ArchitectureGraph
from datasets.registry import SPACES
from datasets.space import SearchSpace
from estimators.digits101 import SPACE, describe, describe_table_row, estimator
from estimators.measurement import Measurement
from experiment.arguments import add_common, parser, positive_int
from experiment.errors import InputError, run_command
from experiment.files import atomic_path, refuse_existing
from Training_VAE.data import Architectures
from Training_VAE.latents import encode_with_progress
from Training_VAE.prior import DiagonalNormal
from Training_VAE.trained import (
    TrainedVAE,
    add_model_flags,
    load_named,
    trained_architectures,
)

POINTS, ROUNDS = 64, 20
"""Points that are drawn and decoded at once, and how often that is tried."""


def has_cells(space: SearchSpace) -> bool:
    """Whether a space's architectures are such as were measured on the digits."""
    return space.family == get_space(SPACE).family


def new_cells(
    trained: TrainedVAE, architectures: Architectures, count: int, seed: int
) -> list[ArchitectureGraph]:
    """Cells that points of the latent space decode to and that were not trained on.

    Args:
        trained: the VAE.
        architectures: of its training.
        count: how many cells.
        seed: of the points.

    Raises:
        InputError: the points drawn do not decode to so many.
    """
    known = set(architectures.hashes[architectures.split.train].tolist())
    latents = encode_with_progress(trained.model, architectures.train).flat
    prior = DiagonalNormal.fit(latents.to(trained.model.device))
    generator = torch.Generator(trained.model.device).manual_seed(seed)
    legality = trained.space.legality()
    found: dict[str, ArchitectureGraph] = {}
    for _ in range(ROUNDS):
        points = prior.sample(POINTS, generator)
        decoded = trained.model.decode_sampled(points, legality, generator).to("cpu")
        member = torch.from_numpy(trained.space.legal(decoded))
        for graph in decoded[member]:
            hash = trained.space.hash(graph)
            if hash not in known:
                found.setdefault(hash, trained.space.canonical(graph))
        if len(found) >= count:
            return list(found.values())[:count]
    raise InputError(
        f"{POINTS * ROUNDS:,} points of the latent space decode to {len(found)} cells that were "
        f"not trained on, {count} were requested: ask for fewer"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Decode, train, and print the results."""
    flags = parser("Decode new cells from the latent space and train them on handwritten digits.")
    add_model_flags(flags)
    flags.add_argument("--count", type=positive_int, default=3, help="how many cells")
    flags.add_argument("--overwrite", action="store_true", help="replace files that are there")
    add_common(flags)
    given = flags.parse_args(arguments)
    if not has_cells(get_space(given.data_search_space)):
        others = [name for name in SPACES if has_cells(get_space(name))]
        raise InputError(
            f"architectures of {given.data_search_space} are no cells of NAS-Bench-101: "
            f"the digits were made for those of {' and '.join(others)}"
        )
    trained = load_named(given)
    out = trained.folder / "new_cells.jsonl"
    refuse_existing([out], given.overwrite, "keep the cells that are there")
    architectures = trained_architectures(trained, given.data_root, given.seed)
    cells = new_cells(trained, architectures, given.count, given.seed)
    torch.set_num_threads(1)  # as the table was measured
    measured: list[Measurement] = []
    for measurement in estimator().measure(cells):
        print(f"new cell {trained.space.format(measurement.architecture)}")
        print(describe(measurement, seed=0))
        if (row := describe_table_row(measurement.architecture)) is not None:
            print(row)
        measured.append(measurement)
    with atomic_path(out) as partial:
        lines = "".join(one.to_json(trained.space) + "\n" for one in measured)
        partial.write_text(lines, encoding="utf-8")
    titles = [f"test {one.test:.1%}" if one.test is not None else one.status for one in measured]
    drawn = [one.architecture for one in measured]
    picture = save_figure(
        gallery(drawn, trained.space.types, titles, title="New cells, trained on the digits"),
        trained.folder / "figures" / "new_cells.png",
    )
    print(f"{out}\n{picture}")
    return 0 if all(one.ok for one in measured) else 2


if __name__ == "__main__":
    run_command(main)
