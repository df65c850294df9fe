"""GELU in its forms, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from ..nodes import Case, check, expanded, label, real
from ..own import microsoft

STEEP = np.linspace(-6, 6, 80, dtype=np.float32).reshape(8, 10)

CASES = [
    microsoft("Gelu", STEEP),
    microsoft("BiasGelu", STEEP, real(10)),
    microsoft("FastGelu", STEEP),
    microsoft("FastGelu", STEEP, real(10)),
    microsoft("QuickGelu", STEEP),
    microsoft("QuickGelu", STEEP, alpha=-0.5),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_gelu(given: Case, opset: int) -> None:
    check(given, opset)
