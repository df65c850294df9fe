"""The type in which a kernel's contraction multiplies: that of the policy, unless a reason is against it.

A policy keeps some contractions in f32 because no tensor core supports them in the requested format. That is
its rule and not a mismatch. A *fallback* is a mismatch: the numbers or shapes of this model prevent the
kernel from running in the requested format.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....codegen.interface import ArchSpec, Feature, needs_k_innermost
from ....dialects.core.dtypes import F32, TF32, DType
from ....dialects.core.ir import Operation
from ....dialects.graph.attention import Attention
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ...settings.formats import Format

NOT_QUANTIZED = "its operands are not quantized"


@dataclass(frozen=True)
class Multiplication:
    """The type in which a contraction multiplies, whose operands have the type `own` in the model.

    kept: why the policy prefers what was chosen; fallback: what stands against what was requested.
    Both are empty when it is as requested.
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


def multiplication_of(
    op: Operation, format: Format, target: ArchSpec, overflows: bool, reason: str = ""
) -> Multiplication:
    """What OP multiplies under FORMAT on TARGET; OVERFLOWS: one of its weights is beyond the format's range.

    REASON: why it does not multiply in eight bits where FORMAT asks for that, empty when nobody noted it.
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
    """OP multiplying its operands as they are, for REASON, which is a rule of FORMAT and no fallback."""
    own = op.inputs[0].type.dtype
    requested = format.products if format.quantizes else format.multiplied(own)
    return Multiplication(own, requested, own, f"products are exact: {reason}")


def _without_tf32(op: Operation) -> str:
    """Why no kernel could do OP in tf32; empty when some can."""
    if isinstance(op, Attention):
        return "attention of f32 is exact: there is no kernel for it with tf32"
    if isinstance(op, Conv) and op.groups > 1 and op.w.type.shape[1] == 1:
        return "depthwise products are exact: memory bounds them, and tensor cores do not help"
    if not isinstance(op, (Conv, Matmul)):
        return f"products of {op.name.removeprefix('graph.')} are exact: there is no kernel for it with tf32"
    return ""


def _unable(target: ArchSpec) -> str:
    """Why TARGET does not multiply in tf32; empty when it does."""
    return "" if target.has(Feature.MMA_TF32) else f"{target.name} has no tensor cores for {TF32}"


def _misplaced(op: Operation, wanted: DType) -> str:
    """Why OP's operands cannot lie as tensor cores need them; empty when they can."""
    if not isinstance(op, Matmul) or not needs_k_innermost(wanted):
        return ""
    if op.a is op.b and op.transpose_a == op.transpose_b:
        return "one tensor is both operands, and cannot lie with k innermost for both"
    if op.transpose_a and op.a.producer is not None:
        return "its first operand is computed on the way, and does not lie with k innermost"
    return ""
