"""Models with smaller dimensions: a number that dimensions have is made smaller wherever it stands.

Which dimensions belong together is not derived: all that have one number, or multiples of it, change at
once, and what is no model any more is not tried further.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from onnx import AttributeProto, NodeProto, TensorProto, numpy_helper

from ..surgery.models import bodies, copied
from .candidate import Array, TrialModel, stored

MOST_LIST = 64  # longer lists of integers are data, no sizes
SMALL = (1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

Changed = Callable[[int], int]


def numbers_of(candidate: TrialModel) -> list[int]:
    """The numbers above 1 that dimensions of weights and inputs have, the largest first."""
    dims = {int(dim) for tensor in candidate.model.graph.initializer for dim in tensor.dims}
    dims |= {int(dim) for array in candidate.feeds.values() for dim in array.shape}
    return sorted((dim for dim in dims if dim > 1), reverse=True)


def smaller(candidate: TrialModel, number: int) -> Iterator[TrialModel]:
    """CANDIDATE with less than NUMBER wherever a dimension has that or, after that, multiples of it; the
    smallest first."""
    sizes = [size for size in SMALL if size < number]
    half = number // 2
    for size in [*sizes, half] if half not in sizes else sizes:
        yield _resized(candidate, lambda dim, size=size: size if dim == number else dim)  # type: ignore[misc]
        if number > 3:
            yield _resized(
                candidate,
                lambda dim, size=size: dim // number * size if dim % number == 0 else dim,  # type: ignore[misc]
            )


def _resized(candidate: TrialModel, changed: Changed) -> TrialModel:
    model = copied(candidate.model)
    graph = model.graph
    del graph.value_info[:]
    for tensor in graph.initializer:
        tensor.CopyFrom(_resized_weight(tensor, changed))
    for value in graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if dim.HasField("dim_value"):
                dim.dim_value = changed(dim.dim_value)
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")  # follows from the rest
    for node in graph.node:
        _resize_node(node, changed)
    feeds = {name: _cut(array, changed) for name, array in candidate.feeds.items()}
    return TrialModel(model, feeds)


def _resized_weight(tensor: TensorProto, changed: Changed) -> TensorProto:
    """TENSOR cut to its changed sizes, or with changed numbers where it is a list of sizes."""
    array = numpy_helper.to_array(tensor)
    if _is_list(array):
        return stored(tensor.name, _renumbered(array, changed))
    if all(changed(dim) == dim for dim in array.shape):
        return tensor
    return stored(tensor.name, _cut(array, changed))


def _resize_node(node: NodeProto, changed: Changed) -> None:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.INT:
            attribute.i = changed(attribute.i)
        elif attribute.type == AttributeProto.INTS:
            numbers = [changed(each) for each in attribute.ints]
            del attribute.ints[:]
            attribute.ints.extend(numbers)
        elif attribute.type == AttributeProto.TENSOR:
            attribute.t.CopyFrom(_resized_weight(attribute.t, changed))
    for body in bodies(node):
        for each in body.node:
            _resize_node(each, changed)


def _is_list(array: Array) -> bool:
    return array.ndim < 2 and array.dtype == np.int64 and array.size <= MOST_LIST


def _renumbered(array: Array, changed: Changed) -> Array:
    return np.array([changed(int(each)) for each in array.reshape(-1)], array.dtype).reshape(array.shape)


def _cut(array: Array, changed: Changed) -> Array:
    if _is_list(array) and array.ndim == 0:
        return array
    cut = array[tuple(slice(0, changed(dim)) for dim in array.shape)]
    return np.ascontiguousarray(cut).reshape(cut.shape)
