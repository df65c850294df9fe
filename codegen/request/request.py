"""What passes between kernel families and who asks them: targets, requests, candidates and code."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeVar

from ...dialects.core.affine import Dim
from ...dialects.core.ir import Block, Operation
from ...dialects.core.types import TensorType
from ..arch.spec import ArchSpec
from .parameters import Parameter

Config = dict[str, int | str]
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Request:
    """A kernel to be made: its region, the types of the buffers it writes, the symbols' sizes.

    `weights` are the positions of inputs that no kernel ever writes; `known` keeps what a family has found
    out about it, for the next time it is asked.
    """

    region: Block
    writes: tuple[TensorType, ...]
    ranges: Mapping[str, tuple[int, int]]
    optimum: Mapping[str, int]
    target: ArchSpec
    name: str = "kernel"
    weights: frozenset[int] = frozenset()
    known: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def once(self, key: Hashable, find: Callable[[], Found]) -> Found:
        """What FIND gives, under KEY, without finding it again."""
        if key not in self.known:
            self.known[key] = find()
        found: Found = self.known[key]
        return found

    @property
    def reads(self) -> tuple[TensorType, ...]:
        return tuple(argument.type for argument in self.region.arguments)

    @property
    def ops(self) -> tuple[Operation, ...]:
        return tuple(op for op in self.region if op.next is not None)

    @property
    def symbols(self) -> list[str]:
        return sorted(self.ranges)


@dataclass(frozen=True)
class Candidate:
    """A way to run a kernel, with the time that the cost model expects."""

    family: str
    config: Config
    microseconds: float

    def __post_init__(self) -> None:
        """ValueError for a time that cannot be compared with others."""
        if not 0 <= self.microseconds < inf:
            raise ValueError(f"{self.family} expects {self.microseconds} microseconds of a kernel")


@dataclass(frozen=True)
class Geometry:
    """How a kernel is launched: blocks, threads of a block, bytes of dynamic shared memory.

    `cluster` blocks share a cluster, and with it their shared memory. All blocks of a `cooperative` launch
    are on the GPU at the same time, so that they may wait for each other.
    """

    grid: tuple[Dim, Dim, Dim]
    block: tuple[int, int, int]
    shared: int = 0
    cluster: tuple[int, int, int] = (1, 1, 1)
    cooperative: bool = False


@dataclass(frozen=True)
class KernelCode:
    """The template and the spec that make a kernel's source, how it is launched and what it is given.

    `resident`: the blocks that it is compiled to have side by side on a multiprocessor, where it says so.
    """

    template: str
    spec: object = field(repr=False)
    geometry: Geometry
    parameters: tuple[Parameter, ...]
    resident: int | None = None
