"""What products are computed in: the settings ``precision``, and what ``auto`` means here."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch

Precision = Literal["auto", "float32", "bfloat16"]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
X86 = ("x86_64", "amd64", "i386", "i686")
"""How systems call processors whose instructions PyTorch tells by the names below."""
INSTRUCTIONS = ("avx512_bf16", "amx_bf16")
"""Either multiplies bfloat16; without them products of it are emulated, 30 to 60 times slower."""
WORTHWHILE = 1.2
"""Rate of bfloat16 products, in those of float32, from which on ``auto`` is bfloat16.

Where there are instructions a product is 1.5 times as fast and more, where there are none it takes
a multiple of the time: the exact number decides nothing.
"""
SIDE, REPEATS = 256, 9
"""Matrices that are multiplied to find out: 0.4 ms each in float32 on one core with AVX2."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What products are computed in, and why.

    Attributes:
        precision: their type.
        reason: what decided, as a clause for a message: ``it has no instructions for bfloat16``.
    """

    precision: Literal["float32", "bfloat16"]
    reason: str


def resolved(precision: Precision, device: torch.device) -> Literal["float32", "bfloat16"]:
    """What ``auto`` means on ``device``: bfloat16 where it multiplies that faster than float32."""
    return automatic(device).precision if precision == "auto" else precision


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether ``device`` multiplies bfloat16 matrices faster than float32 ones."""
    return automatic(device).precision == "bfloat16"


def automatic(device: torch.device) -> Choice:
    """What ``auto`` means on ``device``.

    A GPU is asked whether it has instructions for bfloat16. A processor is asked too, and where it
    has them a product is timed: environment variables, virtual machines and builds of PyTorch may
    leave them unused. A process finds out once, in milliseconds.
    """
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Choice("bfloat16", "the GPU has instructions for bfloat16")
        return Choice("float32", "the GPU has no instructions for bfloat16")
    if device.type != "cpu":
        return Choice("float32", f"on {device.type} nothing else is taken unasked")
    capabilities = torch.cpu.get_capabilities()
    is_x86 = platform.machine().lower() in X86
    if is_x86 and not any(capabilities.get(name, False) for name in INSTRUCTIONS):
        return Choice("float32", "the processor has no instructions for bfloat16")
    rate = bfloat16_rate()
    measured = f"the processor multiplies bfloat16 {rate:.2g} times as fast as float32"
    return Choice("bfloat16" if rate >= WORTHWHILE else "float32", measured)


@lru_cache(maxsize=1)
def bfloat16_rate() -> float:
    """Products of bfloat16 matrices in the time of one of float32 on this processor, measured."""
    exact = torch.ones(SIDE, SIDE)
    rounded = exact.bfloat16()
    pairs = [(_seconds(exact), _seconds(rounded)) for _ in range(REPEATS)]
    fastest_exact, fastest_rounded = (min(times) for times in zip(*pairs, strict=True))
    return fastest_exact / fastest_rounded


def _seconds(matrix: torch.Tensor) -> float:
    start = time.perf_counter()
    matrix @ matrix
    return time.perf_counter() - start
