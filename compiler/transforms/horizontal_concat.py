"""Concats that want a part of a joined contraction's channels.

A concat that is elided has its producers write where their parts lie. A joined contraction writes
all of its channels as one run, of which a concat wants some. With those at the edge of the run, the
others may lie just outside the concat's own channels: the concat takes in the whole run, and what
read it reads a slice. So no kernel is needed to move the part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...dialects.core.affine import Dim, evaluate, total
from ...dialects.core.builtin import Yield
from ...dialects.core.ir import Block, Module, Region, Value
from ...dialects.core.location import Location
from ...dialects.fused import Kernel
from ...dialects.graph.movement import Concat, Slice
from ..ledger import Record, Verdict
from ..passes import PassContext


def order_for_concat(ends: Sequence[Value], axis: int) -> list[Value]:
    """ENDS so that those which a concat along AXIS begins or ends with stand at the edge that meets
    the rest of it; as they are when there is no such concat."""
    best: list[Value] = []
    leads = True
    for concat in dict.fromkeys(user for end in ends for user in end.users):
        if isinstance(concat, Concat) and concat.axis % concat.result.type.rank == axis:
            for front in (True, False):
                run = _run(concat, ends, front)
                if len(run) > len(best):
                    best, leads = run, front
    others = [end for end in ends if end not in best]
    return [*others, *best] if leads else [*best, *others]


def _run(concat: Concat, ends: Sequence[Value], front: bool) -> list[Value]:
    """The different ENDS that CONCAT begins with (FRONT) or ends with."""
    run: list[Value] = []
    for part in concat.parts if front else reversed(concat.parts):
        if part not in ends or part in run:
            break
        run.append(part)
    return run if front else run[::-1]


@dataclass(frozen=True)
class _Match:
    """A kernel that only joins: `whole` is the operand of which its first (`leads`) or last parts, of
    `moved` bytes, are the last or first channels; `rest` are its other parts, in order, along `axis`."""

    whole: Value
    rest: tuple[Value, ...]
    leads: bool
    axis: int
    moved: Dim


class WidenConcats:
    """concat(slice(j, tail), y, z) => slice(concat(j, y, z), from tail), likewise at the other end.

    At the fused level, for a contraction j and a concat that is a kernel of its own.
    """

    name = "widen-concat"

    def run(self, module: Module, context: PassContext) -> Module:
        for function in module.functions:
            for op in list(function.block):
                match = _match(op) if isinstance(op, Kernel) else None
                if match is not None and isinstance(op, Kernel):
                    self._apply(op, match, module, context)
        return module

    def _apply(self, kernel: Kernel, match: _Match, module: Module, context: PassContext) -> None:
        nodes = kernel.location.nodes
        if self.name in context.disabled:
            reason = f"the rule {self.name} is switched off"
            context.ledger.add(self.name, Verdict.DISABLED, reason, ops=(kernel.name,), nodes=nodes)
            return
        context.decide()
        reason = "the joined contraction writes the concat's part, and the other channels beside it"
        figures = {"launches_saved": 1, "bytes_saved": 2 * evaluate(match.moved, module.values_at("optimum"))}
        context.ledger.append(Record(self.name, (kernel.name,), nodes, Verdict.TAKEN, reason, figures))
        _widen(kernel, match)


def _match(kernel: Kernel) -> _Match | None:
    """KERNEL as a concat that can be widened; None for all others."""
    block = kernel.body.block
    yielded = block.terminator.inputs
    concat = yielded[0].producer
    if len(yielded) != 1 or not isinstance(concat, Concat):
        return None
    if not all(isinstance(user, Kernel) for user in kernel.results[0].users):
        return None  # an output or a reshape needs the concat dense
    axis = concat.axis % concat.result.type.rank
    outside = dict(zip(block.arguments, kernel.inputs, strict=True))
    for leads in (True, False):
        count = _sliced(concat.parts, axis, leads)
        rest = concat.parts[count:] if leads else concat.parts[: len(concat.parts) - count]
        if not count or not rest or any(part not in outside for part in rest):
            continue
        first = concat.parts[0 if leads else -1].producer
        assert isinstance(first, Slice)
        maker = outside[first.x].producer if first.x in outside else None
        if len(block) == count + 2 and isinstance(maker, Kernel) and maker.root == "contraction":
            moved = kernel.results[0].type.bytes - total(part.type.bytes for part in rest)
            return _Match(outside[first.x], tuple(outside[part] for part in rest), leads, axis, moved)
    return None


def _sliced(parts: Sequence[Value], axis: int, leads: bool) -> int:
    """How many PARTS, from the front (LEADS) or the back, are together the tail or the head of one value."""
    count = 0
    source: Value | None = None
    edge: Dim = 0
    for part in parts if leads else reversed(parts):
        cut = part.producer
        if not isinstance(cut, Slice) or not _along(cut, axis) or source not in (None, cut.x):
            break
        begin, end = cut.starts[axis], cut.starts[axis] + cut.sizes[axis]
        if source is not None and edge != (begin if leads else end):
            break
        source, edge = cut.x, end if leads else begin
        count += 1
    if source is None:
        return 0
    return count if edge == (source.type.shape[axis] if leads else 0) else 0


def _along(cut: Slice, axis: int) -> bool:
    """True when CUT takes neighbours along AXIS and everything along the others."""
    others = [a for a in range(len(cut.sizes)) if a != axis]
    plain = all(cut.starts[a] == 0 and cut.sizes[a] == cut.x.type.shape[a] for a in others)
    return plain and set(cut.step_list) == {1}


def _widen(kernel: Kernel, match: _Match) -> None:
    operands = [match.whole, *match.rest] if match.leads else [*match.rest, match.whole]
    block = Block([value.type for value in operands])
    longer = block.append(Concat(*block.arguments, axis=match.axis))
    wide = _kernel(kernel, operands, block, longer.result, kernel.location)
    shape = kernel.results[0].type.shape
    starts: list[Dim] = [0] * len(shape)
    if match.leads:
        starts[match.axis] = wide.type.shape[match.axis] - shape[match.axis]
    block = Block([wide.type])
    cut = block.append(Slice(block.arguments[0], starts=starts, sizes=shape))
    part = _kernel(kernel, [wide], block, cut.result, kernel.location)
    kernel.replace_by(part)


def _kernel(
    anchor: Kernel, operands: Sequence[Value], block: Block, result: Value, location: Location
) -> Value:
    """A loop kernel of BLOCK before ANCHOR that gives RESULT."""
    block.append(Yield(result))
    assert anchor.parent is not None
    made = Kernel(*operands, regions=[Region(block)], root="loop", loc=location)
    return anchor.parent.insert_before(anchor, made).result
