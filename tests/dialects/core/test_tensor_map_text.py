"""Tensor maps in IR text: what is left out has its default, and what is wrong is named."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.attributes import AttributeError_, Name
from glassrt.dialects.core.dtypes import F16
from glassrt.dialects.core.tensor_map import TensorMap
from glassrt.dialects.core.tensor_map_text import TensorMapKind
from glassrt.runtime.launch_rules import Traversal

KIND = TensorMapKind()
N = symbol("N")
RAW: dict[str, Any] = {
    "operand": 0,
    "element": Name("f16"),
    "dims": [64, N],
    "strides": [128],
    "box": [64, 8],
}


def test_defaults_are_left_out() -> None:
    made = KIND.decode(RAW)
    assert made == TensorMap(0, F16, (64, N), (128,), Traversal((64, 8)))
    assert KIND.decode(made) is made
    assert KIND.encode(made) == "{operand = 0, element = f16, dims = [64, N], strides = [128], box = [64, 8]}"


def test_words_that_begin_with_a_digit_are_quoted() -> None:
    made = KIND.decode(
        {**RAW, "swizzle": "128B", "fill": Name("nan"), "rounding": Name("tf32"), "steps": [1, 2]}
    )
    assert made.traversal == Traversal((64, 8), (1, 2), "128B", fill="nan", rounding="tf32")
    assert KIND.encode(made).endswith(
        'box = [64, 8], steps = [1, 2], swizzle = "128B", fill = nan, rounding = tf32}'
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (3, "a tensor map is expected, not 3"),
        ({**RAW, "boxes": 1}, r"has no 'boxes' \(it has: operand, element, .*upper\)"),
        ({name: value for name, value in RAW.items() if name != "box"}, "needs 'box'"),
        ({name: value for name, value in RAW.items() if name != "dims"}, "needs 'dims'"),
        ({**RAW, "swizzle": "48B"}, "one of none, 32B, 64B, 128B is expected"),
        ({**RAW, "element": Name("tf32")}, "an element type is expected"),
    ],
)
def test_what_is_wrong_is_named(raw: Any, reason: str) -> None:
    with pytest.raises(AttributeError_, match=reason):
        KIND.decode(raw)
