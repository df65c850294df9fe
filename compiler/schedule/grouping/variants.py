"""Variants: the configurations in which a launch may join a group, its own or one with another block size."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....codegen.interface import (
    ArchSpec,
    Config,
    Geometry,
    KernelCode,
    MemberLoad,
    Request,
    expected,
    family_of,
    maps_of,
    realize,
    request_of,
    resized,
    unjoinable,
)
from ....dialects.core.ir import Module
from ....dialects.launch import Kernel

MOST_VARIANTS = 4


@dataclass(frozen=True, eq=False)
class Variant:
    """A configuration of a launch, with its load on the GPU and its code."""

    config: Config
    load: MemberLoad
    code: KernelCode

    @property
    def joinable(self) -> bool:
        """Whether its code can be that of a member."""
        return unjoinable(self.code.geometry, maps_of(self.code.parameters)) is None


class Variants:
    """The variants of MODULE's launches on TARGET, computed once for launches of the same kernel."""

    def __init__(self, module: Module, target: ArchSpec) -> None:
        self.target = target
        self._module = module
        self._requests: dict[str, Request] = {}
        self._own: dict[str, Variant] = {}
        self._resized: dict[tuple[str, int], list[Variant]] = {}

    def own(self, op: Kernel) -> Variant:
        """OP in its own configuration."""
        if op.kernel not in self._own:
            request = self._request(op)
            time = expected(request, op.family, op.config)
            self._own[op.kernel] = self._variant(op, dict(op.config), time)
        return self._own[op.kernel]

    def resized(self, op: Kernel, threads: int) -> list[Variant]:
        """OP with THREADS threads per block, best first, at most four variants.

        Where another tile would accumulate in another order, and so change results, an OP that already has
        such blocks keeps its configuration.
        """
        key = (op.kernel, threads)
        if key not in self._resized:
            own = self.own(op)
            tiled = family_of(op, op.family).accumulation.tiled
            if tiled and own.load.threads == threads:
                self._resized[key] = [own]
            else:
                found = resized(self._request(op), op.family, dict(op.config), threads)[:MOST_VARIANTS]
                made = [self._variant(op, c.config, c.microseconds) for c in found]
                self._resized[key] = [variant for variant in made if variant.joinable]
        return self._resized[key]

    def _request(self, op: Kernel) -> Request:
        if op.kernel not in self._requests:
            self._requests[op.kernel] = replace(request_of(self._module, op, self.target), name="member")
        return self._requests[op.kernel]

    def _variant(self, op: Kernel, config: Config, microseconds: float) -> Variant:
        request = self._request(op)
        code = realize(request, op.family, config)
        saturates = family_of(op, op.family).saturates
        return Variant(config, MemberLoad.of(code, request, microseconds, saturates), code)


def unfit(op: Kernel) -> str | None:
    """Why OP cannot be a member of a group; None when it can."""
    if not family_of(op, op.family).groupable:
        return f"kernels of the family {op.family} cannot be members of a group"
    reason = unjoinable(Geometry(op.grid, op.block, op.shared, op.cluster, op.cooperative), op.maps)
    if reason is not None:
        return reason.value
    if op.stacked:
        return "it writes one row of a stack, which members of a group do not"
    return None
