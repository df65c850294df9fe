"""Builds the manifest of a plan: a launch module as data that the runtime executes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...dialects.core.affine import symbol
from ...dialects.core.affine_traversal import to_json
from ...dialects.core.ir import Block, Value
from ...dialects.core.module import Function, Module
from ...dialects.core.tensor_map import TensorMap
from ...dialects.core.types import TensorType
from ...dialects.launch import Kernel
from ...dialects.launch_control import LaunchIf, LaunchLoop
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
from .memory import PlanMemory, through_views
from .size_facts import size_facts, symbol_ranges
from .sources import MadeKernel


class ManifestBuilder:
    """Collects the kernels and launches of MODULE; MADE has its kernels by name. Raises as `PlanMemory`."""

    def __init__(self, module: Module, made: Mapping[str, MadeKernel], modules: Mapping[str, str]) -> None:
        self._module = module
        self._made = made
        self._modules = modules
        self._memory = PlanMemory(module)
        self._kernels: dict[str, dict[str, Any]] = {}
        self._launches: list[dict[str, Any]] = []

    @property
    def weights(self) -> bytes:
        """The data of all weights, to which the manifest's offsets refer."""
        return self._memory.weights

    def build(self, generator: str, targets: list[str], min_driver: int) -> dict[str, Any]:
        """The manifest as JSON data.

        GENERATOR is the name and version of the compiler, MIN_DRIVER the lowest driver version, as 13000 for
        13.0.
        """
        function, memory = self._module.main, self._memory
        steps = self._steps(function.block)
        defaults = self._defaults()
        straight = all(isinstance(step, int) for step in steps)
        return {
            "format": FORMAT,
            "generator": generator,
            "name": self._module.name,
            "targets": targets,
            "min_driver": min_driver,
            "symbols": symbol_ranges(self._module),
            **size_facts(self._module),
            **defaults,
            "inputs": _tensors(function.inputs, [value.type for value in function.arguments]),
            "outputs": _tensors(function.outputs, [value.type for value in function.returned]),
            **_in_place(function),
            "arena_bytes": memory.arena_bytes,
            "zeroed_bytes": memory.zeroed_bytes,
            "weights_bytes": len(memory.weights),
            "buffers": memory.entries,
            "kernels": self._kernels,
            "launches": self._launches,
            **({} if straight else {"steps": steps}),
        }

    def _defaults(self) -> dict[str, Any]:
        """The defaults of optional inputs; empty without any."""
        resources = self._module.resources
        found = {
            name: {"offset": self._memory.stored(weight)[0], "shape": list(resources[weight].shape)}
            for name, weight in self._module.defaults.items()
        }
        return {"defaults": found} if found else {}

    def _steps(self, block: Block) -> list[Any]:
        """The launches of BLOCK by number, and its branches and loops."""
        steps: list[Any] = []
        for op in block:
            if isinstance(op, Kernel):
                steps.append(len(self._launches))
                self._kernel(op)
            elif isinstance(op, LaunchIf):
                then, otherwise = (self._steps(region.block) for region in op.regions)
                fields = {"condition": self._memory[op.condition], "then": then, "else": otherwise}
                steps.append({"if": fields})
            elif isinstance(op, LaunchLoop):
                steps.append({"loop": self._loop(op)})
        return steps

    def _loop(self, op: LaunchLoop) -> dict[str, Any]:
        fields: dict[str, Any] = {"counter": self._memory[op.counter], "body": self._steps(op.body.block)}
        for key, value in (("trips", op.trips), ("condition", op.condition)):
            if value is not None:
                fields[key] = self._memory[value]
        return fields if op.bound is None else fields | {"bound": to_json(op.bound)}

    def _kernel(self, op: Kernel) -> None:
        made = self._made[op.kernel]
        parameters = made.code.parameters
        buffers = iter(op.inputs)
        self._kernels[op.kernel] = {
            "entry": made.entry,
            "module": self._modules[op.kernel],
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
                return _map(parameter.map, self._memory[op.inputs[parameter.map.operand]])
            case ScalarParameter():
                return to_json(in_model_symbols(self._module, symbol(parameter.symbol)))
            case SizeParameter():
                return to_json(parameter.value)
        return self._memory[next(buffers)]


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


def _in_place(function: Function) -> dict[str, Any]:
    """By output the input whose memory it takes; empty without any."""
    names = dict(zip(function.arguments, function.inputs, strict=True))
    returned = zip(function.outputs, map(through_views, function.returned), strict=True)
    found = {name: names[root] for name, root in returned if root in names}
    return {"in_place": found} if found else {}


def _tensors(names: list[str], types: list[TensorType]) -> list[dict[str, Any]]:
    return [
        {"name": name, "dtype": type.dtype.name, "shape": [to_json(dim) for dim in type.shape]}
        for name, type in zip(names, types, strict=True)
    ]
