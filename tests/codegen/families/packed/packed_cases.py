"""Products with packed weights, made of random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.families.packed.family import packed_problem
from glassrt.codegen.families.packed.problem import PackedProblem
from glassrt.codegen.request.request import Request
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.dtypes import F16, F32, U64
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.block_format import BlockFormat
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.packed import PackedMatmul

from ...one_kernel import kernel_module
from ..gemv.test_halves import gated
from ..gemv.test_rows import normal_rows

Array = np.ndarray[Any, Any]


def stated(form: BlockFormat) -> dict[str, Any]:
    """The attributes that say FORM."""
    return {
        "bits": form.bits,
        "block": form.block,
        "scale_bits": form.scale_bits,
        "shifted": form.shifted,
    }


def drawn(form: BlockFormat, columns: int, depth: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Random packed weights of FORM, and what they stand for."""
    numbers = rng.integers(0, 1 << form.bits, (columns, depth)).astype(np.uint8)
    blocks = columns, -(-depth // form.block)
    scale = (rng.uniform(0.5, 1.5, blocks) / form.middle).astype(np.float16)
    offset = rng.integers(-form.middle, form.middle, blocks).astype(np.float32) if form.shifted else None
    wide = numbers.astype(np.float64) - form.middle
    if offset is not None:
        wide += np.repeat(offset, form.block, 1)[:, :depth]
    wide *= np.repeat(scale.astype(np.float64), form.block, 1)[:, :depth]
    return form.packed(numbers, scale, offset), wide


def product_module(form: BlockFormat, m: int, n: int, k: int) -> Module:
    """One kernel: rows [m, k] by packed weights, and a residual [m, n], in f16."""

    def body(do: Any, x: Any, w: Any, other: Any) -> Any:
        y = do(PackedMatmul(x, w, columns=n, accumulate=F32, **stated(form)))
        return do(Cast(do(Add(y, do(Cast(other, to=F32)))), to=F16))

    types = [TensorType((m, k), F16), TensorType(form.shape(n, k), U64), TensorType((m, n), F16)]
    return kernel_module(body, types)


def request_of(form: BlockFormat, m: int, n: int, k: int, target: ArchSpec = REFERENCE) -> Request:
    """The request for such a product without a residual."""
    block = Block([TensorType((m, k), F16), TensorType(form.shape(n, k), U64)])
    product = PackedMatmul(*block.arguments, columns=n, accumulate=F32, **stated(form))
    stored = block.append(Cast(block.append(product).result, to=F16)).result
    block.append(Yield(stored))
    return Request(block, (stored.type,), {}, {}, target, weights=frozenset({1}))


def packed_of(form: BlockFormat, m: int, n: int, k: int) -> PackedProblem:
    """The problem of such a product."""
    found = packed_problem(request_of(form, m, n, k))
    assert not isinstance(found, str), found
    return found


def normalised_module(form: BlockFormat, m: int, n: int, k: int) -> Module:
    """One kernel: an RMS norm of rows [m, k] by packed weights [2 n, k], and SiLU of the first half of
    columns times the other one."""

    def body(do: Any, x: Any, scale: Any, w: Any) -> Any:
        rows = normal_rows(do, x, scale)
        return gated(do, do(PackedMatmul(rows, w, columns=2 * n, accumulate=F32, **stated(form))))

    types = [TensorType((m, k), F16), TensorType((k,), F16), TensorType(form.shape(2 * n, k), U64)]
    return kernel_module(body, types)
