"""Proof that every element is written before it is read, and that none is written twice. An input that is
written in place is read behind the write alone.

For a buffer that one launch writes as a whole, the order of launches suffices. A buffer that is written in
parts is checked in the grid of its writes, with symbolic sizes; questions that these leave undecided are
checked at the corners of the symbols' ranges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.bounds import Range, bounds
from ....dialects.core.diagnostics import op_error, operand_at
from ....dialects.graph.sequences import WriteCache
from ....errors import IRError
from ..footprint import Footprint, Grid, UndecidedFootprint, footprint, typical
from ..launch_accesses import Access, Memory, root_of
from ..launch_tree import LaunchTree
from .control import are_apart_in_time, joined_writes
from .happens_before import HappensBefore
from .symbol_values import SymbolValues, described

ONCE = "every element of a buffer is written once"
READ_ONLY = {"input": "an input of the model", "weights": "weights"}


def check_contents(
    memory: Memory, tree: LaunchTree, order: HappensBefore, values: SymbolValues
) -> Iterator[IRError]:
    """The errors in the accesses to one buffer."""
    if memory.space == "input" and memory.writes:
        yield from _updated(memory, order)
        return
    if memory.space in READ_ONLY:
        for access in memory.writes:
            yield op_error(access.kernel, f"writes to {READ_ONLY[memory.space]}")
        return
    if bounds(memory.type.elements, values.ranges)[1] == 0:
        return  # always empty: any order is correct
    if any(each is memory.value for loop in tree.extents for each in loop.inputs[:1] if not memory.writes):
        return  # a counter, which loops write
    whole = footprint(memory.type)
    certain = [write for write in memory.writes if not write.in_rows]
    certain += joined_writes(memory, tree, values)
    one = certain[0] if len(certain) == len(memory.writes) == 1 else None
    everywhere = one is not None and (one.scope is tree.root or memory.space != "output")
    if one is not None and everywhere and whole is not None and one.shape == whole:
        yield from _after(one, memory.reads, order)
    elif whole is not None and (memory.writes or memory.reads or memory.space == "output"):
        yield from _in_parts(memory, certain, whole, order, values)


def _after(write: Access, reads: Sequence[Access], order: HappensBefore) -> Iterator[IRError]:
    for read in reads:
        if not _precedes(write, read, order):
            yield _too_early(read, [write])


def _updated(memory: Memory, order: HappensBefore) -> Iterator[IRError]:
    """The errors in the accesses to an input that is written in place.

    One launch writes some of its elements, and does not read it; what else reads it does so behind that, so
    that nobody sees what it held before.
    """
    write, *others = memory.writes
    for other in others:
        yield op_error(other.kernel, f"writes to {READ_ONLY['input']} that another launch writes, too", ONCE)
    if not _writes_in_place(write):
        yield op_error(write.kernel, f"writes to {READ_ONLY['input']}")
    by = f"launch {write.launch} (@{write.kernel.kernel})"
    for read in memory.reads:
        if read.launch < write.launch:
            yield op_error(read.kernel, f"reads an input before {by} writes it in place")
        elif read.launch > write.launch and not _precedes(write, read, order):
            yield _too_early(read, [write])


def _writes_in_place(access: Access) -> bool:
    """Whether ACCESS is that of a write in place into what it gives, which it reads at no other place."""
    kernel = access.kernel
    at = next(index for index, value in enumerate(kernel.writes) if value is access.value)
    write = kernel.body.block.terminator.inputs[at].producer
    if not isinstance(write, WriteCache) or not write.in_place:
        return False
    arguments = kernel.body.block.arguments
    if write.cache not in arguments or len(write.cache.uses) != 1:
        return False
    own = arguments.index(write.cache)
    roots = [root_of(value)[0] for value in kernel.reads]
    return kernel.reads[own] is access.value and roots.count(roots[own]) == 1


def _precedes(write: Access, read: Access, order: HappensBefore) -> bool:
    """Whether WRITE has happened whenever READ happens."""
    return write.scope.encloses(read.scope) and order.before(write.launch, read.launch)


def _in_parts(
    memory: Memory, certain: list[Access], whole: Footprint, order: HappensBefore, values: SymbolValues
) -> Iterator[IRError]:
    try:
        yield from list(_Parts(memory, certain, whole, order, values.ranges, None).check())
        return
    except UndecidedFootprint:
        pass
    for corner in values.corners:
        try:
            errors = list(_Parts(memory, certain, whole, order, {}, corner).check())
        except UndecidedFootprint:
            first = next(memory.accesses())
            hint = "views of one buffer must cut it along its dimensions"
            text = f"accesses a buffer in parts that do not fit together{described(corner)}"
            errors = [op_error(first.kernel, text, hint)]
        if errors:
            yield from errors
            return


class _Parts:
    """The accesses to one buffer as boxes, symbolic or at one corner of the symbols' ranges.

    CERTAIN are the writes that are certain to be complete, including those of whole control ops.
    """

    def __init__(
        self,
        memory: Memory,
        certain: list[Access],
        whole: Footprint,
        order: HappensBefore,
        ranges: Mapping[str, Range],
        corner: dict[str, int] | None,
    ) -> None:
        self._memory = memory
        self._ranges = ranges
        self._order = order
        self._corner = corner
        self._whole = self._shape(whole)
        self._writes = self._shapes(memory.writes)
        self._grid = Grid([shape for _, shape in self._writes], ranges)
        self._boxes = [(access, self._grid.box(shape)) for access, shape in self._writes]
        self._certain = [(access, self._grid.box(shape)) for access, shape in self._shapes(certain)]

    def _shapes(self, writes: Sequence[Access]) -> list[tuple[Access, Footprint]]:
        """The non-empty ones of WRITES with the elements that they touch, in memory order."""
        found = [(a, self._shape(a.shape)) for a in writes if a.shape and self._happens(a)]
        return sorted(found, key=lambda pair: typical(pair[1].start))

    def _shape(self, shape: Footprint) -> Footprint:
        return shape if self._corner is None else shape.at(self._corner)

    def _happens(self, access: Access) -> bool:
        """False if ACCESS is empty: at this corner or, without one, for all values of the symbols."""
        elements = access.value.type.elements
        if self._corner is None:
            return bounds(elements, self._ranges)[1] != 0
        return evaluate(elements, self._corner) > 0

    def check(self) -> Iterator[IRError]:
        yield from self._twice()
        equal = {shape: access for access, shape in self._writes if not access.in_rows}
        for read in self._memory.reads:
            if read.shape is None or not self._happens(read):
                continue
            shape = self._shape(read.shape)
            if shape in equal and _precedes(equal[shape], read, self._order):
                continue
            yield from self._read(read, shape)
        op = self._memory.op
        if op is not None and op.space == "output" and not self._complete():
            yield op_error(op, "is an output with elements that no launch writes")

    def _complete(self) -> bool:
        """True when the writes cover the whole buffer, or it is empty at this corner."""
        if self._corner is not None and evaluate(self._memory.type.elements, self._corner) == 0:
            return True
        return self._covers(self._whole, lambda write: write.scope.parent is None)

    def _twice(self) -> Iterator[IRError]:
        """The errors for writes that overlap each other, or write an element more than once themselves.

        Boxes that differ along one axis only, and follow each other there, need no pairwise comparison.
        """
        for access, shape in self._writes:
            if not shape.is_injective(self._ranges):
                yield op_error(access.kernel, "writes some elements of a buffer more than once", ONCE)
        boxes = [box for _, box in self._boxes]
        varying = {axis for box in boxes for axis, side in enumerate(box) if side != boxes[0][axis]}
        if len(varying) == 1 and self._grid.in_row(boxes, min(varying)):
            return
        for (one, a), (other, b) in combinations(self._boxes, 2):
            if not self._grid.disjoint(a, b) and not are_apart_in_time(self._memory, one, other):
                first, second = sorted((one, other), key=lambda access: access.launch)
                text = f"writes elements that launch {first.launch} (@{first.kernel.kernel}) writes too"
                yield op_error(second.kernel, text, ONCE)

    def _read(self, read: Access, shape: Footprint) -> Iterator[IRError]:
        if self._covers(shape, lambda write: _precedes(write, read, self._order)):
            return
        earlier = [access for access, _ in self._certain if access.launch < read.launch]
        if self._covers(shape, lambda write: write in earlier and write.scope.encloses(read.scope)):
            yield _too_early(read, [a for a in earlier if not self._order.before(a.launch, read.launch)])
        elif self._covers(shape, lambda write: write in earlier):
            text = "reads what launches in a branch or a loop write, which need not have run"
            yield op_error(read.kernel, text, at=operand_at(read.kernel, read.value))
        else:
            at = described(self._corner) if self._corner else ""
            yield op_error(read.kernel, f"reads elements of a buffer before any launch has written them{at}")

    def _covers(self, shape: Footprint, when: Callable[[Access], bool]) -> bool:
        """True when the writes for which WHEN holds cover SHAPE."""
        by = [box for access, box in self._certain if when(access)]
        try:
            return self._grid.covered(self._grid.box(shape), by)
        except UndecidedFootprint:
            return self._grid.covered(self._grid.hull(shape), by)


def _too_early(read: Access, writes: Sequence[Access]) -> IRError:
    write = writes[0]
    if write.launch >= read.launch:
        return op_error(read.kernel, "reads elements of a buffer before any launch has written them")
    if not write.scope.encloses(read.scope):
        text = f"reads what launch {write.launch} (@{write.kernel.kernel}) writes, which need not have run"
        return op_error(read.kernel, text, at=operand_at(read.kernel, read.value))
    text = f"reads what launch {write.launch} (@{write.kernel.kernel}) writes without waiting for it"
    return op_error(read.kernel, text, f"add {write.launch} to its waits")
