"""Changes launch modules, and runs what they become."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from glassrt import GlassError
from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Operation, Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.launch import Kernel
from glassrt.dialects.launch_memory import Buffer
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

Array = np.ndarray[Any, Any]
LOCATED = re.compile(r"\n  at <ir>:\d+:\d+\n")


def copy(module: Module) -> Module:
    return parse_module(print_module(module), ALL_DIALECTS, module.resources)


def outcome(module: Module, inputs: Mapping[str, Array]) -> dict[str, Array] | None:
    """The outputs; None when the module cannot even run."""
    try:
        with np.errstate(all="ignore"):
            return interpret(module, inputs)
    except (GlassError, ValueError, TypeError, IndexError):
        return None


def same(one: Mapping[str, Array], other: Mapping[str, Array] | None) -> bool:
    return other is not None and all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)


def is_located(bad: Module) -> bool:
    """Whether the checker flags BAD; what it says has a line and a column."""
    found = list(faults(bad))
    assert all(LOCATED.search(str(error)) for error in found), found
    return bool(found)


def agrees(good: Module, others: Sequence[Module], inputs: Mapping[str, Array]) -> None:
    """Assert that OTHERS answer as GOOD does."""
    want = outcome(good, inputs)
    assert want is not None
    for module in others:
        assert same(want, outcome(module, inputs)), print_module(module)


def pick(data: DataObject, ops: Sequence[Operation]) -> Any:
    assume(ops)
    return data.draw(st.sampled_from(ops))


def of(module: Module, *kinds: type[Operation]) -> list[Any]:
    return [op for op in module.main.block if isinstance(op, kinds)]


def arena(module: Module) -> list[Buffer]:
    return [op for op in of(module, Buffer) if op.space == "arena"]


def is_written(value: Value) -> bool:
    return any(isinstance(user, Kernel) and value in user.writes for user in value.users)


def retype(value: Value, type: Any) -> None:
    """Give VALUE another type, and the arguments of the regions that read it."""
    value.type = type
    for user, index in value.uses:
        if isinstance(user, Kernel) and index < len(user.reads):
            user.body.block.arguments[index].type = type


def reordered(module: Module, order: Sequence[Operation]) -> Module:
    """The kernels of MODULE in ORDER, after all buffers and views."""
    block = module.main.block
    end = block.terminator
    for kernel in order:
        block.unlink(kernel)
    for kernel in order:
        block.insert_before(end, kernel)
    return module


def allowed_order(module: Module, data: DataObject) -> Module:
    """MODULE with its launches in an order that streams and waits allow."""
    kernels = of(module, Kernel)
    left = dict(enumerate(kernels))
    order = []
    while left:
        first = {kernel.stream: index for index, kernel in reversed(left.items())}
        ready = sorted(i for i in first.values() if not any(wait in left for wait in left[i].waits))
        order.append(left.pop(data.draw(st.sampled_from(ready))))
    return reordered(module, order)
