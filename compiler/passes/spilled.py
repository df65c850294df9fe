"""Kernels that spilled registers, according to ptxas, in an earlier attempt at a build: not chosen again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ...codegen.interface import member_kernels
from ...dialects.launch import Kernel

SPILLED = "register-spill"
SUMMARY = "a kernel that spills registers => its next best configuration; a group that spills => its members"


@dataclass(frozen=True)
class Spilled:
    """The spilling kernels. kernels: the problem of each, by kernel name; apart: reasons by ONNX node, for
    nodes that must stay out of groups."""

    kernels: Mapping[str, str] = field(default_factory=dict)
    apart: Mapping[str, str] = field(default_factory=dict)

    def barred(self, nodes: Iterable[str]) -> str | None:
        """Why a launch of NODES must not join a group; None when it may."""
        return next((self.apart[node] for node in nodes if node in self.apart), None)

    def and_those(
        self, launches: Iterable[Kernel], problems: Mapping[str, str], chosen: Mapping[str, str]
    ) -> Spilled:
        """This with the kernels of LAUNCHES that PROBLEMS names, one sentence each.

        CHOSEN: the names under which kernels were chosen, if those of LAUNCHES differ.
        """
        nodes = {
            node: f"in a group {problems[op.kernel]}"
            for op in launches
            if op.kernel in problems and len(member_kernels(op)) > 1
            for node in op.location.nodes
        }
        kernels = {chosen.get(name, name): problem for name, problem in problems.items()}
        return Spilled({**self.kernels, **kernels}, {**self.apart, **nodes})
