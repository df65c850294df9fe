"""The driver's names for traits of tensor maps are names that the driver's interface has."""

from __future__ import annotations

import pytest
from glassrt.runtime.launch_rules import Traversal
from glassrt.runtime.program import BoundBuffer, BoundTensorMap
from glassrt.runtime.tensor_map_names import PROMOTION, names_of

driver = pytest.importorskip("cuda.bindings.driver")
BUFFER = BoundBuffer("x", "arena", 0, 0, 1024)
ENUMS = {
    "type": driver.CUtensorMapDataType,
    "interleave": driver.CUtensorMapInterleave,
    "swizzle": driver.CUtensorMapSwizzle,
    "fill": driver.CUtensorMapFloatOOBfill,
}


@pytest.mark.parametrize(
    ("dtype", "traversal", "function", "type"),
    [
        ("f16", Traversal((8, 8), swizzle="64B", fill="nan"), "cuTensorMapEncodeTiled", "FLOAT16"),
        ("f32", Traversal((8, 8), rounding="tf32"), "cuTensorMapEncodeTiled", "TFLOAT32"),
        ("i8", Traversal((8, 16), lower=(0, 0), upper=(0, 0)), "cuTensorMapEncodeIm2col", "UINT8"),
        ("bf16", Traversal((8, 8), interleave="32B"), "cuTensorMapEncodeTiled", "BFLOAT16"),
    ],
)
def test_names_are_the_drivers(dtype: str, traversal: Traversal, function: str, type: str) -> None:
    names = names_of(BoundTensorMap(BUFFER, dtype, (8, 8), (16,), traversal))
    assert names.function == function and hasattr(driver, function)
    assert names.type == f"CU_TENSOR_MAP_DATA_TYPE_{type}"
    for trait, enum in ENUMS.items():
        assert hasattr(enum, getattr(names, trait)), trait
    assert hasattr(driver.CUtensorMapL2promotion, PROMOTION)
