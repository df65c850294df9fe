"""Models of the same meaning: one edge of a model gets nodes that change nothing.

Each rewriting takes a model with the value of a float tensor in it, and puts its nodes between the tensor
and all its readers. What they do is exact but for the sign of zeros, so results stay within the usual bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from ..compiler.surgery.models import reads
from .nodes import Array
from .oracles import Feeds, onnx_runtime

# Makes nodes that lead from the tensor SOURCE, of the value ARRAY, to TARGET; None where they do not fit.
# Constants are given by name.
Detour = Callable[[str, str, Array, dict[str, Array]], Sequence[NodeProto] | None]

DETOURS: dict[str, Detour] = {}


def detour(make: Detour) -> Detour:
    """Register MAKE under its name."""
    DETOURS[getattr(make, "__name__", repr(make))] = make
    return make


@detour
def add_zero(source: str, target: str, array: Array, constants: dict[str, Array]) -> list[NodeProto]:
    """x + 0"""
    constants[f"{target}_zero"] = np.zeros((), array.dtype)
    return [helper.make_node("Add", [source, f"{target}_zero"], [target])]


@detour
def times_one(source: str, target: str, array: Array, constants: dict[str, Array]) -> list[NodeProto]:
    """x * 1"""
    constants[f"{target}_one"] = np.ones((1,) * array.ndim, array.dtype)
    return [helper.make_node("Mul", [source, f"{target}_one"], [target])]


@detour
def negated_twice(source: str, target: str, array: Array, constants: dict[str, Array]) -> list[NodeProto]:
    """-(-x)"""
    return _chain(source, target, ("Neg", {}), ("Neg", {}))


@detour
def transposed_twice(
    source: str, target: str, array: Array, constants: dict[str, Array]
) -> list[NodeProto] | None:
    """transpose(transpose(x))"""
    if array.ndim < 2:
        return None
    perm = [*range(1, array.ndim), 0]
    back = [array.ndim - 1, *range(array.ndim - 1)]
    return _chain(source, target, ("Transpose", {"perm": perm}), ("Transpose", {"perm": back}))


@detour
def reshaped_twice(source: str, target: str, array: Array, constants: dict[str, Array]) -> list[NodeProto]:
    """x as a vector, and back"""
    vector, shape = f"{target}_vector", f"{target}_shape"
    constants[f"{target}_flat"] = np.array([-1], np.int64)
    return [
        helper.make_node("Shape", [source], [shape]),
        helper.make_node("Reshape", [source, f"{target}_flat"], [vector]),
        helper.make_node("Reshape", [vector, shape], [target], allowzero=1),
    ]


@detour
def split_and_joined(
    source: str, target: str, array: Array, constants: dict[str, Array]
) -> list[NodeProto] | None:
    """concat(split(x))"""
    axes = [axis for axis, size in enumerate(array.shape) if size > 1]
    if not axes:
        return None
    axis, one, rest = axes[-1], f"{target}_first", f"{target}_rest"
    for name, number in (("from", 0), ("at", 1), ("end", 1 << 40), ("axis", axis)):
        constants[f"{target}_{name}"] = np.array([number], np.int64)
    ends = [(one, "from", "at"), (rest, "at", "end")]
    return [
        *(
            helper.make_node("Slice", [source, *(f"{target}_{name}" for name in (low, high, "axis"))], [part])
            for part, low, high in ends
        ),
        helper.make_node("Concat", [one, rest], [target], axis=axis),
    ]


def _chain(source: str, target: str, *steps: tuple[str, dict[str, object]]) -> list[NodeProto]:
    nodes = []
    for at, (op, attributes) in enumerate(steps):
        name = target if at == len(steps) - 1 else f"{target}_{at}"
        nodes.append(helper.make_node(op, [source], [name], **attributes))
        source = name
    return nodes


def floats_within(model: ModelProto, feeds: Feeds) -> dict[str, Array]:
    """The f32 tensors of MODEL's own graph, inputs and results of nodes, that its nodes read."""
    copy = ModelProto()
    copy.CopyFrom(model)
    read = {name for node in model.graph.node for name in reads(node)}
    names = [name for node in model.graph.node for name in node.output if name in read]
    del copy.graph.output[:]
    copy.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    found = {name: array for name, array in feeds.items() if name in read}
    found |= (onnx_runtime(copy, feeds) if names else {}) or {}
    return {name: array for name, array in found.items() if array.dtype == np.float32}


def rewritten(model: ModelProto, name: str, values: Mapping[str, Array], by: str) -> ModelProto | None:
    """A copy of MODEL in which the readers of the tensor NAME read it by the detour BY; None where that does
    not fit."""
    copy = ModelProto()
    copy.CopyFrom(model)
    target = f"{name}_{by}"
    constants: dict[str, Array] = {}
    nodes = DETOURS[by](name, target, np.asarray(values[name]), constants)
    if nodes is None:
        return None
    kept = list(copy.graph.node)
    place = next((at + 1 for at, node in enumerate(kept) if name in node.output), 0)
    for node in kept:
        for at, read in enumerate(node.input):
            if read == name:
                node.input[at] = target
    del copy.graph.node[:]
    copy.graph.node.extend([*kept[:place], *nodes, *kept[place:]])
    copy.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in constants.items())
    return copy
