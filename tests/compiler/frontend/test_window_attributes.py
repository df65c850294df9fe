"""Windows of nodes: attributes that are wrong, and automatic padding resolved as ONNX defines it."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.compiler.frontend.problems import Malformed, Refused
from glassrt.compiler.frontend.window_attributes import (
    WindowAttributes,
    explicit_window,
    pads_are_known,
    read_window,
    split_pads,
)
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.module import SymbolRange
from hypothesis import given
from hypothesis import strategies as st

from .direct_calls import made


def window(spatial: Any, kernel: Any, **attributes: Any) -> WindowAttributes:
    return read_window(made("x", **attributes)[0], spatial, kernel)


def test_defaults_and_spans() -> None:
    found = window((7, 8), (3, 2))
    assert found == WindowAttributes((3, 2), (1, 1), (1, 1), (0, 0, 0, 0))
    assert window((7, 8), (3, 2), dilations=[2, 3]).spans == (5, 4)


@given(st.integers(1, 20), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.booleans())
def test_same_padding_gives_a_result_for_each_stride(
    size: int, k: int, stride: int, d: int, upper: bool
) -> None:
    how = "SAME_UPPER" if upper else "SAME_LOWER"
    found = window((size,), (k,), strides=[stride], dilations=[d], auto_pad=how)
    begin, end = found.pads
    padded = size + begin + end
    assert (padded - found.spans[0]) // stride + 1 >= -(-size // stride)
    needed = max((-(-size // stride) - 1) * stride + found.spans[0] - size, 0)
    assert begin + end == needed and abs(begin - end) <= 1 and (end >= begin) >= upper
    assert upper or begin >= end


def test_odd_totals_and_valid_padding() -> None:
    assert split_pads([3, 2], "upper") == (1, 1, 2, 1) and split_pads([3, 2], "lower") == (2, 1, 1, 1)
    assert window((7, 8), (3, 2), auto_pad="VALID", pads=[1, 1, 1, 1]).pads == (0, 0, 0, 0)


def test_symbolic_sizes_have_known_padding_where_it_depends_on_none() -> None:
    n = symbol("N")
    assert window((n,), (3,), pads=[1, 1]).pads == (1, 1)
    assert pads_are_known(made("x", kernel_shape=[3], auto_pad="VALID")[0], (n,))


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"strides": [1]}, r"strides \[1\] are not 2 positive numbers"),
        ({"dilations": [1, 0]}, r"dilations \[1, 0\] are not 2 positive"),
        ({"pads": [1, 1]}, r"pads \[1, 1\] are not 4 non-negative"),
        ({"pads": [1, 1, 1, -1]}, "non-negative"),
    ],
)
def test_what_is_wrong_is_named(attributes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        window((7, 8), (3, 2), **attributes)
    with pytest.raises(Malformed, match="its kernel has 1 dimensions, but its input 2"):
        explicit_window(made("x")[0], (7, 8), (3,))


def test_padding_that_a_symbol_decides_is_refused() -> None:
    call = made("x", strides=[2], auto_pad="SAME_UPPER", kernel_shape=[3])[0]
    call.builder.module.symbols["N"] = SymbolRange(1, 8, 32)
    with pytest.raises(Refused, match=r"auto_pad with strides \[2\] is not supported for symbolic sizes"):
        read_window(call, (symbol("N"),), (3,))
