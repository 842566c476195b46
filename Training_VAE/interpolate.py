"""Walk through the latent space of a trained VAE and draw the architectures on the way.

From the repository root::

    python -m Training_VAE.interpolate --model SVGE --data_search_space NB101

encodes two held-out architectures (or those given by ``--from`` and ``--to``), walks along a path
between them and decodes every point with the masks of the space. The folder ``--out`` receives
``interpolation.jsonl``, an architecture a point with its ``position`` and ``latent``, and
``interpolation.png``, where a stretch of equal architectures is drawn once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from analysis.figures import interpolation_strip, save_figure
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.objective import ACCURACY, Objective
from datasets.space import SearchSpace
from experiment.arguments import (
    Parser,
    add_common,
    parser,
    positive_int,
)
from experiment.errors import InputError, run_command
from experiment.files import atomic_path, plain, refuse_existing
from experiment.seeding import seed_everything
from experiment.threads import use_threads
from Training_VAE.interpolation import (
    Paths,
    circle_through,
    decode_most_frequent,
    great_circle,
    line,
    runs,
)
from Training_VAE.measured import find_measured
from Training_VAE.trained import (
    TrainedVAE,
    add_model_flags,
    load_named,
    trained_architectures,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def make_parser() -> Parser:
    """The command line."""
    flags = parser(__doc__.splitlines()[0] if __doc__ else "")
    add_model_flags(flags)
    flags.add_argument(
        "--from",
        dest="start",
        metavar="ARCH",
        help="architecture to start from, in the notation of its space (default: two held-out "
        "ones, drawn by --seed, are the ends)",
    )
    flags.add_argument("--to", dest="end", metavar="ARCH", help="architecture to go to")
    flags.add_argument("--steps", type=positive_int, default=11, help="points, ends included")
    flags.add_argument(
        "--path",
        default="line",
        choices=("line", "great_circle"),
        help="a great circle goes through both and on, back to the first; with --from alone "
        "through a random direction",
    )
    flags.add_argument(
        "--sampled",
        type=positive_int,
        metavar="N",
        help="take the most frequent of N sampled decodings of each point (default: greedy)",
    )
    flags.add_argument(
        "--out", type=Path, help="folder to write to (default: interpolation/ beside the weights)"
    )
    flags.add_argument("--overwrite", action="store_true", help="replace files that are there")
    add_common(flags)
    return flags


def choose_ends(
    trained: TrainedVAE,
    start: str | None,
    end: str | None,
    data_root: Path | None,
    seed: int,
) -> GraphBatch:
    """The given architectures, one or two; two random held-out ones where none is given.

    Raises:
        InputError: only an end is given.
        ArchitectureError: what is given is no architecture of the space.
    """
    space = trained.space
    if start is not None:
        given = [space.canonical(space.parse(text)) for text in (start, end) if text is not None]
        return GraphBatch.from_graphs(given, space.max_nodes)
    if end is not None:
        raise InputError("--to is given without --from: give both, or none for two random ends")
    graphs = trained_architectures(trained, data_root, seed).test
    rows = np.random.default_rng(seed).choice(len(graphs), 2, replace=False)
    return graphs[torch.from_numpy(rows)]


def choose_path(latents: torch.Tensor, path: str, steps: int, seed: int) -> Paths:
    """The path of the flags, through one or two latents. **Shape** (1 or 2, G).

    Raises:
        InputError: a line with one end, or too few steps.
    """
    if len(latents) == 2:
        through = {"line": line, "great_circle": great_circle}[path]
        return through(latents[:1], latents[1:], steps)
    if path == "line":
        raise InputError("a line has two ends: give --to as well, or --path great_circle")
    return circle_through(latents, steps, torch.Generator(latents.device).manual_seed(seed))


@dataclass(frozen=True)
class Walk:
    """The architectures along one path.

    Attributes:
        graphs: decoded at every point.
        hashes: their hashes.
        positions: of the points, 0 to 1.
        latents: the points. **Shape** (S, G).
        values: measured validation values, NaN where they are not known. **Shape** (S,).
        objective: what the values are.
    """

    graphs: list[ArchitectureGraph]
    hashes: list[str]
    positions: list[float]
    latents: torch.Tensor
    values: np.ndarray
    objective: Objective = ACCURACY

    def records(self, space: SearchSpace) -> Iterator[dict[str, object]]:
        """An object of an architecture file for every point."""
        for row, graph in enumerate(self.graphs):
            record = {
                **space.to_record(graph),
                "hash": self.hashes[row],
                "position": self.positions[row],
                "latent": self.latents[row].tolist(),
            }
            if not np.isnan(self.values[row]):
                record["validation"] = float(self.values[row])
                record["objective"] = plain(self.objective)
            yield record

    def strip(self, space: SearchSpace, title: str) -> Figure:
        """The architectures side by side, a stretch of equal ones drawn once."""
        stretches = list(runs(self.hashes))
        known = [self.values[first] for first, _ in stretches]
        labels = ["" if np.isnan(value) else self.objective.text(value) for value in known]
        measured = self.objective.quantity + self.objective.where
        return interpolation_strip(
            [self.graphs[first] for first, _ in stretches],
            space.types,
            [
                (self.positions[first], self.positions[last])
                if last > first
                else self.positions[first]
                for first, last in stretches
            ],
            labels if any(labels) else None,
            title=f"{title}, {measured} below" if any(labels) else title,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write and draw the architectures along a path."""
    given = make_parser().parse_args(arguments)
    use_threads(given.threads)
    seed_everything(given.seed)
    trained = load_named(given)
    model, space = trained.model, trained.space
    out = given.out or trained.folder / "interpolation"
    files = [out / "interpolation.jsonl", out / "interpolation.png"]
    refuse_existing(files, given.overwrite)
    ends = choose_ends(trained, given.start, given.end, given.data_root, given.seed)
    latents = model.encode_all(ends.to(model.device)).flat
    paths = choose_path(latents, given.path, given.steps, given.seed)
    points = paths.points[0]
    if given.sampled:
        generator = torch.Generator(model.device).manual_seed(given.seed)
        decoded = decode_most_frequent(model, points, space, given.sampled, generator)
    else:
        decoded = model.decode_greedily(points, space.legality())

    hashes = space.hashes(decoded).tolist()
    measured = find_measured(space.name, given.data_root)
    known = measured.look_up(hashes) if measured else np.full(len(hashes), np.nan)
    objective = measured.objective if measured else ACCURACY
    walk = Walk(list(decoded), hashes, paths.positions[0].tolist(), points, known, objective)
    path_name = given.path.replace("_", " ")
    with atomic_path(files[0]) as partial:
        lines = [json.dumps(record) + "\n" for record in walk.records(space)]
        partial.write_text("".join(lines), encoding="utf-8")
    title = f"{model.name} on {space.name}, epoch {trained.epoch}: {path_name}"
    save_figure(walk.strip(space, title), files[1])
    print(
        f"{len(hashes)} points along a {path_name}, {len(set(hashes))} architectures: "
        f"{files[0]} and interpolation.png"
    )
    return 0


if __name__ == "__main__":
    run_command(main)
