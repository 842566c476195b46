"""What governs the uniqueness of decodings from the prior, and what it costs.

    python benchmarks/uniqueness.py --weights FOLDER [FOLDER ...] [--data_search_space ENAS]
        [--seeds 1 2 3] [--data_root FOLDER] [--out benchmarks/results/uniqueness_enas.json]

The weights in the first folder are measured with every setting of :data:`SWEEP`, those in the
others with those of :data:`TRADE_OFF`; greedy and sampled reconstruction once for each
folder and temperature. Masks are off, products are in float32. What ``--out`` holds already is not
measured again: a command that was stopped goes on when it is repeated, and folders and seeds can
be added. A figure is drawn beside it, under the same name.
"""

from __future__ import annotations

import dataclasses
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch

from analysis.figures import save_figure
from benchmarks.uniqueness_figure import uniqueness_figure
from benchmarks.uniqueness_summary import recommended, summaries
from datasets.registry import SPACES
from experiment.arguments import (
    Parser,
    best_device,
    non_negative_int,
    output_file,
    parser,
    positive_int,
)
from experiment.environment import describe_environment
from experiment.errors import InputError, run_command
from experiment.files import plain, read_json, sha256, write_json
from models import MODELS
from models.checkpoints import checkpoint_path
from Training_VAE.data import Architectures
from Training_VAE.evaluation import (
    Protocol,
    greedy_reconstruction,
    prior_decodings,
    sampled_reconstruction,
)
from Training_VAE.trained import (
    TrainedVAE,
    TrainingRecord,
    load_trained,
    trained_architectures,
)


@dataclass(frozen=True)
class Setting:
    """What can be chosen without training: see :class:`Training_VAE.evaluation.Protocol`."""

    prior: str = "diagonal"
    prior_scale: float = 1.0
    temperature: float = 1.0


TRADE_OFF = (Setting(),)
"""Settings of all weights."""

SWEEP = (
    *TRADE_OFF,
    *(Setting(temperature=value) for value in (1.5, 2.0)),
    *(Setting(prior_scale=value) for value in (0.25, 0.5, 2.0, 4.0)),
    *(Setting(prior=kind) for kind in ("full", "standard", "box", "sphere", "encoded")),
    Setting(prior_scale=0.5, temperature=1.5),
)
"""Settings of the first weights."""


def describe_weights(trained: TrainedVAE) -> dict[str, Any]:
    """Which weights they are, and what their training chose."""
    record = TrainingRecord.read(trained.folder)
    return {
        "epoch": trained.epoch,
        "sha256": sha256(checkpoint_path(trained.folder, trained.epoch)),
        "noise_scale": record.noise_scale,
        "beta": record.beta,
    }


def describe_latents(trained: TrainedVAE, architectures: Architectures) -> dict[str, float]:
    """How far latents spread, and how far training moved them: medians over the coordinates.

    ``latent_deviation`` is the std of the training graphs' means, ``posterior_deviation``
    the mean standard deviation of their posteriors: training adds its noise scale times that.
    """
    latents = trained.model.encode_all(architectures.train.to(trained.model.device))
    return {
        "latent_deviation": float(latents.mean.std(0).median()),
        "posterior_deviation": float((latents.log_variance / 2).exp().mean(0).median()),
    }


def reconstruct(
    trained: TrainedVAE, architectures: Architectures, protocol: Protocol, seed: int
) -> dict[str, Any]:
    """Reconstruction of the held-out graphs, greedy and sampled."""
    model = trained.model.tempered(protocol.temperature)
    graphs = architectures.test.to(model.device)
    generator = torch.Generator(model.device).manual_seed(seed)
    return {
        "temperature": protocol.temperature,
        "greedy": greedy_reconstruction(model, graphs),
        "sampled": sampled_reconstruction(model, graphs, protocol, protocol.noise_scale, generator),
    }


def decode_prior(
    trained: TrainedVAE, architectures: Architectures, protocol: Protocol, seed: int
) -> dict[str, Any]:
    """Unmasked decodings of points drawn with one seed."""
    model = trained.model.tempered(protocol.temperature)
    generator = torch.Generator(model.device).manual_seed(seed)
    counted = prior_decodings(model, architectures, protocol, None, generator)
    return {"seed": seed, "temperature": protocol.temperature, **counted}


