"""fused → precision: storage types, layouts and accumulators of every kernel.

Float32 tensors between kernels get the policy's storage type; inputs and outputs keep their types.
Contractions multiply in the policy's type and accumulate in its accumulator type. All other arithmetic is
done in f32, with casts where values are loaded and stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...codegen.interface import ArchSpec
from ...dialects.core.affine import Dim
from ...dialects.core.builtin import Return, Yield
from ...dialects.core.diagnostics import op_error
from ...dialects.core.ir import Function, Module, Operation, Region, Value
from ...dialects.core.types import ROW_MAJOR, TensorType
from ...dialects.fused import FusedKernel
from ...dialects.graph.constants import Constant
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.precision import PrecisionKernel
from ..passes.manager import PassContext
from ..patterns.layouts import is_neutral
from .formats.kept_wide import kept_on_record
from .formats.kernel_operands import KernelOperands
from .formats.mismatch import Mismatches
from .formats.override_records import OverrideRecords
from .formats.placement import STORED_ALREADY, Placement
from .formats.region import drop_unused_casts
from .formats.rounding import Rounding
from .formats.storage import StoragePlan, leading_op


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
            _ToPrecision(module, old, Placement(result, new, context), context, self.target).run()
        return result


class _ToPrecision:
    """Converts one function, kernel by kernel; `_values` maps old values to new ones."""

    def __init__(
        self, module: Module, old: Function, place: Placement, context: PassContext, target: ArchSpec
    ) -> None:
        self._target = target
        self._module = module
        self._rounding = Rounding(context, module.values_at("optimum"), target)
        self._old = old
        self._place = place
        self._policy = context.policy
        self._mismatches = Mismatches("precision", context)
        self._overridden = OverrideRecords(context)
        wide = kept_on_record(module, old, context)
        self._plan = StoragePlan(module, old, context.policy, target, wide)
        self._eight_bits = context.eight_bits
        self._values: dict[Value, Value] = {}
        # New values that represent several old ones, each of which has readers.
        self._shared: set[Value] = set()
        # Sources of reshapes that are no view of the memory layout: their readers reshape inside.
        self._sunk: dict[Value, Value] = {}

    def run(self) -> None:
        for argument in self._old.arguments:
            self._values[argument] = self._place.function.block.add_argument(argument.type, argument.hint)
        for op in self._old.block:
            self._convert(op)
        self._overridden.finish()
        self._mismatches.check()

    def _convert(self, op: Operation) -> None:
        match op:
            case Constant():
                pass  # created at each reader, in the type and layout needed there
            case Reshape():
                self._view(op)
            case FusedKernel() if self._stored_already(op):
                self._alias(op)
            case FusedKernel():
                self._kernel(op)
            case Return():
                outputs = [self._output(value, op) for value in op.inputs]
                self._place.function.block.append(Return(*outputs, loc=op.location))
            case _:
                hint = "run graph-to-fused first"
                raise op_error(op, "is not allowed outside a kernel at the fused level", hint)

    def _stored(self, old: Value) -> Value:
        """The new value of OLD in the type and layout it is stored in; a constant in its own type."""
        if isinstance(old.producer, Constant):
            return self._place.constant(old, old.type.dtype)
        if old in self._sunk:
            source = self._sunk.pop(old)
            self._values[old] = self._reshaped(source, old.type.shape)
        return self._values[old]

    def _output(self, old: Value, end: Return) -> Value:
        value = self._stored(old)
        if (value.type.shape, value.type.dtype) != (old.type.shape, old.type.dtype):
            raise op_error(end, f"the output has type {old.type} but is stored as {value.type}")
        return self._place.form(value, value.type.with_layout(ROW_MAJOR))

    # ------------------------------------------------------------ views

    def _view(self, op: Reshape) -> None:
        source = self._stored(op.x)
        same_order = source.type.layout == ROW_MAJOR or is_neutral(source.type)
        users = op.result.users
        if not same_order and all(isinstance(user, FusedKernel) and user.root == "loop" for user in users):
            self._sunk[op.result] = source
        else:
            self._values[op.result] = self._reshaped(source, op.result.type.shape)

    def _reshaped(self, source: Value, shape: tuple[Dim, ...]) -> Value:
        """SOURCE with another SHAPE: a view of it in row-major layout."""
        if not is_neutral(source.type):
            source = self._place.form(source, source.type.with_layout(ROW_MAJOR))
        return self._place.view(source, TensorType(shape, source.type.dtype))

    def _stored_already(self, kernel: FusedKernel) -> bool:
        """Whether KERNEL is a single cast whose operand is stored in the result's type already."""
        op, (result,) = kernel.body.block.first, kernel.results[:1]
        if not isinstance(op, Cast) or not isinstance(op.next, Yield) or self._plan.is_returned(result):
            return False
        source = kernel.inputs[0]
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
            old, self._policy, self._target, self._plan, self._module, self._rounding, self._eight_bits
        )
        region = operands.region()
        new_operands = []
        for value, argument in zip(old.inputs, old.body.block.arguments, strict=True):
            if value in self._sunk and operands.takes_any_form:
                new_operands.append(self._sunk[value])
                region.argument(argument, new_operands[-1].type, viewed=True)
            else:
                new_operands.append(self._operand(value, argument, operands))
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
        self._overridden.note(old)
        if kernel.fallback:
            formats = kernel.requested, kernel.compute, kernel.fallback
            nodes, leader = old.location.nodes, leading_op(old)
            self._mismatches.add(*formats, old.body.block, nodes, leader, operands.remedy)
        for value, new in zip(old.results, kernel.results, strict=True):
            new.hint = value.hint
            self._values[value] = new

    def _operand(self, value: Value, argument: Value, operands: KernelOperands) -> Value:
        """The new operand for VALUE, in the type and layout that the kernel needs for ARGUMENT."""
        if isinstance(value.producer, Constant):
            return self._place.constant(value, *operands.constant_form(argument))
        stored = self._stored(value)
        alone = len(value.uses) == 1 and stored not in self._shared
        return self._place.form(stored, operands.form(argument, stored.type), alone=alone)
