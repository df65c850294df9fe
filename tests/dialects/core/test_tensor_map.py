"""Tensor maps as attributes: sizes, symbols, and the rules that hold at every size."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.dtypes import F8E4M3, F16
from glassrt.dialects.core.tensor_map import TensorMap
from glassrt.runtime.launch_rules import Traversal, extent

N, M = symbol("N"), symbol("M")
PLAIN = TensorMap(0, F16, (64, N), (M * 16,), Traversal((64, 8)))


def test_symbols_are_replaced_in_sizes_and_strides() -> None:
    assert PLAIN.symbols == {"N", "M"} and PLAIN.fault() is None
    found = PLAIN.substituted({"N": 5, "M": 8})
    assert (found.dims, found.strides, found.symbols) == ((64, 5), (128,), frozenset())
    assert found.traversal is PLAIN.traversal


def test_the_extent_is_that_of_the_runtime() -> None:
    made = TensorMap(0, F16, (64, N, 3), (128, N * 256), Traversal((64, 1, 1)))
    assert evaluate(made.extent, {"N": 7}) == extent([64, 7, 3], [128, 7 * 256], 2)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"strides": (M * 8,)}, r"a stride of 8\*M bytes, which need not be a multiple of 16"),
        ({"strides": (24,)}, "a stride of 24 bytes, which need not"),
        ({"strides": ()}, "0 strides for 2 dimensions"),
        ({"dims": (64, 0)}, "a size of 0"),
        ({"traversal": Traversal((64, 300))}, "a box size of 300"),
        ({"traversal": Traversal((16, 8), fill="nan"), "dtype": F8E4M3}, "cannot fill f8e4m3 with NaN"),
    ],
)
def test_what_breaks_a_rule_at_some_size_is_named(changed: dict[str, tuple[Dim, ...]], fault: str) -> None:
    found = replace(PLAIN, **changed).fault()
    assert found is not None
    assert re.search(fault, found), found