class Measurements:
    """The result file: what it holds is not measured again.

    Args:
        path: the file; what another command of the same protocol wrote there is gone on with.
        head: what all measurements have in common.

    Raises:
        InputError: the file is another's, or was measured in another way.
    """

    def __init__(self, path: Path, head: dict[str, Any]) -> None:
        self.path = path
        self.head = plain(head)
        self.weights: list[dict[str, Any]] = []
        self._kept: dict[str, dict[str, Any]] = {}
        if path.exists():
            content = read_json(path)
            if not isinstance(content, dict) or any(
                content.get(key) != value for key, value in self.head.items()
            ):
                raise InputError(
                    f"{str(path)!r} holds something else, or measurements of another model, space "
                    "or protocol: name another file by --out, or remove it"
                )
            self._kept = {entry["sha256"]: entry for entry in content["weights"]}

    def begin(self, described: dict[str, Any]) -> None:
        """Go on with other weights."""
        kept = self._kept.get(described["sha256"], {})
        parts = {key: kept.get(key, []) for key in ("reconstruction", "decodings")}
        self.weights.append({**described, **parts})

    def has(self, part: str, **wanted: Any) -> bool:
        """Whether a measurement of the present weights is there."""
        return any(wanted.items() <= entry.items() for entry in self.weights[-1][part])

    def add(self, part: str, measured: dict[str, Any]) -> None:
        """Keep a measurement of the present weights, at once."""
        self.weights[-1][part].append(plain(measured))
        self.write({})

    def write(self, more: dict[str, Any]) -> None:
        """Write the file; weights that were not come to yet keep what was measured of them."""
        done = {entry["sha256"] for entry in self.weights}
        waiting = [entry for key, entry in self._kept.items() if key not in done]
        write_json(self.path, {**self.head, "weights": [*self.weights, *waiting], **more})


def measure(given: Namespace, results: Measurements, protocol: Protocol) -> None:
    """Measure all weights that were not measured yet."""
    device = best_device(given.device)
    for number, folder in enumerate(given.weights):
        trained = load_trained(given.model, given.data_search_space, folder, None, device)
        architectures = trained_architectures(trained, given.data_root, given.seeds[0])
        described = describe_weights(trained) | describe_latents(trained, architectures)
        results.begin({"folder": folder.as_posix(), **described})
        settings = TRADE_OFF if number else SWEEP
        for temperature in sorted({setting.temperature for setting in settings}):
            if not results.has("reconstruction", temperature=temperature):
                chosen = dataclasses.replace(protocol, temperature=temperature)
                found = reconstruct(trained, architectures, chosen, given.seeds[0])
                results.add("reconstruction", found)
        for setting in settings:
            options = dataclasses.asdict(setting)
            for seed in given.seeds:
                if not results.has("decodings", seed=seed, **options):
                    chosen = dataclasses.replace(protocol, **options)
                    results.add("decodings", decode_prior(trained, architectures, chosen, seed))


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Measure what governs the uniqueness of decodings from the prior.")
    flags.add_argument(
        "--weights", type=Path, nargs="+", required=True, metavar="FOLDER", help="trained VAEs"
    )
    flags.add_argument("--model", default="SVGE", choices=list(MODELS), help="which VAE")
    flags.add_argument(
        "--data_search_space", default="ENAS", choices=list(SPACES), help="which search space"
    )
    flags.add_argument(
        "--seeds", type=non_negative_int, nargs="+", default=[1, 2, 3], help="of the prior points"
    )
    flags.add_argument(
        "--points", type=positive_int, default=Protocol.prior_points, help="drawn with each seed"
    )
    flags.add_argument("--data_root", type=Path, help="folder with ENAS/")
    flags.add_argument("--device", default="best", help="cpu, cuda, or best: the best one present")
    flags.add_argument("--threads", type=positive_int, help="of PyTorch (default: its own)")
    flags.add_argument(
        "--out",
        type=output_file,
        default=ROOT / "benchmarks" / "results" / "uniqueness_enas.json",
        help="JSON file to write, with a figure beside it",
    )
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write, draw and print."""
    given = make_parser().parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    protocol = Protocol(prior_points=given.points, sampled_graphs=200)
    varied = {field.name for field in dataclasses.fields(Setting)}
    common = {k: v for k, v in dataclasses.asdict(protocol).items() if k not in varied}
    head = {"model": given.model, "space": given.data_search_space, "protocol": common}
    results = Measurements(given.out, head)
    measure(given, results, protocol)
    lines = summaries(results.weights)
    best = recommended(lines)
    environment = describe_environment(given.seeds[0], best_device(given.device))
    results.write({"summary": lines, "recommended": best, "environment": environment})
    save_figure(uniqueness_figure(lines, best), given.out.with_suffix(".png"))
    for line in lines:
        print(line)
    print("recommended:", best or "nothing: no weights reconstruct enough")
    return 0


if __name__ == "__main__":
    run_command(main)
