"""Builds the manifest of a plan: a launch module as data that the runtime executes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from ...dialects.core.affine import Dim, product, symbol
from ...dialects.core.affine_traversal import to_json
from ...dialects.core.bounds import occupied
from ...dialects.core.constraints import Constraint, Determined
from ...dialects.core.diagnostics import op_error
from ...dialects.core.ir import Block, Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.tensor_map import TensorMap
from ...dialects.core.types import TensorType, symbols_in
from ...dialects.launch import Kernel
from ...dialects.launch_control import LaunchIf, LaunchLoop
from ...dialects.launch_memory import Buffer, View, largest, span
from ...runtime.expressions import Expression
from ...runtime.manifest import FORMAT
from ...runtime.manifest_arguments import ArgumentSpec, ParameterSpec, TensorMapSpec
from ..families.group.parts import member_blocks, shares_of
from ..families.registry import is_group
from ..request.describe import ops_in
from ..request.make import in_model_symbols
from ..request.parameters import (
    BufferParameter,
    Parameter,
    ScalarParameter,
    ScratchParameter,
    SizeParameter,
    TensorMapParameter,
)
from .sources import MadeKernel

ALIGNMENT = 256  # bytes, of weights and counters


class ManifestBuilder:
    """Collects the buffers, weights, kernels and launches of MODULE; MADE has its kernels by name."""

    def __init__(self, module: Module, made: Mapping[str, MadeKernel]) -> None:
        self._module = module
        self._made = made
        self._buffers: dict[Value, str] = {}
        self._starts: dict[Value, Dim] = {}
        self._entries: list[dict[str, Any]] = []
        self._weights = bytearray()
        self._weight_offsets: dict[tuple[str, str], int] = {}
        self._kernels: dict[str, dict[str, Any]] = {}
        self._launches: list[dict[str, Any]] = []
        self._counter_bytes = sum(
            _aligned(largest(op.bytes, module))
            for op in module.main.block
            if isinstance(op, Buffer) and op.space == "counters"
        )
        self._next_counter = 0
        self._arena_bytes = self._counter_bytes

    @property
    def weights(self) -> bytes:
        """The data of all weights, to which the manifest's offsets refer."""
        return bytes(self._weights)

    def build(self, generator: str, targets: list[str], min_driver: int) -> dict[str, Any]:
        """The manifest as JSON data.

        GENERATOR is the name and version of the compiler, MIN_DRIVER the lowest driver version, as 13000 for
        13.0. IRError for an output buffer that is not returned.
        """
        function = self._module.main
        for index, argument in enumerate(function.arguments):
            self._add(argument, {"space": "input", "index": index, "bytes": to_json(argument.type.bytes)})
        returned = [_through_views(value) for value in function.returned]
        outputs = {value: index for index, value in reversed(list(enumerate(returned)))}
        for op in function.block:
            self._memory(op, outputs)
        steps = self._steps(function.block)
        straight = all(isinstance(step, int) for step in steps)
        return {
            "format": FORMAT,
            "generator": generator,
            "name": self._module.name,
            "targets": targets,
            "min_driver": min_driver,
            "symbols": self._symbols(),
            **self._size_facts(),
            "inputs": _tensors(function.inputs, [value.type for value in function.arguments]),
            "outputs": _tensors(function.outputs, [value.type for value in function.returned]),
            "arena_bytes": self._arena_bytes,
            "zeroed_bytes": self._counter_bytes,
            "weights_bytes": len(self._weights),
            "buffers": self._entries,
            "kernels": self._kernels,
            "launches": self._launches,
            **({} if straight else {"steps": steps}),
        }

    def _symbols(self) -> dict[str, list[int]]:
        """[minimum, optimum, maximum] of every symbol that occurs; the module may declare others."""
        module = self._module
        used = {name for value in module.main.arguments for name in value.type.symbols}
        for op in module.walk():
            used |= {name for value in op.results for name in value.type.symbols}
            used |= {name for value in op.attributes.values() for name in symbols_in(value)}
        used |= {name for each in module.constraints for name in each.symbols} | module.held
        for name, definition in reversed(module.derived.items()):
            used |= definition.symbols if name in used else set()
        ranges = module.symbols.items()
        return {name: [r.minimum, r.optimum, r.maximum] for name, r in ranges if name in used}

    def _size_facts(self) -> dict[str, Any]:
        """Definitions and constraints of symbols; empty sections are left out."""
        module, used = self._module, self._symbols()
        facts: dict[str, Any] = {
            "contents": {name: list(map(to_json, dims)) for name, dims in module.contents.items()},
            "derived": {
                name: [each.function, *map(to_json, each.operands)]
                for name, each in module.derived.items()
                if name in used
            },
            "determined": {
                name: {"size": to_json(each.dim), "text": str(each.dim), **_reason(each)}
                for name, each in module.determined.items()
            },
            "constraints": [
                {
                    "left": to_json(each.left),
                    "relation": each.relation,
                    "right": to_json(each.right),
                    "text": str(each),
                    **_reason(each),
                }
                for each in module.constraints
            ],
            "cuts": [asdict(each) for each in module.cuts],
        }
        return {key: value for key, value in facts.items() if value}

    def _add(self, value: Value, entry: dict[str, Any], start: Dim = 0) -> None:
        name = f"b{len(self._entries)}"
        self._buffers[value] = name
        self._starts[value] = start
        self._entries.append({"name": name, **entry, **({"offset": to_json(start)} if start != 0 else {})})

    def _memory(self, op: Operation, outputs: Mapping[Value, int]) -> None:
        if isinstance(op, Buffer):
            self._buffer(op, outputs)
        elif isinstance(op, View):
            self._view(op)

    def _steps(self, block: Block) -> list[Any]:
        """The launches of BLOCK by number, and its branches and loops."""
        steps: list[Any] = []
        for op in block:
            if isinstance(op, Kernel):
                steps.append(len(self._launches))
                self._kernel(op)
            elif isinstance(op, LaunchIf):
                then, otherwise = (self._steps(region.block) for region in op.regions)
                fields = {"condition": self._buffers[op.condition], "then": then, "else": otherwise}
                steps.append({"if": fields})
            elif isinstance(op, LaunchLoop):
                steps.append({"loop": self._loop(op)})
        return steps

    def _loop(self, op: LaunchLoop) -> dict[str, Any]:
        fields: dict[str, Any] = {"counter": self._buffers[op.counter], "body": self._steps(op.body.block)}
        for key, value in (("trips", op.trips), ("condition", op.condition)):
            if value is not None:
                fields[key] = self._buffers[value]
        return fields if op.bound is None else fields | {"bound": to_json(op.bound)}

    def _buffer(self, op: Buffer, outputs: Mapping[Value, int]) -> None:
        value, size = op.result, to_json(op.bytes)
        if op.space == "weights":
            offset, length = self._weight(op)
            self._add(value, {"space": "weights", "offset": 0, "bytes": length}, offset)
        elif op.space == "output":
            if value not in outputs:
                raise op_error(op, "is in the output space but is not returned")
            self._add(value, {"space": "output", "index": outputs[value], "bytes": size})
        elif op.space == "counters":
            self._add(value, {"space": "arena", "offset": 0, "bytes": size}, self._next_counter)
            self._next_counter += _aligned(largest(op.bytes, self._module))
        else:
            offset = self._counter_bytes + op.offset
            self._add(value, {"space": "arena", "offset": 0, "bytes": size}, offset)
            end = offset + largest(op.bytes, self._module)
            self._arena_bytes = max(self._arena_bytes, end)

    def _view(self, op: View) -> None:
        """Add a view: one of a whole buffer is that buffer; one of a part is an entry of its own."""
        type = op.result.type
        if op.offset == 0 and type.layout.is_dense and type.elements == op.x.type.elements:
            self._buffers[op.result], self._starts[op.result] = self._buffers[op.x], self._starts[op.x]
            return
        entry = self._entries[int(self._buffers[op.x][1:])]
        start = self._starts[op.x] + op.offset * type.dtype.bytes
        fields: dict[str, Any] = {key: entry[key] for key in ("space", "index") if key in entry}
        size = span(type) * product(occupied(dim, self._module.ranges) for dim in type.shape)
        bytes_ = to_json(size * type.dtype.bytes)
        self._add(op.result, {**fields, "offset": 0, "bytes": bytes_}, start)

    def _weight(self, op: Buffer) -> tuple[int, int]:
        """The offset and length in bytes of a weight, stored in the order of its layout.

        Equal weights of equal layout are stored once.
        """
        array = np.asarray(self._module.resources[op.weight])
        packed = np.ascontiguousarray(array.transpose(op.result.type.order)).tobytes()
        key = (op.weight, str(op.result.type.order))
        if key not in self._weight_offsets:
            self._weights.extend(bytes(-len(self._weights) % ALIGNMENT))
            self._weight_offsets[key] = len(self._weights)
            self._weights.extend(packed)
        return self._weight_offsets[key], len(packed)

    def _kernel(self, op: Kernel) -> None:
        made = self._made[op.kernel]
        parameters = made.code.parameters
        buffers = iter(op.inputs)
        self._kernels[op.kernel] = {
            "entry": made.entry,
            "parameters": [_parameter(parameter).to_json() for parameter in parameters],
        }
        self._launches.append(
            {
                "kernel": op.kernel,
                "op": _label(op),
                "nodes": list(op.location.nodes),
                "grid": [to_json(dim) for dim in op.grid],
                "block": list(op.block),
                "cluster": list(op.cluster),
                "cooperative": op.cooperative,
                "shared_bytes": op.shared,
                "stream": op.stream,
                "waits": list(op.waits),
                "pdl": op.pdl,
                "arguments": [
                    ArgumentSpec(_parameter(parameter), self._given(parameter, op, buffers)).to_json()
                    for parameter in parameters
                ],
            }
        )

    def _given(
        self, parameter: Parameter, op: Kernel, buffers: Iterator[Value]
    ) -> Expression | TensorMapSpec:
        """What OP gives for PARAMETER: the next of its BUFFERS, a tensor map or a size."""
        match parameter:
            case TensorMapParameter():
                return _map(parameter.map, self._buffers[op.inputs[parameter.map.operand]])
            case ScalarParameter():
                return to_json(in_model_symbols(self._module, symbol(parameter.symbol)))
            case SizeParameter():
                return to_json(parameter.value)
        return self._buffers[next(buffers)]


