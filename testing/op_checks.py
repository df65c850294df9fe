"""Builds single ops over arrays and checks what every op promises: `infer`, `evaluate` and `define`
agree, with numbers as dimensions and with symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dialects.core.affine import Dim, symbol
from ..dialects.core.affine_traversal import evaluate
from ..dialects.core.dtypes import DType, from_numpy
from ..dialects.core.interpreter import Evaluation
from ..dialects.core.ir import Block
from ..dialects.core.module import Module
from ..dialects.core.types import TensorType
from ..dialects.graph.base import GraphOp, is_scalar
from .scalar_interpreter import define_array

Array = np.ndarray[Any, Any]

# Relative, then absolute: what separates two ways to compute the same in a type's arithmetic.
TOLERANCES = {"f64": (1e-9, 1e-11), "f32": (3e-5, 3e-6), "f16": (2e-3, 1e-5), "bf16": (1.6e-2, 1e-5)}


def tolerance(dtype: DType) -> tuple[float, float]:
    return TOLERANCES.get(dtype.name, (0.25, 1e-5) if dtype.is_float else (0.0, 0.0))


def numbered(shape: tuple[int, ...]) -> Array:
    """Every element is its own position, so that a wrong one shows."""
    return np.arange(1, int(np.prod(shape)) + 1, dtype=np.float32).reshape(shape)


def build(op: type[GraphOp], arrays: Sequence[Array | None], **attributes: Any) -> GraphOp:
    """OP over operands of the types of ARRAYS (None: absent)."""
    return _build(op, arrays, attributes, symbolic=False)


def symbols_of(arrays: Sequence[Array | None]) -> dict[str, int]:
    """The symbols that stand for sizes above 1 in symbolic types."""
    return {f"D{size}": size for a in arrays if a is not None for size in a.shape if size > 1}


def _build(
    op: type[GraphOp], arrays: Sequence[Array | None], attributes: dict[str, Any], *, symbolic: bool
) -> GraphOp:
    def dim(size: int) -> Dim:
        return symbol(f"D{size}") if symbolic and size > 1 else size

    block = Block()
    values = [
        None if a is None else block.add_argument(TensorType(tuple(map(dim, a.shape)), from_numpy(a.dtype)))
        for a in arrays
    ]
    return op(*values, **attributes)


def evaluated(op: GraphOp, arrays: Sequence[Array | None], symbols: dict[str, int] | None = None) -> Array:
    """OP's `evaluate`, whose shapes and element types must be those of its result types; the first result."""
    known = symbols or {}
    found = op.evaluate(Evaluation(Module(), known), *arrays)
    results: tuple[Array, ...] = found if isinstance(found, tuple) else (found,)
    for result, value in zip(results, op.results, strict=True):
        assert isinstance(result, np.ndarray)
        assert result.shape == tuple(evaluate(size, known) for size in value.type.shape)
        assert result.dtype == value.type.dtype.numpy
    return results[0]


def assert_close(actual: Array, expected: Array, dtype: DType) -> None:
    """Equal up to the tolerance of DTYPE; NaNs and infinities in the same places."""
    if not dtype.is_float:
        np.testing.assert_array_equal(actual, expected)
        return
    relative, absolute = tolerance(dtype)
    wide, wanted = actual.astype(np.float64), expected.astype(np.float64)
    np.testing.assert_allclose(wide, wanted, rtol=relative, atol=absolute)


def check_op(
    op: type[GraphOp], arrays: Sequence[Array | None], *, symbolic: bool = False, **attributes: Any
) -> None:
    """`define` gives what `evaluate` gives, in the shape and type that `infer` says. An op without a scalar
    definition, such as one with a body in CUDA, has only the latter to keep."""
    symbols = symbols_of(arrays) if symbolic else {}
    built = _build(op, arrays, attributes, symbolic=symbolic)
    result = evaluated(built, arrays, symbols)
    if is_scalar(built):
        assert_close(define_array(built, arrays, symbols), result, built.result.type.dtype)
