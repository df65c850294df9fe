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
        """OP in its own configuration."""
        if op.kernel not in self._own:
            request = self._request(op)
            time = expected(request, op.family, op.config)
            self._own[op.kernel] = self._variant(op, Candidate(op.family, dict(op.config), time))
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
                self._resized[key] = [own]
            else:
                found = resized(self._request(op), op.family, dict(op.config), threads)[:MOST_VARIANTS]
                made = [self._variant(op, candidate) for candidate in found]
                self._resized[key] = [variant for variant in made if variant.joinable]
        return self._resized[key]

    def _request(self, op: Kernel) -> Request:
        if op.kernel not in self._requests:
            self._requests[op.kernel] = replace(request_of(self._module, op, self.target), name="member")
        return self._requests[op.kernel]

    def _variant(self, op: Kernel, candidate: Candidate) -> Variant:
        request = self._request(op)
        code = realize(request, op.family, candidate.config)
        saturates = families()[op.family].saturates
        return Variant(candidate, MemberLoad.of(code, request, candidate.microseconds, saturates), code)
