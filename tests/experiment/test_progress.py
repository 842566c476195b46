from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import time

import pytest
from rich.progress import Progress

from experiment import progress as module
from experiment.paths import REPOSITORY_ROOT
from experiment.progress import log_line, progress

CODE = f"""
import sys
sys.path.insert(0, {str(REPOSITORY_ROOT)!r})
from experiment.progress import progress
with progress(40, "training", "graphs") as bar:
    for _ in range(4):
        bar.advance(10, loss=0.25)
print("to standard output")
"""


def test_short_work_writes_nothing_into_a_log(capfd: pytest.CaptureFixture[str]) -> None:
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
        timeout=600,
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


def lines_of_a_log(monkeypatch: pytest.MonkeyPatch, total: int | None) -> list[str]:
    """What a unit of work that never ends writes, up to its second line."""
    monkeypatch.setattr(module, "FIRST_LINE", 0.001)
    monkeypatch.setattr(module, "LINES", 0.001)
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    with progress(total, "training", "graphs"):
        end = time.monotonic() + 60
        while log.getvalue().count("\n") < 2 and time.monotonic() < end:
            time.sleep(0.001)
    written = log.getvalue()
    time.sleep(0.01)
    assert log.getvalue() == written, "it goes on writing after its end"
    return written.splitlines()


@pytest.mark.parametrize("total", [100, None])
def test_a_log_gets_lines_even_while_one_unit_takes_long(
    monkeypatch: pytest.MonkeyPatch, total: int | None
) -> None:
    lines = lines_of_a_log(monkeypatch, total)
    assert len(lines) >= 2
    assert all(line.startswith("training: ") for line in lines)


def test_a_line_of_a_log_says_rate_time_left_and_figures() -> None:
    now = 0.0
    bar = Progress(get_time=lambda: now, disable=True)
    bar.add_task("training", total=1_200, figures="")
    now = 10.0
    assert log_line(bar.tasks[0], "graphs") == "training: 0 of 1,200 graphs, 10 s so far"
    bar.update(bar.tasks[0].id, advance=200, figures="loss 0.5")
    assert (
        log_line(bar.tasks[0], "graphs")
        == "training: 200 of 1,200 graphs, 20 graphs/s, 50 s left, loss 0.5"
    )
    assert "10 graphs/s, 2 min left" in log_line(bar.tasks[0], "graphs", before=100)
    assert "/s" not in log_line(bar.tasks[0], "graphs", before=200)
    bar.add_task("fitting", total=None, figures="")
    now = 130.0
    assert log_line(bar.tasks[1], "steps") == "fitting: running after 120 s"
