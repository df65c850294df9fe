"""The maximum in regions: definitions against numpy, numpy against ONNX Runtime, odd regions, the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.rois import RoiMaxPool
from glassrt.errors import IRError
from glassrt.testing.op_checks import assert_close, build, check_op, evaluated

from ...codegen.one_kernel import compare, kernel_module
from ...property.onnx_runs import run_onnx

X = np.random.default_rng(0).normal(size=(2, 2, 6, 7)).astype(np.float32)
INSIDE = np.array([[0.6, 1.2, 4.7, 3.1], [2.2, 0.4, 6.9, 5.8]], np.float32)
ODD = np.array([[-3, -2.5, 1, 1], [5, 4, 11, 9], [3, 3, 2, 2], [20, 20, 30, 30]], np.float32)


@pytest.mark.parametrize("rois", [INSIDE, ODD])
def test_roi_max_pool(rois: Any) -> None:
    regions = np.concatenate([np.arange(len(rois))[:, None] % 2, rois], axis=1).astype(np.float32)
    check_op(RoiMaxPool, [X, regions], sizes=[2, 3], scale=0.75)
    found = evaluated(build(RoiMaxPool, [X, regions], sizes=[2, 3], scale=0.75), [X, regions])
    assert_close(found, run_onnx("MaxRoiPool", [X, regions], pooled_shape=[2, 3], spatial_scale=0.75), F32)


def test_its_kernel() -> None:
    """The region decides how many elements there are, so the loops of a thread have no constant ends."""
    rois = np.concatenate([INSIDE, ODD])
    regions = np.concatenate([np.arange(len(rois))[:, None] % 2, rois], axis=1).astype(np.float32)
    types = [TensorType(X.shape, F32), TensorType(regions.shape, F32)]
    module = kernel_module(lambda do, *v: do(RoiMaxPool(*v, sizes=[2, 3])), types)
    [(got, want)] = compare(module, {"x0": X, "x1": regions})
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("columns", "sizes", "message"),
    [(4, [1, 1], "5 numbers each are expected"), (5, [0, 1], "are not two positive numbers")],
)
def test_bad_operands(columns: int, sizes: list[int], message: str) -> None:
    block = Block()
    values = [block.add_argument(TensorType(shape, F32)) for shape in ((1, 2, 3, 3), (2, columns))]
    with pytest.raises(IRError, match=message):
        RoiMaxPool(*values, sizes=sizes)
