"""The memory of a plan for the manifest: buffers, weights, and the size of the arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...dialects.core.affine import Dim, product
from ...dialects.core.affine_traversal import to_json
from ...dialects.core.bounds import occupied
from ...dialects.core.diagnostics import op_error
from ...dialects.core.ir import Value
from ...dialects.core.module import Function, Module
from ...dialects.launch_memory import Buffer, View, largest, span

ALIGNMENT = 256  # bytes, of weights and counters


class PlanMemory:
    """The buffers and weights of MODULE. Indexed by a value, it gives the name of its buffer.

    entries: the buffers as JSON data; zeroed_bytes: of the arena, which begin as zero and hold counters;
    arena_bytes: all of it. IRError for an output buffer that is not returned.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._buffers: dict[Value, str] = {}
        self._starts: dict[Value, Dim] = {}
        self.entries: list[dict[str, Any]] = []
        self._weights = bytearray()
        self._weight_offsets: dict[tuple[str, tuple[int, ...]], int] = {}
        self.zeroed_bytes = sum(
            _aligned(largest(op.bytes, module))
            for op in module.main.block
            if isinstance(op, Buffer) and op.space == "counters"
        )
        self._next_counter = 0
        self.arena_bytes = self.zeroed_bytes
        self._enter(module.main)

    def __getitem__(self, value: Value) -> str:
        return self._buffers[value]

    @property
    def weights(self) -> bytes:
        """The data of all weights, to which offsets in the space of weights refer."""
        return bytes(self._weights)

    def _enter(self, function: Function) -> None:
        """Add the inputs, buffers and views of FUNCTION."""
        for index, argument in enumerate(function.arguments):
            self._add(argument, {"space": "input", "index": index, "bytes": to_json(argument.type.bytes)})
        returned = [through_views(value) for value in function.returned]
        outputs = {value: index for index, value in reversed(list(enumerate(returned)))}
        for op in function.block:
            if isinstance(op, Buffer):
                self._buffer(op, outputs)
            elif isinstance(op, View):
                self._view(op)

    def _add(self, value: Value, entry: dict[str, Any], start: Dim = 0) -> None:
        name = f"b{len(self.entries)}"
        self._buffers[value] = name
        self._starts[value] = start
        self.entries.append({"name": name, **entry, **({"offset": to_json(start)} if start != 0 else {})})

    def _buffer(self, op: Buffer, outputs: Mapping[Value, int]) -> None:
        value, size = op.result, to_json(op.bytes)
        if op.space == "weights":
            offset, length = self.stored(op.weight, op.result.type.order)
            self._add(value, {"space": "weights", "offset": 0, "bytes": length}, offset)
        elif op.space == "output":
            if value not in outputs:
                raise op_error(op, "is in the output space but is not returned")
            self._add(value, {"space": "output", "index": outputs[value], "bytes": size})
        elif op.space == "counters":
            self._add(value, {"space": "arena", "offset": 0, "bytes": size}, self._next_counter)
            self._next_counter += _aligned(largest(op.bytes, self._module))
        else:
            offset = self.zeroed_bytes + op.offset
            self._add(value, {"space": "arena", "offset": 0, "bytes": size}, offset)
            end = offset + largest(op.bytes, self._module)
            self.arena_bytes = max(self.arena_bytes, end)

    def _view(self, op: View) -> None:
        """Add a view: a view of a whole buffer is that buffer, a view of a part an entry of its own."""
        type = op.result.type
        if op.offset == 0 and type.layout.is_dense and type.elements == op.x.type.elements:
            self._buffers[op.result], self._starts[op.result] = self._buffers[op.x], self._starts[op.x]
            return
        entry = self.entries[int(self._buffers[op.x][1:])]
        start = self._starts[op.x] + op.offset * type.dtype.bytes
        fields: dict[str, Any] = {key: entry[key] for key in ("space", "index") if key in entry}
        size = span(type) * product(occupied(dim, self._module.ranges) for dim in type.shape)
        bytes_ = to_json(size * type.dtype.bytes)
        self._add(op.result, {**fields, "offset": 0, "bytes": bytes_}, start)

    def stored(self, weight: str, order: Sequence[int] | None = None) -> tuple[int, int]:
        """The offset and length in bytes of WEIGHT, its axes in ORDER, else as they are.

        Equal weights in equal order are stored once.
        """
        array = np.asarray(self._module.resources[weight])
        order = tuple(range(array.ndim)) if order is None else tuple(order)
        packed = np.ascontiguousarray(array.transpose(order)).tobytes()
        key = (weight, order)
        if key not in self._weight_offsets:
            self._weights.extend(bytes(-len(self._weights) % ALIGNMENT))
            self._weight_offsets[key] = len(self._weights)
            self._weights.extend(packed)
        return self._weight_offsets[key], len(packed)


def through_views(value: Value) -> Value:
    """The buffer that VALUE is a view of."""
    while isinstance(value.producer, View):
        value = value.producer.x
    return value


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
