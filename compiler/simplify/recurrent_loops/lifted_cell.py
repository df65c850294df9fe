"""A cell in a loop as an op over all steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ....dialects.core.affine import Dim, product
from ....dialects.core.ir import Block, Value
from ....dialects.graph.binary import Add, Less
from ....dialects.graph.elementwise import Where
from ....dialects.graph.movement.concat import Concat
from ....dialects.graph.movement.expand import Expand
from ....dialects.graph.movement.reshape import Reshape, Transpose
from ....dialects.graph.recurrence import Gru, Lstm
from ...frontend.builder import Builder
from ...frontend.tensor import Tensor
from .body import NoRecurrence, StepBody
from .cells import SpelledCell
from .over_steps import Lifted, OverSteps
from .sums import Summand


@contextmanager
def located(builder: Builder, block: Block) -> Iterator[None]:
    """A context in which BUILDER emits ops that do the work of those of BLOCK."""
    own = builder.location
    for op in block:
        builder.location = builder.location.merged(op.location)
    try:
        yield
    finally:
        builder.location = own


@dataclass
class LiftedCell:
    """CELL of the loop of BODY as an op, which BUILDER emits."""

    body: StepBody
    cell: SpelledCell
    builder: Builder
    over: OverSteps

    @property
    def batch(self) -> Dim:
        return product(self.cell.states[0].type.shape[:-1])

    def results(self) -> tuple[Tensor, list[Tensor]]:
        """The states after all steps, [steps, batch, hidden], and the last ones, [1, batch, hidden]."""
        cell, more = self.cell, list[Tensor | None]()
        inputs, weights = self._inputs(), self._weights()
        initial = [self._initial(state) for state in cell.states]
        lengths = self._lengths()
        if cell.kind is Lstm:
            more = [initial[1], self._peepholes()]
        elif cell.kind is Gru:
            more = [self._hidden_bias()]
        operands = (inputs, weights, initial[0], lengths, *more)
        with located(self.builder, self.body.loop.body.block):
            found = self.builder.emit_all(cell.kind, *operands, **self._attributes())
        y = self._reshaped(found[0], (self.over.steps, self.batch, cell.hidden))
        last = found[1:] if lengths is None else self._kept(lengths, found[1:], initial)
        return y, last

    def _attributes(self) -> dict[str, Any]:
        cell = self.cell
        direction = "reverse" if self.over.reverse else "forward"
        found: dict[str, Any] = {"clip": cell.clip, "direction": direction}
        names = tuple(each.name for each in cell.functions)
        if names != cell.kind.defaults:
            numbers = [number for each in cell.functions for number in (each.alpha, each.beta)]
            found |= {"functions": names, "numbers": numbers}
        if cell.kind is Lstm:
            found["coupled"] = cell.coupled
        return found | ({"linear": cell.linear} if cell.kind is Gru else {})

    # ------------------------------------------------------------ operands

    def _inputs(self) -> Tensor:
        """The projected inputs of all steps and gates, [steps, batch, gates * hidden].

        What all gates have columns of is computed of all at once, the rest gate by gate.
        """
        hidden, given = self.cell.hidden, [each.given for each in self.cell.sums]
        common, own = list[Lifted](), [list(each) for each in given]
        for part in given[0]:
            same = [next((one for one in each if one.source == part.source), None) for each in own]
            found = [one for one in same if one is not None]
            if len(found) == len(own):
                common.append(self.over.part(part, [(one.start, hidden) for one in found]))
                for each, one in zip(own, found, strict=True):
                    each.remove(one)
        if any(own):
            common.append(self._beside(own))
        shape = (self.over.steps, self.batch, len(given) * hidden)
        added = self._added(common, len(given) * hidden).tensor
        return added if added.shape == shape else self.builder.emit(Expand, added, shape=shape)

    def _beside(self, own: Sequence[Sequence[Summand]]) -> Lifted:
        """The sums of OWN parts of each gate, beside each other."""
        hidden = self.cell.hidden
        sums = [
            self._added([self.over.part(part, [(part.start, hidden)]) for part in each], hidden)
            for each in own
        ]
        stepped = any(each.stepped for each in sums)
        rows = self.batch if any(each.tensor.shape[1] != 1 for each in sums) else 1
        shape = (self.over.steps if stepped else 1, rows, hidden)
        same = [
            each.tensor if each.tensor.shape == shape else self.builder.emit(Expand, each.tensor, shape=shape)
            for each in sums
        ]
        whole = self.builder.emit(Concat, *same, axis=2)
        return Lifted(whole if stepped else self._reshaped(whole, whole.shape[1:]), stepped)

    def _added(self, parts: Sequence[Lifted], size: int) -> Lifted:
        """The sum of PARTS, [steps or 1, batch or 1, SIZE]; those of all steps alike come first."""
        found: Tensor | None = None
        for part in sorted(parts, key=lambda each: each.stepped):
            inner = part.tensor.shape[1 if part.stepped else 0 :] or (1,)
            rows = product(inner[:-1])
            if rows not in (1, self.batch):
                raise NoRecurrence
            shape = (self.over.steps if part.stepped else 1, rows, inner[-1])
            each = self._reshaped(part.tensor, shape)
            found = each if found is None else self.builder.emit(Add, each, found)
        if found is None:
            found = self.builder.constant([[[0]]], self.cell.states[0].type.dtype)
        if found.shape[-1] != size:
            found = self.builder.emit(Expand, found, shape=(*found.shape[:-1], size))
        return Lifted(found, any(part.stepped for part in parts))

    def _weights(self) -> Tensor:
        """The weights of the state, [1, gates * hidden, hidden]."""
        hidden, parts = self.cell.hidden, [each.products[0] for each in self.cell.sums]
        together = len({(part.weights, part.turned, part.row) for part in parts}) == 1
        groups = [parts] if together else [[part] for part in parts]
        rows = []
        for group in groups:
            matrix = self.over.weights(group[0], hidden, [(part.start, hidden) for part in group])
            rows.append(matrix if group[0].turned else self.builder.emit(Transpose, matrix, perm=(1, 0)))
        whole = rows[0] if len(rows) == 1 else self.builder.emit(Concat, *rows, axis=0)
        return self._reshaped(whole, (1, *whole.shape))

    def _initial(self, state: Value) -> Tensor:
        given = self.body.loop.initial[self.body.states.index(state)]
        return self._reshaped(Tensor.of(given), (1, self.batch, self.cell.hidden))

    def _lengths(self) -> Tensor | None:
        if self.cell.live is None:
            return None
        found = self.over.lift(self.cell.live.lengths)
        if found.stepped or product(found.tensor.shape) not in (1, self.batch) or self.over.reverse:
            raise NoRecurrence
        if product(found.tensor.shape) != self.batch:
            one = self._reshaped(found.tensor, (1,))
            return self.builder.emit(Expand, one, shape=(self.batch,))
        return self._reshaped(found.tensor, (self.batch,))

    def _kept(self, lengths: Tensor, last: Sequence[Tensor], initial: Sequence[Tensor]) -> list[Tensor]:
        """The LAST states, the INITIAL ones of sequences of no steps, of which the op gives zeros."""
        zero = self.builder.constant(0, lengths.dtype)
        some = self.builder.emit(Less, zero, self._reshaped(lengths, (1, self.batch, 1)))
        pairs = zip(last, initial, strict=True)
        return [self.builder.emit(Where, some, one, other) for one, other in pairs]

    def _peepholes(self) -> Tensor | None:
        """The peepholes of the gates i, o and f, [1, 3 * hidden]."""
        rows = [self._vector(self.over.lift(value)) for value in self.cell.peepholes]
        return self.builder.emit(Concat, *rows, axis=1) if rows else None

    def _hidden_bias(self) -> Tensor | None:
        """What is added to the product of the last gate before it is reset, [1, hidden]."""
        found: Tensor | None = None
        for part in self.cell.hidden_bias:
            each = self._vector(self.over.part(part, [(part.start, self.cell.hidden)]))
            found = each if found is None else self.builder.emit(Add, found, each)
        return found

    def _vector(self, lifted: Lifted) -> Tensor:
        """LIFTED as [1, hidden], the same for all steps and sequences."""
        hidden, tensor = self.cell.hidden, lifted.tensor
        of_columns = product(tensor.shape) == product(tensor.shape[-1:])  # rather than of sequences
        if lifted.stepped or not of_columns or product(tensor.shape) not in (1, hidden):
            raise NoRecurrence
        if product(tensor.shape) != hidden:
            return self.builder.emit(Expand, self._reshaped(tensor, (1, 1)), shape=(1, hidden))
        return self._reshaped(tensor, (1, hidden))

    def _reshaped(self, x: Tensor, shape: Sequence[Dim]) -> Tensor:
        return x if x.shape == tuple(shape) else self.builder.emit(Reshape, x, shape=tuple(shape))
