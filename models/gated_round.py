r"""One message-passing round over a dense batch, as a single differentiable operation.

Per stack s, with states :math:`h \in R^{n \times W}` of one graph and mixing matrices
:math:`M_k \in R^{n \times n}` (in-edges, in-degrees, …):

.. math::
    x &= [M_1 h, \dots, M_K h], \qquad r, u = \sigma(x A + h B + b_{ru}) \\
    c &= \tanh(x A_c + b_c + r \odot (h B_c + b_h)), \qquad h' = c + u \odot (h - c)

which is ``GRUCell(Σ_j W[h_j; h_i], h_i)`` once the message weights are multiplied into the input
weights of the GRU (Cho et al. 2014, arXiv:1406.1078; ``models/propagation.py`` does the folding).
Written out by hand because the gates are memory-bound on a CPU: autograd's version stores and
re-reads about three times as much.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

_sigmoid_backward = torch.ops.aten.sigmoid_backward
_tanh_backward = torch.ops.aten.tanh_backward


class Updated(NamedTuple):
    """New states, and what their gradients need. **Shape** (S, R, W), ``gates`` (S, R, 2W)."""

    states: Tensor
    gates: Tensor
    recurrent: Tensor
    candidate: Tensor


def gated_update(mixed: Tensor, degrees: Tensor, *weights: Tensor) -> Updated:
    """The round's arithmetic on R rows, whichever nodes they are.

    Args:
        mixed: ``[x, h]`` of each row. **Shape** (S, R, (K+1)·W).
        degrees: as :meth:`GatedRound.forward` takes them. **Shape** (S, R, Q).
        weights: all six, as it takes them.
    """
    w_gates, b_gates, w_input, b_input, w_state, b_state = weights
    inputs, width = w_input.shape[1:]
    h = mixed[..., inputs:]
    gates = torch.bmm(degrees, b_gates).baddbmm_(mixed, w_gates).sigmoid_()
    reset, update = gates[..., :width], gates[..., width:]
    recurrent = torch.baddbmm(b_state, h, w_state)
    candidate = torch.bmm(degrees, b_input).baddbmm_(mixed[..., :inputs], w_input)
    candidate.addcmul_(reset, recurrent).tanh_()
    return Updated(torch.lerp(candidate, h, update), gates, recurrent, candidate)


class GatedRound(torch.autograd.Function):
    """Apply with ``GatedRound.apply(states, mixing, degrees, w_gates, …)``; see :meth:`forward`.

    S stacks, B graphs, n nodes, W state width, K mixing matrices, R = B·n rows.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        states: Tensor,
        mixing: Tensor,
        degrees: Tensor,
        w_gates: Tensor,
        b_gates: Tensor,
        w_input: Tensor,
        b_input: Tensor,
        w_state: Tensor,
        b_state: Tensor,
    ) -> Tensor:
        """Run the round.

        Args:
            ctx: keeps what the backward pass needs.
            states: **shape** (S, B, n, W).
            mixing: rows (i, k) of the matrices M_1 … M_K and of the identity, interleaved.
                **Shape** (S·B, n·(K+1), n). Not differentiated.
            degrees: what the message biases are multiplied with (the degrees, and a one).
                **Shape** (S, R, Q). Not differentiated.
            w_gates: weights of reset and update gate on [x, h]. **Shape** (S, (K+1)·W, 2W).
            b_gates: their biases per degree. **Shape** (S, Q, 2W).
            w_input: weights of the candidate on x. **Shape** (S, K·W, W).
            b_input: their biases per degree. **Shape** (S, Q, W).
            w_state: weights of the candidate on h. **Shape** (S, W, W).
            b_state: their bias. **Shape** (S, 1, W).

        Returns:
            New states, **shape** (S, B, n, W).
        """
        stacks, graphs, nodes, width = states.shape
        mixed = torch.bmm(mixing, states.reshape(stacks * graphs, nodes, width))
        mixed = mixed.view(stacks, graphs * nodes, -1)  # [x, h]
        new, gates, recurrent, candidate = gated_update(
            mixed, degrees, w_gates, b_gates, w_input, b_input, w_state, b_state
        )
        ctx.save_for_backward(
            mixing, degrees, mixed, gates, recurrent, candidate, w_gates, w_input, w_state
        )
        return new.view(stacks, graphs, nodes, width)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the states and of the six weights."""
        mixing, degrees, mixed, gates, recurrent, candidate, w_gates, w_input, w_state = (
            ctx.saved_tensors  # type: ignore[attr-defined]
        )
        stacks, graphs, nodes, width = grad.shape
        rows = graphs * nodes
        inputs = w_input.shape[1]
        grad = grad.reshape(stacks, rows, width)
        h = mixed[..., inputs:]
        reset, update = gates[..., :width], gates[..., width:]

        kept = grad * update
        d_candidate = _tanh_backward(grad - kept, candidate)
        d_recurrent = d_candidate * reset
        d_gates = torch.empty_like(gates)
        torch.mul(d_candidate, recurrent, out=d_gates[..., :width])
        torch.sub(h, candidate, out=d_gates[..., width:]).mul_(grad)
        d_gates = _sigmoid_backward(d_gates, gates)

        d_mixed = torch.bmm(d_gates, w_gates.transpose(1, 2))
        d_mixed[..., :inputs].baddbmm_(d_candidate, w_input.transpose(1, 2))
        d_mixed[..., inputs:].add_(kept).baddbmm_(d_recurrent, w_state.transpose(1, 2))
        d_states = torch.bmm(mixing.transpose(1, 2), d_mixed.view(stacks * graphs, -1, width)).view(
            stacks, graphs, nodes, width
        )

        per_degree = degrees.transpose(1, 2)
        return (
            d_states,
            None,
            None,
            torch.bmm(mixed.transpose(1, 2), d_gates),
            torch.bmm(per_degree, d_gates),
            torch.bmm(mixed[..., :inputs].transpose(1, 2), d_candidate),
            torch.bmm(per_degree, d_candidate),
            torch.bmm(h.transpose(1, 2), d_recurrent),
            d_recurrent.sum(dim=1, keepdim=True),
        )
