"""The two functions that D-VAE is made of: how a vertex is updated, and what it sends.

Zhang, Jiang, Cui, Garnett, Chen, *D-VAE: A Variational Autoencoder for Directed Acyclic Graphs*,
NeurIPS 2019, arXiv:1904.11088. A vertex u sends one message, the same to all its receivers,

.. math:: m_u = σ(W_g [h_u; e_u] + b_g) ⊙ W_m [h_u; e_u]

with the one-hot :math:`e_u` of its index. A vertex v of type :math:`x_v` has the state
:math:`h_v = GRU(x_v, Σ_u m_u)`: the type is the cell's input, and the sum over the senders stands
in the place of its hidden state. One-hot vectors only choose columns of a weight, so that
the weights are prepared once a call as tables of these columns.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datasets.graph import INPUT, OUTPUT


def swapped_types(count: int, device: torch.device) -> Tensor:
    """D-VAE's number of each of our node types, and the other way round. **Shape** (T,).

    D-VAE calls the input (START) 0 and the output (END) 1; operations follow in both.
    """
    order = torch.arange(count, device=device)
    order[INPUT], order[OUTPUT] = 0, 1
    return order


class Cell(NamedTuple):
    """``h = GRU(x, s)`` for the type x of a vertex and the sum s of the messages to it.

    Attributes:
        inputs: what each of our types adds to the three gates, with its bias. **Shape** (T, 3H).
        weight: of the sum. **Shape** (3H, H).
        bias: **shape** (3H,).
    """

    inputs: Tensor
    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, cell: nn.GRUCell, dtype: torch.dtype) -> Cell:
        """The weights of a cell whose input is the one-hot type in D-VAE's order."""
        order = swapped_types(cell.input_size, cell.weight_ih.device)
        inputs = cell.weight_ih.t()[order] + cell.bias_ih
        return cls(inputs.to(dtype), cell.weight_hh.to(dtype), cell.bias_hh.to(dtype))

    def __call__(self, types: Tensor, sums: Tensor) -> Tensor:
        """**Shape** (R,), (R, H) → (R, H)."""
        width = sums.shape[-1]
        own_gates, own_candidate = F.embedding(types, self.inputs).split([2 * width, width], -1)
        heard = F.linear(sums, self.weight, self.bias)
        heard_gates, heard_candidate = heard.split([2 * width, width], -1)
        reset, update = (own_gates + heard_gates).sigmoid().chunk(2, -1)
        candidate = (own_candidate + reset * heard_candidate).tanh()
        return candidate + update * (sums - candidate)

    def alone(self) -> Tensor:
        """States of vertices that no edge enters, by type. **Shape** (T, H)."""
        count, width = len(self.inputs), self.weight.shape[1]
        types = torch.arange(count, device=self.inputs.device)
        return self(types, self.inputs.new_zeros(count, width))


class Message(NamedTuple):
    """``m = σ(W_g [h; e] + b) ⊙ W_m [h; e]`` of a vertex with state h and index e.

    Attributes:
        weight: W_g and W_m without the columns of e, one below the other. **Shape** (2H, H).
        columns: what each index adds, with the bias of the gate. **Shape** (N, 2H).
    """

    weight: Tensor
    columns: Tensor

    @classmethod
    def of(cls, gate: nn.Sequential, mapper: nn.Sequential, dtype: torch.dtype) -> Message:
        """The weights of a gate (H + N → H) and a mapper, which has no bias."""
        gate_layer, mapper_layer = cast(nn.Linear, gate[0]), cast(nn.Linear, mapper[0])
        width = gate_layer.out_features
        weight = torch.cat([gate_layer.weight, mapper_layer.weight])
        bias = F.pad(gate_layer.bias, (0, width))
        return cls(weight[:, :width].to(dtype), (weight[:, width:].t() + bias).to(dtype))

    def __call__(self, states: Tensor, index: int) -> Tensor:
        """Messages of vertices that have the same index. **Shape** (R, H) → (R, H)."""
        gate, value = F.linear(states, self.weight, self.columns[index]).chunk(2, -1)
        return gate.sigmoid() * value
