"""Draw the latent space of a trained VAE, coloured by what was measured.

``python -m Training_VAE.latent_map --model SVGE --data_search_space NB101`` projects the latents of
all architectures to their two principal components. It takes the latent file beside the weights,
and makes it first where it is absent. Without measurements the colour is the number of 3×3
convolutions. ``--dataset`` names the data set of the colours, where a space was measured on
several; of more than one the map has a panel each.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.figures import SUFFIXES, latent_map, save_figure
from analysis.latent_panels import latent_grid
from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.latent_files import METRIC, load_latents, objective_of, save_latents
from datasets.objective import SHARE, Objective
from datasets.registry import find_benchmark, get_benchmark
from datasets.space import SearchSpace
from experiment.arguments import add_common, parser
from experiment.errors import InputError, run_command
from experiment.files import check_output
from experiment.threads import use_threads
from Training_VAE.latents import (
    latent_table,
)
from Training_VAE.trained import (
    TrainedVAE,
    add_model_flags,
    load_named,
    trained_architectures,
)


def draw_map(
    trained: TrainedVAE, table: dict[str, np.ndarray], data_root: Path | None, seed: int, out: Path
) -> Path:
    """Draw latents: validation values where known, else what the graphs tell.

    Args:
        trained: the weights that the latents are of.
        table: of :func:`datasets.latent_files.load_latents`.
        data_root: where the benchmark's files are.
        seed: of the split, where no training tells it.
        out: picture to write.
    """
    values = table.get(METRIC + "validation")
    maximise = True
    if values is None or np.isnan(values).all():
        graphs = trained_architectures(trained, data_root, seed).graphs
        values, label = _told_by_the_graphs(graphs, trained.space)
    else:
        objective = objective_of(table, "validation")
        label, maximise = _label(objective), objective.maximise
    title = f"{len(table['hash']):,} {trained.space.name} architectures in the latent space"
    figure = latent_map(table["mean"], values, label=label, title=title, maximise=maximise)
    return save_figure(figure, out)


def draw_measured(
    space: SearchSpace, table: dict[str, np.ndarray], benchmarks: Sequence[Benchmark], out: Path
) -> Path:
    """Draw latents in the colours of validation values, a panel for each benchmark.

    Args:
        space: of the latents.
        table: of :func:`datasets.latent_files.load_latents`.
        benchmarks: of the space, one a data set.
        out: picture to write.
    """
    panels = {each.dataset: _validation(each, table["hash"]) for each in benchmarks}
    objective = benchmarks[0].objective("validation")
    title = f"{len(table['hash']):,} {space.name} architectures in the latent space"
    if len(benchmarks) > 1:
        title += f", by {_label(replace(objective, dataset=None))}"
        figure = latent_grid(table["mean"], panels, title=title, maximise=objective.maximise)
    else:
        (values,) = panels.values()
        label, maximise = _label(objective), objective.maximise
        figure = latent_map(table["mean"], values, label=label, title=title, maximise=maximise)
    return save_figure(figure, out)


def _validation(benchmark: Benchmark, hashes: np.ndarray) -> np.ndarray:
    """Mean validation values of architectures, NaN where there is none. **Shape** (R,)."""
    return np.append(benchmark.metric("validation").mean(), np.nan)[benchmark.rows(hashes)]


def _label(objective: Objective) -> str:
    """What values are, of which data set, and their unit; shares are drawn as 0 to 1."""
    measured = objective.quantity + objective.where
    unit = None if objective.unit == SHARE else objective.unit
    return f"{measured}, {unit}" if unit else measured


def _told_by_the_graphs(graphs: GraphBatch, space: SearchSpace) -> tuple[np.ndarray, str]:
    """A number for each graph to colour it by: 3×3 convolutions, or nodes where there are none."""
    kinds = [k for k, name in enumerate(space.types) if "conv" in name and "3x3" in name]
    if not kinds:
        return graphs.num_nodes.numpy().astype(float), "number of nodes"
    return (graphs.types == kinds[0]).sum(1).numpy().astype(float), "number of 3×3 convolutions"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the latents where they are absent, and draw them."""
    flags = parser("Draw the latent space of a trained VAE, coloured by what was measured.")
    add_model_flags(flags)
    flags.add_argument("--latents", type=Path, help="latent file (default: beside the weights)")
    flags.add_argument(
        "--out", type=Path, help="picture (default: figures/latent_map.png beside the weights)"
    )
    flags.add_argument(
        "--dataset",
        nargs="+",
        help="data sets of the colours, where there are several (NB201, NAS_BENCH_GRAPH)",
    )
    flags.add_argument("--overwrite", action="store_true", help="replace a picture that is there")
    add_common(flags)
    given = flags.parse_args(arguments)
    use_threads(given.threads)

    trained = load_named(given)
    if given.latents and not given.latents.exists():
        raise InputError(
            f"there is no latent file {str(given.latents)!r}: leave out --latents to have it made"
        )
    out = given.out or trained.folder / "figures" / "latent_map.png"
    check_output(out, *SUFFIXES, overwrite=given.overwrite)
    benchmarks = [
        get_benchmark(trained.space.name, given.data_root, dataset=dataset)
        for dataset in given.dataset or ()
    ]
    beside = trained.folder / f"{trained.space.name}_latent_epoch{trained.epoch}.npz"
    source = given.latents or beside
    if not source.exists():
        architectures = trained_architectures(trained, given.data_root, given.seed)
        benchmark = find_benchmark(trained.space.name, given.data_root)
        save_latents(source, latent_table(trained.model, architectures, benchmark))
    table = load_latents(source)
    if given.dataset:
        print(draw_measured(trained.space, table, benchmarks, out))
    else:
        print(draw_map(trained, table, given.data_root, given.seed, out))
    return 0


if __name__ == "__main__":
    run_command(main)
