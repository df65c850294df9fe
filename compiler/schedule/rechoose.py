"""Other configurations for launches that exist: of a launch module, without the levels above it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...codegen.interface import (
    ArchSpec,
    Candidate,
    code_in_model_symbols,
    executed,
    families,
    kernel_name,
    realize,
    request_of,
)
from ...dialects.core.clone import clone_block
from ...dialects.core.ir import Region, Value
from ...dialects.core.module import Module
from ...dialects.launch import Kernel, kernels_in
from ...dialects.launch_memory import Buffer
from ..memory.concurrent_placement import place_concurrent
from ..memory.placement import place_buffers
from ..memory.stream_order import order_on_streams
from .reorder import outermost


def rechoose(module: Module, chosen: Mapping[Kernel, Candidate], target: ArchSpec) -> dict[Kernel, Kernel]:
    """Let launches of MODULE, for TARGET, run by the candidates CHOSEN; the new launch of each.

    Order, streams and operands stay. Scratch memory is as the candidates need it, and all memory is placed
    anew.
    """
    new = {op: replaced(module, op, candidate, target) for op, candidate in chosen.items()}
    kernels = list(kernels_in(module.main.block))
    if any(op.stream for op in kernels):
        place_concurrent(
            module, order_on_streams([set(op.waits) for op in kernels], [op.stream for op in kernels])
        )
    else:
        place_buffers(module)
    return new


def replaced(module: Module, op: Kernel, candidate: Candidate, target: ArchSpec) -> Kernel:
    """A launch by CANDIDATE on TARGET in the place of OP, a launch of MODULE."""
    request = request_of(module, op, target)
    name = kernel_name(request, candidate.family, candidate.config)
    code = realize(replace(request, name=name), candidate.family, candidate.config)
    code = code_in_model_symbols(module, code)
    scratch: list[Value] = []
    for own in code.scratch:
        buffer = Buffer(space=own.space, bytes=own.type.bytes, types=[own.type])
        scratch.append(module.main.block.insert_before(outermost(op), buffer).result)
    geometry, region = code.geometry, clone_block(op.body.block)
    kept = ("requested", "compute", "stacked", "stream", "waits", "pdl", "outputs")
    kernel = Kernel(
        *op.reads, *op.writes, *scratch,
        **{key: op.attributes[key] for key in kept},
        kernel=name, scratch=len(scratch), family=candidate.family, config=candidate.config,
        grid=geometry.grid, block=geometry.block, cluster=geometry.cluster,
        cooperative=geometry.cooperative, maps=code.maps, shared=geometry.shared,
        executed=executed(region, families()[candidate.family].rounds_operands),
        regions=[Region(region)], loc=op.location,
    )  # fmt: skip
    assert op.parent is not None
    op.parent.insert_before(op, kernel)
    _erase(op)
    return kernel


def _erase(op: Kernel) -> None:
    """Erase OP and its scratch buffers."""
    scratch = op.inputs[len(op.inputs) - op.scratch :]
    op.erase()
    for value in scratch:
        if value.producer is not None:
            value.producer.erase()
