"""The numbers of two plans on the same inputs: outputs, and every tensor that both keep in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ...dialects.core.interpreter import Array
from ...dialects.core.ir import Value
from ...dialects.graph.elementwise import Cast
from ...dialects.launch import Kernel, kernels_in
from ...runtime.device import ReadBuffer
from ...runtime.engine import Engine
from ..checking.accuracy import launched_module
from ..checking.measures import Error, error_of
from ..checking.replay import typed
from ..report.expected import sizes_of

MOST_BYTES = 1 << 31  # of the tensors of one plan that are kept to be compared

# The ONNX nodes of the op that computes a tensor, the kind of the op, its result, and the shape.
Key = tuple[tuple[str, ...], str, int, tuple[int, ...]]


@dataclass(frozen=True)
class TensorDifference:
    """How far a tensor of B is from that of A. index: the launch of A that writes it, -1 for an output."""

    name: str
    index: int
    types: tuple[str, str]
    error: Error


@dataclass(frozen=True)
class Numbers:
    """The differences of outputs, and of tensors in the order of A's launches; left_out: how many tensors
    were not compared, as they are too large."""

    outputs: list[TensorDifference]
    tensors: list[TensorDifference]
    left_out: int = 0


def compare_numbers(a: Engine, b: Engine, inputs: Mapping[str, Array]) -> Numbers:
    """Run both on INPUTS, launch by launch, and compare. Raises what `Engine.trace` raises."""
    kept = _KeepingTensors(a, inputs)
    want = a.trace(inputs, kept)
    found = _Comparing(b, inputs, kept)
    have = b.trace(inputs, found)
    outputs = [_difference(name, -1, want[name], have[name]) for name in want if name in have]
    tensors = sorted(found.differences, key=lambda each: each.index)
    return Numbers(outputs, tensors, kept.left_out)


def _difference(name: str, index: int, want: object, have: object) -> TensorDifference:
    one, other = np.asarray(want), np.asarray(have)
    return TensorDifference(name, index, (str(one.dtype), str(other.dtype)), error_of(other, one, 1.0))


@dataclass
class _Kept:
    index: int
    dtype: str
    array: Array


class _Observer:
    """Sees the tensors that launches of an engine write, each with its key."""

    def __init__(self, engine: Engine, inputs: Mapping[str, Array]) -> None:
        self._kernels = list(kernels_in(launched_module(engine.plan).main.block))
        self._launches = engine.plan.spec.launches
        self._symbols = sizes_of(engine.plan, inputs)

    def before(self, index: int, read: ReadBuffer) -> None:
        """Nothing is needed of what launches read."""

    def after(self, index: int, read: ReadBuffer) -> None:
        """Look at what launch INDEX wrote."""
        op, spec = self._kernels[index], self._launches[index]
        if op.stacked:  # it writes a row of a stack, again and again
            return
        for value, name, (nodes, kind, result) in zip(op.writes, spec.writes, _origins(op), strict=False):
            if nodes:
                array = typed(read(name), value.type, self._symbols)
                self._see(index, (nodes, kind, result, array.shape), value.type.dtype.name, array)

    def _see(self, index: int, key: Key, dtype: str, array: Array) -> None:
        raise NotImplementedError


class _KeepingTensors(_Observer):
    """Keeps tensors; of one that is written again, the last."""

    def __init__(self, engine: Engine, inputs: Mapping[str, Array]) -> None:
        super().__init__(engine, inputs)
        self.kept: dict[Key, _Kept] = {}
        self.left_out = 0
        self._bytes = 0

    def _see(self, index: int, key: Key, dtype: str, array: Array) -> None:
        if self._bytes + array.nbytes > MOST_BYTES:
            self.left_out += 1
            return
        self._bytes += array.nbytes
        self.kept[key] = _Kept(index, dtype, array)


class _Comparing(_Observer):
    """Compares tensors with those that another kept, where both hold numbers of one kind."""

    def __init__(self, engine: Engine, inputs: Mapping[str, Array], kept: _KeepingTensors) -> None:
        super().__init__(engine, inputs)
        self._kept = kept.kept
        self._found: dict[Key, TensorDifference] = {}

    @property
    def differences(self) -> list[TensorDifference]:
        return list(self._found.values())

    def _see(self, index: int, key: Key, dtype: str, array: Array) -> None:
        other = self._kept.get(key)
        if other is None or not _comparable(other.dtype, dtype):
            return
        error = error_of(array, other.array, 1.0)
        self._found[key] = TensorDifference(", ".join(key[0]), other.index, (other.dtype, dtype), error)


def _comparable(one: str, other: str) -> bool:
    """Whether numbers of both types mean the same: eight bits have scales."""
    wide = [name in ("f16", "bf16", "f32", "f64") for name in (one, other)]
    return all(wide) or one == other


def _origins(op: Kernel) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """The nodes, the kind and the result of the op that computes each result of the kernel OP; no nodes for
    what it only copies."""
    for value in op.body.block.terminator.inputs:
        made = _uncast(value)
        producer = made.producer
        if producer is None or made in op.body.block.arguments:
            yield (), "", 0
        else:
            yield producer.location.nodes, producer.name, list(producer.results).index(made)


def _uncast(value: Value) -> Value:
    """The value that VALUE is, before a change of its type for storage."""
    while isinstance(value.producer, Cast) and not value.producer.location.nodes:
        value = value.producer.x
    return value
