"""Control flow of the launch level: ops whose regions are lists of launches, so that launches form a tree.

The regions see the function's buffers and have none of their own: control ops decide whether and how often
launches run, not where tensors lie. Conditions and trip counts are read from memory when the op is reached,
so that earlier launches can compute them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .core.attributes import DIM
from .core.diagnostics import op_error
from .core.dtypes import BOOL, I64
from .core.ir import Operation
from .core.op import attribute, define_op, operand, operands, optional_operand, region
from .core.region_rules import check_limit, check_scalar
from .core.traits import Trait

if TYPE_CHECKING:
    from .core.interpreter import Evaluation
    from .core.types import TensorType

INSIDE = ("launch.kernel", "launch.if", "launch.loop", "core.yield")  # what regions of control ops may hold


class LaunchControl(Operation):
    """Base class of the control ops: their operands are buffers, and they have no results."""

    def infer(self) -> Sequence[TensorType]:
        return []

    def verify_regions(self) -> None:
        for each in self.regions:
            if each.block.arguments:
                raise op_error(self, "its regions take no arguments: they see the buffers around them")
            for op in each.block:
                if op.name not in INSIDE:
                    raise op_error(op, f"stands in a region of {self.name}", "only launches may stand there")
            if each.block.terminator.inputs:
                raise op_error(self, "its regions yield nothing: launches write their results to buffers")


@define_op(Trait.SIDE_EFFECT, Trait.OPEN)
class LaunchIf(LaunchControl):
    """Runs the launches of `then` if the bool in the buffer `condition` is true, else of `otherwise`."""

    name = "launch.if"
    condition = operand()
    then = region()
    otherwise = region()

    def verify(self) -> None:
        check_scalar(self, self.condition, BOOL, "condition")

    def evaluate(self, evaluation: Evaluation, condition: Any) -> Any:
        evaluation.run_open(self.then if condition else self.otherwise)
        return ()


@define_op(Trait.SIDE_EFFECT, Trait.OPEN)
class LaunchLoop(LaunchControl):
    """Runs the launches of `body` repeatedly.

    An iteration begins while the number of completed iterations is less than `bound` and than the i64 in the
    buffer `trips`, and the bool in the buffer `condition` is true; at least one of the three must be given.
    The runtime keeps that number in the i64 buffer `counter`, which launches of the body may read. `carried`
    are buffers that launches before the loop and in the body write: the values passed from one iteration to
    the next.
    """

    name = "launch.loop"
    counter = operand()
    trips = optional_operand()
    condition = optional_operand()
    carried = operands()
    bound = attribute(DIM, None)
    body = region()

    def verify(self) -> None:
        check_scalar(self, self.counter, I64, "counter")
        check_scalar(self, self.trips, I64, "trip count")
        check_scalar(self, self.condition, BOOL, "condition")
        check_limit(self, "bound", self.bound)
        if self.bound is None and self.trips is None and self.condition is None:
            raise op_error(self, "never ends", "give it a bound, a trip count or a condition")

    def evaluate(
        self, evaluation: Evaluation, counter: Any, trips: Any = None, condition: Any = None, *carried: Any
    ) -> Any:
        limits = [] if self.bound is None else [evaluation.dim(self.bound)]
        limits += [] if trips is None else [int(trips)]
        counter[...] = 0
        while all(counter < limit for limit in limits) and (condition is None or condition):
            evaluation.run_open(self.body)
            counter += 1
        return ()
