"""The memory map: which bytes of the arena each buffer has, and from which launch to which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....errors import PlanError
from ....runtime.expressions import evaluate
from ....runtime.manifest import Manifest
from ....runtime.plan import Plan
from ....runtime.steps import Repeat, controls_in, launches_in, lists_of
from ..launches import BufferFacts

ARENA = "arena"


def memory_map(plan: Plan, buffers: Sequence[BufferFacts]) -> dict[str, Any]:
    """Those of BUFFERS, the buffers of PLAN at some sizes, that lie in the arena and that launches use, as
    JSON data.

    `most` are the bytes at the largest sizes, which offsets leave room for; `first` is the launch that writes
    a buffer first, `last` the last one that may use it.
    """
    loops = _loops(plan.spec)
    largest = {name: each.maximum for name, each in plan.spec.symbols.items()}
    rows = []
    for buffer in buffers:
        if buffer.space == ARENA and buffer.users:
            first, last = _lifetime(buffer.users, loops)
            most = _most(plan.spec, buffer, largest)
            own = {"name": buffer.name, "offset": buffer.offset, "bytes": buffer.bytes, "most": most}
            rows.append(own | {"first": first, "last": last, "users": list(buffer.users)})
    return {"bytes": plan.spec.arena_bytes, "buffers": rows}


def _loops(spec: Manifest) -> list[set[int]]:
    """The launches of each loop."""
    return [
        {index for each in lists_of(step) for index in launches_in(each)}
        for step in controls_in(spec.steps)
        if isinstance(step, Repeat)
    ]


def _lifetime(users: Sequence[int], loops: Sequence[set[int]]) -> tuple[int, int]:
    """The first and the last launch of a buffer with these USERS: what is used in a loop and outside of it
    lives through all of the loop."""
    held = set(users)
    for loop in loops:
        if held & loop and held - loop:
            held |= loop
    return min(held), max(held)


def _most(spec: Manifest, buffer: BufferFacts, largest: Mapping[str, int]) -> int:
    """The bytes of BUFFER at the LARGEST sizes; those that it has where sizes have no largest values."""
    try:
        return max(evaluate(spec.buffers[buffer.name].bytes, largest), buffer.bytes)
    except PlanError:
        return buffer.bytes