def _parameter(parameter: Parameter) -> ParameterSpec:
    match parameter:
        case BufferParameter():
            return ParameterSpec("write" if parameter.written else "read", parameter.dtype.name)
        case ScratchParameter():
            return ParameterSpec("scratch", parameter.dtype.name)
        case TensorMapParameter():
            return ParameterSpec("tensor_map", parameter.map.dtype.name)
        case ScalarParameter():
            return ParameterSpec("scalar", "i64" if parameter.wide else "i32")
        case SizeParameter():
            return ParameterSpec("scalar", "i32")


def _map(map: TensorMap, buffer: str) -> TensorMapSpec:
    dims, strides = (tuple(to_json(dim) for dim in sizes) for sizes in (map.dims, map.strides))
    return TensorMapSpec(buffer, dims, strides, map.traversal)


def _label(op: Kernel) -> str:
    """The ops of a launch as text; members of a group are separated by `+`."""
    blocks = [op.body.block]
    if is_group(op.family):
        blocks = member_blocks(op.body.block, shares_of(dict(op.config)))
    return " + ".join(map(ops_in, blocks))


def _reason(fact: Constraint | Determined) -> dict[str, Any]:
    return {"why": fact.why, "nodes": list(fact.location.nodes)}


def _tensors(names: list[str], types: list[TensorType]) -> list[dict[str, Any]]:
    return [
        {"name": name, "dtype": type.dtype.name, "shape": [to_json(dim) for dim in type.shape]}
        for name, type in zip(names, types, strict=True)
    ]


def _through_views(value: Value) -> Value:
    while isinstance(value.producer, View):
        value = value.producer.x
    return value


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
