"""Importers of ops that create tensors: constants, ranges, identity matrices, one-hot encodings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from onnx import AttributeProto

from ...dialects.core.affine import Dim, ceildiv
from ...dialects.core.dtypes import F32, I64
from ...dialects.graph.indexing import OneHot, Range
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.movement.trilu import Trilu
from .call import Call, Outcome
from .contents import ANY, SIZE, ElementRange, count_of
from .counts import size_in_memory
from .limits import MAX_ELEMENTS
from .problems import Malformed, Refused
from .symbolic import choose, steps_in
from .table import Table
from .tensor import Array, Tensor
from .weights import element_type, read_tensor

_FORMS = {
    "value_int": (AttributeProto.INT, "i", I64),
    "value_ints": (AttributeProto.INTS, "ints", I64),
    "value_float": (AttributeProto.FLOAT, "f", F32),
    "value_floats": (AttributeProto.FLOATS, "floats", F32),
}


def _constant(call: Call) -> Outcome:
    if len(call.stated_names()) != 1:
        raise Malformed("a Constant must have exactly one value")
    name = call.stated_names()[0]
    attribute = call.stated(name)
    assert attribute is not None  # `name` is an attribute of the node
    if name == "value":
        return Tensor.constant(_tensor(call, attribute), call.builder.location)
    if name not in _FORMS:
        raise Refused(f"a constant given by the attribute {name} is not supported")
    wanted, field, dtype = _FORMS[name]
    if attribute.type != wanted:
        raise Malformed(f"the attribute '{name}' has the wrong type")
    content: Any = getattr(attribute, field)
    return call.constant(list(content) if field.endswith("s") else content, dtype)


def _tensor(call: Call, attribute: AttributeProto) -> Array:
    if attribute.type != AttributeProto.TENSOR:
        raise Malformed("the attribute 'value' must be a tensor")
    return read_tensor(attribute.t, call.builder.files)


def _constant_of_shape(call: Call) -> Outcome:
    """A scalar expanded to the shape, which folds to a constant if the shape is static."""
    shape = call.known_dims(0, "its shape", [SIZE] * count_of(call.input(0)))
    if any(isinstance(size, int) and size < 0 for size in shape):
        raise Malformed(f"its shape {list(map(str, shape))} has a negative size")
    value = call.stated("value")
    element = np.zeros((), np.float32) if value is None else _tensor(call, value)
    if element.size != 1:
        raise Malformed(f"its value has {element.size} elements, one is expected")
    scalar = Tensor.constant(element.reshape(()), call.builder.location)
    return call.emit(Expand, scalar, shape=[size_in_memory(call.builder, size) for size in shape])


def _eye_like(call: Call) -> Outcome:
    x, diagonal = call.input(0), call.integer("k", 0)
    if x.rank != 2:
        raise Malformed(f"its input has {x.rank} dimensions, it needs 2")
    dtype = x.dtype if call.stated("dtype") is None else element_type(call.integer("dtype", 0))
    ones = call.emit(Expand, call.constant(1, dtype), shape=x.shape)
    upper = call.emit(Trilu, ones, upper=True, k=diagonal)
    return call.emit(Trilu, upper, upper=False, k=diagonal)


def _range(call: Call) -> Outcome:
    start, limit, delta = (_scalar(call, index) for index in range(3))
    if start.dtype.bits >= 32:
        call.without_effect("stash_type")
    if start.dtype.is_float and all(part.data is not None for part in (start, limit, delta)):
        numbers = [float(call.builder.known_array(part, "its length")) for part in (start, limit, delta)]
        size: Dim = _real_range_size(numbers[0], numbers[1], numbers[2])
    else:
        bounds = [
            _bound(call, part, limits) for part, limits in zip((start, limit, delta), _BOUNDS, strict=True)
        ]
        size = range_size(call, bounds[0], bounds[1], bounds[2])
    return call.emit(Range, start, delta, size=size)


_BOUNDS = (ElementRange(-64, 0, 64), ANY, ElementRange(-64, 1, 64))


def _bound(call: Call, number: Tensor, limits: ElementRange) -> Dim:
    """A start, limit or step that is a whole number. Raises Refused for fractions."""
    if number.data is not None and np.any(number.data != np.floor(number.data)):
        raise Refused("a length that an input decides is counted in whole steps, and it has fractions")
    return call.builder.known_dims(number, "its length", [limits])[0]


def _scalar(call: Call, index: int) -> Tensor:
    x = call.input(index)
    if x.type.elements != 1:
        raise Malformed("start, limit and delta must be scalars")
    return x if x.rank == 0 else call.emit(Reshape, x, shape=())


def range_size(call: Call, start: Dim, limit: Dim, delta: Dim) -> Dim:
    """max(ceil((LIMIT - START) / DELTA), 0). Requires that DELTA is not 0; raises Malformed if it is."""
    sizes = call.builder.sizes_known
    if delta == 0:
        raise Malformed("its step is 0")
    if isinstance(delta, int):
        size = ceildiv(limit - start, delta) if delta > 0 else ceildiv(start - limit, -delta)
        return sizes.derive("max", size, 0)
    step = sizes.derive("max", delta, -1 * delta)
    call.require(step, 1, "its step is not 0")
    distance = choose(delta, limit - start, start - limit, sizes)
    return steps_in(sizes.derive("max", distance, 0), step, sizes)


def _real_range_size(start: float, limit: float, delta: float) -> int:
    if delta == 0 or not all(map(math.isfinite, (start, limit, delta))):
        raise Malformed("its bounds are not finite, or its step is 0")
    steps = (limit - start) / delta
    if steps > MAX_ELEMENTS:
        raise Malformed(f"{steps:g} elements are more than the limit of {MAX_ELEMENTS}")
    return max(math.ceil(steps), 0)


def _one_hot(call: Call) -> Outcome:
    indices, values = call.input(0), call.input(2)
    depth = call.known_dim(1, "its depth", SIZE)
    axis = call.axis(call.integer("axis", -1), indices.rank + 1)
    return call.emit(OneHot, indices, values, depth=depth, axis=axis)


TABLE: Table = {
    "Constant": [(1, _constant)],
    "ConstantOfShape": [(9, _constant_of_shape)],
    "EyeLike": [(9, _eye_like)],
    "OneHot": [(9, _one_hot)],
    "Range": [(11, _range)],
}
