"""Nodes of ONNX Runtime's own ops."""

from __future__ import annotations

from typing import Any

from .nodes import Array, Case, case

MICROSOFT = "com.microsoft"


def microsoft(op: str, *arrays: Array | None, **options: Any) -> Case:
    """A node of the domain com.microsoft on ARRAYS, in a model of opset 18."""
    return case(op, 18, *arrays, domain=MICROSOFT, **options)
