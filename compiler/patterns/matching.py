"""Predicates on values for patterns: constants, splats, single uses, defining ops."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from ...dialects.core.affine import Dim
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.types import TensorType
from ...dialects.graph.constants import Constant
from ...dialects.graph.movement.expand import Expand
from .rewrite import Rewriter

Array = np.ndarray[Any, Any]
AnyOp = TypeVar("AnyOp", bound=Operation)


def constant_array(value: Value | None, module: Module) -> Array | None:
    """The array of the constant that defines VALUE; None when VALUE is absent or computed at run time."""
    if value is not None and isinstance(value.producer, Constant):
        return value.producer.array(module)
    return None


def is_splat(value: Value | None, number: float, module: Module) -> bool:
    """True when VALUE is a constant whose elements all equal NUMBER (0 matches zeros of either sign)."""
    array = constant_array(value, module)
    if array is None or array.size == 0 or array.reshape(-1)[0] != number:
        return False
    return bool((array == number).all())


def is_zero(value: Value | None, module: Module, *, negative: bool) -> bool:
    """True when VALUE is a constant of zeros that all have the given sign; integer zeros match any sign."""
    if not is_splat(value, 0, module):
        return False
    array = constant_array(value, module)
    assert array is not None
    if array.dtype.kind in "iub":
        return True
    return bool((np.signbit(array.astype(np.float64)) == negative).all())


def only_use(value: Value) -> bool:
    """True when VALUE has exactly one use."""
    return len(value.uses) == 1


def produced_by(value: Value | None, kind: type[AnyOp]) -> AnyOp | None:
    """The op that defines VALUE if it is of class KIND; otherwise None."""
    producer = value.producer if value is not None else None
    return producer if isinstance(producer, kind) else None


def replace_with(op: Operation, value: Value, rewriter: Rewriter) -> bool:
    """Replace OP by VALUE, expanded to OP's shape if that differs; always True, for patterns to return."""
    if value.type.shape != op.result.type.shape:
        value = rewriter.insert(Expand(value, shape=op.result.type.shape)).result
    rewriter.replace(op, value)
    return True


def filled(type: TensorType, number: float) -> Array:
    """NUMBER as an array of TYPE's element type and of shape [1, ..., 1], which broadcasts to TYPE."""
    return np.full((1,) * type.rank, number, type.dtype.numpy)


def static_shape(shape: tuple[Dim, ...]) -> tuple[int, ...] | None:
    """SHAPE as integers; None when it has symbols."""
    sizes = tuple(size for size in shape if isinstance(size, int))
    return sizes if len(sizes) == len(shape) else None
