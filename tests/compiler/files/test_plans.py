"""Files of plans, told from others."""

from __future__ import annotations

from pathlib import Path

import pytest
from glassrt.compiler.files.plans import is_plan
from glassrt.errors import ModelError
from glassrt.runtime.plan_format import MAGIC


@pytest.mark.parametrize(
    ("name", "content", "plan"),
    [
        ("a", MAGIC + b"rest", True),
        ("a.plan", b"damaged", True),
        ("a.onnx", b"\x08\x07", False),
        ("a", b"", False),
    ],
)
def test_a_plan_is_told_by_its_bytes_or_its_name(
    tmp_path: Path, name: str, content: bytes, plan: bool
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert is_plan(path) == plan
    with pytest.raises(ModelError, match="cannot read"):
        is_plan(tmp_path / "missing")
