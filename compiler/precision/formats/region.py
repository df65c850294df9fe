"""Rebuilds a kernel's region with casts between storage types and compute types.

Operands are widened where arithmetic reads them, and the result is rounded once, at the end. Contractions
read storage types directly and produce their accumulator type. Ops that only move or select elements run in
the storage type, because a wider one would change nothing. What is written in place is rounded before that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from ....dialects.core.dtypes import TF32, DType
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.traits import Trait, has
from ....dialects.core.types import ROW_MAJOR, TensorType
from ....dialects.graph.activations import Relu
from ....dialects.graph.attention import Attention
from ....dialects.graph.binary import Add
from ....dialects.graph.constants import Constant
from ....dialects.graph.elementwise import BitCast, Cast, Where
from ....dialects.graph.movement.pad import Pad
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.graph.pool import MaxPool
from ....dialects.graph.quantization import Dequantize, Quantize
from ....dialects.graph.sequences import WriteCache
from ....dialects.graph.softmax import Softmax
from ...settings.formats import Format
from .multiplication import Multiplication, type_multiplied

Array = np.ndarray[Any, Any]


class RegionPrecision:
    """A region under construction."""

    def __init__(self, format: Format, multiplication: Multiplication | None) -> None:
        """MULTIPLICATION is that of the region's contraction, if it has one."""
        self._format = format
        self._multiplication = multiplication
        self.block = Block()
        self._values: dict[Value, Value] = {}
        self._casts: dict[tuple[Value, DType], Value] = {}

    def argument(self, old: Value, type: TensorType, *, viewed: bool = False) -> None:
        """Add the argument that stands for OLD and is stored as TYPE; VIEWED: TYPE has another shape than
        OLD."""
        value = self.block.add_argument(type, old.hint)
        self._values[old] = self._append(Reshape(value, shape=old.type.shape)) if viewed else value

    def convert(self, op: Operation) -> None:
        """Rebuild OP on the converted values of its operands."""
        if isinstance(op, Constant):
            self._values[op.result] = self._append(_copy(op, ()))
        elif has(op, Trait.CONTRACTION) or isinstance(op, Attention):
            self._values[op.result] = self._contraction(op)
        elif isinstance(op, WriteCache) and op.in_place:
            cache, update, *starts = (self._values[value] for value in op.inputs)
            rounded = self._cast(update, cache.type.dtype)
            self._values[op.result] = self._append(_copy(op, [cache, rounded, *starts]))
        else:
            operands = self._unwidened(op) or self._widened(op)
            self._values[op.result] = self._append(_copy(op, operands))

    def result(self, old: Value, type: TensorType) -> Value:
        """The value to yield for OLD, which is stored as TYPE: rounded, and padded with zero channels."""
        value = self._values[old]
        if type.shape != value.type.shape:
            value = self._append(Pad(value, pads=channel_pads(value.type, type)))
        return self._cast(value, type.dtype)

    def _contraction(self, op: Operation) -> Value:
        dtype = op.inputs[0].type.dtype if self._multiplication is None else self._multiplication.stored
        given = [None if value is None else self._values[value] for value in op.operands]
        operands = [None if value is None else self._multiplied(value, dtype) for value in given[:3]]
        operands += given[3:]  # a mask, and where sequences begin, as they are stored
        attributes = dict(op.attributes)
        if dtype.is_float and dtype.bits < self._format.accumulate.bits:
            attributes["accumulate"] = self._format.accumulate
        if self._multiplication is not None and self._multiplication.chosen == TF32:
            attributes["multiply"] = TF32
        return self._append(type(op)(*operands, loc=op.location, **attributes))

    def _multiplied(self, value: Value, dtype: DType) -> Value:
        """VALUE as an operand of the product, of which the first is multiplied in DTYPE."""
        return self._cast(value, type_multiplied(value.type.dtype, dtype))

    def _widened(self, op: Operation) -> list[Value | None]:
        """OP's operands in the compute type; ops that decode a type themselves (casts, dequantize) get theirs
        as stored."""
        if isinstance(op, Cast):
            return [self._values[op.x]]
        if isinstance(op, BitCast):
            return [self._cast(self._values[op.x], op.x.type.dtype)]
        if isinstance(op, Softmax) and isinstance(op.x.producer, (Add, Where)):
            # A mask of the lowest 16-bit number absorbs the scores in a 16-bit sum, as in the model.
            return [self._computed(self._cast(self._values[op.x], op.x.type.dtype))]
        if isinstance(op, Dequantize):
            return [None if v is None else self._values[v] for v in op.operands]
        if isinstance(op, Quantize):
            zero = None if op.zero_point is None else self._values[op.zero_point]
            return [*(self._computed(self._values[v]) for v in (op.x, op.scale)), zero]
        return [None if v is None else self._computed(self._values[v]) for v in op.operands]

    def _unwidened(self, op: Operation) -> list[Value | None] | None:
        """OP's operands as stored, if OP only moves or selects elements and all its floats have one short
        type."""
        if not (has(op, Trait.MOVEMENT) or isinstance(op, (Relu, MaxPool))):
            return None
        values = [None if v is None else self._values[v] for v in op.operands]
        dtypes = {v.type.dtype for v in values if _is_float(v) and not isinstance(v.producer, Constant)}
        if len(dtypes) != 1:
            return None
        dtype = dtypes.pop()
        narrowed = [self._narrowed(v, dtype) if _is_float(v) else v for v in values]
        lost = any(new is None and old is not None for new, old in zip(narrowed, values, strict=True))
        return None if lost else narrowed

    def _narrowed(self, value: Value, dtype: DType) -> Value | None:
        """VALUE in DTYPE: itself, or a constant that DTYPE represents exactly; else None."""
        if value.type.dtype == dtype:
            return value
        producer = value.producer
        assert isinstance(producer, Constant)
        array = producer.array()
        with np.errstate(over="ignore"):
            short = array.astype(dtype.numpy)
        exact = np.array_equal(short.astype(array.dtype), array, equal_nan=True)
        return self._append(Constant(value=short)) if exact else None

    def _computed(self, value: Value) -> Value:
        return self._cast(value, self._format.computed(value.type.dtype))

    def _cast(self, value: Value, dtype: DType) -> Value:
        if value.type.dtype == dtype:
            return value
        if _widens(value.producer, dtype):
            return value.producer.x
        if (value, dtype) not in self._casts:
            self._casts[value, dtype] = self._append(Cast(value, to=dtype))
        return self._casts[value, dtype]

    def _append(self, op: Operation) -> Value:
        self.block.append(op)
        # A layout describes memory: inside a region only the arguments have one.
        for value in op.results:
            value.type = value.type.with_layout(ROW_MAJOR)
        return op.result


