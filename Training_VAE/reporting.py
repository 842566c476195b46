"""What a training says on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from datasets.io_set import PARTS
from Training_VAE.settings import TrainingSettings

_MINUTE = 60.0

ARCH2VEC = {
    "acc_ops": "right operations, padding included",
    "acc_adj": "right entries of the adjacency",
    "mean_fal_pos_adj": "mean probability of an edge that is none",
    "members": "members, argmax decodings of prior points",
    "member_uniqueness": "unique among these, up to isomorphism",
    "published_validity": "valid by the published rule",
    "published_uniqueness": "unique among these by the published hash",
}
"""Measures of arch2vec's published code, see ``Training_VAE/arch2vec_measures.py``."""


def report_start(
    model: str,
    settings: TrainingSettings,
    count: int,
    done: int,
    device: torch.device,
    unit: str = "graphs",
) -> None:
    """One line before the first batch: how much there is to do, and by what means.

    Args:
        model: its name.
        settings: of the training.
        count: examples of an epoch.
        done: epochs.
        device: where it is trained.
        unit: what the examples are called.
    """
    threads = torch.get_num_threads()
    on = f"{threads} thread{'s' * (threads > 1)}" if device.type == "cpu" else str(device)
    start = f"resuming after {done} of" if done else "training"
    print(
        f"{start} {settings.epochs} epochs of {count:,} {unit}: {model}, {settings.optimiser}, "
        f"batches of {settings.batch_size}, {settings.precision}, {on}",
        flush=True,
    )


def report_epoch(entry: dict[str, Any], epochs: int) -> None:
    """One line: losses, share of exact held-out graphs, rate, minutes of training."""
    exact = entry["exact"]
    *_, best = (share for name, share in exact.items() if name != "graphs")
    print(
        f"epoch {entry['epoch']:>3}/{epochs}  loss {entry['loss']:.4f}  "
        f"exact {best:7.2%} of {exact['graphs']} held-out graphs  "
        f"{entry['graphs_per_second']:.0f} graphs/s  {entry['seconds'] / _MINUTE:.1f} min",
        flush=True,
    )


def report_io_epoch(entry: dict[str, Any], epochs: int) -> None:
    """One line: errors in training and in held-out parts, minutes of training."""
    parts = "  ".join(f"{name} {entry[name]:.4f}" for name in PARTS if name in entry)
    print(
        f"epoch {entry['epoch']:>3}/{epochs}  {parts}  acc_adj {entry['orig']['acc_adj']:.3f}  "
        f"{entry['seconds'] / _MINUTE:.1f} min",
        flush=True,
    )


def report_parts(parts: dict[str, dict[str, Any]]) -> None:
    """A table of the errors beside those of the mean target, with their intervals."""
    width = max(map(len, parts))
    print(f"{'mean error':<{width}}  {'model':>22}  {'mean target':>22}  {'quotient':>22}")
    for name, part in parts.items():
        cells = []
        for key in ("loss", "baseline", "ratio"):
            low, high = part[f"{key}_interval"]
            cells.append(f"{part[key]:.4f} [{low:.3f}, {high:.3f}]")
        print(f"{name:<{width}}  " + "  ".join(f"{cell:>22}" for cell in cells))


def report_evaluation(result: dict[str, Any]) -> None:
    """A table of the evaluation, every line saying what was counted."""
    reconstruction, prior = result["reconstruction"], result["prior"]
    greedy = reconstruction["greedy"]
    lines = [
        (f"exact, greedy decoding of the mean, {direction}", share, f"{greedy['graphs']} graphs")
        for direction, share in greedy.items()
        if direction != "graphs"
    ]
    if found := reconstruction.get("most_probable"):
        counts = f"{found['graphs']} graphs, {found['proved']:.2%} proved"
        lines.append(("exact, most probable decoding of the mean", found["share"], counts))
    if found := reconstruction.get("nearest"):
        label = "exact, decoding of the mean that is encoded nearest to it"
        lines.append((label, found["share"], f"{found['graphs']} graphs"))
    for key in ("sampled_training_noise", "sampled_unit_noise"):
        part = reconstruction[key]
        label = f"exact, sampled decoding, latent noise × {part['noise_scale']:g}"
        counts = f"{part['decodings']} decodings of {part['graphs']} graphs"
        lines.append((label, part["share"], counts))
    for key, part in prior.items():
        counts = f"{part['decodings']} decodings of prior points, {key}"
        lines.append(("valid", part["validity"], counts))
        lines.append(("unique among the valid, up to isomorphism", part["uniqueness"], counts))
        lines.append(("new among the valid, up to isomorphism", part["novelty"], counts))
    for key, label in ARCH2VEC.items():
        if key in result.get("arch2vec", {}):
            lines.append((label, result["arch2vec"][key], "as arch2vec's code counts"))
    width = max(len(label) for label, _, _ in lines)
    for label, share, counts in lines:
        print(f"{label:<{width}}  {share:8.2%}  of {counts}")
    if own := result.get("dvae"):
        print(f"mean −log p of {greedy['graphs']} graphs given the mean: {own['nll']:.4f} nats")


def report_heads(heads: Mapping[str, Mapping[str, Any]]) -> None:
    """How good the heads' predictions of held-out architectures are.

    A line for every head; one for all heads that predict the numbers of one feature.
    """
    columns: dict[str, list[float]] = {}
    for name, found in heads.items():
        feature, _, column = name.rpartition("_")
        if column.isdigit():
            columns.setdefault(feature, []).append(found["pearson_r"])
            continue
        published = found.get("published_rmse")
        more = "" if published is None else f", RMSE as published {published:.5f}"
        print(
            f"{name} of {found['architectures']:,} held-out architectures: "
            f"RMSE {found['rmse']:.5g}, Pearson r {found['pearson_r']:.4f}, "
            f"Kendall τ {found['kendall_tau']:.4f}{more}"
        )
    for feature, correlations in columns.items():
        print(
            f"{feature}, {len(correlations)} numbers of held-out architectures: Pearson r "
            f"{np.mean(correlations):.4f} on average, {min(correlations):.4f} at least"
        )
