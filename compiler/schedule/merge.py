"""Makes one launch of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...codegen.interface import executed, families
from ...dialects.core.ir import Block, Region, Value
from ...dialects.core.location import merge as merge_locations
from ...dialects.launch import Kernel
from ..kernels.choice import Planned


class Joint(Protocol):
    """Launches as one: its region, and the buffers that it reads and writes."""

    @property
    def ops(self) -> tuple[Kernel, ...]:
        """The launches, in order."""

    @property
    def lead(self) -> Kernel:
        """The launch whose format is theirs."""

    @property
    def region(self) -> Block:
        """Their regions as one."""

    @property
    def reads(self) -> Sequence[Value]:
        """The buffers that are read."""

    @property
    def writes(self) -> Sequence[Value]:
        """The buffers that are written."""


def merged(joint: Joint, planned: Planned) -> Kernel:
    """Replace the launches of JOINT by one with the kernel PLANNED, at the place of the first; return it.

    Buffers keep their offsets.
    """
    first, lead, geometry = joint.ops[0], joint.lead, planned.code.geometry
    family = families()[planned.candidate.family]
    kernel = Kernel(
        *joint.reads, *joint.writes,
        kernel=planned.name, outputs=len(joint.writes), family=family.name, config=planned.candidate.config,
        requested=lead.requested, compute=lead.compute,
        executed=executed(joint.region, family.rounds_operands),
        grid=geometry.grid, block=geometry.block, cluster=geometry.cluster,
        cooperative=geometry.cooperative, maps=planned.code.maps, shared=geometry.shared,
        regions=[Region(joint.region)], loc=merge_locations([op.location for op in joint.ops]),
    )  # fmt: skip
    if planned.code.scratch:
        raise ValueError("kernels of several launches have no scratch memory")
    assert first.parent is not None
    first.parent.insert_before(first, kernel)
    for op in joint.ops:
        scratch = op.inputs[len(op.inputs) - op.scratch :]
        op.erase()
        for value in scratch:
            if value.producer is not None:
                value.producer.erase()
    return kernel
