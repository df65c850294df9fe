"""Rewrites of branches and loops: known conditions and trip counts, invariants, unused values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...dialects.control import ControlOp, ControlYield, If, Loop
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.clone import clone_op
from ...dialects.core.ir import Block, Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.sizes.proofs import Proofs
from ...dialects.graph.base import GraphOp
from ...dialects.graph.constants import Constant, constant
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.reshape import Reshape
from ..patterns.matching import constant_array, static_shape
from ..patterns.rewrite import Rewriter, pattern

# The most ops of an unrolled loop. Its iterations may fuse, and index by constants, but each may need kernels
# of its own, which take a fifth of a second each to compile.
UNROLLED_OPS = 64


@pattern("known-branch", If)
def known_branch(op: If, rewriter: Rewriter) -> bool:
    """if(constant){a}{b} => a or b"""
    condition = constant_array(op.condition, rewriter.module)
    if condition is None:
        return False
    taken = op.then if bool(condition) else op.otherwise
    rewriter.replace(op, *_inlined(taken.block, op.captures, rewriter), located=True)
    return True


@pattern("short-loop", Loop)
def short_loop(op: Loop, rewriter: Rewriter) -> bool:
    """loop{a few iterations}{few ops} => these iterations, one after the other"""
    if not isinstance(op.count, int) or op.may_end:
        return False
    size = sum(1 for inner in op.body.block for _ in inner.walk()) - 1
    scans = op.results[op.carried :]
    if op.count * size > UNROLLED_OPS or any(static_shape(value.type.shape) is None for value in scans):
        return False
    values, rows = list(op.initial), list[list[Value]]()
    for step in range(op.count):
        iteration = rewriter.insert(constant(rewriter.module, np.array(step, np.int64))).result
        yielded = _inlined(op.body.block, [iteration, *values, *op.captures], rewriter)
        values = yielded[: op.carried]
        rows.append(yielded[op.carried :])
    stacked = [_stacked([row[at] for row in rows], scan, rewriter) for at, scan in enumerate(scans)]
    rewriter.replace(op, *values, *stacked, located=True)
    return True


@pattern("constant-capture", If, Loop)
def constant_capture(op: ControlOp, rewriter: Rewriter) -> bool:
    """if or loop(constant){f(capture)} => if or loop{f(constant)}"""
    found = [(value, at) for value, at in op.passed() if at.uses and isinstance(value.producer, Constant)]
    for value, argument in found:
        assert isinstance(argument.owner, Block) and value.producer is not None
        inside = clone_op(value.producer, {})
        rewriter.insert(inside, before=argument.owner.first)
        rewriter.replace_value(argument, inside.result)
    return bool(found)


@pattern("unchanged-carried", Loop)
def unchanged_carried(op: Loop, rewriter: Rewriter) -> bool:
    """loop(x){x stays as it is} => a loop that captures x"""
    block = op.body.block
    carried = block.arguments[1 : 1 + op.carried]
    same = {at for at, (old, new) in enumerate(zip(carried, op.yielded, strict=False)) if old is new}
    if not same:
        return False
    initial = op.initial
    for at in sorted(same):
        rewriter.replace_value(carried[at], block.add_argument(carried[at].type, carried[at].hint))
        rewriter.replace_value(op.results[at], initial[at])
    moved = [initial[at] for at in sorted(same)]
    without_carried(op, rewriter, same, moved)
    return True


@pattern("unread-result", If, Loop)
def unread_result(op: ControlOp, rewriter: Rewriter) -> bool:
    """if or loop => the same without results that nothing reads"""
    unread = {value.index for value in op.results if not value.uses}
    if isinstance(op, Loop):
        carried = op.body.block.arguments[1 : 1 + op.carried]
        unread = {at for at in unread if at >= op.carried or not carried[at].uses}
    kept = [at for at in range(len(op.results)) if at not in unread]
    if not unread or not kept:
        return False
    if isinstance(op, Loop):
        without_carried(op, rewriter, unread, [])
        return True
    for region in op.regions:
        _yield(region.block, [region.block.terminator.inputs[at] for at in kept])
    _replaced(op, rewriter, op.operands, kept)
    return True


@pattern("unread-capture", If, Loop)
def unread_capture(op: ControlOp, rewriter: Rewriter) -> bool:
    """if or loop(x){no region reads x} => the same without x"""
    count = len(op.captures)
    blocks = [region.block for region in op.regions]
    used = [any(block.arguments[at - count].uses for block in blocks) for at in range(count)]
    if all(used):
        return False
    for block in blocks:
        first = len(block.arguments) - count
        _keep_arguments(block, [at for at in range(len(block.arguments)) if at < first or used[at - first]])
    captures = [value for value, read in zip(op.captures, used, strict=True) if read]
    _replaced(op, rewriter, [*op.consumed, *captures], range(len(op.results)))
    return True


@pattern("invariant-op", Loop)
def invariant_op(op: Loop, rewriter: Rewriter) -> bool:
    """loop(x){f(x) and more} => loop(f(x)){more}"""
    moved = _invariant(op, rewriter.module)
    if not moved:
        return False
    block, captures = op.body.block, list[Value]()
    mapping = {argument: value for value, argument in op.passed()}
    for each in moved:
        rewriter.insert(clone_op(each, mapping))
    for each in moved:
        value = each.result
        if not isinstance(each, Constant) and any(user not in moved for user in value.users):
            captures.append(mapping[value])
            rewriter.replace_value(value, block.add_argument(value.type, value.hint))
    for each in reversed(moved):
        if not each.result.uses:
            rewriter.erase(each)
    _replaced(op, rewriter, [*op.operands, *captures], range(len(op.results)))
    return True


PATTERNS = (
    known_branch,
    constant_capture,
    unchanged_carried,
    unread_result,
    unread_capture,
    short_loop,
    invariant_op,
)


# ---------------------------------------------------------------- parts of these


def _invariant(loop: Loop, module: Module) -> dict[Operation, None]:
    """The loop-invariant ops of LOOP's region, with the ops that they need, in order.

    Ops that produce more elements than they read, or only another view of them, stay: in a kernel they cost
    less than the memory that they would fill. So do ops that require sizes which only an iteration implies.
    """
    sizes, proofs = module.values_at("optimum"), Proofs(module)
    known = {argument for _, argument in loop.passed()}
    same: list[Operation] = []
    for op in loop.body.block:
        read = {value for value in op.inputs if not isinstance(value.producer, Constant)}
        movable = isinstance(op, GraphOp) and op.nofuse is None and len(op.results) == 1
        if movable and read and read <= known and _runs_anywhere(op, proofs):
            same.append(op)
            known.update(op.results)
    needed: set[Operation] = set()
    for op in reversed(same):
        count = sum(evaluate(value.type.elements, sizes) for value in op.inputs)
        grows = evaluate(op.result.type.elements, sizes) > count
        if op in needed or not (grows or isinstance(op, Reshape)):
            needed.update((op, *(value.producer for value in op.inputs if value.producer is not None)))
    return {op: None for op in loop.body.block if op in needed}


def _runs_anywhere(op: Operation, proofs: Proofs) -> bool:
    """Whether OP, of a loop, has no requirements on sizes that may fail if the loop has no iteration."""
    return all(need.relation != ">=" or proofs.proves(need.left - need.right) for need in op.needs())


def copied(block: Block, arguments: Sequence[Value]) -> tuple[list[Operation], list[Value]]:
    """Copies of the ops of BLOCK, a region's, with ARGUMENTS substituted, and the values yielded."""
    mapping = dict(zip(block.arguments, arguments, strict=True))
    made = [clone_op(op, mapping) for op in block if op.next is not None]
    return made, [mapping[value] for value in block.terminator.inputs]


