"""Compare a checkpoint with the outputs that the published system gave for it.

``python -m Training_VAE.verify_checkpoint FOLDER`` reads ``expected.json`` in FOLDER and the
checkpoint that belongs to it: ``model_checkpoint<EPOCH>.obj`` of SVGe and DGMG, ``.pth`` of D-VAE
and NGAE (:mod:`Training_VAE.verify_dvae`), or the files that ``expected.json`` names (arch2vec,
:mod:`Training_VAE.verify_arch2vec`; info-NAS, :mod:`Training_VAE.verify_info_nas`). D-VAE's sparse
process has none (:mod:`Training_VAE.verify_dvae_sparse`). It prints for each quantity the largest
difference relative to the quantity's largest magnitude, and exits 1 if one is above its tolerance,
which is 1e-4 for SVGe and DGMG (2 where the files are not as they should be).
Where ``search.json`` is there too, its searches are compared as well
(:mod:`Training_VAE.verify_search`).
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureError, ArchitectureGraph
from experiment.arguments import parser, positive_int
from experiment.errors import InputError, run_command
from experiment.files import read_json
from models import PUBLISHED, GraphVAE, load_model
from models.dvae import DVAES
from models.heads import ACCURACY, parts_of
from models.loss import divergence_per_graph
from models.vae import as_graph_vae
from Training_VAE import (
    verify_arch2vec,
    verify_dvae,
    verify_dvae_sparse,
    verify_info_nas,
    verify_search,
)
from Training_VAE.comparison import Comparison, relative_difference

PREDICTED = "predicted_accuracy"
"""Output of the accuracy head, by its name in ``expected.json``."""

TOLERANCE = 1e-4
"""Largest relative difference between float32 implementations of the same model."""

VERIFIERS: Mapping[str, Callable[[Path], list[Comparison]]] = {
    "arch2vec": verify_arch2vec.compare,
    "info-NAS": verify_info_nas.compare,
    "D-VAE sparse GP": verify_dvae_sparse.compare,
}
"""What compares, by the system that ``expected.json`` names; SVGe's and DGMG's name none."""


@dataclass(frozen=True)
class Expected:
    """What ``expected.json`` says.

    Attributes:
        path: of the file.
        batch: the graphs that the outputs are for.
        beta: weight of the divergence in the loss.
        outputs: the expected numbers by name, as they are in the file.
    """

    path: Path
    batch: GraphBatch
    beta: float
    outputs: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Expected:
        """Read the file in ``folder``.

        Raises:
            InputError: it is absent, lacks a part, or its graphs are none.
        """
        path = folder / "expected.json"
        content = read_json(path)
        parts: dict[str, tuple[type, ...]] = {
            "graphs": (list,),
            "beta": (int, float),
            "expected": (dict,),
        }
        for part, kinds in parts.items():
            if not isinstance(content, dict) or not isinstance(content.get(part), kinds):
                raise InputError(
                    f"{str(path)!r} lacks {part!r} or has something else in its place: expected "
                    "graphs, max_num_nodes, beta and expected outputs"
                )
        for name in ("mean", "log_variance", "loss", "decoder_steps"):
            if name not in content["expected"]:
                raise InputError(f"{str(path)!r} lacks expected.{name}")
        return cls(path, _read_graphs(content, path), content["beta"], content["expected"])

    def numbers(self, name: str, value: Any, shape: Sequence[int]) -> Tensor:
        """A part of the outputs as a tensor of a given shape.

        Raises:
            InputError: it is none.
        """
        try:
            found = torch.tensor(value, dtype=torch.float32)
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise InputError(
                f"{name} in {str(self.path)!r} is no array of numbers: expected the shape "
                f"{tuple(shape)}"
            ) from error
        if found.shape != tuple(shape):
            raise InputError(
                f"{name} in {str(self.path)!r} has the shape {tuple(found.shape)}, "
                f"expected {tuple(shape)}"
            )
        return found


def _read_graphs(content: dict[str, Any], path: Path) -> GraphBatch:
    try:
        graphs = [
            ArchitectureGraph(tuple(g["node_types"]), tuple((i, j) for i, j in g["edges"]))
            for g in content["graphs"]
        ]
        if not graphs or content["max_num_nodes"] < 2:
            raise ArchitectureError("there are no graphs, or they have no steps")
        return GraphBatch.from_graphs(graphs, content["max_num_nodes"])
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        reason = f"there is no {error}" if isinstance(error, KeyError) else error
        raise InputError(
            f"the graphs in {str(path)!r} cannot be read ({reason}): expected node_types and "
            "edges [from, to] of each, and max_num_nodes"
        ) from error


def differences(folder: Path, epoch: int | None = None) -> dict[str, float]:
    """Relative difference of every quantity, by name; see the module's first lines.

    Raises:
        InputError: ``expected.json`` is absent or broken, or not for this checkpoint.
        ModelError: the checkpoint cannot be read.
    """
    expected = Expected.read(folder)
    model = load_model(folder, epoch, expected.batch.max_nodes)
    embedding, heads = parts_of(model)
    vae = as_graph_vae(embedding)
    _check_fits(expected, model.name, vae, heads)
    return {**_output_differences(expected, vae, heads), **_step_differences(expected, vae)}


def _check_fits(
    expected: Expected, name: str, vae: GraphVAE, heads: Mapping[str, nn.Module]
) -> None:
    """Refuse graphs that the model has no types for, and outputs that it does not make."""
    largest, types = int(expected.batch.types.max()), vae.sizes.num_types
    if largest >= types:
        raise InputError(
            f"a graph in {str(expected.path)!r} has the node type {largest}, the checkpoint "
            f"knows 0 to {types - 1}: it is of another search space"
        )
    if PREDICTED in expected.outputs and ACCURACY not in heads:
        raise InputError(
            f"{str(expected.path)!r} expects {PREDICTED}, and the checkpoint is a "
            f"{name} without an accuracy head"
        )


@torch.no_grad()
def _output_differences(
    expected: Expected, vae: GraphVAE, heads: Mapping[str, nn.Module]
) -> dict[str, float]:
    """Differences of all outputs but the steps."""
    batch = expected.batch
    latent = vae.encode(batch)
    reconstruction = vae.reconstruction(latent.mean, batch, PUBLISHED)
    divergence = divergence_per_graph(latent).sum()
    ours = {
        "mean": latent.mean,
        "log_variance": latent.log_variance,
        "reconstruction_loss_per_graph": reconstruction,
        "reconstruction_loss": reconstruction.mean(),
        "kl_loss_sum_over_batch": divergence,
        "loss": reconstruction.mean() + expected.beta * divergence,
    }
    if ACCURACY in heads:
        ours[PREDICTED] = heads[ACCURACY](latent.flat)
    return {
        name: relative_difference(
            value, expected.numbers(f"expected.{name}", expected.outputs[name], value.shape)
        )
        for name, value in ours.items()
        if name in expected.outputs
    }


@torch.no_grad()
def _step_differences(expected: Expected, vae: GraphVAE) -> dict[str, float]:
    """Differences of the logits of every step, for the graphs that are large enough for it."""
    batch, wanted = expected.batch, expected.outputs["decoder_steps"]
    directions, steps = len(vae.start_types), batch.max_nodes - 1
    if not isinstance(wanted, list) or len(wanted) != directions * steps:
        found = len(wanted) if isinstance(wanted, list) else type(wanted).__name__
        raise InputError(
            f"expected.decoder_steps in {str(expected.path)!r} has {found} entries, expected "
            f"{directions * steps}: {steps} for each direction of {vae.name}"
        )
    logits = vae.decoder_steps(vae.encode(batch).mean, batch)
    differences = {}
    for number in range(directions * steps):
        view, step = divmod(number, steps)
        graphs = (step + 1 < batch.num_nodes).nonzero()[:, 0]
        if not len(graphs):
            continue
        rows = view * len(batch) + graphs
        ours = {"node_logits": logits.types[rows, step]}
        if step:  # the one edge of the first step is certain
            ours["edge_logits"] = logits.edges[rows, step, : step + 1]
        for name, value in ours.items():
            where = f"expected.decoder_steps[{number}].{name}"
            entries = wanted[number].get(name) if isinstance(wanted[number], dict) else None
            if not isinstance(entries, list) or len(entries) != len(batch):
                raise InputError(
                    f"{where} in {str(expected.path)!r} is no list of {len(batch)} rows, "
                    "one a graph"
                )
            chosen = expected.numbers(where, [entries[g] for g in graphs.tolist()], value.shape)
            label = f"{('forward', 'reverse')[view]} step {step}, {name.replace('_', ' ')}"
            differences[label] = relative_difference(value, chosen)
    return differences


def system_of(content: Any) -> str:
    """The system that ``expected.json`` names, as its model or as what it is of; else nothing."""
    if not isinstance(content, dict):
        return ""
    return str(content.get("model", content.get("what", ""))).partition(",")[0]


def compare(folder: Path, epoch: int | None = None) -> list[Comparison]:
    """Every quantity that ``expected.json`` has, by the rules of the system that it names.

    Raises:
        InputError: ``expected.json`` is absent or broken, or not for this checkpoint.
        ModelError: the checkpoint cannot be read.
    """
    path = folder / "expected.json"
    content = read_json(path)
    system = system_of(content)
    if system in DVAES:
        return verify_dvae.compare(path, epoch)
    if (verifier := VERIFIERS.get(system)) is not None:
        if epoch is not None:
            raise InputError(
                f"{str(path)!r} names its checkpoint, or is of none: leave --epoch out"
            )
        searches = folder / "search.json"
        found = verifier(path)
        return [*found, *(verify_search.compare(searches) if searches.exists() else [])]
    return [
        Comparison(name, value, TOLERANCE) for name, value in differences(folder, epoch).items()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the differences; 1 if one is above its tolerance, else 0."""
    flags = parser("Compare a checkpoint with the expected outputs beside it.")
    flags.add_argument("folder", type=Path, help="holds the checkpoint and expected.json")
    flags.add_argument("--epoch", type=positive_int, help="which checkpoint (default: the last)")
    flags.add_argument("--json", action="store_true", help="print one JSON object")
    given = flags.parse_args(arguments)
    found = compare(given.folder, given.epoch)
    passed = all(each.passed for each in found)
    if given.json:
        record = {
            "differences": {each.name: each.difference for each in found},
            "tolerance": max(each.tolerance for each in found),
            "tolerances": {each.name: each.tolerance for each in found},
            "passed": passed,
        }
        print(json.dumps(record))
    else:
        width = max(len(each.name) for each in found)
        for each in found:
            limit = f"{each.tolerance:.0e}".replace("e-0", "e-")
            remark = "" if each.passed else f"  above {limit}"
            print(f"{each.name:<{width}}  {each.difference:.1e}{remark}")
        print("the checkpoint agrees" if passed else "the checkpoint differs", file=sys.stderr)
    return 0 if passed else 1


if __name__ == "__main__":
    run_command(main)
