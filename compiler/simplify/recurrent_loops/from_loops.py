"""recurrent-loop: loops whose bodies are cells become recurrent ops.

    loop{gates of a step} => lstm(x)

Exporters write such loops (Scan of a cell, Loop over its calls), some in place of the ONNX op. The inputs of
all steps are multiplied at once. What else a body computes stays a loop behind the op.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ....dialects.control import ITERATION, ControlYield, Loop, all_blocks
from ....dialects.core.clone import clone_op
from ....dialects.core.ir import Block, Operation, Region, Value
from ....dialects.core.module import Module
from ....dialects.graph.indexing import Gather
from ....dialects.graph.movement.expand import Expand
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.graph.recurrence import STATES
from ....errors import IRError
from ...frontend.builder import Builder
from ...frontend.external import ExternalFiles
from ...frontend.loops import reversed_steps
from ...frontend.tensor import Tensor
from ...passes.manager import PassContext
from ..recurrence_loops import RECURRENCE_KERNEL
from .body import NoRecurrence, StepBody, bare
from .cells import SpelledCell, cells_in
from .lifted_cell import LiftedCell
from .over_steps import Lifted, OverSteps

RULE = "recurrent-loop"
SUMMARY = "loop{gates of a cell} => lstm, gru or rnn"


@dataclass(frozen=True)
class RecurrentLoops:
    """Replaces the loops over steps whose bodies are cells of a format that kernels have."""

    name: ClassVar[str] = RULE

    def run(self, module: Module, context: PassContext) -> Module:
        for block in all_blocks(module):
            pending = [op for op in block if isinstance(op, Loop)]
            while pending:
                loop = pending.pop()
                if RULE in context.disabled or RECURRENCE_KERNEL in context.disabled:
                    return module
                if loop.count is None or loop.may_end or not loop.carried:
                    continue
                left = _replaced(loop, module, context)
                pending += [] if left is None else left
        return module


def _replaced(loop: Loop, module: Module, context: PassContext) -> list[Loop] | None:
    """Replace LOOP by the first recurrent op that it is; the loop that is left of it, if any.

    None if it is none.
    """
    body = StepBody(loop, module)
    for cell in cells_in(body):
        state = cell.states[0].type
        if context.policy.format_of(loop).stored(state.dtype) not in STATES:
            continue
        block = Block()
        try:
            results = _results(
                body, cell, Builder(module, block, ExternalFiles(None), location=loop.location)
            )
        except (NoRecurrence, IRError):
            for op in reversed(list(block)):
                op.erase()
            continue
        name = cell.kind.name.removeprefix("graph.")
        context.note(RULE, f"its steps are those of {name}", loop.name, loop.location.nodes)
        made = [op for op in block if isinstance(op, Loop)]
        anchor = loop.parent
        assert anchor is not None
        for op in list(block):
            block.unlink(op)
            anchor.insert_before(loop, op)
        loop.replace_by(*results)
        return made
    return None


def _results(body: StepBody, cell: SpelledCell, builder: Builder) -> list[Value]:
    """The results of the loop of BODY, by an op for CELL and, for what else there is, a loop."""
    loop = body.loop
    assert loop.count is not None
    over = OverSteps(body, builder, loop.count)
    y, last = LiftedCell(body, cell, builder, over).results()
    for value in _shown(body, cell):
        shape = (loop.count, *value.type.shape)
        over.given[value] = Lifted(builder.emit(Reshape, y, shape=shape), True)
    found: dict[int, Tensor] = {}
    for state, tensor in zip(cell.states, last, strict=True):
        shape = state.type.shape
        found[body.states.index(state)] = builder.emit(Reshape, tensor, shape=shape)
    for at in range(loop.carried, len(loop.results)):
        try:
            found[at] = _scanned(over, loop.yielded[at])
        except NoRecurrence:
            continue
    left = [at for at in range(len(loop.results)) if at not in found and loop.results[at].uses]
    if left:
        found |= dict(zip(left, map(Tensor.of, _left(body, cell, over, left).results), strict=True))
    return [builder.value(found[at]) if at in found else value for at, value in enumerate(loop.results)]


def _shown(body: StepBody, cell: SpelledCell) -> list[Value]:
    """The values of BODY that are the state after a step, or zeros beyond the end of a sequence."""
    if cell.live is None:
        return [cell.after[0]]
    shown = []
    for op in body.loop.body.block:
        for value in op.results:
            found = cell.live.chosen(value)
            if found is not None and bare(found[0]) is cell.after[0] and body.is_splat(found[1], 0):
                shown.append(value)
    return shown


def _scanned(over: OverSteps, element: Value) -> Tensor:
    """The ELEMENT of all steps, in the order of the steps."""
    lifted = over.lift(element)
    if not lifted.stepped:
        return over.builder.emit(Expand, lifted.tensor, shape=(over.steps, *element.type.shape))
    return reversed_steps(over.builder, lifted.tensor) if over.reverse else lifted.tensor


# ---------------------------------------------------------------- what else the loop computes


def _left(body: StepBody, cell: SpelledCell, over: OverSteps, left: Sequence[int]) -> Loop:
    """A loop for the results LEFT of the loop of BODY, which takes the states of CELL from its op."""
    loop, builder = body.loop, over.builder
    carried = [at for at in left if at < loop.carried]
    shown = [value for value in over.given if value in set(_shown(body, cell))]
    states = [_in_order(over, value) for value in shown]
    block = Block([ITERATION, *(loop.results[at].type for at in carried)])
    iteration = block.arguments[0]
    mapping = {loop.iteration: iteration}
    mapping |= {body.states[at]: block.arguments[1 + place] for place, at in enumerate(carried)}
    mapping |= {inner: block.add_argument(inner.type, inner.hint) for _, inner in loop.passed()}
    for value, state in zip(shown, states, strict=True):
        op = block.append(Gather(block.add_argument(state.type), iteration, axis=0, loc=loop.location))
        mapping[value] = op.result
    for op in _needed(body, [loop.yielded[at] for at in left], set(mapping)):
        block.append(clone_op(op, mapping))
    block.append(ControlYield(*(mapping[loop.yielded[at]] for at in left)))
    operands = [*(loop.initial[at] for at in carried), *loop.captures, *states]
    made = Loop(
        None, None, *operands,
        regions=(Region(block),), loc=loop.location, carried=len(carried), count=loop.count,
    )  # fmt: skip
    builder.block.append(made)
    return made


def _in_order(over: OverSteps, value: Value) -> Value:
    """VALUE, which is given for all steps, in the order of the steps."""
    tensor = over.given[value].tensor
    return over.builder.value(reversed_steps(over.builder, tensor) if over.reverse else tensor)


def _needed(body: StepBody, values: Sequence[Value], known: set[Value]) -> list[Operation]:
    """The ops of BODY that compute VALUES from those KNOWN, in order."""
    pending, found = list(values), set[Operation]()
    while pending:
        value = pending.pop()
        if value in known or (value.producer is not None and value.producer in found):
            continue
        if value.producer is None:
            raise NoRecurrence  # a state that only the op knows
        found.add(value.producer)
        pending += value.producer.inputs
    return [op for op in body.loop.body.block if op in found]
