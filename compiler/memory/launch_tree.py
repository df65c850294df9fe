"""The launches of a function as a tree: by number, in the lists of launches that contain them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...dialects.core.ir import Block
from ...dialects.core.module import Function
from ...dialects.launch import Kernel
from ...dialects.launch_control import LaunchControl, LaunchLoop


@dataclass(frozen=True, eq=False)
class Scope:
    """A list of launches: the function's own, or region `branch` of `op`, inside the list `parent`."""

    op: LaunchControl | None = None
    branch: int = 0
    parent: Scope | None = None

    def chain(self) -> Iterator[Scope]:
        """This list and the enclosing ones, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def encloses(self, other: Scope) -> bool:
        """Whether whatever runs in OTHER runs after all earlier launches of this list."""
        return any(scope is self for scope in other.chain())

    def excludes(self, other: Scope) -> bool:
        """Whether only one of the two can run: they are in different regions of one branch."""
        mine = {id(scope.op): scope for scope in self.chain() if not isinstance(scope.op, LaunchLoop)}
        found = (mine.get(id(scope.op)) for scope in other.chain() if scope.op is not None)
        shared = next((scope for scope in found if scope is not None), None)
        return shared is not None and not shared.encloses(other)

    def loops(self) -> list[LaunchLoop]:
        """The enclosing loops, innermost first."""
        return [scope.op for scope in self.chain() if isinstance(scope.op, LaunchLoop)]


@dataclass(frozen=True, eq=False)
class Extent:
    """The launches of a control op: numbers `first` to `end` (excluded); `scope` is the list that contains
    it."""

    scope: Scope
    first: int
    end: int


class LaunchTree:
    """The launches of FUNCTION: `kernels` by number, and the list that contains each (`scopes`).

    `extents` are those of all control ops, outer ones first; `segments` the launches of each list, cut at
    control ops.
    """

    def __init__(self, function: Function) -> None:
        self.root = Scope()
        self.kernels: list[Kernel] = []
        self.scopes: list[Scope] = []
        self.extents: dict[LaunchControl, Extent] = {}
        self.segments: list[list[int]] = []
        self._visit(function.block, self.root)

    def _visit(self, block: Block, scope: Scope) -> None:
        segment: list[int] = []
        for op in block:
            if isinstance(op, Kernel):
                segment.append(len(self.kernels))
                self.kernels.append(op)
                self.scopes.append(scope)
            elif isinstance(op, LaunchControl):
                self.segments.append(segment)
                segment = []
                self._control(op, scope)
        self.segments.append(segment)

    def _control(self, op: LaunchControl, scope: Scope) -> None:
        first = len(self.kernels)
        self.extents[op] = Extent(scope, first, first)  # outer ones first
        for branch, region in enumerate(op.regions):
            self._visit(region.block, Scope(op, branch, scope))
        self.extents[op] = Extent(scope, first, len(self.kernels))
