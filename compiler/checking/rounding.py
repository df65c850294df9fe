"""Results of eight bits, judged by their values before rounding.

Neighbouring numbers of these types differ by a tenth or by one, so the distance between results says little.
The value before rounding is known far better: a kernel is judged by the least error of that value which
explains the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ...dialects.core.builtin import Yield
from ...dialects.core.dtypes import F32, I8, U8, DType
from ...dialects.core.interpreter import Array, Evaluation, run_block
from ...dialects.core.ir import Block, Operation, Value
from ...dialects.core.traits import Trait, has
from ...dialects.graph.activations import Relu
from ...dialects.graph.constants import Constant
from ...dialects.graph.pool import MaxPool
from ...dialects.graph.quantization import Quantize
from .widen import widened_array, widened_op, widened_type


def is_short(dtype: DType) -> bool:
    """Whether DTYPE is a float of 8 bits."""
    return dtype.is_float and dtype.bits == 8


def keeps(op: Operation) -> bool:
    """Whether OP only moves or selects 8-bit floats, so that it commutes with rounding them."""
    if not (has(op, Trait.MOVEMENT) or isinstance(op, (MaxPool, Relu))):
        return False
    return is_short(op.result.type.dtype) and any(is_short(value.type.dtype) for value in op.inputs)


def rounded_last(value: Value) -> set[Value]:
    """VALUE and the values that it is moved or selected from, back to where they were rounded."""
    found: set[Value] = set()
    pending = [value]
    while pending:
        value = pending.pop()
        if value in found or not is_short(value.type.dtype):
            continue
        found.add(value)
        if value.producer is not None and keeps(value.producer):
            pending += value.producer.inputs
    return found


@dataclass(frozen=True)
class BytesRounded:
    """A result in integers of eight bits: what `quantize` rounds with one `step`, moved by `moves` then."""

    quantize: Quantize
    step: float
    moves: tuple[Operation, ...]

    def before(self, known: Mapping[Value, Array], evaluation: Evaluation) -> Array:
        """The result before its rounding, in f64 and in steps; KNOWN has all values of the block."""
        array = np.asarray(known[self.quantize.x], np.float64) / self.step
        if self.quantize.zero_point is not None:
            array = array + np.float64(known[self.quantize.zero_point])
        for op in self.moves:
            array = np.asarray(op.evaluate(evaluation, array))
        return array


def bytes_rounded(value: Value) -> BytesRounded | None:
    """VALUE as integers of eight bits to which floats that its block computes are rounded; else None."""
    moves: list[Operation] = []
    while (op := value.producer) is not None and has(op, Trait.MOVEMENT) and len(op.operands) == 1:
        moves.append(op)
        (value,) = op.inputs
    if not isinstance(op, Quantize) or op.to not in (I8, U8) or op.x.producer is None or op.offset_first:
        return None
    scale = op.scale.producer
    usual = op.per_tensor and op.x.type.dtype.is_float and op.precision == F32
    if not usual or not isinstance(scale, Constant) or scale.value is None:
        return None
    return BytesRounded(op, float(scale.value.reshape(-1)[0]), tuple(reversed(moves)))


def before_rounding(
    block: Block, value: Value, known: Mapping[Value, Array], evaluation: Evaluation
) -> Array:
    """VALUE of BLOCK before its last rounding, in f64; KNOWN has all values of BLOCK, rounded."""
    wanted = rounded_last(value)
    copy, arrays = Block(), []
    kept: dict[Value, Value] = {}  # without their rounding
    given: dict[Value, Value] = {}  # with it

    def read(operand: Value) -> Value:
        if operand not in given:
            given[operand] = copy.add_argument(widened_type(operand.type))
            arrays.append(widened_array(known[operand]))
        return given[operand]

    for op in block:
        if not any(result in wanted for result in op.results):
            continue
        mapping = {v: kept[v] if keeps(op) and v in kept else read(v) for v in op.inputs}
        copy.append(widened_op(op, mapping))
        kept.update((old, mapping[old]) for old in op.results)
    copy.append(Yield(kept[value] if value in kept else read(value)))
    (array,) = run_block(copy, arrays, evaluation)
    return array


@cache
def _cells(dtype: DType) -> tuple[Array, Array]:
    """The finite numbers of DTYPE in ascending order, and the edges between the intervals that round to
    each."""
    codes = np.arange(256, dtype=np.uint8).view(dtype.numpy).astype(np.float64)
    numbers = np.unique(codes[np.isfinite(codes)])
    return numbers, np.array([-np.inf, *((numbers[:-1] + numbers[1:]) / 2), np.inf])


def step(values: Array, dtype: DType) -> Array:
    """The step of DTYPE at each of VALUES: the larger distance of its rounded value to a neighbour."""
    numbers, edges = _cells(dtype)
    at = np.clip(np.searchsorted(edges, values) - 1, 1, len(numbers) - 2)
    return np.asarray(np.maximum(numbers[at + 1] - numbers[at], numbers[at] - numbers[at - 1]))


def strayed(have: Array, before: Array, dtype: DType) -> Array:
    """The least error of each element of BEFORE for which it rounds to HAVE, in DTYPE.

    Infinite where no error explains HAVE: a NaN or an infinity on one side only.
    """
    numbers, edges = _cells(dtype)
    wide = have.astype(np.float64)
    at = np.clip(np.searchsorted(numbers, wide), 0, len(numbers) - 1)
    with np.errstate(all="ignore"):
        off = np.maximum(np.maximum(edges[at] - before, before - edges[at + 1]), 0.0)
    same = (np.isnan(wide) if dtype.is_float else wide == 0) & np.isnan(before)
    known = np.isfinite(wide) & ~np.isnan(before)
    return _filled(np.where(known, off, np.where(same, 0.0, np.inf)))


def _filled(array: Any) -> Array:
    """ARRAY with NaNs replaced by infinity."""
    return np.where(np.isnan(array), np.inf, array)
