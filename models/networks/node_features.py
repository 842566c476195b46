"""Features of nodes that are mostly zero, as networks take them.

They are a tensor of compressed sparse rows (``layout=torch.sparse_csr``). ``torch.nn.Linear``, and
layers of PyTorch Geometric that begin with a linear map (GCN, GAT), take it as it is. Layers that
sum over neighbours first are linear, too: here their matrices come first, which gives the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


def is_sparse(features: Tensor) -> bool:
    """Whether features are given by compressed sparse rows."""
    return features.layout is torch.sparse_csr


def drop_features(features: Tensor, probability: float, training: bool) -> Tensor:
    """Dropout of features; of sparse ones what is zero stays so.

    **Shape** (N, F) → (N, F), in the same layout.
    """
    if not is_sparse(features):
        return nn.functional.dropout(features, probability, training)
    if not training:
        return features
    values = nn.functional.dropout(features.values(), probability)
    # Entries that were dropped are left out: products take as long as there are entries.
    kept = values != 0
    before = nn.functional.pad(kept.cumsum(0), (1, 0))  # entries that are kept before each
    return torch.sparse_csr_tensor(
        before[features.crow_indices()],
        features.col_indices()[kept],
        values[kept],
        features.shape,
        check_invariants=False,  # checked when the places were made
    )


def joined_linear(layer: nn.Linear, parts: Sequence[Tensor]) -> Tensor:
    """A linear layer of several inputs beside each other, any of which may be sparse.

    **Shape** (N, a), (N, b), … → (N, outputs).
    """
    if not any(is_sparse(part) for part in parts):
        return layer(torch.cat(list(parts), dim=1))
    weights = layer.weight.split([part.shape[1] for part in parts], dim=1)
    products = [
        nn.functional.linear(part, weight) for part, weight in zip(parts, weights, strict=True)
    ]
    return torch.stack(products).sum(0) + layer.bias


def convolved(kind: str, layer: nn.Module, features: Tensor, edges: Tensor) -> Tensor:
    """What a layer of PyTorch Geometric gives for features of either layout.

    **Shape** (N, F), (2, E) → (N, outputs).

    Args:
        kind: of the layer, as in :data:`models.networks.node_operations.OPERATIONS`.
        layer: the layer.
        features: dense or by sparse rows.
        edges: source and target of each.
    """
    if is_sparse(features) and kind in _MATRIX_FIRST:
        return _MATRIX_FIRST[kind](layer, features, edges)
    return layer(features, edges)


def _gin(layer: Any, features: Tensor, edges: Tensor) -> Tensor:
    state = nn.functional.linear(features, layer.nn.weight)
    summed = layer.propagate(edges, x=(state, state), size=None)
    return summed + (1 + layer.eps) * state + layer.nn.bias


def _cheb(layer: Any, features: Tensor, edges: Tensor) -> Tensor:
    from torch_geometric.nn.conv.gcn_conv import gcn_norm
    from torch_geometric.utils import remove_self_loops

    own, other = (nn.functional.linear(features, each.weight) for each in layer.lins)
    # Of directed edges its Laplacian counts those that leave a node.
    edges, weights = gcn_norm(
        *remove_self_loops(edges),
        len(own),
        add_self_loops=False,
        flow="target_to_source",
        dtype=own.dtype,
    )
    # The Laplacian, scaled by its largest eigenvalue 2 and shifted by 1.
    return own + layer.propagate(edges, x=other, norm=-weights) + layer.bias


def _sage(layer: Any, features: Tensor, edges: Tensor) -> Tensor:
    state = nn.functional.linear(features, layer.lin_l.weight)
    mean = layer.propagate(edges, x=(state, state), size=None)
    return mean + layer.lin_l.bias + layer.lin_r(features)


def _arma(layer: Any, features: Tensor, edges: Tensor) -> Tensor:
    state = features @ layer.init_weight[0]
    edges, weights = _normalised(edges, state)
    summed = layer.propagate(edges, x=state, edge_weight=weights)
    return layer.act(summed + features @ layer.root_weight[0, 0] + layer.bias[0, 0])


def _sg(layer: Any, features: Tensor, edges: Tensor) -> Tensor:
    from torch_geometric.nn.conv.gcn_conv import gcn_norm

    state = nn.functional.linear(features, layer.lin.weight)
    edges, weights = gcn_norm(
        edges, None, len(state), add_self_loops=layer.add_self_loops, dtype=state.dtype
    )
    return layer.propagate(edges, x=state, edge_weight=weights) + layer.lin.bias


def _graph(layer: Any, features: Tensor, edges: Tensor) -> Tensor:
    state = nn.functional.linear(features, layer.lin_rel.weight)
    summed = layer.propagate(edges, x=(state, state), edge_weight=None, size=None)
    return summed + layer.lin_rel.bias + layer.lin_root(features)


_MATRIX_FIRST: dict[str, Callable[[Any, Tensor, Tensor], Tensor]] = {
    "gin": _gin,
    "cheb": _cheb,
    "sage": _sage,
    "arma": _arma,
    "sg": _sg,
    "graph": _graph,
}


def _normalised(edges: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Edges with the weights of D^(-1/2) A D^(-1/2). **Shape** (2, E), (E,)."""
    from torch_geometric.nn.conv.gcn_conv import gcn_norm

    return gcn_norm(edges, None, len(state), add_self_loops=False, dtype=state.dtype)
