"""Proof that branches and loops use memory correctly: conditions, counters, carried values and stacks of
rows.

A write in a branch or a loop may not have happened when the op ends. Certain are only writes to the same
elements in both branches, and the rows of a stack, one per iteration of a loop that cannot end early:
`joined_writes` are these, as writes of the whole op.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ....dialects.core.diagnostics import op_error, operand_at
from ....dialects.core.ir import Value
from ....dialects.launch_control import LaunchControl, LaunchIf, LaunchLoop
from ....errors import IRError
from ..dependences import Boxes
from ..launch_accesses import Access, Memory, root_of
from ..launch_tree import LaunchTree, Scope
from .symbol_values import SymbolValues, described


def joined_writes(memory: Memory, tree: LaunchTree, values: SymbolValues) -> list[Access]:
    """The certain writes of TREE's control ops to MEMORY, as writes of their last launches."""
    found = [joined for write in memory.writes if (joined := _all_rows(write, tree, values)) is not None]
    for op, extent in reversed(tree.extents.items()):  # inner ones first
        if not isinstance(op, LaunchIf):
            continue
        then, otherwise = (
            {write.shape: write for write in [*memory.writes, *found] if _is_in(write, op, branch)}
            for branch in (0, 1)
        )
        found += [
            replace(write, launch=extent.end - 1, scope=extent.scope)
            for shape, write in then.items()
            if shape in otherwise
        ]
    return found


def _is_in(write: Access, op: LaunchControl, branch: int) -> bool:
    """Whether WRITE is directly in the region BRANCH of OP, and writes its whole operand."""
    return write.scope.op is op and write.scope.branch == branch and not write.in_rows


def _all_rows(write: Access, tree: LaunchTree, values: SymbolValues) -> Access | None:
    """WRITE, of one row, as the write of all rows by the enclosing loop; None if some may be left out."""
    loop, rows = write.scope.op, write.value.type.shape[:1]
    if not write.in_rows or not isinstance(loop, LaunchLoop) or not _counts(write, loop):
        return None
    if loop.bound is None or loop.trips is not None or loop.condition is not None:
        return None
    if not values.equal(loop.bound, rows[0]):
        return None
    extent = tree.extents[loop]
    return replace(write, launch=extent.end - 1, scope=extent.scope, in_rows=False)


def _counts(write: Access, loop: LaunchLoop) -> bool:
    """Whether the row number of WRITE is the counter of LOOP."""
    row = write.kernel.row
    return row is not None and root_of(row)[0] is root_of(loop.counter)[0]


def is_carried(memory: Memory, loop: LaunchLoop) -> bool:
    """Whether launches of LOOP may overwrite the content of MEMORY."""
    again = [*loop.carried, *([] if loop.condition is None else [loop.condition])]
    return any(root_of(value)[0] is memory.value for value in again)


def are_apart_in_time(memory: Memory, a: Access, b: Access) -> bool:
    """Whether two writes to the same elements of MEMORY are allowed.

    Either only one of them happens, or one writes the initial value of a loop and the other its next values.
    """
    if a.scope.excludes(b.scope):
        return True
    differing = set(a.scope.loops()) ^ set(b.scope.loops())
    return any(is_carried(memory, loop) for loop in differing)


def check_control(
    memories: Mapping[Value, Memory], tree: LaunchTree, values: SymbolValues
) -> Iterator[IRError]:
    """The errors in how control ops of TREE use buffers, and in repeated writes of their launches."""
    counters: dict[Value, LaunchLoop] = {}
    for op in tree.extents:
        if isinstance(op, LaunchIf):
            yield from _read(op, op.condition, "condition", memories, tree, values)
        elif isinstance(op, LaunchLoop):
            yield from _loop(op, memories, tree, values)
            counter = root_of(op.counter)[0]
            if counter in counters:
                yield op_error(op, "has the counter of another loop", at=operand_at(op, op.counter))
            counters[counter] = op
    for memory in memories.values() if tree.extents else ():
        yield from _repeated(memory, values)


def _loop(
    op: LaunchLoop, memories: Mapping[Value, Memory], tree: LaunchTree, values: SymbolValues
) -> Iterator[IRError]:
    if op.condition is not None:
        yield from _read(op, op.condition, "condition", memories, tree, values)
    if op.trips is not None:
        yield from _read(op, op.trips, "trip count", memories, tree, values)
        for write in memories[root_of(op.trips)[0]].writes:
            if op in write.scope.loops():
                yield op_error(write.kernel, "writes the trip count of its own loop")
    counter = memories[root_of(op.counter)[0]]
    if counter.space != "arena" or counter.value is not op.counter:
        text = "has a counter that is not a whole buffer of the arena"
        yield op_error(op, text, at=operand_at(op, op.counter))
    for access in counter.accesses():
        if access not in counter.reads or op not in access.scope.loops():
            yield op_error(access.kernel, "uses the counter of a loop otherwise than reading it in the loop")
    for value in op.carried:
        if memories[root_of(value)[0]].value is not value or memories[value].space != "arena":
            text = "carries a value that is not a whole buffer of the arena"
            yield op_error(op, text, at=operand_at(op, value))


def _read(
    op: LaunchControl,
    value: Value,
    what: str,
    memories: Mapping[Value, Memory],
    tree: LaunchTree,
    values: SymbolValues,
) -> Iterator[IRError]:
    """The error when OP reads VALUE before it is certain to be written."""
    memory, extent = memories[root_of(value)[0]], tree.extents[op]
    if memory.space in ("input", "weights"):
        return
    for write in [*memory.writes, *joined_writes(memory, tree, values)]:
        if write.launch < extent.first and write.scope.encloses(extent.scope) and not write.in_rows:
            return
    yield op_error(op, f"reads its {what} before any launch has written it", at=operand_at(op, value))


def _repeated(memory: Memory, values: SymbolValues) -> Iterator[IRError]:
    """The errors in writes to MEMORY that loops repeat, and in writes by launches that also read it."""
    boxes = Boxes([access.shape for access in memory.writes if access.shape is not None], values.ranges)
    for write in memory.writes:
        if write.in_rows:
            yield from _row(write, values)
            continue
        for loop in write.scope.loops():
            if not is_carried(memory, loop) and _is_used_outside(memory, loop):
                hint = "list the buffer among those that the loop carries"
                text = "writes in every iteration to a buffer that is used outside of the loop"
                yield op_error(write.kernel, text, hint, at=operand_at(write.kernel, write.value))
                break
        if any(read.launch == write.launch and boxes.meet(read, write) for read in memory.reads):
            text = "reads and writes one buffer, and may read elements after it has overwritten them"
            yield op_error(write.kernel, text, at=operand_at(write.kernel, write.value))


def _is_used_outside(memory: Memory, loop: LaunchLoop) -> bool:
    if memory.space == "output":
        return True
    scopes: list[Scope] = [access.scope for access in memory.accesses()]
    return any(loop not in scope.loops() for scope in scopes) or loop in memory.controls


def _row(write: Access, values: SymbolValues) -> Iterator[IRError]:
    loop = next((loop for loop in write.scope.loops() if _counts(write, loop)), None)
    if loop is None or loop.bound is None:
        text = "writes a row whose number is not the counter of an enclosing loop with a bound"
        yield op_error(write.kernel, text)
    elif (found := values.exceeding(loop.bound, write.value.type.shape[0])) is not None:
        text = f"writes {loop.bound} rows of {write.value.type.shape[0]}{described(found)}"
        yield op_error(write.kernel, text, at=operand_at(write.kernel, write.value))
