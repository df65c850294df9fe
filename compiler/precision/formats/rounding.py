"""Where a contraction's operand is converted if its storage type is not the multiply type.

  matmul(x) with x in f32, multiplied in f16 => x is rounded while it is loaded

This is a prologue that stands for no op of the model. It saves a kernel that would convert x.
"""

from __future__ import annotations

from collections.abc import Mapping

from ....codegen.interface import ArchSpec
from ....dialects.core.dtypes import F32, DType
from ....dialects.core.ir import Operation, Value
from ....dialects.core.types import Layout, TensorType
from ....dialects.fused import FusedKernel
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ...fusion.vertical.prologue_worth import refusal
from ...fusion.vertical.record import Refusal, op_label
from ...passes.ledger import Figure, Verdict
from ...passes.manager import PassContext
from ...patterns.layouts import is_neutral

LOAD_CONVERSION = "load-conversion"


class Rounding:
    """Decides about the operands of one function, and records why."""

    def __init__(self, context: PassContext, sizes: Mapping[str, int], target: ArchSpec) -> None:
        self._target = target
        self._context = context
        self._sizes = sizes

    def while_loading(
        self, contraction: Operation, given: Value, stored: TensorType, multiplied: DType, layout: Layout
    ) -> bool:
        """True when CONTRACTION, whose first operand is GIVEN outside its kernel, reads it as STORED and
        converts it.

        It multiplies in MULTIPLIED, and reads its operand in LAYOUT.
        """
        if stored.dtype == multiplied or not isinstance(contraction, (Conv, Matmul)):
            return False
        off = self._off()
        found = (
            off or _kind(contraction, multiplied) or _memory(contraction, given, stored, multiplied, layout)
        )
        found = found or refusal(contraction, (), stored.dtype, multiplied, self._sizes, self._target)
        if found is None:
            reason = f"{stored.dtype} is read, and converted to {multiplied} while it is loaded"
            self._record(Verdict.TAKEN, reason, contraction, {"launches_saved": 1})
        else:
            verdict = Verdict.DISABLED if found.disabled else Verdict.REFUSED
            reason = f"{stored.dtype} is converted to {multiplied} by a kernel: {found.reason}"
            self._record(verdict, reason, contraction, found.figures)
        return found is None

    def _off(self) -> Refusal | None:
        if LOAD_CONVERSION in self._context.disabled:
            return Refusal(f"the rule {LOAD_CONVERSION} is switched off", disabled=True)
        self._context.decide()
        return None

    def _record(
        self, verdict: Verdict, reason: str, contraction: Operation, figures: Mapping[str, Figure]
    ) -> None:
        nodes = contraction.location.nodes
        self._context.ledger.add(
            LOAD_CONVERSION, verdict, reason, ops=(op_label(contraction),), nodes=nodes, split=0, **figures
        )


def _kind(contraction: Conv | Matmul, multiplied: DType) -> Refusal | None:
    if not multiplied.is_float or multiplied.bits > F32.bits:
        return Refusal(f"no designed kernel multiplies {multiplied} with a prologue")
    if isinstance(contraction, Conv) and contraction.groups > 1 and contraction.w.type.shape[1] == 1:
        return Refusal("depthwise kernels read their input as it is")
    return None


def _memory(
    contraction: Operation, given: Value, stored: TensorType, multiplied: DType, layout: Layout
) -> Refusal | None:
    if layout != stored.layout and not is_neutral(stored):
        return Refusal("it is laid out by a kernel anyway")
    if sum(isinstance(user, FusedKernel) for user in given.users) > 1:
        return Refusal(f"several kernels read it as {multiplied}")
    if sum(value is contraction.inputs[0] for value in contraction.inputs) > 1:
        return Refusal("both operands of the product are the same tensor")
    return None
