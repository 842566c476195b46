"""What PyTorch is asked to compute, whatever kernels this processor has for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

HALF = frozenset({torch.bfloat16, torch.float16})
"""Types that many processors do not compute in, or only slowly."""
MOVES = frozenset({"aten::_to_copy", "aten::copy_", "aten::set_", "aten::detach", "aten::empty"})
"""Operations that read or cast and compute nothing, as reading weights of half precision does."""

CONVOLUTIONS = frozenset({"aten::convolution", "aten::conv2d"})
"""The second is what inference mode calls."""


class Operations(TorchDispatchMode):
    """Records the operations of a block, those of backward passes and optimisers included.

    Attributes:
        types: type of tensor → names of the operations that received or gave such tensors.
        strided: shapes of the kernels of 1×1 convolutions with a stride, whose kernel in PyTorch
            2.13 corrupts the heap on some processors.
        convolutions: how many there were.
    """

    def __init__(self) -> None:
        super().__init__()
        self.types: dict[torch.dtype, set[str]] = defaultdict(set)
        self.strided: set[tuple[int, ...]] = set()
        self.convolutions = 0

    @property
    def in_half_precision(self) -> set[str]:
        """Operations that compute with bfloat16 or float16 tensors."""
        return {name for kind in HALF for name in self.types.get(kind, ())} - MOVES

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.name().partition(".")[0]
        for value in tree_leaves((args, kwargs, result)):
            if isinstance(value, Tensor):
                self.types[value.dtype].add(name)
        if name in CONVOLUTIONS:
            self._look_at(*args)
        return result

    def _look_at(
        self,
        images: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0),
        *_: Any,
    ) -> None:
        self.convolutions += 1
        if set(weight.shape[2:]) == {1} and max(stride) > 1 and not any(padding):
            self.strided.add(tuple(weight.shape))
