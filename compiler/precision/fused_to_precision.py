"""fused → precision: storage types, layouts and accumulators of every kernel.

Float32 tensors between kernels get the policy's storage type; inputs and outputs keep their types.
Contractions multiply in the policy's type and accumulate in its accumulator type. All other arithmetic is
done in f32, with casts where values are loaded and stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...codegen.interface import ArchSpec
from ...dialects.control import ControlYield, If, Loop
from ...dialects.core.affine import Dim
from ...dialects.core.builtin import Return, Yield
from ...dialects.core.diagnostics import op_error
from ...dialects.core.ir import Block, Operation, Region, Value
from ...dialects.core.location import Location
from ...dialects.core.module import Function, Module
from ...dialects.core.types import ROW_MAJOR, Layout, TensorType
from ...dialects.fused import FusedKernel
from ...dialects.graph.constants import Constant
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.precision import PrecisionKernel
from ...dialects.roots import Root
from ..passes.manager import PassContext
from ..patterns.layouts import is_neutral
from .formats.custom_form import SealedOp, custom_form, keeps, sealed_op_in
from .formats.image_reads import ImageReads
from .formats.kept_wide import kept_on_record
from .formats.kernel_operands import KernelOperands
from .formats.mismatch import Mismatches
from .formats.override_records import OverrideRecords
from .formats.placement import STORED_ALREADY, Placement, location_of
from .formats.region import drop_unused_casts
from .formats.rounding import Rounding
from .formats.storage import StoragePlan, leading_op
from .narrowing.decisions import Wide


@dataclass(frozen=True)
class FusedToPrecision:
    """The pass that applies the context's precision policy, within what the target supports.

    Every kernel records the format that was requested, the one chosen, and why. Raises UnsupportedError where
    a kernel would fall back to another format and the policy does not allow it.
    """

    target: ArchSpec
    name: ClassVar[str] = "fused-to-precision"

    def run(self, module: Module, context: PassContext) -> Module:
        result = module.emptied()
        for old in module.functions:
            new = result.add(Function(old.name, old.inputs, old.outputs))
            decided = _Decided(module, context, self.target, kept_on_record(module, old, context))
            arguments = [value.type for value in old.arguments]
            _ToPrecision(decided, old.block, Placement(result, new.block, context), arguments).run()
            decided.overridden.finish()
            decided.mismatches.check()
        return result


class _Decided:
    """The state that the blocks of a function share: the values that stay wide, and what goes to the
    ledger."""

    def __init__(self, module: Module, context: PassContext, target: ArchSpec, wide: Wide) -> None:
        self.module, self.context, self.target, self.wide = module, context, target, wide
        self.rounding = Rounding(context, module.values_at("optimum"), target)
        self.images = ImageReads(context, module, target)
        self.mismatches = Mismatches("precision", context)
        self.overridden = OverrideRecords(context)


class _ToPrecision:
    """Converts one block, kernel by kernel; `_values` maps old values to new ones.

    ARGUMENTS are the types of the new block's arguments.
    """

    def __init__(
        self, decided: _Decided, old: Block, place: Placement, arguments: Sequence[TensorType]
    ) -> None:
        self._decided = decided
        self._target = decided.target
        self._module = decided.module
        self._rounding = decided.rounding
        self._old = old
        self._place = place
        self._policy = decided.context.policy
        self._plan = StoragePlan(decided.module, old, self._policy, decided.target, decided.wide)
        self._eight_bits = decided.context.eight_bits
        self._values: dict[Value, Value] = {}
        for argument, type in zip(old.arguments, arguments, strict=True):
            self._values[argument] = place.block.add_argument(type, argument.hint)
        # New values that stand for several old ones, each of which has consumers.
        self._shared: set[Value] = set()
        # Sources of reshapes that are not views of memory: the consumers' kernels reshape.
        self._sunk: dict[Value, Value] = {}

    def run(self) -> None:
        for op in self._old:
            self._convert(op)

    def _convert(self, op: Operation) -> None:
        match op:
            case Constant():
                pass  # created for each consumer, in the type and layout that it needs
            case Reshape():
                self._view(op)
            case FusedKernel() if self._stored_already(op):
                self._alias(op)
            case FusedKernel() if op.root.sealed:
                self._sealed(op)
            case FusedKernel():
                self._kernel(op)
            case If() | Loop():
                self._control(op)
            case Return() | ControlYield():
                outputs = [self._output(value, op) for value in op.inputs]
                self._place.block.append(type(op)(*outputs, loc=op.location))
            case _:
                hint = "run graph-to-fused first"
                raise op_error(op, "is not allowed outside a kernel at the fused level", hint)

    def _stored(self, old: Value) -> Value:
        """The new value of OLD as it is stored; a constant in its own type."""
        if isinstance(old.producer, Constant):
            return self._place.constant(old, old.type.dtype)
        if old in self._sunk:
            source = self._sunk.pop(old)
            self._values[old] = self._reshaped(source, old.type.shape, location_of(old))
        return self._values[old]

    def _output(self, old: Value, reader: Operation) -> Value:
        value = self._stored(old)
        if (value.type.shape, value.type.dtype) != (old.type.shape, old.type.dtype):
            raise op_error(reader, f"the output has type {old.type} but is stored as {value.type}")
        return self._place.form(value, value.type.with_layout(ROW_MAJOR), reader.location)

    # ------------------------------------------------------------ control flow

    def _control(self, op: If | Loop) -> None:
        """Convert OP and its regions. Conditions, initial and yielded values keep their types; captures are
        read as stored."""
        first = [None if value is None else self._output(value, op) for value in op.consumed]
        captures = [self._stored(value) for value in op.captures]
        attributes = {name: value for name, value in op.attributes.items() if value is not None}
        types, regions = [value.type for value in op.results], [self._region(r, captures) for r in op.regions]
        new = type(op)(*first, *captures, types=types, regions=regions, loc=op.location, **attributes)
        self._place.append(new)
        for old, value in zip(op.results, new.results, strict=True):
            value.hint = old.hint
            self._values[old] = value

    def _region(self, region: Region, captures: Sequence[Value]) -> Region:
        old, new = region.block, Block()
        own = [value.type for value in old.arguments[: len(old.arguments) - len(captures)]]
        place = Placement(self._place.module, new, self._decided.context)
        _ToPrecision(self._decided, old, place, [*own, *(value.type for value in captures)]).run()
        return Region(new)

    # ------------------------------------------------------------ views

    def _view(self, op: Reshape) -> None:
        source = self._stored(op.x)
        same_order = source.type.layout == ROW_MAJOR or is_neutral(source.type)
        users = op.result.users
        if not same_order and all(isinstance(user, FusedKernel) and user.root is Root.LOOP for user in users):
            self._sunk[op.result] = source
        else:
            self._values[op.result] = self._reshaped(source, op.result.type.shape, op.location)

    def _reshaped(self, source: Value, shape: tuple[Dim, ...], reader: Location) -> Value:
        """SOURCE with another SHAPE, as a view in row-major layout, for the consumer at READER."""
        if not is_neutral(source.type):
            source = self._place.form(source, source.type.with_layout(ROW_MAJOR), reader)
        return self._place.view(source, TensorType(shape, source.type.dtype))

    def _stored_already(self, kernel: FusedKernel) -> bool:
        """Whether KERNEL is a single cast whose operand is stored in the result's type already."""
        op, (result,) = kernel.body.block.first, kernel.results[:1]
        if not isinstance(op, Cast) or not isinstance(op.next, Yield):
            return False
        source = kernel.inputs[0]
        if _is_sealed(source.producer) and len(source.uses) == 1:
            return bool(self._values[source].type.dtype == op.to == self._plan.dtype(result))
        if self._plan.is_returned(result):
            return False
        if isinstance(source.producer, Constant) or op.to.bits < op.x.type.dtype.bits:
            return False
        own = self._values[source].type.dtype if source in self._values else source.type.dtype
        return own == op.x.type.dtype == self._plan.dtype(result)

    def _alias(self, kernel: FusedKernel) -> None:
        reason = f"its operand is stored as {self._plan.dtype(kernel.results[0])} already"
        self._place.note(STORED_ALREADY, reason, Cast.name, kernel.location.nodes)
        (source,) = kernel.inputs
        stored = self._values[kernel.results[0]] = self._stored(source)
        if len(source.uses) > 1:
            self._shared.add(stored)

    # ------------------------------------------------------------ kernels

    def _kernel(self, old: FusedKernel) -> None:
        operands = KernelOperands(
            old,
            self._policy,
            self._target,
            self._plan,
            self._module,
            self._rounding,
            self._eight_bits,
            self._decided.images,
            self._values,
        )
        region = operands.region()
        new_operands = []
        for value, argument in zip(old.inputs, old.body.block.arguments, strict=True):
            if value in self._sunk and operands.takes_any_form:
                new_operands.append(self._sunk[value])
                region.argument(argument, new_operands[-1].type, viewed=True)
            else:
                new_operands.append(self._operand(value, argument, operands, old.location))
                region.argument(argument, new_operands[-1].type)
        for op in old.body.block:
            if op.next is not None:
                region.convert(op)
        types = [self._plan.type(value) for value in old.results]
        yielded = old.body.block.terminator.inputs
        region.block.append(Yield(*[region.result(v, t) for v, t in zip(yielded, types, strict=True)]))
        drop_unused_casts(region.block)
        kernel = PrecisionKernel(
            *new_operands,
            types=types,
            regions=[Region(region.block)],
            loc=old.location,
            root=old.root,
            **operands.formats(region.block, self._plan.reasons_to_keep(old.results)),
        )
        self._place.append(kernel)
        self._decided.overridden.note(old)
        if kernel.fallback:
            formats = kernel.requested, kernel.compute, kernel.fallback
            nodes, leader = old.location.nodes, leading_op(old)
            self._decided.mismatches.add(*formats, old.body.block, nodes, leader, operands.remedy)
        for value, new in zip(old.results, kernel.results, strict=True):
            new.hint = value.hint
            self._values[value] = new

    def _sealed(self, old: FusedKernel) -> None:
        """Convert OLD, the kernel of one op that states the types that it reads and writes.

        Conversions go before and after it.
        """
        form = custom_form(old, self._policy, self._plan)
        op, inside = sealed_op_in(old), old.body.block.arguments
        types = [
            form.type(value, self._kept_layout(op, value), keeps(op, argument))
            for value, argument in zip(old.inputs, inside, strict=True)
        ]
        pairs = zip(old.inputs, types, strict=True)
        operands = [self._read(value, type, old.location) for value, type in pairs]
        region = form.region(old, types, self._plan)
        kernel = PrecisionKernel(
            *operands, regions=[Region(region)], loc=old.location, root=old.root, **form.formats(region)
        )
        self._place.append(kernel)
        self._decided.overridden.note(old)
        if kernel.fallback:
            formats = kernel.requested, kernel.compute, kernel.fallback
            self._decided.mismatches.add(*formats, old.body.block, old.location.nodes, leading_op(old))
        for value, new in zip(old.results, kernel.results, strict=True):
            new.hint = value.hint
            fixed = self._plan.is_fixed(value)
            self._values[value] = (
                self._place.form(new, self._plan.type(value), old.location) if fixed else new
            )

    def _kept_layout(self, op: SealedOp, value: Value) -> Layout:
        """The layout in which the kernel of OP reads VALUE: as it is stored, if any dense order will do."""
        if not op.any_order or isinstance(value.producer, Constant):
            return ROW_MAJOR
        layout = self._stored(value).type.layout
        return layout if layout.is_dense else ROW_MAJOR

    def _read(self, value: Value, wanted: TensorType, reader: Location) -> Value:
        """VALUE as WANTED, the form that the kernel at READER needs."""
        if isinstance(value.producer, Constant):
            return self._place.constant(value, wanted.dtype)
        stored = self._stored(value)
        alone = len(value.uses) == 1 and stored not in self._shared
        return self._place.form(stored, wanted, reader, alone=alone)

    def _operand(self, value: Value, argument: Value, operands: KernelOperands, reader: Location) -> Value:
        """The new operand for VALUE, in the type and layout that the kernel at READER needs for ARGUMENT."""
        if isinstance(value.producer, Constant):
            return self._place.constant(value, *operands.constant_form(argument))
        stored = self._stored(value)
        alone = len(value.uses) == 1 and stored not in self._shared
        return self._place.form(stored, operands.form(argument, stored.type), reader, alone=alone)


def _is_sealed(op: Operation | None) -> bool:
    """Whether OP is the kernel of a custom op, which cannot absorb a cast after it."""
    return isinstance(op, FusedKernel) and op.root.sealed
