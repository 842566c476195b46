"""How many threads compute: as many as make it faster on this machine, now."""

from __future__ import annotations

import math
import os
import statistics
import time
from functools import cache
from pathlib import Path

import torch
from torch import nn

COUNT_VARIABLE = "OMP_NUM_THREADS"
WORTHWHILE = 1.1
"""How much faster twice the threads have to be. Nearer to 1, noise would decide."""
ROWS, WIDTH = 200, 250
"""Of the layer that is timed: node states of a batch of 32 graphs of a VAE."""
REPEATS = 9
"""Measurements whose median decides: 20 ms each. Of 3, one in ten said on a machine without other
work that a second thread gains nothing."""

CGROUPS = Path("/sys/fs/cgroup")
"""Where Linux shows what a container may use."""


def available_cores() -> int:
    """Cores that this process may keep busy, at least 1.

    Of the machine's cores those that the process may run on (its affinity, as ``taskset`` and
    schedulers of clusters set it), and no more than its share of time is worth (a container's
    quota, as of ``docker run --cpus``).
    """
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, math.ceil(min(cores, quota())))


def quota(root: Path = CGROUPS) -> float:
    """Cores' worth of time that the container may use; infinite where nothing limits it.

    Reads ``cpu.max`` of version 2 of Linux's control groups, else ``cpu.cfs_quota_us`` and
    ``cpu.cfs_period_us`` of version 1, as a container sees its own at the top.
    """
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            words = " ".join((root / name).read_text(encoding="ascii") for name in names).split()
            share = float(words[0]) / float(words[1])
        except (OSError, ValueError, IndexError, ZeroDivisionError):
            continue  # "max" is no number: no limit
        if share > 0:  # version 1 says -1 where there is no limit
            return share
    return math.inf


def use_threads(count: int | None) -> str:
    """Compute with so many threads from now on; ``None`` finds out how many.

    An OpenMP thread that waits keeps its core busy, and one that sleeps is late where other work
    has taken its core: with one of two cores taken, two threads train a VAE at less than half of
    the speed of one (``benchmarks/any_machine.py``). So the number is doubled, from one on, for as
    long as that is faster in a measurement of a fifth of a second, up to what PyTorch would take
    and the process may use. The environment variable ``OMP_NUM_THREADS`` is obeyed.

    Args:
        count: threads; ``None``: the fastest number.

    Returns:
        What decided, for the run's records.
    """
    global _reason
    most = min(_most(), available_cores())
    if count is not None:
        torch.set_num_threads(count)
        _reason = GIVEN
    elif COUNT_VARIABLE in os.environ:
        _reason = f"as the environment variable {COUNT_VARIABLE} says"
    elif most == 1:
        torch.set_num_threads(1)
        _reason = "no more than one is available"
    else:
        _reason = MEASURED + _take_the_fastest(most)
    return _reason


def resume_with(count: int) -> None:
    """Compute with as many threads as before the interruption, unless a number was chosen.

    Sums are rounded in another way by another number of threads.
    """
    global _reason
    if _reason.startswith(MEASURED) and count != torch.get_num_threads():
        torch.set_num_threads(count)
        _reason = "as before the run was interrupted"


GIVEN, MEASURED = "as the command says", "measured: "
_reason = "as PyTorch chose"


def reason() -> str:
    """What decided about the present number of threads."""
    return _reason


def _take_the_fastest(most: int) -> str:
    now, gains = 1, []
    while now < most:
        more = min(2 * now, most)
        gain = speedup(now, more)
        gains.append(f"{more} are {gain:.2g} times as fast as {now}")
        if gain < WORTHWHILE:
            break
        now = more
    torch.set_num_threads(now)
    return ", ".join(gains)


@cache
def _most() -> int:
    """What PyTorch takes by default: asked before another number is set."""
    return torch.get_num_threads()


def speedup(few: int, many: int) -> float:
    """How much faster a recurrent layer is trained with ``many`` threads than with ``few``, now.

    Forward and backward pass: operations as many and as small as those of a training step. Large
    products alone gain more from threads, and lose less beside other work.
    """
    with torch.random.fork_rng(devices=[]):  # a measurement leaves the seeded numbers alone
        layer = nn.GRUCell(WIDTH, WIDTH)
    inputs, states = torch.ones(2, ROWS, WIDTH).unbind()

    def seconds(threads: int) -> float:
        torch.set_num_threads(threads)
        start = time.perf_counter()
        layer(inputs, states).sum().backward()
        return time.perf_counter() - start

    for threads in (few, many):
        seconds(threads)  # starts the threads
    return statistics.median(seconds(few) / seconds(many) for _ in range(REPEATS))
