"""The launch of a group: several kernels as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ....dialects.core.ir import Block
from ....dialects.core.module import Module
from ....dialects.launch import Kernel
from ...arch.spec import ArchSpec
from ...request.make import in_model_symbols, make_request
from ...request.naming import kernel_name
from ...request.request import Config, Geometry, KernelCode
from .family import geometry_of
from .formats import member_formats
from .parts import GROUP, Share, group_config


@dataclass(frozen=True)
class GroupLaunch:
    """A group as it is launched: the name of its kernel, configuration, geometry in the symbols of the model,
    and the formats of its members."""

    name: str
    config: Config
    geometry: Geometry
    formats: Mapping[str, str]
    family: str = GROUP


def group_launch(
    module: Module,
    region: Block,
    members: Sequence[tuple[Kernel, Config, KernelCode]],
    target: ArchSpec,
) -> GroupLaunch:
    """The launch of MEMBERS of MODULE, each with its configuration in the group and its code, on TARGET.

    REGION has their regions side by side. Raises ValueError for members whose launches cannot be joined.
    """
    ops = [op for op, _, _ in members]
    config = group_config([Share(op.family, len(op.reads), op.outputs, own) for op, own, _ in members])
    reads = [value for op in ops for value in op.reads]
    writes = [value for op in ops for value in op.writes]
    request = make_request(module, region, reads, writes, target, "kernel")
    geometry = geometry_of([code for _, _, code in members])
    x, y, z = (in_model_symbols(module, dim) for dim in geometry.grid)
    return GroupLaunch(
        name=kernel_name(request, GROUP, config),
        config=config,
        geometry=replace(geometry, grid=(x, y, z)),
        formats=member_formats(ops),
    )
