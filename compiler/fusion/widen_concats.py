"""Widens concats that read some channels of a joined contraction.

The producers of an elided concat write their parts in place. A joined contraction writes all of its
channels as one run, of which a concat may need only some. If these are at one end of the run, the concat
is widened to hold the whole run, and its consumers read a slice of it. So no kernel has to copy the part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...dialects.control import all_blocks
from ...dialects.core.affine import Dim, total
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.builtin import Yield
from ...dialects.core.ir import Block, Region, Value
from ...dialects.core.location import Location
from ...dialects.core.module import Module
from ...dialects.fused import FusedKernel
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.slicing import Slice
from ...dialects.roots import Root
from ..passes.ledger import Record, Verdict
from ..passes.manager import PassContext
from ..passes.switches import barrier_between, edges_of


@dataclass(frozen=True)
class _Match:
    """A concat kernel that can be widened.

    whole: the joined value; leads: its last channels are the concat's first parts (otherwise, its first
    channels are the concat's last parts); rest: the concat's other parts, in order; axis: that of the
    concat; moved: the bytes of the parts that need no copy; location: the concat's; barred: why a switch
    keeps the two apart, if one does.
    """

    whole: Value
    rest: tuple[Value, ...]
    leads: bool
    axis: int
    moved: Dim
    location: Location
    barred: str | None = None


@dataclass(frozen=True)
class _Part:
    """A part of a concat: the slice `cut` of the outside value `source`, or all of it without a cut.

    inside: the slice is in the concat's own kernel.
    """

    value: Value
    source: Value | None
    cut: Slice | None = None
    inside: bool = False


class WidenConcats:
    """concat(slice(j, tail), y, z) => slice(concat(j, y, z), from tail), likewise at the other end.

    Runs at the fused level, for a contraction j and a concat that is a kernel of its own.
    """

    name = "widen-concat"

    def run(self, module: Module, context: PassContext) -> Module:
        for block in all_blocks(module):
            for op in list(block):
                match = _match(op, context) if isinstance(op, FusedKernel) else None
                if match is not None and isinstance(op, FusedKernel):
                    self._apply(op, match, module, context)
        return module

    def _apply(self, kernel: FusedKernel, match: _Match, module: Module, context: PassContext) -> None:
        nodes = kernel.location.nodes
        reason = f"the rule {self.name} is switched off" if self.name in context.disabled else match.barred
        if reason is not None:
            context.ledger.add(self.name, Verdict.DISABLED, reason, ops=(kernel.name,), nodes=nodes)
            return
        context.decide()
        reason = "the joined contraction writes its part of the concat in place, its other channels beside it"
        figures = {"launches_saved": 1, "bytes_saved": 2 * evaluate(match.moved, module.values_at("optimum"))}
        context.ledger.append(Record(self.name, (kernel.name,), nodes, Verdict.TAKEN, reason, figures))
        _widen(kernel, match)


def cuts_reach_an_edge(concat: Concat) -> bool:
    """True when the first (last) parts of CONCAT, and no others, are slices at the end (start) of one value.

    Also true when no part is a slice.
    """
    parts = [
        _Part(part, cut.x, cut) if isinstance(cut := part.producer, Slice) else _Part(part, part)
        for part in concat.parts
    ]
    cuts, axis = sum(part.cut is not None for part in parts), concat.axis % concat.result.type.rank
    return cuts == 0 or any(_sliced(parts, axis, leads) == cuts for leads in (True, False))


def _match(kernel: FusedKernel, context: PassContext) -> _Match | None:
    """KERNEL as a concat that can be widened; None for any other kernel."""
    block = kernel.body.block
    yielded = block.terminator.inputs
    concat = yielded[0].producer
    if len(yielded) != 1 or not isinstance(concat, Concat):
        return None
    if not all(isinstance(user, FusedKernel) for user in kernel.results[0].users):
        return None  # an output or a reshape needs the concat dense
    axis = concat.axis % concat.result.type.rank
    parts = _parts(kernel, concat)
    for leads in (True, False):
        count = _sliced(parts, axis, leads)
        taken, rest = _divided(parts, count, leads)
        plain = all(part.source is not None and not part.inside for part in rest)
        whole = taken[0].source if taken else None
        if whole is None or not rest or not plain or not _only_joins(block, taken):
            continue
        if any(part.source is whole for part in rest):
            continue  # the joined value can be written to one place only
        maker = whole.producer
        if isinstance(maker, FusedKernel) and maker.root is Root.CONTRACTION:
            others = tuple(part.value for part in rest)
            moved = total(part.cut.result.type.bytes for part in taken if part.cut is not None)
            barred = _barred(maker, whole, concat, context)
            return _Match(whole, others, leads, axis, moved, concat.location, barred)
    return None


def _barred(maker: FusedKernel, whole: Value, concat: Concat, context: PassContext) -> str | None:
    """The switch that keeps MAKER from writing WHOLE into CONCAT, as a reason; None without one.

    A `nofuse` mark on any operand counts, because the widened concat would not carry the marks over.
    """
    reason = context.fusion_barrier(maker.location.nodes, concat.location.nodes)
    made = maker.body.block.terminator.inputs[whole.index].producer
    if reason is None and made is not None:
        reason = barrier_between(context, made, concat)
    if reason is None and edges_of(concat):
        reason = f"operand {edges_of(concat)[0]} of {concat.name} is marked nofuse"
    return reason


def _parts(kernel: FusedKernel, concat: Concat) -> list[_Part]:
    """The parts of CONCAT in KERNEL; a part that another kernel slices is traced to the sliced value."""
    outside = dict(zip(kernel.body.block.arguments, kernel.inputs, strict=True))
    parts = []
    for part in concat.parts:
        cut = part.producer
        if part in outside:
            parts.append(_cut_elsewhere(outside[part]))
        elif isinstance(cut, Slice):
            parts.append(_Part(part, outside.get(cut.x), cut, inside=True))
        else:
            parts.append(_Part(part, None))
    return parts


def _cut_elsewhere(value: Value) -> _Part:
    """VALUE as a part: a slice of another value if it comes from a kernel that only slices."""
    maker = value.producer
    cut = maker.body.block.first if isinstance(maker, FusedKernel) else None
    if isinstance(maker, FusedKernel) and isinstance(cut, Slice) and isinstance(cut.next, Yield):
        return _Part(value, maker.inputs[0], cut)
    return _Part(value, value)


def _divided(parts: Sequence[_Part], count: int, leads: bool) -> tuple[Sequence[_Part], Sequence[_Part]]:
    """PARTS split in two: the first (LEADS) or last COUNT of them, and the others."""
    if leads:
        return parts[:count], parts[count:]
    return parts[len(parts) - count :], parts[: len(parts) - count]


def _only_joins(block: Block, taken: Sequence[_Part]) -> bool:
    """True when BLOCK holds only the concat, the slices of the TAKEN parts, and the yield."""
    return len(block) == len({part.cut for part in taken if part.inside}) + 2


def _sliced(parts: Sequence[_Part], axis: int, leads: bool) -> int:
    """How many of PARTS, from the front (LEADS) or the back, together form the tail or head of one value."""
    count = 0
    source: Value | None = None
    edge: Dim = 0
    for part in parts if leads else reversed(parts):
        cut = part.cut
        if cut is None or part.source is None or not _along(cut, axis) or source not in (None, part.source):
            break
        begin, end = cut.starts[axis], cut.starts[axis] + cut.sizes[axis]
        if source is not None and edge != (begin if leads else end):
            break
        source, edge = part.source, end if leads else begin
        count += 1
    if source is None:
        return 0
    return count if edge == (source.type.shape[axis] if leads else 0) else 0


def _along(cut: Slice, axis: int) -> bool:
    """True when CUT selects adjacent elements along AXIS and everything along the other axes."""
    others = [a for a in range(len(cut.sizes)) if a != axis]
    plain = all(cut.starts[a] == 0 and cut.sizes[a] == cut.x.type.shape[a] for a in others)
    return plain and set(cut.step_list) == {1}


def _widen(kernel: FusedKernel, match: _Match) -> None:
    """Replace KERNEL by a kernel that concatenates the whole value, and one that slices its result."""
    operands = [match.whole, *match.rest] if match.leads else [*match.rest, match.whole]
    block = Block([value.type for value in operands])
    longer = block.append(Concat(*block.arguments, axis=match.axis, loc=match.location))
    wide = _kernel(kernel, operands, block, longer.result, match.location)
    shape = kernel.results[0].type.shape
    starts: list[Dim] = [0] * len(shape)
    if match.leads:
        starts[match.axis] = wide.type.shape[match.axis] - shape[match.axis]
    block = Block([wide.type])
    cut = block.append(Slice(block.arguments[0], starts=starts, sizes=shape, loc=match.location))
    part = _kernel(kernel, [wide], block, cut.result, match.location)
    kernel.replace_by(part)


def _kernel(
    anchor: FusedKernel, operands: Sequence[Value], block: Block, result: Value, location: Location
) -> Value:
    """The result of a new loop kernel before ANCHOR, whose region BLOCK yields RESULT."""
    block.append(Yield(result))
    assert anchor.parent is not None
    made = FusedKernel(*operands, regions=[Region(block)], root=Root.LOOP, loc=location)
    return anchor.parent.insert_before(anchor, made).result
