"""No network computes by a kernel that corrupts the heap on some processors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

import pytest
import torch
from torch import nn

from models.networks.layers import Convolution
from tests.operations import Operations

AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
"""Lets a newer x86 processor run the kernels of one without AVX-512."""


def test_every_network_trains_without_a_broken_kernel() -> None:
    """In a process of its own, which aborts where something writes beyond its memory."""
    environment = {**os.environ, **AVX2, "MALLOC_CHECK_": "3"}
    if checking := find_library("c_malloc_debug"):  # glibc from 2.34 on checks by this library
        environment["LD_PRELOAD"] = checking
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("train_every_network.py"))],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["convolutions"] > 200
    assert found["strided"] == []
    assert found["half"] == []


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_the_recorder_sees_the_call(layout: torch.memory_format) -> None:
    images = torch.randn(2, 4, 8, 8).contiguous(memory_format=layout)
    with Operations() as operations, torch.inference_mode():
        nn.Conv2d(4, 6, 1, stride=2)(images)
        nn.Conv2d(4, 6, 3, stride=2, padding=1)(images)
        nn.Conv2d(4, 6, 1)(images)
        Convolution(4, 6, 1, stride=2)(images)
    assert operations.convolutions == 4
    assert operations.strided == {(6, 4, 1, 1)}
