"""Makes one launch of two contractions."""

from __future__ import annotations

from ....codegen.interface import executed, families
from ....dialects.core.ir import Region
from ....dialects.core.location import merge as merge_locations
from ....dialects.launch import Kernel
from ...kernels.choice import Planned
from .draft import ChainDraft


def merged(draft: ChainDraft, planned: Planned) -> Kernel:
    """Replace the launches of DRAFT by one with the kernel PLANNED, at the place of the first; return it.

    Buffers keep their offsets.
    """
    first, geometry = draft.first, planned.code.geometry
    family = families()[planned.candidate.family]
    kernel = Kernel(
        *draft.reads, *draft.writes,
        kernel=planned.name, outputs=2, family=family.name, config=planned.candidate.config,
        requested=first.requested, compute=first.compute,
        executed=executed(draft.region, family.rounds_operands),
        grid=geometry.grid, block=geometry.block, cluster=geometry.cluster,
        cooperative=geometry.cooperative, maps=planned.code.maps, shared=geometry.shared,
        regions=[Region(draft.region)], loc=merge_locations([op.location for op in draft.ops]),
    )  # fmt: skip
    if planned.code.scratch:
        raise ValueError("chained kernels have no scratch memory")
    assert first.parent is not None
    first.parent.insert_before(first, kernel)
    for op in draft.ops:
        scratch = op.inputs[len(op.inputs) - op.scratch :]
        op.erase()
        for value in scratch:
            if value.producer is not None:
                value.producer.erase()
    return kernel
