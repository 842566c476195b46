"""Compare a checkpoint with the outputs that the published system gave for it.

``python -m Training_VAE.verify_checkpoint FOLDER`` reads ``model_checkpoint<EPOCH>.obj`` and
``expected.json`` in FOLDER, prints for each quantity the largest difference relative to the
quantity's largest magnitude, and exits 1 if one is above 1e-4.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

import json  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from typing import Any  # noqa: E402

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from datasets.batch import GraphBatch  # noqa: E402
from datasets.graph import ArchitectureGraph  # noqa: E402
from experiment.arguments import parser, positive_int  # noqa: E402
from experiment.errors import InputError, run_command  # noqa: E402
from experiment.files import read_json  # noqa: E402
from models import PUBLISHED, AccuracyModel, load_model  # noqa: E402
from models.loss import divergence_per_graph  # noqa: E402

TOLERANCE = 1e-4
"""Largest relative difference between float32 implementations of the same model."""


def relative_difference(ours: Tensor, expected: Tensor) -> float:
    """``max |ours − expected| / max |expected|``; 0 where both are empty."""
    if not expected.numel():
        return 0.0
    scale = expected.abs().max()
    return float((ours - expected).abs().max() / torch.where(scale > 0, scale, 1.0))


def read_expected(folder: Path) -> tuple[dict[str, Any], GraphBatch]:
    """The expected outputs and the graphs that they are for.

    Raises:
        InputError: ``expected.json`` is absent or lacks a part.
    """
    content = read_json(folder / "expected.json")
    try:
        graphs = [
            ArchitectureGraph(tuple(g["node_types"]), tuple((i, j) for i, j in g["edges"]))
            for g in content["graphs"]
        ]
        return content, GraphBatch.from_graphs(graphs, content["max_num_nodes"])
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{str(folder / 'expected.json')!r} lacks {error}: expected graphs, max_num_nodes, "
            "beta and expected outputs"
        ) from error


def differences(folder: Path, epoch: int | None = None) -> dict[str, float]:
    """Relative difference of every quantity, by name; see the module's first lines.

    Raises:
        InputError: a file is absent or broken.
        ModelError: the checkpoint cannot be read.
    """
    content, batch = read_expected(folder)
    expected = content["expected"]
    absent = {"mean", "log_variance", "loss", "decoder_steps"} - set(expected)
    if absent:
        raise InputError(f"{str(folder / 'expected.json')!r} lacks expected.{min(absent)}")
    model = load_model(folder, epoch, content["max_num_nodes"])
    vae = model.vae if isinstance(model, AccuracyModel) else model
    with torch.no_grad():
        latent = vae.encode(batch)
        reconstruction = vae.reconstruction(latent.mean, batch, PUBLISHED)
        divergence = divergence_per_graph(latent).sum()
        ours = {
            "mean": latent.mean,
            "log_variance": latent.log_variance,
            "reconstruction_loss_per_graph": reconstruction,
            "reconstruction_loss": reconstruction.mean(),
            "kl_loss_sum_over_batch": divergence,
            "loss": reconstruction.mean() + content["beta"] * divergence,
        }
        if isinstance(model, AccuracyModel):
            ours["predicted_accuracy"] = model(batch)
        logits = vae.decoder_steps(latent.mean, batch)
    found = {
        name: relative_difference(value, torch.tensor(expected[name]))
        for name, value in ours.items()
        if name in expected
    }

    steps = batch.max_nodes - 1
    for number, wanted in enumerate(expected["decoder_steps"]):
        view, step = divmod(number, steps)
        exists = step + 1 < batch.num_nodes
        rows = slice(view * len(batch), (view + 1) * len(batch))
        label = f"{('forward', 'reverse')[view]} step {step}"
        types = torch.tensor(wanted["node_logits"])[exists]
        found[f"{label}, node logits"] = relative_difference(
            logits.types[rows, step][exists], types
        )
        if step:
            edges = torch.tensor(wanted["edge_logits"])[exists]
            found[f"{label}, edge logits"] = relative_difference(
                logits.edges[rows, step, : step + 1][exists], edges
            )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the differences; 1 if one is above the tolerance, else 0."""
    flags = parser("Compare a checkpoint with the expected outputs beside it.")
    flags.add_argument("folder", type=Path, help="holds the checkpoint and expected.json")
    flags.add_argument("--epoch", type=positive_int, help="which checkpoint (default: the last)")
    flags.add_argument("--json", action="store_true", help="print one JSON object")
    given = flags.parse_args(arguments)
    found = differences(given.folder, given.epoch)
    passed = all(value <= TOLERANCE for value in found.values())
    if given.json:
        print(json.dumps({"differences": found, "tolerance": TOLERANCE, "passed": passed}))
    else:
        width = max(len(name) for name in found)
        for name, value in found.items():
            print(f"{name:<{width}}  {value:.1e}{'' if value <= TOLERANCE else '  above 1e-4'}")
        print("the checkpoint agrees" if passed else "the checkpoint differs", file=sys.stderr)
    return 0 if passed else 1


if __name__ == "__main__":
    run_command(main)
