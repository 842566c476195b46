"""DeepHyper's message passing networks written plainly, loop by loop, to compare with.

It knows nothing of the layers beside it but the names of their weights. Molecules are padded to n
atoms; ``published`` says whether weights of attention and padding are those of the released layers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class PlainMolecule:
    """Features of atoms (n, D), and bonds: target, source, features."""

    atoms: np.ndarray
    bonds: list[tuple[int, int, np.ndarray]]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def leaky(x: Any) -> Any:
    return np.where(x > 0, x, 0.2 * x)


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "linear": lambda x: x,
    "elu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "leaky_relu": leaky,
    "relu6": lambda x: np.clip(x, 0, 6),
}


REDUCE: dict[str, Callable[..., np.ndarray]] = {"max": np.max, "mean": np.mean, "sum": np.sum}


def dense(x: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def gru(x: np.ndarray, h: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    """One step of a GRU with the reset gate after the product, as Keras and PyTorch have it."""
    from_x = x @ weights[f"{name}.weight_ih"].T + weights[f"{name}.bias_ih"]
    from_h = h @ weights[f"{name}.weight_hh"].T + weights[f"{name}.bias_hh"]
    reset_x, update_x, new_x = np.split(from_x, 3)
    reset_h, update_h, new_h = np.split(from_h, 3)
    reset, update = sigmoid(reset_x + reset_h), sigmoid(update_x + update_h)
    return (1 - update) * np.tanh(new_x + reset * new_h) + update * h


def score(
    kind: str, h_i: np.ndarray, h_j: np.ndarray, weights: Weights, name: str, published: bool
) -> np.ndarray:
    """The score of each head, (H,)."""
    b = weights[f"{name}.of_source"]
    if kind == "linear":
        return np.tanh(b @ h_j)
    a = weights[f"{name}.of_target"]
    if kind == "gat":
        return leaky(a @ h_i + b @ h_j)
    if kind == "sym-gat":
        return leaky(a @ h_i + b @ h_j + a @ h_j + (a if published else b) @ h_i)
    if kind == "cos":
        return leaky((a @ h_i) * (b @ h_j))
    return weights[f"{name}.mix"] @ np.tanh(a @ h_i + b @ h_j)


def attention(
    choice: Any,
    states: list[np.ndarray],
    molecules: list[PlainMolecule],
    weights: Weights,
    name: str,
    published: bool,
) -> list[list[np.ndarray]]:
    """The weight of each head for each bond of each molecule."""
    if choice.attention == "const":
        return [[np.ones(choice.heads) for _ in each.bonds] for each in molecules]
    scores = [
        [score(choice.attention, h[i], h[j], weights, name, published) for i, j, _ in each.bonds]
        for h, each in zip(states, molecules, strict=True)
    ]
    if published:
        largest: dict[int, np.ndarray] = {}
        for each, own in zip(molecules, scores, strict=True):
            for (i, _, _), s in zip(each.bonds, own, strict=True):
                largest[i] = np.maximum(largest.get(i, -np.inf), s)
        return [
            [np.exp(s - largest[i]) for (i, _, _), s in zip(each.bonds, own, strict=True)]
            for each, own in zip(molecules, scores, strict=True)
        ]
    found = []
    for each, own in zip(molecules, scores, strict=True):
        totals: dict[int, np.ndarray] = {}
        for (i, _, _), s in zip(each.bonds, own, strict=True):
            totals[i] = totals.get(i, 0) + np.exp(s)
        found.append([np.exp(s) / totals[i] for (i, _, _), s in zip(each.bonds, own, strict=True)])
    return found


def cell(
    choice: Any,
    inputs: list[np.ndarray],
    molecules: list[PlainMolecule],
    real: list[int],
    weights: Weights,
    name: str,
    published: bool,
) -> list[np.ndarray]:
    """The states of each molecule after all rounds."""
    activation = ACTIVATIONS[choice.activation]
    states = [activation(dense(x, weights, f"{name}.embed")) for x in inputs]
    d, heads = choice.width, choice.heads

    def matrices(features: np.ndarray) -> np.ndarray:
        hidden = features
        for layer in (0, 2, 4):
            hidden = np.maximum(dense(hidden, weights, f"{name}.matrices.{layer}"), 0)
        return hidden.reshape(heads, d, d)

    for _ in range(choice.rounds):
        alphas = attention(
            choice, states, molecules, weights, f"{name}.attention.scores", published
        )
        after = []
        for h, each, alpha, atoms in zip(states, molecules, alphas, real, strict=True):
            sent: list[list[np.ndarray]] = [[] for _ in h]
            for (i, j, features), weight in zip(each.bonds, alpha, strict=True):
                sent[i].append(weight[:, None] * (matrices(features) @ h[j]))
            new = np.zeros_like(h)
            for i, arrived in enumerate(sent):
                of_heads = REDUCE[choice.aggregation](np.stack(arrived), axis=0)
                message = (of_heads.mean(axis=0) + weights[f"{name}.bias"]) * (i < atoms)
                if choice.update == "gru":
                    first = gru(h[i], np.zeros(d), weights, f"{name}.update")
                    new[i] = gru(message, first, weights, f"{name}.update")
                else:
                    joined = np.concatenate([h[i], message])
                    new[i] = activation(dense(joined, weights, f"{name}.update"))
                new[i] = new[i] * (i < atoms)
            after.append(new)
        states = after
    return states


def gathered(name: str, h: np.ndarray, places: int, weights: Weights) -> np.ndarray:
    """One vector of the states of a molecule; zeros up to ``places`` where atoms stand in a row."""
    if name.startswith("attention") and name != "attention_sum":
        gates = sigmoid(dense(h, weights, "gather.gates"))
        return (dense(h, weights, "gather.values") * gates).sum(axis=0)
    if name == "attention_sum":
        scores = np.exp(h @ weights["gather.scores"])
        return (scores / scores.sum() * h).sum(axis=0)
    empty = np.zeros((places - len(h), h.shape[1]))
    if name == "flatten":
        return np.concatenate([h, empty]).ravel()
    reduce, axis = name.split("_")
    function = REDUCE[reduce]
    if axis == "atoms":
        return function(h, axis=0)
    return np.concatenate([function(h, axis=1), empty[:, 0]])


def forward(
    cells: list[Any],
    skips: list[list[int]],
    gather: str,
    molecules: list[PlainMolecule],
    weights: Weights,
    places: int,
    published: bool,
) -> np.ndarray:
    """The numbers of each molecule. **Shape** (B, targets)."""
    real = [len(each.atoms) for each in molecules]
    if published:  # padded, with bonds of all atoms to themselves
        molecules = [
            PlainMolecule(np.pad(each.atoms, ((0, places - len(each.atoms)), (0, 0))), each.bonds)
            for each in molecules
        ]
    size = len(molecules[0].bonds[0][2])
    molecules = [
        PlainMolecule(
            each.atoms, each.bonds + [(i, i, np.zeros(size)) for i in range(len(each.atoms))]
        )
        for each in molecules
    ]
    outputs = [[each.atoms for each in molecules]]
    for layer, (choice, sources) in enumerate(zip(cells, skips, strict=True)):
        states = cell(choice, outputs[-1], molecules, real, weights, f"cells.{layer}", published)
        for place, source in enumerate(sources):
            name = f"merges.{layer}.projections.{place}"
            states = [
                state + dense(other, weights, name)
                for state, other in zip(states, outputs[source], strict=True)
            ]
        outputs.append([np.maximum(h, 0) for h in states] if sources else states)
    vectors = np.stack([gathered(gather, h, places, weights) for h in outputs[-1]])
    layers = sorted({name.split(".")[1] for name in weights if name.startswith("dense.")})
    for number in layers:
        vectors = np.maximum(dense(vectors, weights, f"dense.{number}"), 0)
    return dense(vectors, weights, "last")
