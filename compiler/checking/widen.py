"""Copies of blocks with every float type widened to f64, which compute without rounding to storage types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...dialects.core.dtypes import F64, DType, from_numpy
from ...dialects.core.ir import Block, Operation, Region, Value
from ...dialects.core.types import TensorType

Array = np.ndarray[Any, Any]


def widened_block(block: Block, mapping: dict[Value, Value], given: Operation | None = None) -> Block:
    """A copy of BLOCK in f64; MAPPING gets the copy of every value outside of nested regions.

    The results of GIVEN, an op of BLOCK, become additional arguments.
    """
    copy = Block()
    for argument in (*block.arguments, *(given.results if given is not None else ())):
        mapping[argument] = copy.add_argument(widened_type(argument.type), argument.hint)
    for op in block:
        if op is not given:
            copy.append(widened_op(op, mapping))
    return copy


def widened_array(array: Array) -> Array:
    """ARRAY in f64 if it holds floats."""
    return array.astype(np.float64) if from_numpy(array.dtype).is_float else array


def widened_op(op: Operation, mapping: dict[Value, Value]) -> Operation:
    """A copy of OP in f64 on the operands' copies in MAPPING, to which its results are added."""
    operands = [None if value is None else mapping[value] for value in op.operands]
    types = [widened_type(value.type) for value in op.results]
    regions = [Region(widened_block(block, {})) for region in op.regions for block in region.blocks]
    attributes = _widened_attributes(op.attributes)
    copy = type(op)(*operands, types=types, regions=regions, loc=op.location, **attributes)
    mapping.update(zip(op.results, copy.results, strict=True))
    return copy


def widened_type(type: TensorType) -> TensorType:
    """TYPE with element type f64 if its elements are floats."""
    return type.with_dtype(F64) if type.dtype.is_float else type


def _widened_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes, with the element types among them (cast's `to`, a sum's `accumulate`) made f64."""
    return {
        name: F64 if isinstance(value, DType) and value.is_float else value
        for name, value in attributes.items()
        if value is not None
    }
