"""Concats that want a part of a joined contraction's channels.

A concat that is elided has its producers write where their parts lie. A joined contraction writes
all of its channels as one run, of which a concat wants some. With those at the edge of the run, the
others may lie just outside the concat's own channels: the concat takes in the whole run, and what
read it reads a slice. So no kernel is needed to move the part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....dialects.core.affine import Dim, evaluate, total
from ....dialects.core.builtin import Yield
from ....dialects.core.ir import Block, Module, Region, Value
from ....dialects.core.location import Location
from ....dialects.fused import FusedKernel
from ....dialects.graph.movement import Concat, Slice
from ...passes.ledger import Record, Verdict
from ...passes.manager import PassContext
from ...passes.switches import apart, edges_of


@dataclass(frozen=True)
class _Match:
    """A kernel that only joins: `whole` is the operand of which its first (`leads`) or last parts, of
    `moved` bytes, are the last or first channels; `rest` are its other parts, in order, along `axis`.
    `location` is the concat's. `barred`: the switch that keeps the two apart, if there is one."""

    whole: Value
    rest: tuple[Value, ...]
    leads: bool
    axis: int
    moved: Dim
    location: Location
    barred: str | None = None


@dataclass(frozen=True)
class _Part:
    """A part of a concat: `cut` of the outside value `source`, or all of it; `inside`: the concat's own
    kernel cuts it."""

    value: Value
    source: Value | None
    cut: Slice | None = None
    inside: bool = False


class WidenConcats:
    """concat(slice(j, tail), y, z) => slice(concat(j, y, z), from tail), likewise at the other end.

    At the fused level, for a contraction j and a concat that is a kernel of its own.
    """

    name = "widen-concat"

    def run(self, module: Module, context: PassContext) -> Module:
        for function in module.functions:
            for op in list(function.block):
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
        reason = "the joined contraction writes the concat's part, and the other channels beside it"
        figures = {"launches_saved": 1, "bytes_saved": 2 * evaluate(match.moved, module.values_at("optimum"))}
        context.ledger.append(Record(self.name, (kernel.name,), nodes, Verdict.TAKEN, reason, figures))
        _widen(kernel, match)


def cuts_reach_an_edge(concat: Concat) -> bool:
    """True when the first (last) parts of CONCAT, and no others, are cut from the end (start) of a value.

    True as well when no part is cut.
    """
    parts = [
        _Part(part, cut.x, cut) if isinstance(cut := part.producer, Slice) else _Part(part, part)
        for part in concat.parts
    ]
    cuts, axis = sum(part.cut is not None for part in parts), concat.axis % concat.result.type.rank
    return cuts == 0 or any(_sliced(parts, axis, leads) == cuts for leads in (True, False))


def _match(kernel: FusedKernel, context: PassContext) -> _Match | None:
    """KERNEL as a concat that can be widened; None for all others."""
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
            continue  # it can lie in one place only
        maker = whole.producer
        if isinstance(maker, FusedKernel) and maker.root == "contraction":
            others = tuple(part.value for part in rest)
            moved = total(part.cut.result.type.bytes for part in taken if part.cut is not None)
            barred = _barred(maker, whole, concat, context)
            return _Match(whole, others, leads, axis, moved, concat.location, barred)
    return None


def _barred(maker: FusedKernel, whole: Value, concat: Concat, context: PassContext) -> str | None:
    """Why MAKER must not write WHOLE into CONCAT; None without a switch.

    A mark at any operand counts: the concat that is made instead has none.
    """
    reason = context.apart(maker.location.nodes, concat.location.nodes)
    made = maker.body.block.terminator.inputs[whole.index].producer
    if reason is None and made is not None:
        reason = apart(context, made, concat)
    if reason is None and edges_of(concat):
        reason = f"operand {edges_of(concat)[0]} of {concat.name} is marked nofuse"
    return reason


def _parts(kernel: FusedKernel, concat: Concat) -> list[_Part]:
    """The parts of CONCAT in KERNEL; of those cut elsewhere the values that kernels cut them from."""
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
    """VALUE, as what a kernel that does nothing else cuts from another value, if it is that."""
    maker = value.producer
    cut = maker.body.block.first if isinstance(maker, FusedKernel) else None
    if isinstance(maker, FusedKernel) and isinstance(cut, Slice) and isinstance(cut.next, Yield):
        return _Part(value, maker.inputs[0], cut)
    return _Part(value, value)


def _divided(parts: Sequence[_Part], count: int, leads: bool) -> tuple[Sequence[_Part], Sequence[_Part]]:
    """The first (LEADS) or last COUNT of PARTS, and the others."""
    if leads:
        return parts[:count], parts[count:]
    return parts[len(parts) - count :], parts[: len(parts) - count]


def _only_joins(block: Block, taken: Sequence[_Part]) -> bool:
    """True when BLOCK has the concat and the cuts of the TAKEN parts, and nothing else."""
    return len(block) == len({part.cut for part in taken if part.inside}) + 2


def _sliced(parts: Sequence[_Part], axis: int, leads: bool) -> int:
    """How many PARTS, from the front (LEADS) or the back, are together the tail or the head of one value."""
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
    """True when CUT takes neighbours along AXIS and everything along the others."""
    others = [a for a in range(len(cut.sizes)) if a != axis]
    plain = all(cut.starts[a] == 0 and cut.sizes[a] == cut.x.type.shape[a] for a in others)
    return plain and set(cut.step_list) == {1}


def _widen(kernel: FusedKernel, match: _Match) -> None:
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
    """A loop kernel of BLOCK before ANCHOR that gives RESULT."""
    block.append(Yield(result))
    assert anchor.parent is not None
    made = FusedKernel(*operands, regions=[Region(block)], root="loop", loc=location)
    return anchor.parent.insert_before(anchor, made).result
