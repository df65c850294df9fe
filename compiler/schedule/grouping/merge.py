"""Merges launches into one: operands, regions and configurations are concatenated."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from ....codegen.interface import ArchSpec, code_in_model_symbols, group_launch
from ....dialects.core.builtin import Yield
from ....dialects.core.clone import clone_op
from ....dialects.core.ir import Block, Operation, Region, Value
from ....dialects.core.location import merge as merge_locations
from ....dialects.core.module import Module
from ....dialects.launch import Kernel
from ....dialects.launch_memory import Buffer
from ..reorder import outermost
from .drafts import GroupDraft
from .variants import Variant


def merged(module: Module, draft: GroupDraft, target: ArchSpec) -> Kernel:
    """Replace the launches of DRAFT in MODULE by one, and return it; buffers keep their offsets."""
    reads = [value for op in draft.ops for value in op.reads]
    writes = [value for op in draft.ops for value in op.writes]
    scratch = [
        value
        for op, variant in zip(draft.ops, draft.variants, strict=True)
        for value in _scratch(module, op, variant)
    ]
    region = _side_by_side(draft.ops)
    members = [
        (op, own.candidate.config, own.code) for op, own in zip(draft.ops, draft.variants, strict=True)
    ]
    launch = group_launch(module, region, members, target)
    geometry = launch.geometry
    kernel = Kernel(
        *reads, *writes, *scratch,
        kernel=launch.name, outputs=len(writes), scratch=len(scratch),
        family=launch.family, config=launch.config, grid=geometry.grid, block=geometry.block,
        cluster=geometry.cluster, shared=geometry.shared, regions=[Region(region)],
        member_formats=launch.formats, loc=merge_locations([op.location for op in draft.ops]),
    )  # fmt: skip
    block = draft.ops[-1].parent
    assert block is not None
    block.insert_before(draft.ops[-1], kernel)
    for op in draft.ops:
        _erase(op, kernel)
    return kernel


def _scratch(module: Module, op: Kernel, variant: Variant) -> list[Value]:
    """The scratch buffers of OP, or new ones where VARIANT needs other types."""
    own = list(op.inputs[len(op.inputs) - op.scratch :])
    wanted = code_in_model_symbols(module, variant.code).scratch
    if [value.type for value in own] == [need.type for need in wanted]:
        return own
    made = [Buffer(space=need.space, bytes=need.type.bytes, types=[need.type]) for need in wanted]
    return [module.main.block.insert_before(outermost(op), buffer).result for buffer in made]


def _side_by_side(ops: Sequence[Kernel]) -> Block:
    region = Block()
    results: list[Value] = []
    for op in ops:
        copies: dict[Value, Value] = {}
        for argument in op.body.block.arguments:
            copies[argument] = region.add_argument(argument.type, argument.hint)
        for inner in op.body.block:
            if inner.next is not None:
                region.append(clone_op(inner, copies))
        results += [copies[value] for value in op.body.block.terminator.inputs]
    region.append(Yield(*results))
    return region


def _erase(op: Kernel, successor: Kernel) -> None:
    """Erase OP, and its scratch buffers unless SUCCESSOR uses them."""
    scratch = op.inputs[len(op.inputs) - op.scratch :]
    op.erase()
    for value in scratch:
        if value not in successor.inputs and value.producer is not None:
            value.producer.erase()


def in_order(groups: Sequence[GroupDraft], needs: Sequence[set[int]]) -> list[GroupDraft]:
    """GROUPS in topological order of their members' dependencies NEEDS, and otherwise in program order."""
    home = {index: number for number, group in enumerate(groups) for index in group.indices}
    waiting: list[set[int]] = [set() for _ in groups]
    followers: list[set[int]] = [set() for _ in groups]
    for index, wanted in enumerate(needs):
        for other in wanted:
            waiting[home[index]].add(home[other])
            followers[home[other]].add(home[index])
    missing = [len(others) for others in waiting]
    ready = [(min(groups[number].indices), number) for number, count in enumerate(missing) if not count]
    heapq.heapify(ready)
    order = []
    while ready:
        _, number = heapq.heappop(ready)
        order.append(groups[number])
        for other in followers[number]:
            missing[other] -= 1
            if not missing[other]:
                heapq.heappush(ready, (min(groups[other].indices), other))
    return order


def launches_in_order(groups: Sequence[GroupDraft], module: Module, target: ArchSpec) -> list[Operation]:
    """The launch of each of GROUPS: its only member, or its members merged into one."""
    return [
        merged(module, group.longest_first(), target) if len(group.ops) > 1 else group.ops[0]
        for group in groups
    ]
