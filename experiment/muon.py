"""Muon with blocks: momentum whose matrices are orthogonalised, in the type of the weights.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) moves a matrix along the
orthogonal factor of its momentum, here scaled to the size of AdamW's steps (Liu et al. 2025,
arXiv:2502.16982). ``torch.optim.Muon`` orthogonalises in bfloat16, which a processor without such
instructions multiplies some 200 times slower than float32, and spends five iterations on whole
matrices. This one computes in the type of the weights, cuts large matrices into blocks (the gates
of a GRU are such blocks), treats all blocks of a shape in one batched product, and needs fewer
iterations by better polynomials.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Polynomial = tuple[float, float, float]

SIDE = 128
"""Longest side of a block. The work of a step grows in proportion to it."""
POLYNOMIALS: tuple[Polynomial, ...] = (
    (8.0934, -23.6204, 17.4462),
    (3.6366, -2.7219, 0.5365),
    (2.6613, -1.9772, 0.4526),
)
"""Odd polynomials of degree five, a x + b x³ + c x⁵ each, which one after the other bring singular
values from 0.01 to 1 closest to 1, between 0.73 and 1.27 (as Amsel et al. 2025, arXiv:2505.16932,
choose them; ``best_polynomials`` of benchmarks/tuning/optimiser.py computes these). A fourth would
bring them closer, and make a step a third dearer."""
EPSILON = 1e-12
"""Smallest norm that a block is divided by: a block without gradient stays zero."""


def orthogonalise(blocks: Tensor, polynomials: Sequence[Polynomial] = POLYNOMIALS) -> Tensor:
    """The orthogonal factor of every block, approximately: singular values near 1.

    Args:
        blocks: **shape** (n, a, b) with a ≤ b.
        polynomials: odd ones, applied to the singular values one after the other.

    Returns:
        The same shape and type.
    """
    for k, (first, third, fifth) in enumerate(polynomials):
        gram = torch.bmm(blocks, blocks.transpose(1, 2))
        if k == 0:
            # The Frobenius norm of the Gram matrix bounds its largest eigenvalue, and tighter
            # than that of the block itself would.
            norm = gram.flatten(1).norm(dim=1).clamp_(min=EPSILON)[:, None, None]
            gram /= norm
            blocks = blocks / norm.sqrt()
        change = torch.baddbmm(gram, gram, gram, beta=third, alpha=fifth)
        blocks = torch.baddbmm(blocks, change, blocks, beta=first)
    return blocks


class Muon(torch.optim.Optimizer):
    """Fits matrices by orthogonalised momentum.

    Args:
        matrices: the weights, two-dimensional.
        lr: learning rate, of the order of AdamW's.
        momentum: share of the past in the momentum, which looks ahead as Nesterov's does.
        weight_decay: decoupled, as AdamW's.
        side: longest side of a block.
        polynomials: of :func:`orthogonalise`.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        lr: float,
        *,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        side: int = SIDE,
        polynomials: Sequence[Polynomial] = POLYNOMIALS,
    ) -> None:
        super().__init__(
            list(matrices), {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        )
        self._side = side
        self._polynomials = tuple(polynomials)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every matrix that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            updates = [self._update(weight, group["momentum"]) for weight in weights]
            self._orthogonalise_all(updates)
            torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(weights, updates, alpha=-group["lr"])
        return loss

    def _update(self, weight: Tensor, momentum: float) -> Tensor:
        """The gradient mixed with its past, and that past kept."""
        gradient = weight.grad
        assert gradient is not None
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(gradient)
        state["momentum"].lerp_(gradient, 1 - momentum)
        return gradient.lerp(state["momentum"], momentum)

    def _orthogonalise_all(self, updates: Sequence[Tensor]) -> None:
        """Replace the updates by their blocks' orthogonal factors, of AdamW's size, in place."""
        by_shape: dict[tuple[int, int], list[Tensor]] = defaultdict(list)
        for update in updates:
            for block in blocks_of(update, self._side):
                wide = block if block.shape[0] <= block.shape[1] else block.T
                by_shape[tuple(wide.shape)].append(wide)  # type: ignore[index]
        for (_, longer), blocks in by_shape.items():
            factors = orthogonalise(torch.stack(blocks), self._polynomials)
            factors *= 0.2 * math.sqrt(longer)  # entries of 0.2 in the mean square, as AdamW's
            torch._foreach_copy_(blocks, list(factors))


def blocks_of(matrix: Tensor, side: int) -> list[Tensor]:
    """Views of the equal blocks of a matrix, none of whose sides is longer than ``side``.

    A side that has no such equal parts is cut into parts that differ by one.
    """
    rows, columns = matrix.shape
    return [
        block
        for band in matrix.tensor_split(math.ceil(rows / side))
        for block in band.tensor_split(math.ceil(columns / side), dim=1)
    ]
