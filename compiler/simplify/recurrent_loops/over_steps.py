"""What a loop computes in each step from the element of that step alone, computed of all steps at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ....dialects.core.affine import Dim, product
from ....dialects.core.ir import Operation, Value
from ....dialects.core.traits import Trait, has
from ....dialects.graph.binary import Sub
from ....dialects.graph.constants import Constant, Dims
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.elementwise import Clip
from ....dialects.graph.indexing import Gather
from ....dialects.graph.movement.concat import Concat
from ....dialects.graph.movement.expand import Expand
from ....dialects.graph.movement.reshape import Reshape, Transpose
from ....dialects.graph.movement.slicing import Slice
from ...frontend.builder import Builder
from ...frontend.tensor import Tensor
from .body import NoRecurrence, StepBody, cuts_columns
from .sums import Summand

Columns = Sequence[tuple[int, int]]  # where runs of them begin, and how many each has


@dataclass(frozen=True)
class Lifted:
    """A value of the body outside of it: of all steps, along a new first axis, if `stepped`."""

    tensor: Tensor
    stepped: bool


@dataclass
class OverSteps:
    """Emits outside of the loop of BODY, by BUILDER, what its steps compute.

    reverse: whether steps take their elements from the last one on, once a step is known to take one. given:
    values of the body that are known for all steps.
    """

    body: StepBody
    builder: Builder
    steps: Dim
    reverse: bool | None = None
    given: dict[Value, Lifted] = field(default_factory=dict)

    def part(self, part: Summand, columns: Columns) -> Lifted:
        """COLUMNS of the value of PART, which do not depend on its start."""
        if part.weights is None:
            return self.columns(part.value, columns)
        size = part.value.type.shape[-1]
        assert isinstance(size, int)
        weights = self.weights(part, size, columns)
        return self._multiplied(self.lift(part.value), weights, part.turned)

    def weights(self, part: Summand, depth: int, columns: Columns) -> Tensor:
        """COLUMNS of DEPTH rows of the weights of PART, laid out as these are: a matrix."""
        assert part.weights is not None
        lifted = self.lift(part.weights)
        if lifted.stepped:
            raise NoRecurrence
        matrix = self._reshaped(lifted.tensor, lifted.tensor.shape[-2:])
        rows, across = (1, 0) if part.turned else (0, 1)
        return self._cut(self._cut(matrix, rows, [(part.row, depth)]), across, columns)

    def columns(self, value: Value, columns: Columns) -> Lifted:
        """COLUMNS of VALUE: of weights where it is a product."""
        size, op = value.type.shape[-1:], value.producer
        if size in ((), (1,)) or [*columns] == [(0, *size)]:
            return self.lift(value)
        if value in self.given or op is None:
            return self._cut_last(self.lift(value), columns)
        match op:
            case Matmul() if self._multiplies(op):
                across = 0 if op.transpose_b else 1
                weights = self._cut(self.lift(op.b).tensor, across, columns)
                return self._multiplied(self.lift(op.a), weights, op.transpose_b)
            case Reshape() if op.x.type.rank and op.x.type.shape[-1:] == size:
                return self._applied(op, [self.columns(op.x, columns)], size=columns)
            case Slice() if cuts_columns(op):
                return self.columns(op.x, [(start + int(op.starts[-1]), many) for start, many in columns])
            case Constant() | Gather():
                return self._cut_last(self.lift(value), columns)
            case _ if has(op, Trait.ELEMENTWISE) and len(op.results) == 1 and not isinstance(op, Clip):
                return self._applied(op, [self.columns(each, columns) for each in op.inputs], size=columns)
        return self._cut_last(self.lift(value), columns)

    def lift(self, value: Value) -> Lifted:
        """VALUE, of the body. Raises NoRecurrence where it depends on what the loop carries, or on the step
        in another way than by its element."""
        found = self.given.get(value)
        if found is None:
            found = self.given[value] = self._lifted(value)
        return found

    def _lifted(self, value: Value) -> Lifted:
        op, block = value.producer, self.body.loop.body.block
        if op is None:
            place = value.index - 1
            if value.owner is not block or place < self.body.loop.carried:
                raise NoRecurrence
            return Lifted(Tensor.of(self.body.loop.values[place]), False)
        if op.regions or len(op.results) != 1:
            raise NoRecurrence
        if isinstance(op, Gather) and self._takes_element(op):
            x = self.lift(op.x).tensor
            axis = op.axis % x.rank
            perm = [axis, *(each for each in range(x.rank) if each != axis)]
            return Lifted(self.builder.emit(Transpose, x, perm=perm) if axis else x, True)
        return self._applied(op, [self.lift(each) for each in op.inputs])

    def _takes_element(self, op: Gather) -> bool:
        """Whether OP reads the element of its step, of as many as there are steps."""
        if op.indices.type.rank or op.x.type.shape[op.axis] != self.steps:
            return False
        iteration, place = self.body.loop.iteration, op.indices
        reverse = False
        if isinstance(place.producer, Sub):
            last, place = place.producer.inputs
            reverse = self._is_last(last)
            if not reverse:
                return False
        if place is not iteration or self.reverse not in (None, reverse):
            return False
        self.reverse = reverse
        return True

    def _is_last(self, value: Value) -> bool:
        """Whether VALUE, a scalar, is the number of the last step."""
        array = self.body.array(value)
        if array is not None:
            return self.steps == int(array) + 1
        while isinstance(op := value.producer, Reshape):
            value = op.x
        return isinstance(op, Dims) and len(op.values) == 1 and op.values[0] + 1 == self.steps

    # ------------------------------------------------------------ ops over all steps

    def _applied(self, op: Operation, operands: list[Lifted], size: Columns | None = None) -> Lifted:
        """OP on OPERANDS, its own over all steps; SIZE: they have only these columns."""
        given = {name: number for name, number in op.attributes.items() if number is not None}
        columns = None if size is None else sum(many for _, many in size)
        if isinstance(op, Constant):
            return Lifted(Tensor.constant(op.array(self.body.module), op.location), False)
        if not any(each.stepped for each in operands):
            if isinstance(op, Reshape) and columns is not None:
                given["shape"] = (*op.shape[:-1], columns)
            return Lifted(self.builder.emit(type(op), *_in_places(op, operands), **given), False)
        tensors = [each.tensor for each in operands]
        match op:
            case Matmul() if self._multiplies(op):
                return self._multiplied(operands[0], tensors[1], op.transpose_b)
            case Reshape():
                last = op.shape if columns is None else (*op.shape[:-1], columns)
                return Lifted(self._reshaped(tensors[0], (self.steps, *last)), True)
            case Transpose():
                given["perm"] = (0, *(axis + 1 for axis in op.perm))
            case Slice():
                given |= {"starts": (0, *op.starts), "sizes": (self.steps, *op.sizes)}
                given |= {"steps": (1, *op.steps)} if op.steps else {}
            case Concat():
                given["axis"] = op.axis % op.result.type.rank + 1
                tensors = [self._every(each) for each in operands]
            case _ if has(op, Trait.ELEMENTWISE) and not isinstance(op, Clip):
                rank = op.result.type.rank
                tensors = [self._aligned(each, rank) for each in operands]
            case Clip() if not any(each.stepped for each in operands[1:]):
                pass
            case _:
                raise NoRecurrence
        made = [Lifted(each, True) for each in tensors]
        return Lifted(self.builder.emit(type(op), *_in_places(op, made), **given), True)

    def _multiplies(self, op: Matmul) -> bool:
        """Whether OP multiplies rows by a matrix of all steps."""
        plain = not op.transpose_a and op.accumulate is None and op.multiply is None
        return plain and op.b.type.rank == 2 and not self.body.depends(op.b) and not self.lift(op.b).stepped

    def _multiplied(self, a: Lifted, weights: Tensor, turned: bool) -> Lifted:
        """A times WEIGHTS, in one product."""
        rows, depth = a.tensor.shape[:-1], a.tensor.shape[-1]
        flat = self._reshaped(a.tensor, (product(rows), depth))
        found = self.builder.emit(Matmul, flat, weights, transpose_b=turned)
        return Lifted(self._reshaped(found, (*rows, found.shape[-1])), a.stepped)

    def _aligned(self, each: Lifted, rank: int) -> Tensor:
        """EACH with dimensions of 1 behind its steps, so that it broadcasts to RANK dimensions and these."""
        own = each.tensor
        if not each.stepped or own.rank == rank + 1:
            return own
        return self._reshaped(own, (self.steps, *(1,) * (rank + 1 - own.rank), *own.shape[1:]))

    def _every(self, each: Lifted) -> Tensor:
        """EACH of all steps, the same if it is not stepped."""
        if each.stepped:
            return each.tensor
        return self.builder.emit(Expand, each.tensor, shape=(self.steps, *each.tensor.shape))

    def _cut_last(self, lifted: Lifted, columns: Columns) -> Lifted:
        tensor = lifted.tensor
        return Lifted(self._cut(tensor, tensor.rank - 1, columns), lifted.stepped)

    def _cut(self, x: Tensor, axis: int, runs: Columns) -> Tensor:
        """RUNS of elements of X along AXIS, one behind another."""
        joined: list[tuple[int, int]] = []
        for start, size in runs:
            if joined and sum(joined[-1]) == start:
                start, size = joined[-1][0], joined.pop()[1] + size
            joined.append((start, size))
        if joined == [(0, x.shape[axis])]:
            return x
        parts = []
        for start, size in joined:
            starts = [start if each == axis else 0 for each in range(x.rank)]
            sizes = [size if each == axis else dim for each, dim in enumerate(x.shape)]
            parts.append(self.builder.emit(Slice, x, starts=starts, sizes=sizes))
        return parts[0] if len(parts) == 1 else self.builder.emit(Concat, *parts, axis=axis)

    def _reshaped(self, x: Tensor, shape: Sequence[Dim]) -> Tensor:
        return x if x.shape == tuple(shape) else self.builder.emit(Reshape, x, shape=tuple(shape))


def _in_places(op: Operation, operands: Sequence[Lifted]) -> list[Any]:
    """The tensors of OPERANDS, None in the places of absent operands of OP."""
    given = iter(operands)
    return [None if operand is None else next(given).tensor for operand in op.operands]
