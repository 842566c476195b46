from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from experiment.paths import REPOSITORY_ROOT
from experiment.progress import progress

CODE = f"""
import sys
sys.path.insert(0, {str(REPOSITORY_ROOT)!r})
from experiment.progress import progress
with progress(40, "training", "graphs") as bar:
    for _ in range(4):
        bar.advance(10, loss=0.25)
print("to standard output")
"""


def test_silent_where_nobody_looks(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(progress([1, 2, 3], "counting")) == [1, 2, 3]
    assert list(progress((k for k in range(3)), "counting")) == [0, 1, 2]
    with progress(None, "waiting") as bar:
        bar.advance(2, loss=0.1)
    assert capfd.readouterr() == ("", "")


def test_a_terminal_shows_rate_and_figures() -> None:
    parent, child = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        stdout=subprocess.PIPE,
        stderr=child,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "150"},
        timeout=120,
        check=True,
    )
    os.close(child)
    shown = b""
    while True:
        try:
            piece = os.read(parent, 65536)
        except OSError:  # Linux says end of file on a pseudo-terminal this way
            break
        if not piece:
            break
        shown += piece
    os.close(parent)
    text = shown.decode()
    for part in ("training", "40/40", "graphs/s", "loss 0.25"):
        assert part in text
    assert done.stdout == b"to standard output\n"
