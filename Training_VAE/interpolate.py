"""Walk through the latent space of a trained VAE and draw the architectures on the way.

From the repository root::

    python -m Training_VAE.interpolate --model SVGE --data_search_space NB101

encodes two held-out architectures (or those given by ``--from`` and ``--to``), walks along a path
between them and decodes every point with the masks of the space. The folder ``--out`` receives
``interpolation.jsonl``, an architecture a point with its ``position`` and ``latent``, and
``interpolation.png``, where a stretch of equal architectures is drawn once.

``--path grid`` decodes the points of a square grid around one architecture, in a random plane, and
writes ``grid.jsonl``, ``grid.json`` (what was measured: ``docs/protocols.md``) and ``grid.png``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from analysis.figures import interpolation_strip, save_figure
from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from experiment.arguments import (
    Parser,
    add_common,
    parser,
    positive_float,
    positive_int,
)
from experiment.errors import InputError, run_command
from experiment.files import atomic_path, refuse_existing, write_json
from experiment.seeding import seed_everything
from experiment.threads import use_threads
from Training_VAE.decoded_points import DecodedPoints
from Training_VAE.interpolation import (
    Paths,
    circle_through,
    great_circle,
    line,
    runs,
)
from Training_VAE.interpolation_grid import SIZE, SPACING, measure_grid
from Training_VAE.trained import (
    TrainedVAE,
    add_model_flags,
    load_named,
    trained_architectures,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


STEPS = 11
"""Points of a line or circle."""
FILES = {
    "line": ("interpolation.jsonl", "interpolation.png"),
    "great_circle": ("interpolation.jsonl", "interpolation.png"),
    "grid": ("grid.jsonl", "grid.json", "grid.png"),
}
"""What each path leaves in the folder."""


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
    flags.add_argument(
        "--steps", type=positive_int, help=f"points, ends included (default: {STEPS})"
    )
    flags.add_argument(
        "--path",
        default="line",
        choices=tuple(FILES),
        help="a great circle goes through both and on, back to the first; with --from alone "
        "through a random direction; a grid has --from in its centre and two random directions, "
        "orthogonal to each other, drawn by --seed",
    )
    flags.add_argument(
        "--size",
        type=positive_int,
        help=f"points on a side of the grid, an odd number (default: {SIZE})",
    )
    flags.add_argument(
        "--spacing",
        type=positive_float,
        help="Euclidean distance of neighbouring points of the grid, in the units of the latents "
        f"(default: {SPACING})",
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


def check_path_flags(given: Namespace) -> None:
    """Refuse flags of another path, which would change nothing.

    Raises:
        InputError: there is one.
    """
    of_grids = given.path == "grid"
    foreign = {"--to": given.end, "--steps": given.steps}
    owner = "line or great_circle"
    if not of_grids:
        foreign, owner = {"--size": given.size, "--spacing": given.spacing}, "grid"
    if unused := [flag for flag, value in foreign.items() if value is not None]:
        raise InputError(f"{unused[0]} belongs to --path {owner}: leave it out")


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
        decoded: at every point.
        positions: of the points, 0 to 1.
    """

    decoded: DecodedPoints
    positions: list[float]

    def records(self, space: SearchSpace) -> Iterator[dict[str, object]]:
        """An object of an architecture file for every point."""
        return self.decoded.records(space, ({"position": each} for each in self.positions))

    def strip(self, space: SearchSpace, title: str) -> Figure:
        """The architectures side by side, a stretch of equal ones drawn once."""
        stretches = list(runs(self.decoded.hashes))
        firsts = [first for first, _ in stretches]
        labels = self.decoded.labels(firsts)
        return interpolation_strip(
            [self.decoded.graphs[first] for first in firsts],
            space.types,
            [
                (self.positions[first], self.positions[last])
                if last > first
                else self.positions[first]
                for first, last in stretches
            ],
            labels,
            title=f"{title}, {self.decoded.measured} below" if labels else title,
        )


def write_records(path: Path, records: Iterable[Mapping[str, object]]) -> None:
    """Write a file of architectures, one a line."""
    with atomic_path(path) as partial:
        partial.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")


def write_walk(given: Namespace, trained: TrainedVAE, out: Path) -> None:
    """Decode, write and draw the architectures along a line or circle."""
    model, space = trained.model, trained.space
    ends = choose_ends(trained, given.start, given.end, given.data_root, given.seed)
    latents = model.encode_all(ends.to(model.device)).flat
    paths = choose_path(latents, given.path, given.steps or STEPS, given.seed)
    decoded = DecodedPoints.of(
        model, space, paths.points[0], given.data_root, given.sampled, given.seed
    )
    walk = Walk(decoded, paths.positions[0].tolist())
    path_name = given.path.replace("_", " ")
    file = out / "interpolation.jsonl"
    write_records(file, walk.records(space))
    title = f"{model.name} on {space.name}, epoch {trained.epoch}: {path_name}"
    save_figure(walk.strip(space, title), out / "interpolation.png")
    print(
        f"{len(decoded.hashes)} points along a {path_name}, {len(set(decoded.hashes))} "
        f"architectures: {file} and interpolation.png"
    )


def write_grid(given: Namespace, trained: TrainedVAE, out: Path) -> None:
    """Decode, write and draw the architectures on a grid around one of them."""
    centre = choose_ends(trained, given.start, None, given.data_root, given.seed)[:1]
    result = measure_grid(
        trained,
        centre,
        size=given.size or SIZE,
        spacing=given.spacing or SPACING,
        sampled=given.sampled,
        seed=given.seed,
        data_root=given.data_root,
    )
    file = out / "grid.jsonl"
    write_records(file, result.records(trained.space))
    write_json(out / "grid.json", result.measures)
    save_figure(result.figure(trained.space), out / "grid.png")
    print(f"{result.measures.sentence()}: {file}, grid.json and grid.png")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write and draw the architectures along a path, or on a grid."""
    given = make_parser().parse_args(arguments)
    check_path_flags(given)
    use_threads(given.threads)
    seed_everything(given.seed)
    trained = load_named(given)
    out = given.out or trained.folder / "interpolation"
    refuse_existing([out / name for name in FILES[given.path]], given.overwrite)
    write = write_grid if given.path == "grid" else write_walk
    write(given, trained, out)
    return 0


if __name__ == "__main__":
    run_command(main)