def _inlined(block: Block, arguments: Sequence[Value], rewriter: Rewriter) -> list[Value]:
    """The values that BLOCK yields for ARGUMENTS, by copies of its ops before the root."""
    made, yielded = copied(block, arguments)
    for op in made:
        rewriter.insert(op)
    return yielded


def _stacked(rows: Sequence[Value], like: Value, rewriter: Rewriter) -> Value:
    """ROWS along a new first axis, as LIKE."""
    if not rows:
        empty = np.zeros(static_shape(like.type.shape) or (0,), like.type.dtype.numpy)
        return rewriter.insert(constant(rewriter.module, empty)).result
    parts = [rewriter.insert(Reshape(row, shape=(1, *row.type.shape))).result for row in rows]
    return rewriter.insert(Concat(*parts, axis=0)).result


def without_carried(loop: Loop, rewriter: Rewriter, dropped: set[int], captures: Sequence[Value]) -> None:
    """Drop the results DROPPED of LOOP, with their carried and yielded values; add CAPTURES."""
    block, kept = loop.body.block, [at for at in range(len(loop.results)) if at not in dropped]
    first = [] if loop.yielded_condition is None else [loop.yielded_condition]
    _yield(block, [*first, *(loop.yielded[at] for at in kept)])
    gone = {1 + at for at in dropped if at < loop.carried}
    _keep_arguments(block, [at for at in range(len(block.arguments)) if at not in gone])
    initial = [value for at, value in enumerate(loop.initial) if at not in dropped]
    operands = [loop.trip, loop.condition, *initial, *loop.captures, *captures]
    _replaced(loop, rewriter, operands, kept, carried=len(initial))


def _keep_arguments(block: Block, kept: Sequence[int]) -> None:
    block.arguments = [block.arguments[at] for at in kept]
    for index, argument in enumerate(block.arguments):
        argument.index = index


def _yield(block: Block, values: Sequence[Value]) -> None:
    old = block.terminator
    block.insert_before(old, ControlYield(*values, loc=old.location))
    old.erase()


def _replaced(
    op: ControlOp, rewriter: Rewriter, operands: Sequence[Value | None], kept: Sequence[int], **changes: Any
) -> None:
    """Replace OP by one with its regions, OPERANDS, attributes with CHANGES, and the results KEPT."""
    attributes = {name: value for name, value in op.attributes.items() if value is not None} | changes
    regions, op.regions = op.regions, ()
    types = [op.results[at].type for at in kept]
    new: Operation = type(op)(*operands, types=types, regions=regions, loc=op.location, **attributes)
    rewriter.insert(new)
    op.results = tuple(op.results[at] for at in kept)
    rewriter.replace(op, *new.results)
