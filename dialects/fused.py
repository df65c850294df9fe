"""Level 2, fused: which ops run together. One `fused.kernel` is one kernel launch.

Its region holds the graph ops that it fuses, from which its meaning, cost and reference follow;
there is no class per combination. The region is isolated: it reads only its own arguments, which match
the operands one to one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .core.affine import Dim, total
from .core.diagnostics import op_error
from .core.dialect import Dialect
from .core.interpreter import Evaluation
from .core.ir import Operation
from .core.op import attribute, define_op, operands, region, results
from .core.parts import ArgumentAt
from .core.region_rules import check_argument_count
from .core.types import TensorType
from .roots import RootKind


class RegionKernel(Operation):
    """Base class of the kernel ops of the fused and the precision level: an op with one region."""

    operands_ = operands()
    results_ = results()
    body = region()

    def infer(self) -> Sequence[TensorType]:
        return [value.type for value in self.body.block.terminator.inputs]

    def verify(self) -> None:
        arguments = self.body.block.arguments
        check_argument_count(self, 0, len(self.inputs))
        for index, (value, argument) in enumerate(zip(self.inputs, arguments, strict=True)):
            if value.type != argument.type:
                raise op_error(
                    self,
                    f"operand {index} is {value.type}, its region argument {argument.type}",
                    at=ArgumentAt(index),
                    label=f"operand {index} is {value.type}",
                )

    def evaluate(self, evaluation: Evaluation, *inputs: Any) -> Any:
        return evaluation.run_region(self.body, inputs)

    def flops(self) -> Dim:
        return total(op.flops() for op in self.body.block)


@define_op()
class FusedKernel(RegionKernel):
    """A fused kernel. `root` is the kind of its leading op: a contraction, attention, a recurrent op, a
    custom op with a body in CUDA, a row-wise op, or a plain loop nest."""

    name = "fused.kernel"
    root = attribute(RootKind())


FUSED = Dialect("fused", (FusedKernel,))
