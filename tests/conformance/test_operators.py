"""The page of operators is up to date."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from .operators import page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operators.md"


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    if f"(onnx {onnx.__version__})" not in text:
        pytest.skip("the page was made with another version of onnx")
    if text != page():
        pytest.fail("make it anew: python -m glassrt.tests.conformance.operators docs/operators.md")