def _is_float(value: Value | None) -> TypeGuard[Value]:
    return value is not None and value.type.dtype.is_float


def _widens(op: Operation | None, dtype: DType) -> TypeGuard[Cast]:
    """Whether OP casts DTYPE to a wider float, so that rounding its result to DTYPE gives its operand
    again."""
    if not isinstance(op, Cast) or op.x.type.dtype != dtype:
        return False
    return dtype.is_float and op.to.is_float and op.to.bits > dtype.bits


def drop_unused_casts(block: Block) -> None:
    """Remove the unused casts in BLOCK."""
    for op in reversed(list(block)):
        if isinstance(op, Cast) and not op.result.uses:
            op.erase()


def _copy(op: Operation, operands: Sequence[Value | None]) -> Operation:
    """A copy of OP with other OPERANDS, its result types inferred again."""
    attributes: Mapping[str, Any] = {k: v for k, v in op.attributes.items() if v is not None}
    return type(op)(*operands, loc=op.location, **attributes)


def channel_pads(narrow: TensorType, wide: TensorType) -> list[int]:
    """The pads that extend NARROW to the channels (axis 1) of WIDE, at the end."""
    more = wide.shape[1] - narrow.shape[1]
    assert isinstance(more, int)
    ends = [0] * narrow.rank
    ends[1] = more
    return [0] * narrow.rank + ends
