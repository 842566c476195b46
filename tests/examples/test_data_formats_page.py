"""What ``docs/data-formats.md`` shows."""

from collections.abc import Callable

import pytest

from datasets import get_benchmark

Blocks = Callable[[str, str], list[str]]


def test_the_record_of_a_source_is_as_shown(
    blocks: Blocks, capsys: pytest.CaptureFixture[str]
) -> None:
    (shown,) = [block for block in blocks("data-formats.md", "python") if "source_line" in block]
    scope: dict[str, object] = {}
    exec(compile(shown, "data-formats.md", "exec"), scope)
    assert scope["benchmark"].source == get_benchmark("DIGITS101").source  # type: ignore[attr-defined]
    printed = capsys.readouterr().out
    assert printed.startswith("DIGITS101 on digits: 2,532 architectures from ")
    assert "(sha256 " in printed
