"""Copies operations, blocks and modules, for conversions that build a new module from an existing one."""

from __future__ import annotations

from .ir import Block, Operation, Region, Value
from .module import Function, Module
from .traits import Trait, has


def clone_op(op: Operation, mapping: dict[Value, Value]) -> Operation:
    """A detached copy of OP whose operands are mapped by MAPPING; its results are added to MAPPING."""
    operands = [None if value is None else mapping[value] for value in op.operands]
    seen = mapping if has(op, Trait.OPEN) else None
    regions = [Region(clone_block(block, seen)) for region in op.regions for block in region.blocks]
    types = [value.type for value in op.results]
    attributes = {name: value for name, value in op.attributes.items() if value is not None}
    copy = type(op)(*operands, types=types, regions=regions, loc=op.location, **attributes)
    for old, new in zip(op.results, copy.results, strict=True):
        new.hint, new.tensor = old.hint, old.tensor
        mapping[old] = new
    return copy


def clone_block(block: Block, mapping: dict[Value, Value] | None = None) -> Block:
    """A copy of BLOCK: its arguments and its operations. MAPPING, if given, is extended by both."""
    known = {} if mapping is None else mapping
    copy = Block()
    for argument in block.arguments:
        known[argument] = copy.add_argument(argument.type, argument.hint)
    for op in block:
        copy.append(clone_op(op, known))
    return copy


def clone_module(module: Module) -> Module:
    """A deep copy of MODULE, except that the weights are shared."""
    copy = module.emptied()
    copy.resources = module.resources.copy()
    for function in module.functions:
        new = copy.add(Function(function.name, function.inputs, function.outputs))
        mapping: dict[Value, Value] = {}
        for argument in function.arguments:
            mapping[argument] = new.block.add_argument(argument.type, argument.hint)
        for op in function.block:
            new.block.append(clone_op(op, mapping))
    return copy
