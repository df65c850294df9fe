"""cse: common subexpression elimination keeps one of equal operations on equal operands."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from ...dialects.control import all_blocks
from ...dialects.core.attributes import Kind
from ...dialects.core.ir import Operation
from ...dialects.core.location import Location
from ...dialects.core.module import Module
from ...dialects.core.traits import Trait, has
from ...dialects.graph.base import nofuse_of
from ..passes.manager import PassContext


class CommonSubexpressions:
    """Replaces an operation by an earlier one that computes the same; operations with regions are kept."""

    name = "cse"

    def run(self, module: Module, context: PassContext) -> Module:
        for block in all_blocks(module):
            known: dict[Hashable, Operation] = {}
            equal: dict[Operation, list[Location]] = {}
            for op in list(block):
                if op.regions or has(op, Trait.TERMINATOR) or has(op, Trait.SIDE_EFFECT):
                    continue
                if nofuse_of(op) is not None:
                    continue
                first = known.setdefault(_key(op), op)
                if first is not op and self.name not in context.disabled:
                    equal.setdefault(first, []).append(op.location)
                    context.note(self.name, "an earlier op computes the same", op.name, op.location.nodes)
                    op.replace_by(*first.results)
            for first, locations in equal.items():
                first.location = first.location.merged(*locations)
        return module


def _content(value: Any, kind: Kind) -> Hashable:
    """A key for an attribute VALUE of KIND: its text, or the bytes of a tensor (the result has its type)."""
    return value.tobytes() if isinstance(value, np.ndarray) else kind.encode(value)


def _key(op: Operation) -> Hashable:
    """A key that is equal for operations that compute the same results."""
    fields = op.spec.attributes
    attributes = tuple(
        None if value is None else _content(value, fields[name].kind) for name, value in op.attributes.items()
    )
    return (type(op), op.operands, attributes, tuple(value.type for value in op.results))
