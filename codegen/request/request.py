"""The data exchanged with kernel families: requests, candidates, launch geometry and code."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeVar

from ...dialects.core.affine import Dim
from ...dialects.core.ir import Block, Operation
from ...dialects.core.tensor_map import TensorMap
from ...dialects.core.types import TensorType
from ...dialects.graph.base import is_scalar
from ..arch.spec import ArchSpec
from .parameters import Parameter, ScratchParameter, maps_of, scratch_of

# The configuration of a kernel by its family, such as tile sizes and pipeline stages: stands in launch text.
Config = dict[str, int | str]
Found = TypeVar("Found")
ROW = "_row"  # the symbol for the row that a stacked kernel writes, which it reads from its last input


@dataclass(frozen=True, eq=False)
class Request:
    """A request for one kernel, which kernel families answer with candidates and code.

    region: the ops to compute; its arguments are the buffers that the kernel reads.
    writes: the types of the buffers that it writes, with shapes and strides.
    ranges, optimum: (minimum, maximum) of every symbol, and the size that the kernel is tuned for.
    target: the architecture that it is made for.
    weights: the positions of the inputs that are weights, which no kernel ever writes.
    given: of an op whose kernel makes use of it, the positions of the inputs that callers give: they are
    there before the first kernel of a run starts, and no kernel writes them.
    known: a cache for what families derive from the request; see `once`.
    """

    region: Block
    writes: tuple[TensorType, ...]
    ranges: Mapping[str, tuple[int, int]]
    optimum: Mapping[str, int]
    target: ArchSpec
    name: str = "kernel"
    weights: frozenset[int] = frozenset()
    given: frozenset[int] = frozenset()
    known: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def once(self, key: Hashable, find: Callable[[], Found]) -> Found:
        """The result of FIND, which is called only the first time that KEY is asked for."""
        if key not in self.known:
            self.known[key] = find()
        found: Found = self.known[key]
        return found

    @property
    def reads(self) -> tuple[TensorType, ...]:
        """The types of the buffers that the kernel reads."""
        return tuple(argument.type for argument in self.region.arguments)

    @property
    def ops(self) -> tuple[Operation, ...]:
        """The ops of the region, without its terminator."""
        return tuple(op for op in self.region if op.next is not None)

    @property
    def is_scalar(self) -> bool:
        """Whether every op of the region defines its result as a scalar expression."""
        return all(is_scalar(op) for op in self.ops)

    @property
    def stacked(self) -> bool:
        """Whether the kernel writes one row of its outputs, whose number is its last input."""
        return ROW in self.ranges

    @property
    def rows(self) -> tuple[int, int] | None:
        """The range of the row number of a stacked kernel."""
        return self.ranges.get(ROW)

    @property
    def symbols(self) -> list[str]:
        """The symbols that the request declares, sorted by name."""
        return sorted(self.ranges)


@dataclass(frozen=True)
class Candidate:
    """One way to run a requested kernel: a family, its configuration, and the expected time.

    `microseconds` is the cost model's estimate at the symbols' optimal sizes.
    """

    family: str
    config: Config
    microseconds: float

    def __post_init__(self) -> None:
        """ValueError for a time that cannot be compared with others."""
        if not 0 <= self.microseconds < inf:
            raise ValueError(f"{self.family} expects {self.microseconds} microseconds of a kernel")


@dataclass(frozen=True)
class Geometry:
    """The launch geometry of a kernel: `grid` in blocks, `block` in threads, `cluster` in blocks.

    `shared` is the dynamic shared memory of a block in bytes. Blocks of a cluster can access each other's
    shared memory. All blocks of a `cooperative` launch are resident at the same time, so that they may wait
    for each other.
    """

    grid: tuple[Dim, Dim, Dim]
    block: tuple[int, int, int]
    shared: int = 0
    cluster: tuple[int, int, int] = (1, 1, 1)
    cooperative: bool = False


@dataclass(frozen=True)
class KernelCode:
    """The code of one kernel: a template with the spec to render it, its launch geometry and its parameters.

    `resident` is the occupancy that the kernel is compiled for, in blocks per multiprocessor; None where its
    source does not ask for one. `header` names the header of intrinsics that it includes.
    """

    template: str
    spec: object = field(repr=False)
    geometry: Geometry
    parameters: tuple[Parameter, ...]
    resident: int | None = None
    header: str = "glass"

    @property
    def scratch(self) -> list[ScratchParameter]:
        """Its workspaces and counters, in order."""
        return scratch_of(self.parameters)

    @property
    def maps(self) -> list[TensorMap]:
        """Its tensor maps, in order."""
        return maps_of(self.parameters)
