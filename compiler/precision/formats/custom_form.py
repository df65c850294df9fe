"""Operand types of sealed kernels: those that a custom op's CUDA body, or the kernel of one op, takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ....codegen.interface import executed
from ....dialects.core.builtin import Yield
from ....dialects.core.diagnostics import op_error
from ....dialects.core.dtypes import F32, DType
from ....dialects.core.ir import Block, Value
from ....dialects.core.types import Layout, TensorType
from ....dialects.custom.op import CudaOp
from ....dialects.fused import FusedKernel
from ....dialects.graph.embedding import EmbeddingBag
from ....dialects.graph.interaction import Interaction
from ....dialects.graph.recurrence import Recurrence
from ....dialects.roots import Root
from ...settings.formats import Format
from ...settings.policy import PrecisionPolicy
from .storage import StoragePlan


@dataclass(frozen=True)
class CustomForm:
    """The operand types of a sealed kernel: floats as `chosen`, everything else in its own type.

    requested: the type that the policy asks for; why: the reason for the choice; fallback: what prevented
    `requested`, empty if nothing did.
    """

    requested: DType
    chosen: DType
    why: str
    fallback: str = ""

    def type(self, value: Value, layout: Layout, kept: bool = False) -> TensorType:
        """The type in which the kernel reads VALUE in LAYOUT: its own if it is KEPT."""
        dtype = value.type.dtype
        chosen = self.chosen if dtype.is_float and not kept else dtype
        return TensorType(value.type.shape, chosen, layout)

    def region(self, kernel: FusedKernel, types: Sequence[TensorType], plan: StoragePlan) -> Block:
        """KERNEL's region, its operands of TYPES and the op's result types inferred from them.

        An op that states the type of its results gives them as PLAN has them, if that is the same for all.
        """
        op, block = sealed_op_in(kernel), Block()
        arguments = zip(kernel.body.block.arguments, types, strict=True)
        inside = {value: block.add_argument(type, value.hint) for value, type in arguments}
        operands = [None if value is None else inside[value] for value in op.operands]
        attributes = {name: value for name, value in op.attributes.items() if value is not None}
        if isinstance(op, EmbeddingBag):
            planned = {plan.dtype(value) if plan.is_fixed(value) else self.chosen for value in kernel.results}
            attributes["to"] = planned.pop() if len(planned) == 1 else self.chosen
        made = block.append(type(op)(*operands, loc=op.location, **attributes))
        block.append(Yield(*made.results))
        return block

    def formats(self, region: Block) -> dict[str, Any]:
        """The attributes of the kernel of REGION."""
        compute = executed(region)
        return {
            "requested": self.requested,
            "compute": compute,
            "accumulate": F32 if compute.is_float and compute.bits < F32.bits else compute,
            "why": "; ".join(filter(None, (self.why, self.fallback))),
            "fallback": self.fallback,
        }


SealedOp = CudaOp | Recurrence | Interaction | EmbeddingBag
_NAMES = {
    Root.RECURRENCE: "a recurrent op",
    Root.INTERACTION: "an interaction",
    Root.EMBEDDING_BAG: "sums of rows of tables",
}


def sealed_op_in(kernel: FusedKernel) -> SealedOp:
    """The op of which KERNEL, whose root is sealed, consists. Raises IRError for another op."""
    op = kernel.body.block.first
    if not isinstance(op, SealedOp) or len(kernel.body.block) != 2:
        what = _NAMES.get(kernel.root, "a custom op with a body in CUDA")
        raise op_error(kernel, f"a kernel whose root is {kernel.root.value} consists of one op: {what}")
    return op


def keeps(op: SealedOp, operand: Value) -> bool:
    """Whether the kernel of OP reads its OPERAND in the type that it has, whatever a policy asks for."""
    if isinstance(op, Recurrence):
        return operand in op.exact
    return isinstance(op, EmbeddingBag) and op.kept(operand)


def custom_form(kernel: FusedKernel, policy: PrecisionPolicy, plan: StoragePlan) -> CustomForm:
    """The form of KERNEL, of a custom op: floats in the policy's type if the body takes it, else in the
    model's.

    Raises IRError for a body that takes neither.
    """
    op = sealed_op_in(kernel)
    given = [value for value in op.inputs if not keeps(op, value)] + (
        list(op.results) if isinstance(op, EmbeddingBag) else []
    )
    floats = [value.type.dtype for value in given if value.type.dtype.is_float]
    override = policy.override_of(op)
    format = policy.format_of(op)
    why = f"{format.name} policy" if override is None else f"override {override}"
    if not floats:
        own = op.result.type.dtype
        return CustomForm(own, own, f"{own} is not a float" if not own.is_float else why)
    asked = _widest(floats, format.stored)
    kept = _kept_wide(kernel, plan)
    if kept and F32 in op.floats:
        return CustomForm(asked, F32, f"{why}; {kept}")
    if asked in op.floats:
        return CustomForm(asked, asked, why)
    return _fallback(op, format, floats, asked, why)


def _kept_wide(kernel: FusedKernel, plan: StoragePlan) -> str:
    """Why KERNEL computes in f32 whatever the policy stores: an operand or a result exceeds 16 bits; empty if
    none does."""
    reads = [plan.wide.values[value] for value in kernel.inputs if value in plan.wide.values]
    if reads:
        return f"its operands stay {F32}: {reads[0]}"
    gives = [value for value in kernel.results if not plan.is_fixed(value)]
    return "; ".join(plan.reasons_to_keep(gives))


def _fallback(op: SealedOp, format: Format, floats: list[DType], asked: DType, why: str) -> CustomForm:
    """The form of OP, whose body does not take the type ASKED: the narrowest that it takes and that holds the
    model's values."""
    takes = ", ".join(map(str, op.floats))
    own = max(floats, key=lambda dtype: dtype.bits)
    wider = sorted((each for each in op.floats if each.bits >= own.bits), key=lambda dtype: dtype.bits)
    if not wider:
        message = f"{_subject(op)} takes {takes}, and {format.name} asks for {asked}"
        raise op_error(op, message, f"ask for another --precision, or add {asked} to its `floats`")
    return CustomForm(asked, wider[0], why, f"{_its(op)} takes {takes}" if asked != own else "")


def _subject(op: SealedOp) -> str:
    return f"the CUDA body of {op.onnx}" if isinstance(op, CudaOp) else f"the kernel of {op.name}"


def _its(op: SealedOp) -> str:
    return "its CUDA body" if isinstance(op, CudaOp) else "its kernel"


def _widest(floats: list[DType], stored: Callable[[DType], DType]) -> DType:
    return max((stored(dtype) for dtype in floats), key=lambda dtype: dtype.bits)
