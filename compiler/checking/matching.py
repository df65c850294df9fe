"""Matches the results of kernels with values of the unfused graph.

The ops in a kernel's region were moved there from the graph level. An op is recognized by its kind, ONNX
nodes and shape, and by its operands where these are ambiguous. A value that lowering introduced (padded
channels, joined weights) has no counterpart, and neither has a value that is computed only from such values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...dialects.core.defaults import completed
from ...dialects.core.interpreter import Array, Evaluation, bind_symbols, named_results, run_block
from ...dialects.core.ir import Block, Operation, Value
from ...dialects.core.module import Function, Module
from ...dialects.core.traits import Trait, has
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.launch import Kernel
from ...dialects.launch_control import LaunchControl
from ...dialects.launch_memory import View
from .widen import widened_array, widened_block

_Key = tuple[Any, ...]


class GraphMatch:
    """The values of GRAPH's main function that the buffers of LAUNCHED hold."""

    def __init__(self, graph: Module, launched: Module) -> None:
        self._by_key: dict[_Key, list[Operation]] = defaultdict(list)
        for op in graph.main.block:
            if op.results and not has(op, Trait.CONSTANT):
                self._by_key[_key(op)].append(op)
        self._held: dict[Value, Value] = dict(zip(launched.main.arguments, graph.main.arguments, strict=True))
        # Keyed by writer and position, as a buffer may be written several times, or in parts.
        self.written: dict[tuple[Operation, int], Value] = {}
        for op in launched.main.block:
            self._visit(op)

    def _visit(self, op: Operation) -> None:
        if isinstance(op, View):
            found = self._viewed(op)
            if found is not None:
                self._held[op.result] = found
        elif isinstance(op, Kernel):
            self._kernel(op)
        elif isinstance(op, LaunchControl):  # its launches run any number of times: no graph value
            for kernel in op.walk():
                for target in kernel.writes if isinstance(kernel, Kernel) else ():
                    self._held.pop(target, None)

    def _viewed(self, view: View) -> Value | None:
        """The graph's value for VIEW: a reshape of the viewed value, or a part of it from the same nodes."""
        held = self._held.get(view.x)
        if held is None:
            return None
        fits = [op for op in held.users if op.results and op.result.type.shape == view.y.type.shape]
        fits = [op for op in fits if isinstance(op, Reshape) or op.location.nodes == view.location.nodes]
        return fits[0].result if len(fits) == 1 else None

    def _kernel(self, kernel: Kernel) -> None:
        block = kernel.body.block
        known = {
            argument: self._held[value]
            for argument, value in zip(block.arguments, kernel.reads, strict=True)
            if value in self._held
        }
        for op in block:
            found = self._counterparts(op, known) if op.next is not None else ()
            known.update(zip(op.results, found, strict=False))
        for index, (target, value) in enumerate(zip(kernel.writes, block.terminator.inputs, strict=True)):
            self._held.pop(target, None)
            if value in known:
                self._held[target] = self.written[kernel, index] = known[value]

    def _counterparts(self, op: Operation, known: Mapping[Value, Value]) -> Sequence[Value]:
        """The values of the graph that OP's results are; none where it is not recognized."""
        candidates = self._by_key.get(_key(op), [])
        if not op.location.nodes and not any(value in known for value in op.inputs):
            candidates = []  # it cannot be told from other ops without nodes
        if len(candidates) > 1 or not op.location.nodes:
            candidates = [other for other in candidates if _reads_the_same(op, other, known)]
        if len(candidates) == 1:
            return candidates[0].results
        # A float cast that is not in the graph changes only the storage type of a value.
        stores = isinstance(op, Cast) and op.to.is_float and op.x.type.dtype.is_float
        return [known[op.inputs[0]]] if stores and op.inputs[0] in known else ()


def _key(op: Operation) -> _Key:
    return (op.name, op.location.nodes, op.result.type.shape)


def _reads_the_same(op: Operation, other: Operation, known: Mapping[Value, Value]) -> bool:
    """Whether the operands of OP that are KNOWN are those of OTHER."""
    pairs = zip(op.operands, other.operands, strict=False)
    return all(b is known[a] for a, b in pairs if a is not None and a in known)


class _KeepingNames(Evaluation):
    """An evaluation that keeps the WANTED values."""

    def __init__(self, module: Module, symbols: Mapping[str, int], wanted: Iterable[Value]) -> None:
        super().__init__(module, symbols)
        self._wanted = set(wanted)
        self.kept: dict[Value, Array] = {}

    def executed(self, op: Operation, arguments: Any, results: Any) -> None:
        self.kept.update((v, a) for v, a in zip(op.results, results, strict=True) if v in self._wanted)


def exact_values(
    module: Module, inputs: Mapping[str, Array], wanted: Iterable[Value] = ()
) -> tuple[dict[str, Array], dict[Value, Array]]:
    """MODULE's outputs by name, and its WANTED values, computed in f64 on INPUTS."""
    function: Function = module.main
    given = completed(module, inputs)
    arrays = [given[name] for name in function.inputs]
    mapping: dict[Value, Value] = {}
    block: Block = widened_block(function.block, mapping)
    copies = {mapping[value]: value for value in wanted}
    keeping = _KeepingNames(module, bind_symbols(function, arrays), copies)
    results = run_block(block, [widened_array(array) for array in arrays], keeping)
    values = {copies[value]: array for value, array in keeping.kept.items()}
    values |= {
        v: widened_array(a) for v, a in zip(function.arguments, arrays, strict=True) if v in copies.values()
    }
    return named_results(function, results), values
