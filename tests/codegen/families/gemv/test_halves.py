"""Products of few rows whose epilogues read both halves of the columns, against the interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.gemv.config import GemvConfig
from glassrt.codegen.families.gemv.halves import half_of, with_halves
from glassrt.codegen.families.registry import families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Swish
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.slicing import Slice

from ...one_kernel import compare, draw_inputs, kernel_module, plan_of
from .test_family import NAME, configured
from .test_rows import normal_rows


def gated(do: Any, product: Any, first: int = 0) -> Any:
    """SiLU of a half of PRODUCT's columns times the other half."""
    rows, columns = product.type.shape
    starts = [[0, start] for start in (first, columns // 2)]
    gate, up = (do(Slice(product, starts=start, sizes=[rows, columns // 2])) for start in starts)
    return do(Cast(do(Mul(do(Swish(gate)), up)), to=F16))


def biased(do: Any, x: Any, w: Any, bias: Any) -> Any:
    y = do(Matmul(x, w, transpose_b=True, accumulate=F32))
    return gated(do, do(Add(y, do(Cast(bias, to=F32)))))


def normalised(do: Any, x: Any, scale: Any, w: Any) -> Any:
    return gated(do, do(Matmul(normal_rows(do, x, scale), w, transpose_b=True, accumulate=F32)))


def overlapping(do: Any, x: Any, w: Any) -> Any:
    return gated(do, do(Matmul(x, w, transpose_b=True, accumulate=F32)), first=8)


def types(*shapes: tuple[int, ...]) -> list[TensorType]:
    return [TensorType(shape, F16) for shape in shapes]


@pytest.mark.parametrize("device", ["host", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize(
    ("body", "given", "config"),
    [
        (biased, types((1, 512), (176, 512), (176,)), GemvConfig(8, 4, 4, splits=2, stages=1)),
        (biased, types((13, 264), (64, 264), (64,)), GemvConfig(16, 2, 4, stages=2)),
        (normalised, types((3, 2048), (2048,), (200, 2048)), GemvConfig(8, 4, 8, stages=3, turns=3)),
    ],
    ids=["cluster", "rows", "turns"],
)
def test_a_thread_has_both_accumulators(
    body: Any, given: list[TensorType], config: GemvConfig, device: str
) -> None:
    module = kernel_module(body, given)
    inputs = draw_inputs(module, np.random.default_rng(0), {})
    for got, want in compare(module, inputs, configured(config), device):
        assert np.abs(got.astype(np.float64) - want.astype(np.float64)).max() <= 2.0**-8 * np.abs(want).max()


def test_other_parts_of_a_result_are_not_taken() -> None:
    taken: list[bool] = []

    def choose(request: Request) -> Candidate:
        product = next(op for op in request.ops if isinstance(op, Matmul))
        assert [half_of(op, 32) for op in product.result.users] == [None, 32]
        taken.append(bool(families()[NAME].propose(request)))
        raise StopIteration

    with pytest.raises(StopIteration):
        plan_of(kernel_module(overlapping, types((1, 512), (64, 512))), choose)
    assert taken == [False] and with_halves(None) is None
