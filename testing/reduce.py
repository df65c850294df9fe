"""Makes a model that shows a fault smaller: fewer outputs, and tensors within it as inputs with their values.

A step is kept when the fault is still there, so what is left is what the fault needs. It knows nothing of how
the model was made, so it serves for models of any source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto, helper

from .nodes import reads
from .oracles import Array, Feeds, onnx_runtime

# Whether a model on inputs shows the fault.
Faulty = Callable[[ModelProto, Feeds], bool]


@dataclass(frozen=True)
class Reduced:
    """A model and its inputs, which still show the fault, after `steps` steps that were kept."""

    model: ModelProto
    feeds: Mapping[str, Array]
    steps: int = 0


def reduced(model: ModelProto, feeds: Feeds, faulty: Faulty, trials: int = 200) -> Reduced:
    """The smallest model that was found within so many TRIALS; MODEL itself where no step keeps the fault.

    MODEL may be used by others: it is copied before it is changed.
    """
    best = Reduced(_copy(model), dict(feeds))
    left = trials
    while left:
        for candidate in _candidates(best):
            left -= 1
            if _is_smaller(candidate.model, best.model) and faulty(candidate.model, candidate.feeds):
                best = candidate
                break
            if not left:
                return best
        else:
            return best
    return best


def _is_smaller(one: ModelProto, other: ModelProto) -> bool:
    def size(model: ModelProto) -> tuple[int, int, int]:
        return len(model.graph.node), len(model.graph.output), model.ByteSize()

    return size(one) < size(other)


def _candidates(found: Reduced) -> Iterator[Reduced]:
    """Smaller versions of FOUND: of one output, of an earlier output, and cut at a tensor."""
    graph = found.model.graph
    outputs = [value.name for value in graph.output]
    for name in outputs if len(outputs) > 1 else ():
        yield _with_outputs(found, [name])
    values = _values(found)
    for node in graph.node:  # an earlier tensor as the only output
        for name in node.output:
            if name in values and name not in outputs:
                yield _with_outputs(found, [name], values)
    for node in reversed(graph.node):
        names = [name for name in node.output if name in values]
        if names and not set(names) & set(outputs):
            yield _cut(found, names, values)


def _values(found: Reduced) -> dict[str, Array]:
    """Every tensor within the model; none where ONNX Runtime does not take it."""
    model = _copy(found.model)
    del model.graph.output[:]
    names = [name for node in model.graph.node for name in node.output if name]
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    return onnx_runtime(model, found.feeds) or {}


def _with_outputs(found: Reduced, names: list[str], values: Mapping[str, Array] | None = None) -> Reduced:
    model = _copy(found.model)
    known = {value.name: value for value in model.graph.output}
    for name in names:
        known[name] = known.get(name) or _typed(name, (values or {})[name], None)
    del model.graph.output[:]
    model.graph.output.extend(known[name] for name in names)
    return _without_dead(Reduced(model, found.feeds, found.steps + 1))


def _cut(found: Reduced, names: list[str], values: Mapping[str, Array]) -> Reduced:
    """The model with the tensors NAMES as inputs, which have the values that they had."""
    model = _copy(found.model)
    kept = [node for node in model.graph.node if not set(node.output) & set(names)]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    model.graph.input.extend(_typed(name, values[name], values[name].shape) for name in names)
    feeds = {**found.feeds, **{name: np.asarray(values[name]) for name in names}}
    return _without_dead(Reduced(model, feeds, found.steps + 1))


def _without_dead(found: Reduced) -> Reduced:
    """FOUND without nodes, constants and inputs that no output needs."""
    graph = found.model.graph
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(reads(node))
    stored = [tensor for tensor in graph.initializer if tensor.name in needed]
    inputs = [value for value in graph.input if value.name in needed]
    for field, items in ((graph.node, kept[::-1]), (graph.initializer, stored), (graph.input, inputs)):
        del field[:]
        field.extend(items)
    feeds = {value.name: found.feeds[value.name] for value in inputs}
    return Reduced(found.model, feeds, found.steps)


def _typed(name: str, array: Array, shape: Any) -> Any:
    kind = helper.np_dtype_to_tensor_dtype(np.asarray(array).dtype)
    return helper.make_tensor_value_info(name, kind, shape)


def _copy(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy
