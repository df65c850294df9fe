"""row-result: what is computed of a row kernel's result becomes a second result of that kernel.

    y = layer_norm(x); z = quantize(y); f(y); g(z)  =>  y, z = one kernel

A kernel of clusters gives one value. Where a row's result is read as it is and, say, in eight bits, the
elementwise kernel that makes the other form of it would read back what was stored a moment before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ...dialects.control import all_blocks
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.builtin import Yield
from ...dialects.core.clone import clone_op
from ...dialects.core.ir import Block, Region, Value
from ...dialects.core.location import merge
from ...dialects.core.module import Module
from ...dialects.core.traits import Trait, has
from ...dialects.fused import FusedKernel
from ...dialects.graph.constants import Constant
from ...dialects.roots import Root
from ..passes.ledger import Figure, Record, Verdict
from ..passes.manager import PassContext
from ..passes.switches import barrier_between


class RowResults:
    """y = row(x), z = elementwise(y) => y, z = row(x), where y is read by others, too.

    Runs at the fused level.
    """

    name: ClassVar[str] = "row-result"

    def run(self, module: Module, context: PassContext) -> Module:
        for block in all_blocks(module):
            for op in list(block):
                if isinstance(op, FusedKernel) and op.root is Root.ROW:
                    _join_readers(op, module, context)
        return module


def _join_readers(row: FusedKernel, module: Module, context: PassContext) -> None:
    """Make what is computed of the result of ROW alone further results of its kernel."""
    value = row.results[0]
    for reader in list(dict.fromkeys(value.users)):
        if len(value.uses) < 2 or not isinstance(reader, FusedKernel) or not _is_form(reader, value):
            continue
        verdict, reason, figures = _verdict(row, reader, context)
        if verdict is Verdict.TAKEN:
            context.decide()
            figures["bytes_saved"] = evaluate(value.type.bytes, module.values_at("optimum"))
        nodes, names = (*row.location.nodes, *reader.location.nodes), (row.name, reader.name)
        split = len(row.location.nodes)
        context.ledger.append(Record(RowResults.name, names, nodes, verdict, reason, figures, split))
        if verdict is Verdict.TAKEN:
            row = _joined(row, reader, value)
            value = row.results[0]


def _verdict(
    row: FusedKernel, reader: FusedKernel, context: PassContext
) -> tuple[Verdict, str, dict[str, Figure]]:
    """Whether READER becomes a part of ROW, why, and the figures that decide it."""
    barred = _barred(row, reader, context)
    if barred is not None:
        return Verdict.DISABLED, barred, {}
    most, size = context.options.kernel_ops, len(row.body.block) + len(reader.body.block) - 2
    if size > most:
        return Verdict.REFUSED, f"a kernel has at most {most} ops", {"ops": size}
    return Verdict.TAKEN, "both forms of a row are stored where it is computed", {"launches_saved": 1}


def _is_form(reader: FusedKernel, value: Value) -> bool:
    """Whether READER computes another form of VALUE: elementwise, of its shape, from it and constants."""
    ops = [op for op in reader.body.block if not isinstance(op, (Constant, Yield))]
    return (
        reader.root is Root.LOOP
        and len(reader.results) == 1
        and reader.results[0].type.shape == value.type.shape
        and all(has(op, Trait.ELEMENTWISE) for op in ops)
        and all(given is value or isinstance(given.producer, Constant) for given in reader.inputs)
    )


def _barred(row: FusedKernel, reader: FusedKernel, context: PassContext) -> str | None:
    """Why a switch keeps ROW and its READER apart; None where none does."""
    if RowResults.name in context.disabled:
        return f"the rule {RowResults.name} is switched off"
    reason = context.fusion_barrier(row.location.nodes, reader.location.nodes)
    if reason is None:
        pairs = ((one, other) for one in row.body.block for other in reader.body.block)
        reason = next(filter(None, (barrier_between(context, *pair) for pair in pairs)), None)
    return reason


def _joined(row: FusedKernel, reader: FusedKernel, value: Value) -> FusedKernel:
    """The kernel that stands for ROW, whose result VALUE is, and READER, in the place of ROW."""
    block, mapping, outside = Block(), dict[Value, Value](), dict[Value, Value]()
    made = row.body.block.terminator.inputs
    for given, argument in _arguments(row, reader):
        if given is not value and given not in outside:
            outside[given] = block.add_argument(argument.type, argument.hint)
        if given is not value:
            mapping[argument] = outside[given]
    for op in row.body.block:
        if op.next is not None:
            block.append(clone_op(op, mapping))
    for given, argument in zip(reader.inputs, reader.body.block.arguments, strict=True):
        if given is value:
            mapping[argument] = mapping[made[value.index]]
    for op in reader.body.block:
        if op.next is not None:
            block.append(clone_op(op, mapping))
    block.append(Yield(*(mapping[each] for each in (*made, *reader.body.block.terminator.inputs))))
    location = merge([row.location, reader.location])
    one = FusedKernel(*outside, regions=[Region(block)], loc=location, root=row.root)
    assert row.parent is not None
    row.parent.insert_before(row, one)
    _put(one, row, reader)
    return one


def _arguments(*kernels: FusedKernel) -> Iterator[tuple[Value, Value]]:
    """What KERNELS read, and the arguments of their regions that stand for it."""
    for kernel in kernels:
        yield from zip(kernel.inputs, kernel.body.block.arguments, strict=True)


def _put(one: FusedKernel, row: FusedKernel, reader: FusedKernel) -> None:
    """Put ONE in the place of ROW and READER. Constants that READER reads come first: they read nothing."""
    block = one.parent
    assert block is not None
    for given in reader.inputs:
        if isinstance(given.producer, Constant) and given.producer is not block.first:
            block.unlink(given.producer)
            block.insert_before(block.first, given.producer)
    for old, new in zip((*row.results, *reader.results), one.results, strict=True):
        new.hint, new.tensor = old.hint, old.tensor
        old.replace_by(new)
    reader.erase()
    row.erase()
