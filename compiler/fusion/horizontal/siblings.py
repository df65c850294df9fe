"""Sibling contractions: which could be joined, and the elementwise steps that they share.

A sibling is a convolution or a matrix product with constant weights, followed by a chain of
elementwise ops with a single use each. The chains are compared op by op, as far as they are equal; the
constants of a step may differ per channel.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....dialects.core.ir import Operation, Value
from ....dialects.core.module import Module
from ....dialects.core.traits import Trait, has
from ....dialects.core.types import TensorType
from ....dialects.graph.activations import Relu
from ....dialects.graph.binary import Add
from ....dialects.graph.block_format import COLUMNS as TILE
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ....dialects.graph.elementwise import Prelu
from ....dialects.graph.elementwise_base import Binary
from ....dialects.graph.packed import PackedMatmul
from ....dialects.graph.quantization import Scaling
from ...patterns.channel_scale import channel_axis, weight_of
from ...patterns.matching import constant_array, only_use

Array = np.ndarray[Any, Any]
Contraction = Conv | Matmul | PackedMatmul


def family(op: Operation, x: Value, module: Module) -> Hashable | None:
    """A key that is equal for contractions of X that may be joined; None for an op that never is."""
    if not isinstance(op, (Conv, Matmul, PackedMatmul)) or op.inputs[0] is not x or op.inputs[1] is x:
        return None
    if isinstance(op, PackedMatmul) and op.columns % TILE:
        return None  # there are zeros behind its columns
    if (isinstance(op, Conv) and op.groups != 1) or constant_array(weight_of(op), module) is None:
        return None
    weight = weight_of(op).type
    axis = weight_axis(op)
    others = (*weight.shape[:axis], *weight.shape[axis + 1 :])
    stated = {name: value for name, value in op.attributes.items() if name != "columns"}
    return (type(op), tuple(sorted(stated.items(), key=lambda item: item[0])), others, weight.dtype)


def weight_axis(op: Contraction) -> int:
    """The axis of the output channels in OP's weights."""
    if isinstance(op, (Conv, PackedMatmul)):
        return 0  # of packed weights, tiles of columns
    rank = op.b.type.rank
    return rank - 2 if op.transpose_b else rank - 1


def channels(op: Contraction) -> int:
    """The number of output channels of OP, which is static because its weights are constants."""
    if isinstance(op, PackedMatmul):
        return int(op.columns)
    size = weight_of(op).type.shape[weight_axis(op)]
    assert isinstance(size, int)
    return size


def of_channels(op: Contraction, count: int) -> tuple[dict[str, Any], TensorType]:
    """The attributes of a contraction as OP with COUNT output channels, and the type of its weights."""
    weight = weight_of(op).type
    shape, packed = list(weight.shape), isinstance(op, PackedMatmul)
    shape[weight_axis(op)] = count // TILE if packed else count
    stated = {**op.attributes, "columns": count} if packed else dict(op.attributes)
    return stated, weight.with_shape(tuple(shape))


def following(value: Value) -> Operation | None:
    """The elementwise op of VALUE's shape that has VALUE's only use; None when there is none."""
    if not only_use(value):
        return None
    (user,) = value.users
    if not has(user, Trait.ELEMENTWISE) or user.result.type.shape != value.type.shape:
        return None
    return user


@dataclass(frozen=True, eq=False)
class SiblingStep:
    """One elementwise op of every sibling as a single op on the joined value.

    The op is of class `kind` with `attributes`. The joined value is operand `position`; the other operands
    are the constants `arrays` (None where an operand is absent). `ops` are the siblings' own.
    """

    kind: type[Operation]
    attributes: dict[str, Any]
    position: int
    arrays: tuple[Array | None, ...]
    ops: tuple[Operation, ...]


def chains(ends: Sequence[Value], axis: int, module: Module) -> Iterator[SiblingStep]:
    """The elementwise steps behind ENDS that all siblings share, in order; channels are along AXIS."""
    while True:
        step = _common_step(ends, axis, module)
        if step is None:
            return
        yield step
        ends = [op.result for op in step.ops]


