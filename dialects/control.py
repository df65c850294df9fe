"""Control flow at the graph, fused and precision level: a branch and a loop whose bodies are regions.

A region is isolated, as a kernel's is: it reads only its own arguments, so the op passes it the outside
values that it needs as *captures*. A region ends with `control.yield`. Corresponding operands, arguments,
yielded values and results have equal types, layout included, so that every lower level may give them one
buffer.

From the fused level on, an op of the region produces each yielded value (through any number of reshapes), and
no value is yielded twice: so a kernel can write it where it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from .core.affine import Dim, total
from .core.attributes import DIM, INT
from .core.diagnostics import op_error
from .core.dialect import Dialect
from .core.dtypes import BOOL, I64
from .core.interpreter import Array, Evaluation
from .core.ir import Block, Operation, Region, Value
from .core.module import Module
from .core.op import attribute, define_op, operand, operands, optional_operand, region, results
from .core.parts import ArgumentAt, AttributeAt, YieldedAt
from .core.region_rules import check_argument_count, check_limit, check_scalar, check_yielded
from .core.traits import Trait
from .core.types import TensorType

CONDITION = TensorType((), BOOL)
ITERATION = TensorType((), I64)


@define_op(Trait.TERMINATOR)
class ControlYield(Operation):
    """Terminator of the regions of control flow; its operands are the results of one execution of the
    region."""

    name = "control.yield"
    values = operands()

    def infer(self) -> Sequence[TensorType]:
        return ()


class ControlOp(Operation):
    """Base class of the ops with regions that may run any number of times."""

    terminator = ControlYield.name

    @property
    def captures(self) -> tuple[Value, ...]:
        """The operands that the regions read: the last ones, like the last arguments of a region."""
        raise NotImplementedError

    def passed(self) -> Iterator[tuple[Value, Value]]:
        """Every capture with the region argument that stands for it."""
        for each in self.regions:
            yield from zip(reversed(self.captures), reversed(each.block.arguments), strict=False)

    def add_captures(self, values: Iterable[Value]) -> None:
        """Append VALUES, for which the regions already have their last arguments, to the captures."""
        for value in values:
            self._append_operand(value)

    @property
    def consumed(self) -> tuple[Value | None, ...]:
        """The operands before the captures: the condition or trip count, and the initial values of a loop."""
        return self.operands[: len(self.operands) - len(self.captures)]

    def _check_arguments(self, region: Region, wanted: Sequence[TensorType]) -> None:
        """Raise IRError unless the arguments of REGION have the types WANTED."""
        number, arguments = self.regions.index(region), region.block.arguments
        check_argument_count(self, number, len(wanted))
        for index, (argument, type) in enumerate(zip(arguments, wanted, strict=True)):
            if argument.type != type:
                message = f"argument {index} of its region {number} is {argument.type}, but {type} is passed"
                raise op_error(self, message, at=ArgumentAt(index, number))


@define_op()
class If(ControlOp):
    """One of two regions, chosen by a scalar (ONNX If). Both take all captures and yield equal types."""

    name = "control.if"
    condition = operand()
    values = operands()
    results_ = results()
    then = region()
    otherwise = region()

    @property
    def captures(self) -> tuple[Value, ...]:
        return self.values

    def infer(self) -> Sequence[TensorType]:
        return [value.type for value in self.then.block.terminator.inputs]

    def verify(self) -> None:
        check_scalar(self, self.condition, BOOL, "condition")
        for each in self.regions:
            self._check_arguments(each, [value.type for value in self.captures])

    def verify_regions(self) -> None:
        given = [value.type for value in self.results]
        for number, each in enumerate(self.regions):
            check_yielded(self, number, given, "both regions must yield the types of the results")
            found = len(each.block.terminator.inputs)
            if found > len(given):
                message = f"its region {number} yields {found} values, {len(given)} are expected"
                raise op_error(self, message, at=YieldedAt(len(given), number), label="one too many")

    def evaluate(self, evaluation: Evaluation, condition: Array, *captures: Array) -> tuple[Array, ...]:
        return evaluation.run_region(self.then if bool(condition) else self.otherwise, captures)

    def flops(self) -> Dim:
        """The FLOPs of the longer branch, if that is known."""
        one, other = (total(op.flops() for op in each.block) for each in self.regions)
        return max(one, other) if isinstance(one, int) and isinstance(other, int) else one


@define_op()
class Loop(ControlOp):
    """A region that runs once per iteration (ONNX Loop and Scan).

    `values` are the `carried` initial values, then the captures. The region's arguments are the iteration (an
    i64 scalar from 0 on), the carried values and the captures. It yields, in order: the condition of the next
    iteration if there is an initial `condition`; the carried values; and an element for every scan output.
    Results are the final carried values, then the scan outputs, with the iterations as leading dimension.

    The number of iterations is at most `count`, a size, and `trip`, a scalar on the device; a loop with
    neither has a condition. Scan outputs need a `count`, which is their size: where `trip` or the condition
    ends the loop before, the rows without an iteration are zeros.
    """

    name = "control.loop"
    trip = optional_operand()
    condition = optional_operand()
    values = operands()
    carried = attribute(INT, 0)
    count = attribute(DIM, None)
    results_ = results()
    body = region()

    @property
    def initial(self) -> tuple[Value, ...]:
        """The initial values of the carried values."""
        return self.values[: self.carried]

    @property
    def captures(self) -> tuple[Value, ...]:
        return self.values[self.carried :]

    @property
    def iteration(self) -> Value:
        return self.body.block.arguments[0]

    @property
    def may_end(self) -> bool:
        """Whether there may be fewer iterations than `count`."""
        return self.trip is not None or self.condition is not None

    @property
    def yielded_condition(self) -> Value | None:
        """The yielded condition of the next iteration; None for a loop that only counts."""
        return None if self.condition is None else self.body.block.terminator.inputs[0]

    @property
    def yielded(self) -> tuple[Value, ...]:
        """The yielded values, one per result: carried values, then elements of the scan outputs."""
        return self.body.block.terminator.inputs[0 if self.condition is None else 1 :]

    def infer(self) -> Sequence[TensorType]:
        elements = [value.type for value in self.yielded[self.carried :]]
        if elements and self.count is None:
            hint = "give the loop a count, a size that is at least the number of iterations"
            raise op_error(self, "nothing bounds the number of elements of its scan outputs", hint)
        scans = [TensorType((self.count, *type.shape), type.dtype) for type in elements]
        return [*(value.type for value in self.initial), *scans]

    def repeats(self) -> Sequence[Dim]:
        return () if self.count is None else (self.count - 1,)

    def verify(self) -> None:
        check_scalar(self, self.trip, I64, "trip count")
        check_scalar(self, self.condition, BOOL, "condition")
        if not 0 <= self.carried <= len(self.values):
            message = f"carries {self.carried} values, but has {len(self.values)} initial ones"
            raise op_error(self, message, at=AttributeAt("carried"))
        check_limit(self, "count", self.count)
        if self.trip is None and self.count is None and self.condition is None:
            raise op_error(self, "has neither a trip count nor a condition, and would never end")
        self._check_arguments(self.body, [ITERATION, *(value.type for value in self.values)])

    def verify_regions(self) -> None:
        initial = [value.type for value in self.initial]
        hint = "a carried value keeps its type from one iteration to the next"
        if self.condition is not None:
            initial, hint = [CONDITION, *initial], f"the condition of the next iteration comes first; {hint}"
        check_yielded(self, 0, initial, hint)

    def evaluate(
        self,
        evaluation: Evaluation,
        trip: Array | None = None,
        condition: Array | None = None,
        *values: Array,
    ) -> tuple[Array, ...]:
        carried, captures = tuple(values[: self.carried]), tuple(values[self.carried :])
        limits = [] if trip is None else [int(trip)]
        limits += [] if self.count is None else [evaluation.dim(self.count)]
        going, step = condition is None or bool(condition), 0
        scans: list[list[Array]] = [[] for _ in self.results[self.carried :]]
        while going and all(step < limit for limit in limits):
            iteration = np.array(step, np.int64)
            yielded = evaluation.run_region(self.body, (iteration, *carried, *captures))
            if condition is not None:
                going, yielded = bool(yielded[0]), yielded[1:]
            carried = yielded[: self.carried]
            for scan, element in zip(scans, yielded[self.carried :], strict=True):
                scan.append(element)
            step += 1
        outputs = self.results[self.carried :]
        return (*carried, *(_stacked(s, o, evaluation) for s, o in zip(scans, outputs, strict=True)))

    def flops(self) -> Dim:
        """The FLOPs of one iteration times `count`; of one iteration if the number depends on data."""
        once = total(op.flops() for op in self.body.block)
        return once if self.count is None else once * self.count


def _stacked(elements: Sequence[Array], output: Value, evaluation: Evaluation) -> Array:
    """ELEMENTS as the first rows of OUTPUT; the other rows are zeros."""
    rows = np.zeros(evaluation.shape(output.type), output.type.dtype.numpy)
    if elements:
        rows[: len(elements)] = elements
    return rows


def captured(value: Value) -> Value:
    """The outer value that VALUE captures, through nested regions; VALUE itself if it is no capture."""
    while value.producer is None and (op := _around(value)) is not None:
        found = next((outer for outer, argument in op.passed() if argument is value), None)
        if found is None:
            return value
        value = found
    return value


def _around(argument: Value) -> ControlOp | None:
    """The op that owns the region of ARGUMENT; None for arguments of functions and kernels."""
    region = argument.owner.parent if isinstance(argument.owner, Block) else None
    op = region.parent if region is not None else None
    return op if isinstance(op, ControlOp) else None


def all_blocks(module: Module) -> list[Block]:
    """The blocks of MODULE that are executed op by op: function bodies, each after the control flow inside
    it."""
    return [block for function in module.functions for block in blocks_in(function.block)]


def blocks_in(block: Block) -> list[Block]:
    """BLOCK and the blocks of all control flow in it, the inner ones first."""
    inner = [
        found
        for op in block
        if isinstance(op, ControlOp)
        for each in op.regions
        for found in blocks_in(each.block)
    ]
    return [*inner, block]


CONTROL = Dialect("control", (If, Loop, ControlYield))
