"""RoiAlign: definitions against numpy, numpy against ONNX Runtime, odd regions, the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import F32, I64
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.roi_align import RoiAlign
from glassrt.errors import IRError
from glassrt.testing.op_checks import assert_close, build, check_op, evaluated

from ...codegen.one_kernel import compare, kernel_module
from ...property.onnx_runs import run_onnx

X = np.random.default_rng(0).normal(size=(2, 2, 6, 7)).astype(np.float32)
INSIDE = np.array([[0.6, 1.2, 4.7, 3.1], [2.2, 0.4, 6.9, 5.8]], np.float32)
ODD = np.array([[-3, -2.5, 1, 1], [5, 4, 11, 9], [3, 3, 2, 2], [20, 20, 30, 30]], np.float32)
KINDS = {"mean": "avg", "max": "max"}


@pytest.mark.parametrize("rois", [INSIDE, ODD])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [0, 2])
@pytest.mark.parametrize("half_pixel", [False, True])
def test_roi_align(rois: Any, kind: str, samples: int, half_pixel: bool) -> None:
    images = np.arange(len(rois)) % 2
    given = {"sizes": [2, 3], "kind": kind, "samples": samples, "half_pixel": half_pixel, "scale": 0.75}
    check_op(RoiAlign, [X, rois, images], **given)
    found = evaluated(build(RoiAlign, [X, rois, images], **given), [X, rois, images])
    wanted = run_onnx(
        "RoiAlign",
        [X, rois, images],
        output_height=2,
        output_width=3,
        mode=KINDS[kind],
        sampling_ratio=samples,
        spatial_scale=0.75,
        coordinate_transformation_mode="half_pixel" if half_pixel else "output_half_pixel",
    )
    assert_close(found, wanted, F32)


@pytest.mark.parametrize("samples", [0, 2])
def test_its_kernels(samples: int) -> None:
    """The region decides how many samples there are, so the loops of a thread have no constant ends."""
    rois = np.concatenate([INSIDE, ODD])
    images = np.arange(len(rois)) % 2
    types = [TensorType(X.shape, F32), TensorType(rois.shape, F32), TensorType(images.shape, I64)]
    module = kernel_module(lambda do, *v: do(RoiAlign(*v, sizes=[2, 3], samples=samples)), types)
    [(got, want)] = compare(module, {"x0": X, "x1": rois, "x2": images})
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ([(1, 2, 3, 3), (2, 4), (3,)], "the image numbers"),
        ([(1, 2, 3), (2, 4), (2,)], "a batch of images"),
        ([(1, 2, 3, 3), (2, 5), (2,)], "4 numbers each are expected"),
    ],
)
def test_bad_operands(types: list[tuple[int, ...]], message: str) -> None:
    block, dtypes = Block(), (F32, F32, I64)
    values = [block.add_argument(TensorType(s, d)) for s, d in zip(types, dtypes, strict=True)]
    with pytest.raises(IRError, match=message):
        RoiAlign(*values, sizes=[1, 1])
