"""Shared by the tests of examples and of the pages that explain them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from experiment.paths import REPOSITORY_ROOT

Blocks = Callable[[str, str], list[str]]


@pytest.fixture(scope="session")
def blocks() -> Blocks:
    """The code blocks of a page of ``docs/``, in a language, top to bottom."""

    def read(page: str, language: str) -> list[str]:
        text = (REPOSITORY_ROOT / "docs" / page).read_text(encoding="utf-8")
        return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)

    return read
