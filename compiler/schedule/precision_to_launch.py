"""precision → launch: a configuration for every kernel, buffers with offsets, and launches in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...codegen.interface import ArchSpec, executed, families
from ...dialects.control import ControlOp, If, Loop
from ...dialects.core.builtin import Return
from ...dialects.core.diagnostics import op_error
from ...dialects.core.ir import Block, Operation, Region, Value
from ...dialects.core.location import UNKNOWN, Location
from ...dialects.core.module import Function, Module
from ...dialects.core.sizes.proofs import Proofs
from ...dialects.core.traits import Trait, has
from ...dialects.core.types import ROW_MAJOR, Layout, TensorType
from ...dialects.graph.constants import Constant, constant
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.sequences import WriteCache
from ...dialects.launch import Kernel
from ...dialects.launch_memory import Buffer, View
from ...dialects.precision import PrecisionKernel
from ...errors import IRError
from ..kernels.choice import Choice, KernelChooser, cheapest, lying_as
from ..memory.placement import place_buffers
from ..memory.views.choose_views import choose_views
from ..memory.views.row_pitches import lengthened
from ..memory.views.view_plan import Copy, ViewPlace, base_of
from ..passes.manager import PassContext
from ..patterns.strided import same_memory, settled
from ..precision.formats.mismatch import Mismatches
from .control_to_launch import convert_control
from .move_regions import copying, filling
from .record import record_planned
from .turns import turns


def precision_to_launch(
    module: Module, target: ArchSpec, choose: Choice = cheapest, context: PassContext | None = None
) -> Module:
    """The launch-level module for MODULE, with a configuration for every kernel chosen by CHOOSE for TARGET.

    Concats and slices that only move elements become views where that pays; the ledger of CONTEXT records
    it. Raises IRError for an op that cannot be launched, and for an input that is not row-major.
    """
    result = module.emptied()
    old = module.main
    new = result.add(Function(old.name, old.inputs, old.outputs))
    spilled, tactics = (context.spilled, context.tactics) if context is not None else (None, {})
    chooser = KernelChooser(module, target, choose, spilled, tactics.get(target.name))
    _ToLaunch(module, old, new, chooser, context).run()
    place_buffers(result)
    return result


@dataclass(frozen=True)
class PrecisionToLaunch:
    """The conversion as a pass, for TARGET."""

    target: ArchSpec
    name: ClassVar[str] = "precision-to-launch"

    def run(self, module: Module, context: PassContext) -> Module:
        return precision_to_launch(module, self.target, context=context)


class _ToLaunch:
    """The state of one conversion: the buffer of every old value, and the launches in order.

    Launches are appended to the block of the control op whose region is being converted, if there is one;
    buffers and views always to the function's.
    """

    def __init__(
        self,
        module: Module,
        old: Function,
        new: Function,
        chooser: KernelChooser,
        context: PassContext | None,
    ) -> None:
        self._module = module
        self._old = old
        self._new = new
        self._launches = new.block
        self._chooser = chooser
        self._context = context
        self._mismatches = None if context is None else Mismatches("launch", context)
        self._plan = choose_views(module, old, chooser, context)
        self._buffers: dict[Value, Value] = {}
        self._wholes: dict[Value, Value] = {}  # the buffers of values whose rows are longer
        self._returned: set[Value] = set()
        self._sizes = module.values_at("optimum")
        self._latest: Kernel | None = None

    def run(self) -> None:
        for name, argument in zip(self._old.inputs, self._old.arguments, strict=True):
            if argument.type.layout != ROW_MAJOR:
                raise IRError(f"launch level: the input '{name}' is not row-major", "convert it in a kernel")
            self._buffers[argument] = self._new.block.add_argument(argument.type, argument.hint)
        self._returned = self._output_roots()
        for op in self._old.block:
            if op.next is not None:
                self.convert(op)
        if self._mismatches is not None:
            self._mismatches.check()
        self._new.block.append(Return(*[self._output(value) for value in self._old.returned]))

    def _output_roots(self) -> set[Value]:
        """The values whose buffers can be outputs: produced by a kernel, returned once, stored row-major, and
        certain to have the size of the output, which may be a reshape."""
        roots = [base_of(value) for value in self._old.returned]
        proofs = Proofs(self._module, final=True)
        return {
            root
            for root, value in zip(roots, self._old.returned, strict=True)
            if is_made_once(root) and roots.count(root) == 1 and lies_row_major(root.type)
            and proofs.sign(root.type.elements - value.type.elements) == 0
        }  # fmt: skip

    def convert(self, op: Operation) -> None:
        if isinstance(op, Constant):
            self._constant(op)
        elif isinstance(op, PrecisionKernel):
            self._kernel(op)
        elif isinstance(op, ControlOp):
            convert_control(op, self)
        elif not isinstance(op, Reshape):
            hint = "only kernels, constants, reshapes and control flow may stand at this level"
            raise op_error(op, "cannot be launched", hint)

    def append(self, op: Operation) -> Operation:
        """Append a launch or a control op."""
        return self._launches.append(op)

    @contextmanager
    def inside(self) -> Iterator[Block]:
        """A context in which launches are appended to a new block, which it returns."""
        outer, self._launches, self._latest = self._launches, Block(), None
        try:
            yield self._launches
        finally:
            self._launches, self._latest = outer, None

    # ------------------------------------------------------------ memory

    def _constant(self, op: Constant) -> None:
        type = op.result.type
        array, whole = op.array(self._module), self._plan.wholes.get(op.result)
        if whole is not None:
            type, array = whole, lengthened(array, whole)
        name = self._module.resources.add(array)
        buffer = Buffer(weight=name, space="weights", bytes=type.bytes, types=[type], loc=op.location)
        made = self._wholes if whole is not None else self._buffers
        made[op.result] = self._new.block.append(buffer).result

    def new_buffer(self, type: TensorType, space: str) -> Value:
        """A new buffer for a TYPE in the space SPACE."""
        return self._new.block.append(Buffer(space=space, bytes=type.bytes, types=[type])).result

    def new_view(self, buffer: Value, type: TensorType) -> Value:
        """All of BUFFER as a TYPE."""
        return self._new.block.append(View(buffer, types=[type])).result

    def place(self, value: Value, buffer: Value) -> None:
        """Assign BUFFER, of VALUE's type, to VALUE."""
        self._buffers[value] = buffer

    def is_placed(self, value: Value) -> bool:
        """Whether VALUE has a buffer."""
        return value in self._buffers

    def buffer(self, value: Value) -> Value:
        """The buffer that VALUE owns, created on first use, or the view that VALUE is."""
        if value not in self._buffers:
            cache = cache_of(value)
            if cache is not None:
                self._buffers[value] = self._written_in_place(value, cache)
                return self._buffers[value]
            place = self._plan.place_of(value)
            if place.root is value and value not in self._plan.wholes:
                space = "output" if value in self._returned else "arena"
                self._buffers[value] = self.new_buffer(value.type, space)
            else:
                self._buffers[value] = self._view(place, value)
        return self._buffers[value]

    def _whole(self, root: Value) -> Value:
        """The dense buffer that ROOT owns, of which it is a part if its rows are longer."""
        if root not in self._plan.wholes:
            return self.buffer(root)
        if root not in self._wholes:
            self._wholes[root] = self.new_buffer(self._plan.wholes[root], "arena")
        return self._wholes[root]

    def _written_in_place(self, value: Value, cache: Value) -> Value:
        """The buffer of CACHE, which VALUE takes."""
        if cache.producer is not None or cache.type != value.type:
            op = value.producer
            assert op is not None
            message = f"writes {value.type} in the memory of {cache.type}"
            raise op_error(op, message, "only an input that keeps its format is written in place")
        return self._buffers[cache]

    def _view(self, place: ViewPlace, value: Value) -> Value:
        """A view of PLACE, with VALUE's own type where that describes the same memory."""
        root = self._whole(place.root)
        if place.type == value.type:
            return self._new.block.append(View(root, types=[value.type], loc=_location(value))).result
        start, type = settled(place.type, value.type.layout)
        return self._new.block.append(View(root, offset=start, types=[type], loc=_location(value))).result

    # ------------------------------------------------------------ launches

    def _kernel(self, op: PrecisionKernel) -> None:
        if op not in self._plan.elided:
            outputs = [self.buffer(value) for value in op.results]
            reads = [self.buffer(value) for value in op.inputs]
            launched = self._launch(op.body.block, reads, outputs, op.location)
            launched.requested, launched.compute = op.requested, op.compute
            self._compare(launched)
        for copy in self._plan.copies.get(op, ()):
            self._copy_part(copy, op.location)

    def _compare(self, kernel: Kernel) -> None:
        """Note a mismatch when KERNEL does not execute in the format that was chosen for it."""
        if kernel.executed == kernel.compute or self._mismatches is None:
            return
        reason = f"{kernel.family} runs it in {kernel.executed}, and no other family takes these layouts"
        body, nodes = kernel.body.block, kernel.location.nodes
        product = next((op for op in body if has(op, Trait.CONTRACTION)), None)
        self._mismatches.add(kernel.compute, kernel.executed, reason, body, nodes, product)

    def _copy_part(self, copy: Copy, location: Location) -> None:
        like = copy.source.type.layout
        target = self._part(copy.place, like, location)
        cut = copy.cut is not None
        source = self._part(self._plan.source_of(copy), like, location) if cut else self.buffer(copy.source)
        self.copy(source, target, location)

    def _part(self, place: ViewPlace, like: Layout, location: Location) -> Value:
        start, type = settled(place.type, like)
        view = View(self._whole(place.root), offset=start, types=[type], loc=location)
        return self._new.block.append(view).result

    def copy(self, source: Value, target: Value, location: Location) -> None:
        """Append a launch that copies the buffer SOURCE to TARGET."""
        self._launch(copying(source.type), [source], [target], location)

    def copy_to_row(self, source: Value, row: Value, target: Value, location: Location) -> None:
        """Append a launch that copies the buffer SOURCE to the row of TARGET whose number is in ROW."""
        region = copying(source.type, row.type)
        self._launch(region, [source, row], [target], location, stacked=True)

    def fill(self, target: Value, location: Location) -> None:
        """Append a launch that writes zeros to TARGET."""
        zero = constant(self._module, np.zeros((), target.type.dtype.numpy), location)
        self._launch(filling(zero, target.type), [], [target], location)

    def _launch(
        self,
        body: Block,
        reads: Sequence[Value],
        outputs: Sequence[Value],
        location: Location,
        stacked: bool = False,
    ) -> Kernel:
        region = lying_as(body, [value.type for value in reads])
        turned = turns(reads, self._latest, self._sizes, self._chooser.target)
        planned = self._chooser.plan(region, reads, outputs, stacked, turned)
        if families()[planned.candidate.family].drop_rounding(region):
            planned = self._chooser.plan(region, reads, outputs, stacked, turned)
        if self._context is not None:
            record_planned(self._context, planned, region, location)
        geometry = planned.code.geometry
        scratch = [self.new_buffer(own.type, own.space) for own in planned.code.scratch]
        kernel = Kernel(
            *reads, *outputs, *scratch,
            kernel=planned.name, outputs=len(outputs), scratch=len(scratch),
            family=planned.candidate.family, config=planned.candidate.config,
            grid=geometry.grid, block=geometry.block, cluster=geometry.cluster,
            cooperative=geometry.cooperative, maps=planned.code.maps,
            shared=geometry.shared, stacked=stacked, regions=[Region(region)], loc=location,
            executed=executed(region, families()[planned.candidate.family].rounds_operands),
        )  # fmt: skip
        self.append(kernel)
        self._latest = kernel
        return kernel

    def _output(self, value: Value) -> Value:
        """The buffer to return for VALUE: its own if it is an output buffer, otherwise a copy."""
        source = self.buffer(value)
        if base_of(value) in self._returned:
            return source
        target = self.new_buffer(value.type.with_layout(ROW_MAJOR), "output")
        self.copy(source, target, UNKNOWN)
        return target


