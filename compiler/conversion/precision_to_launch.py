"""precision → launch: buffers with offsets, kernels with configurations, launch order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from ...codegen.kernels.family import Candidate, Geometry, Request, Target
from ...codegen.kernels.registry import candidates, realize
from ...codegen.naming import kernel_name
from ...codegen.requests import in_model_symbols, make_request
from ...dialects.core.affine import Dim, ceildiv, evaluate
from ...dialects.core.builtin import Return, Yield
from ...dialects.core.clone import clone_block
from ...dialects.core.diagnostics import op_error
from ...dialects.core.dtypes import F32, U32, DType
from ...dialects.core.ir import Block, Function, Module, Operation, Region, Value
from ...dialects.core.location import UNKNOWN
from ...dialects.core.printer import canonical_text
from ...dialects.core.types import ROW_MAJOR, TensorType
from ...dialects.graph.constants import Constant
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement import Reshape
from ...dialects.launch import Buffer, Kernel, View
from ...dialects.precision import Kernel as PrecisionKernel
from ...errors import IRError
from ..analysis.memory_plan import Lifetime, place
from ..passes import PassContext

Choice = Callable[[Request], Candidate]
_Key = tuple[str, tuple[TensorType, ...], frozenset[int]]  # everything that tells one kernel from another


def cheapest(request: Request) -> Candidate:
    """The candidate that the cost model expects to be fastest."""
    return candidates(request)[0]


def precision_to_launch(module: Module, target: Target, choose: Choice = cheapest) -> Module:
    """A launch module for MODULE; kernels are picked by CHOOSE for TARGET."""
    result = Module(module.name, symbols=dict(module.symbols), resources=module.resources)
    old = module.main
    new = result.add(Function(old.name, old.inputs, old.outputs))
    _Conversion(module, old, new, target, choose).run()
    return result


@dataclass(frozen=True)
class PrecisionToLaunch:
    """The conversion as a pass, for TARGET."""

    target: Target
    name: ClassVar[str] = "precision-to-launch"

    def run(self, module: Module, context: PassContext) -> Module:
        return precision_to_launch(module, self.target)


class _Conversion:
    """Carries the state of one conversion: old values to buffers, launches in order."""

    def __init__(self, module: Module, old: Function, new: Function, target: Target, choose: Choice) -> None:
        self._module = module
        self._old = old
        self._new = new
        self._target = target
        self._choose = choose
        self._buffers: dict[Value, Value] = {}
        self._returned: set[Value] = set()
        self._plans: dict[_Key, tuple[str, Candidate, Geometry]] = {}

    def run(self) -> None:
        for name, argument in zip(self._old.inputs, self._old.arguments, strict=True):
            if argument.type.layout != ROW_MAJOR:
                raise IRError(f"launch level: the input '{name}' is not row-major", "convert it in a kernel")
            self._buffers[argument] = self._new.block.add_argument(argument.type, argument.hint)
        self._returned = self._output_roots()
        for op in self._old.block:
            if op.next is not None:
                self._convert(op)
        self._new.block.append(Return(*[self._output(value) for value in self._old.returned]))
        _place_buffers(self._module, self._new)

    def _output_roots(self) -> set[Value]:
        """Values whose buffer can be an output itself: made by a kernel, returned once, under any view."""
        roots = [_through_views(value) for value in self._old.returned]
        return {
            root
            for root in roots
            if isinstance(root.producer, PrecisionKernel)
            and roots.count(root) == 1
            and lies_row_major(root.type)
        }

    def _convert(self, op: Operation) -> None:
        if isinstance(op, Constant):
            self._constant(op)
        elif isinstance(op, Reshape):
            source = self._buffers[op.x]
            view = View(source, types=[op.result.type], loc=op.location)
            self._buffers[op.result] = self._append(view).result
        elif isinstance(op, PrecisionKernel):
            self._kernel(op)
        else:
            raise op_error(
                op, "cannot be launched", "only kernels, constants and reshapes may stand at this level"
            )

    def _append(self, op: Operation) -> Operation:
        return self._new.block.append(op)

    def _constant(self, op: Constant) -> None:
        type = op.result.type
        name = self._module.resources.add(op.array(self._module))
        buffer = Buffer(weight=name, space="weights", bytes=type.bytes, types=[type], loc=op.location)
        self._buffers[op.result] = self._append(buffer).result

    def _new_buffer(self, type: TensorType, space: str) -> Value:
        return self._append(Buffer(space=space, bytes=type.bytes, types=[type])).result

    def _kernel(self, op: PrecisionKernel) -> None:
        outputs = []
        for value in op.results:
            space = "output" if value in self._returned else "arena"
            self._buffers[value] = self._new_buffer(value.type, space)
            outputs.append(self._buffers[value])
        reads = [self._buffers[value] for value in op.inputs]
        self._launch(clone_block(op.body.block), reads, outputs, op)

    def _launch(
        self, region: Block, reads: list[Value], outputs: list[Value], source: Operation | None
    ) -> None:
        name, candidate, geometry = self._planned(region, reads, outputs)
        scratch = [self._new_buffer(TensorType((size,), dtype), space)
                   for size, dtype, space in _scratch(geometry.workspace, geometry.counters)]  # fmt: skip
        kernel = Kernel(
            *reads, *outputs, *scratch,
            kernel=name, outputs=len(outputs), scratch=len(scratch), family=candidate.family,
            config=candidate.config, grid=geometry.grid, block=geometry.block, cluster=geometry.cluster,
            shared=geometry.shared, regions=[Region(region)],
            loc=UNKNOWN if source is None else source.location,
        )  # fmt: skip
        self._append(kernel)

    def _planned(
        self, region: Block, reads: list[Value], writes: list[Value]
    ) -> tuple[str, Candidate, Geometry]:
        """Name, choice and geometry of a kernel; equal kernels are thought about once."""
        request = make_request(self._module, region, reads, writes, self._target, "kernel")
        key = (canonical_text(request.region), request.writes, request.weights)
        if key not in self._plans:
            candidate = self._choose(request)
            name = kernel_name(request, candidate.family, candidate.config)
            code = realize(replace(request, name=name), candidate.family, candidate.config)
            self._plans[key] = (name, candidate, self._in_model_symbols(code.geometry))
        return self._plans[key]

    def _in_model_symbols(self, geometry: Geometry) -> Geometry:
        x, y, z, workspace, counters = (
            in_model_symbols(self._module, dim)
            for dim in (*geometry.grid, geometry.workspace, geometry.counters)
        )
        return replace(geometry, grid=(x, y, z), workspace=workspace, counters=counters)

    def _output(self, value: Value) -> Value:
        """The buffer to return for VALUE: its own when it lies in the output space, else a copy."""
        if _through_views(value) in self._returned:
            return self._buffers[value]
        source = self._buffers[value]
        region = Block([source.type])
        copied = region.append(Cast(region.arguments[0], to=source.type.dtype)).result
        copied.type = copied.type.with_layout(ROW_MAJOR)
        region.append(Yield(copied))
        target = self._new_buffer(copied.type, "output")
        self._launch(region, [source], [target], None)
        return target


def lies_row_major(type: TensorType) -> bool:
    """True when a row-major reader finds every element: dimensions of size 1 may stand anywhere."""
    plain = type.with_layout(ROW_MAJOR)
    pairs = zip(type.shape, type.strides, plain.strides, strict=True)
    return type.layout.offset == 0 and all(size == 1 or own == want for size, own, want in pairs)


def _scratch(workspace: Dim, counters: Dim) -> list[tuple[Dim, DType, str]]:
    """Element count, type and space of the scratch buffers a kernel wants."""
    needs: list[tuple[Dim, DType, str]] = []
    if workspace != 0:
        needs.append((ceildiv(workspace, F32.bytes), F32, "arena"))
    if counters != 0:
        needs.append((counters, U32, "counters"))
    return needs


def _through_views(value: Value) -> Value:
    while isinstance(value.producer, Reshape):
        value = value.producer.x
    return value


def _place_buffers(module: Module, function: Function) -> None:
    """Give every buffer of the arena its offset; counters come first and share with nothing."""
    most = module.values_at("maximum")
    steps = {op: step for step, op in enumerate(function.block)}
    buffers = [op for op in function.block if isinstance(op, Buffer) and op.space == "arena"]
    lifetimes = []
    for buffer in buffers:
        uses = [steps[user] for user in _kernel_users(buffer.result)]
        first, last = (min(uses), max(uses)) if uses else (steps[buffer], steps[buffer])
        lifetimes.append(Lifetime(evaluate(buffer.bytes, most), first, last))
    placement = place(lifetimes)
    for buffer, offset in zip(buffers, placement.offsets, strict=True):
        buffer.offset = offset


def _kernel_users(value: Value) -> list[Operation]:
    """The launches that read or write VALUE, under any view of it."""
    users: list[Operation] = []
    pending = [value]
    while pending:
        for user in pending.pop().users:
            if isinstance(user, View):
                pending.append(user.result)
            else:
                users.append(user)
    return users
