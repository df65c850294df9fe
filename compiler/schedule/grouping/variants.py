"""Variants: the configurations in which a launch may join a group, its own or one with another block size."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....codegen.interface import (
    ArchSpec,
    Candidate,
    KernelCode,
    MemberLoad,
    Request,
    expected,
    families,
    of_members,
    realize,
    request_of,
    resized,
    unjoinable,
)
from ....dialects.core.module import Module
from ....dialects.launch import Kernel

MOST_VARIANTS = 4


@dataclass(frozen=True, eq=False)
class Variant:
    """A configuration of a launch, with its load on the GPU and its code."""

    candidate: Candidate
    load: MemberLoad
    code: KernelCode

    @property
    def joinable(self) -> bool:
        """Whether its code can be that of a member."""
        return unjoinable(self.code.geometry, self.code.maps) is None


class Variants:
    """The variants of MODULE's launches on TARGET, computed once for launches of the same kernel."""

    def __init__(self, module: Module, target: ArchSpec) -> None:
        self.target = target
        self._module = module
        self._requests: dict[str, Request] = {}
        self._own: dict[str, Variant] = {}
        self._resized: dict[tuple[str, int], list[Variant]] = {}

    def own(self, op: Kernel) -> Variant:
        """OP in its own configuration, with its time as a launch of its own."""
        if op.kernel not in self._own:
            alone = request_of(self._module, op, self.target)
            self._own[op.kernel] = self._in_own(op, expected(alone, op.family, op.config))
        return self._own[op.kernel]

    def resized(self, op: Kernel, threads: int) -> list[Variant]:
        """OP with THREADS threads per block, best first, at most four variants.

        Where another tile would accumulate in another order, and so change results, an OP that already has
        such blocks keeps its configuration.
        """
        key = (op.kernel, threads)
        if key not in self._resized:
            own = self.own(op)
            tiled = families()[op.family].accumulation.tiled
            if tiled and own.load.threads == threads:
                self._resized[key] = [self._in_own(op, expected(self._request(op), op.family, op.config))]
            else:
                found = resized(self._request(op), op.family, dict(op.config), threads)[:MOST_VARIANTS]
                made = [self._variant(op, candidate) for candidate in found]
                self._resized[key] = [variant for variant in made if variant.joinable]
        return self._resized[key]

    def _request(self, op: Kernel) -> Request:
        """The request for OP as a member."""
        if op.kernel not in self._requests:
            request = request_of(self._module, op, of_members(self.target))
            self._requests[op.kernel] = replace(request, name="member")
        return self._requests[op.kernel]

    def _in_own(self, op: Kernel, time: float) -> Variant:
        return self._variant(op, Candidate(op.family, dict(op.config), time))

    def _variant(self, op: Kernel, candidate: Candidate) -> Variant:
        request = self._request(op)
        code = realize(request, op.family, candidate.config)
        saturates = families()[op.family].saturates
        return Variant(candidate, MemberLoad.of(code, request, candidate.microseconds, saturates), code)