def cache_of(value: Value) -> Value | None:
    """The operand of the kernel of VALUE that it writes in place; None where it is in memory of its own."""
    kernel = value.producer
    if not isinstance(kernel, PrecisionKernel):
        return None
    block = kernel.body.block
    write = next((op for op in block if isinstance(op, WriteCache) and op.in_place), None)
    if write is None:
        return None
    if block.terminator.inputs != (write.result,) or write.cache not in block.arguments:
        hint = "let the cache have the type in which the policy stores it"
        raise op_error(write, "is in place, and its kernel does not keep the format of the cache", hint)
    return kernel.inputs[block.arguments.index(write.cache)]


def is_made_once(value: Value) -> bool:
    """Whether VALUE is written by one launch, by one in each branch, or row by row: no loop carries it.

    Loops that may end early carry the buffers of their rows.
    """
    maker = value.producer
    return isinstance(maker, (PrecisionKernel, If)) or (
        isinstance(maker, Loop) and value.index >= maker.carried and not maker.may_end
    )


def lies_row_major(type: TensorType) -> bool:
    """True when TYPE has the memory of a dense row-major tensor; dimensions of size 1 may have any stride."""
    return type.layout.offset == 0 and same_memory(type, type.with_layout(ROW_MAJOR))


def _location(value: Value) -> Location:
    return UNKNOWN if value.producer is None else value.producer.location
