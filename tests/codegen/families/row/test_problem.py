"""Rows whose blocks may share them, and rows whose may not."""

from __future__ import annotations

import pytest
from glassrt.dialects.graph.binary import Mul, Sub
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.softmax import Softmax
from glassrt.errors import KernelError

from ...one_kernel import kernel_module, plan_of
from .reductions import chosen, split_by, tensor


def variance(do, x):
    mean = do(Reduce(x, kind="mean", axes=[1], keepdims=True))
    off = do(Sub(x, mean))
    return do(Reduce(do(Mul(off, off)), kind="mean", axes=[1], keepdims=True))


@pytest.mark.parametrize(
    "body", [variance, lambda do, x: do(Softmax(x, axis=1))], ids=["variance", "softmax"]
)
def test_rows_whose_blocks_would_wait_for_each_other_are_not_split(body):
    found = chosen(body, tensor(2, 1 << 20))
    assert found.family == "row" and "splits" not in found.config
    with pytest.raises(KernelError, match="cannot be split over several blocks"):
        plan_of(kernel_module(body, [tensor(2, 512)]), split_by(4))
