"""The multiply type of a kernel's contraction: the policy's, unless something prevents it.

A policy keeps some contractions in f32 because no tensor core supports them in the requested format. That is
a rule of the policy and not a mismatch. A *fallback* is a mismatch: the numbers or shapes of this model
prevent the kernel from running in the requested format.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....codegen.interface import ArchSpec, Feature, needs_k_innermost
from ....dialects.core.dtypes import EIGHT_BIT_FLOATS, F32, TF32, DType
from ....dialects.core.ir import Operation
from ....dialects.graph.attention import Attention
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ...settings.formats import Format

NOT_QUANTIZED = "its operands are not quantized"


@dataclass(frozen=True)
class Multiplication:
    """The multiply type of a contraction whose operands have the type `own` in the model.

    kept: why the policy itself prefers what was chosen; fallback: what prevents the requested type. Both are
    empty when the type is as requested.
    """

    own: DType
    requested: DType
    chosen: DType
    kept: str = ""
    fallback: str = ""

    @property
    def stored(self) -> DType:
        """The element type that the operands are stored in."""
        return self.own if self.chosen == TF32 else self.chosen


def type_multiplied(own: DType, first: DType) -> DType:
    """The type in which an operand of type OWN is multiplied, where the first operand is multiplied in FIRST.

    Integers may differ from it, and so may floats of 8 bits, which none of these types holds all of.
    """
    mixed = own in EIGHT_BIT_FLOATS and first in EIGHT_BIT_FLOATS
    return own if mixed or not own.is_float else first


def multiplication_of(
    op: Operation, format: Format, target: ArchSpec, overflows: bool, reason: str = ""
) -> Multiplication:
    """The multiply type of OP under FORMAT on TARGET; OVERFLOWS: one of its weights exceeds the format's
    range.

    REASON: why OP does not multiply in eight bits although FORMAT requests it; empty if none was recorded.
    """
    own = op.inputs[0].type.dtype
    wanted = format.multiplied(own)
    if overflows:
        problem = f"a weight exceeds the range of {wanted}: it multiplies in {own}"
        return Multiplication(own, wanted, own, fallback=problem)
    if format.quantizes and own == F32:
        return Multiplication(own, format.products, wanted, reason or NOT_QUANTIZED)
    if wanted == TF32:
        kept, problem = _without_tf32(op), _unable(target) or _misplaced(op, wanted)
        if kept or problem:
            return Multiplication(own, wanted, own, kept, "" if kept else problem)
    return Multiplication(own, wanted, wanted)


def exactly(op: Operation, format: Format, reason: str) -> Multiplication:
    """OP multiplies its operands in their own type for REASON, a rule of FORMAT and no fallback."""
    own = op.inputs[0].type.dtype
    requested = format.products if format.quantizes else format.multiplied(own)
    return Multiplication(own, requested, own, f"products are exact: {reason}")


def _without_tf32(op: Operation) -> str:
    """Why no target has a tf32 kernel for OP; empty if some have one."""
    if isinstance(op, Attention):
        return "attention of f32 is exact: there is no kernel for it with tf32"
    if isinstance(op, Conv) and op.groups > 1 and op.w.type.shape[1] == 1:
        return "depthwise products are exact: memory bounds them, and tensor cores do not help"
    if not isinstance(op, (Conv, Matmul)):
        return f"products of {op.name.removeprefix('graph.')} are exact: there is no kernel for it with tf32"
    return ""


def _unable(target: ArchSpec) -> str:
    """Why TARGET cannot multiply in tf32; empty if it can."""
    return "" if target.has(Feature.MMA_TF32) else f"{target.name} has no tensor cores for {TF32}"


def _misplaced(op: Operation, wanted: DType) -> str:
    """Why OP's operands cannot be K-major, as tensor cores need them for WANTED; empty if they can."""
    if not isinstance(op, Matmul) or not needs_k_innermost(wanted):
        return ""
    if op.a is op.b and op.transpose_a == op.transpose_b:
        return "one tensor is both operands, and cannot be K-major for both"
    if op.transpose_a and op.a.producer is not None:
        return "its first operand is computed, not stored, and is not K-major"
    return ""
