"""Names of the model in messages."""

from __future__ import annotations

import pytest
from glassrt.compiler.frontend.problems import MAX_SHOWN, shown


@pytest.mark.parametrize(
    ("name", "text"), [("conv1", "'conv1'"), ("a\x1b[31m", "'a\\x1b[31m'"), ("é'", '"\\xe9\'"')]
)
def test_names_are_quoted_and_escaped(name: str, text: str) -> None:
    assert shown(name) == text


def test_long_names_are_cut() -> None:
    assert len(shown("n" * (MAX_SHOWN - 2))) == MAX_SHOWN
    cut = shown("n" * 1000)
    assert cut == "'" + "n" * (MAX_SHOWN - 1) + "...'"