def biases(siblings: Sequence[Contraction], module: Module) -> list[Add | None] | None:
    """The bias per channel that is added to each of SIBLINGS (None for one without); None when all have one,
    or none has."""
    found = [_bias(op, module) for op in siblings]
    return found if any(found) and not all(found) else None


def _bias(op: Contraction, module: Module) -> Add | None:
    add = following(op.result)
    return add if isinstance(add, Add) and bias_of(add, op, module) is not None else None


def bias_of(add: Add, op: Contraction, module: Module) -> Array | None:
    """What ADD adds to the channels of OP: an array of one number for each; None for anything else."""
    for value in add.inputs:
        array = None if value is op.result else constant_array(value, module)
        if array is not None and array.ndim <= op.result.type.rank:
            shape = (1,) * (op.result.type.rank - array.ndim) + array.shape
            own = array.size in (1, channels(op)) and shape[channel_axis(op)] == array.size
            return np.broadcast_to(array.reshape(-1), channels(op)) if own else None
    return None


def relus(ends: Sequence[Value]) -> list[Relu | None] | None:
    """The relu after each of ENDS (None for an end without one); None when all have one, or none has."""
    found = [op if isinstance(op, Relu) else None for op in map(following, ends)]
    return found if any(found) and not all(found) else None


def _common_step(ends: Sequence[Value], axis: int, module: Module) -> SiblingStep | None:
    ops = [following(end) for end in ends]
    first = ops[0]
    if first is None or (isinstance(first, Scaling) and not first.per_tensor):
        # Per-axis scales name their axis; they do not broadcast from the last one, as other operands do.
        return None
    position = first.operands.index(ends[0])
    for op, end in zip(ops, ends, strict=True):
        if op is None or type(op) is not type(first) or op.attributes != first.attributes:
            return None
        if op.operands.index(end) != position or len(op.operands) != len(first.operands):
            return None
    present = [op for op in ops if op is not None]
    arrays: list[Array | None] = []
    for index in range(len(first.operands)):
        operands = [op.operands[index] for op in present]
        if index == position or all(operand is None for operand in operands):
            arrays.append(None)
            continue
        joined = _joined_constant(operands, ends, axis, isinstance(first, (Binary, Prelu)), module)
        if joined is None:
            return None
        arrays.append(joined)
    return SiblingStep(type(first), first.attributes, position, tuple(arrays), tuple(present))


def _joined_constant(
    operands: Sequence[Value | None], ends: Sequence[Value], axis: int, broadcasts: bool, module: Module
) -> Array | None:
    """OPERANDS, one for each of ENDS, as one constant for all channels along AXIS; None if there is none."""
    arrays = [array for array in (constant_array(value, module) for value in operands) if array is not None]
    if len(arrays) < len(operands):
        return None
    rank = ends[0].type.rank
    shapes = [(1,) * (rank - array.ndim) + array.shape for array in arrays]
    if shapes[0][axis] == 1 and all(_identical(array, arrays[0]) for array in arrays):
        return arrays[0]
    if not broadcasts or any(len(shape) != rank for shape in shapes):
        return None
    parts = []
    for array, shape, end in zip(arrays, shapes, ends, strict=True):
        if _without(shape, axis) != _without(shapes[0], axis):
            return None
        size = end.type.shape[axis]
        assert isinstance(size, int)
        parts.append(np.broadcast_to(array.reshape(shape), (*shape[:axis], size, *shape[axis + 1 :])))
    joined = np.concatenate(parts, axis)
    leading = next(place for place in range(axis + 1) if place == axis or joined.shape[place] != 1)
    return joined.reshape(joined.shape[leading:])


def _identical(a: Array, b: Array) -> bool:
    """True for bitwise equal arrays: the sign of zero counts, and a NaN equals itself."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])
