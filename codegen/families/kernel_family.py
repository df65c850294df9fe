"""The interface of a kernel family: the traits that it declares, and the methods that it implements.

No code outside of a family's own files refers to it by name. A decision that depends on the family of a
kernel asks for one of its traits, through the registry.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import IntEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Block
from ...dialects.graph.attention import Attention
from ...dialects.graph.convolution import Conv
from ...dialects.graph.interaction import Interaction
from ...dialects.graph.pool import MaxPool
from ...dialects.graph.recurrence import Recurrence
from ..arch.features import Feature
from ..arch.spec import ArchSpec
from ..request.request import Candidate, Config, KernelCode, Request
from .executed import drop_rounding

# What `KernelFamily.realize` may raise for a configuration that is not legal.
ILLEGAL = (ArithmeticError, AssertionError, LookupError, TypeError, ValueError)


class Rank(IntEnum):
    """How specialised a kernel family is; lower is more specialised.

    The most specialised family with a candidate for a kernel runs it. Families of equal rank compete by cost.
    """

    SPECIAL_CASE = 0  # designed for a special case of an op, such as depthwise convolutions
    TENSOR_CORES = 1  # designed for an op, on tensor cores
    SCALAR_UNITS = 2  # designed for an op, on the scalar units
    ROWS = 3  # any reduction along rows
    GENERAL = 4  # any scalar expression


@dataclass(frozen=True)
class Accumulation:
    """How a kernel family accumulates the products of a contraction, as error bounds need to know it.

    Products are added in the op's accumulate type, except where an operand has one of the types `coarse`:
    there, groups of `terms` products are first added with the unit roundoff `roundoff`, relative to the
    largest of them. `tiled`: the order of summation depends on the tiles of the configuration, so that two
    configurations may differ in the last bits.
    """

    coarse: frozenset[DType] = frozenset()
    terms: float = math.inf
    roundoff: float = 0.0
    tiled: bool = False

    def is_coarse(self, operands: Iterable[DType]) -> bool:
        """Whether products of operands of the types OPERANDS are added with `roundoff`."""
        return not self.coarse.isdisjoint(operands)

    def excess(self, operands: Iterable[DType], terms: float) -> float:
        """The error of a sum of TERMS products beyond that of the accumulate type; 0 unless it is coarse.

        A statistical estimate, which grows with the square root of the number of products that are added
        coarsely. It is relative to the sum of the magnitudes of the products; OPERANDS are operand types.
        """
        return math.sqrt(min(terms, self.terms)) * self.roundoff if self.is_coarse(operands) else 0.0


@dataclass(frozen=True, kw_only=True)
class FamilyTraits:
    """What is known of a kernel family's kernels, without asking it for one.

    A family that is made of a product has the traits that the product states.

    - name: identifies the family in launch text, and in the configuration of a group.
    - rank: how specialised it is; decides which families come first.
    - needs_features: the features that a target must have to compile its kernels.
    - rounds_operands: whether it executes a contraction's `multiply`; others multiply operands as stored.
    - groupable: whether its kernels can be in a group; its template must take `member` (lib/place.cu.j2).
    - saturates: whether a single block keeps the units of a multiprocessor busy.
    - accumulation: how it accumulates products.
    - turns: whether its kernels take their tiles from the last to the first if their configuration says
      `turned`.
    - stacks: whether its kernels can write one row of their outputs (`Request.stacked`).
    - chains: whether its kernels compute two contractions, of which one reads what the other results in.
    - heads: whether its kernels compute a convolution and the contractions behind it, and do not store what
      it results in.
    - unpacks: whether its kernels multiply packed weights as they are stored.
    - computes_rows: whether blocks of its products compute the rows that they multiply, which are reduced.
    - takes_halves: whether its products have columns of both halves in a tile, which what follows reads.
    - encloses: whether its kernels compute a depthwise convolution and the contractions around it.
    - caches: whether its kernels compute attention with what is new in the caches of keys and values.
    """

    name: str
    rank: Rank
    needs_features: frozenset[Feature] = frozenset()
    rounds_operands: bool = False
    groupable: bool = False
    saturates: bool = False
    accumulation: Accumulation = Accumulation()
    turns: bool = False
    stacks: bool = False
    chains: bool = False
    heads: bool = False
    unpacks: bool = False
    computes_rows: bool = False
    takes_halves: bool = False
    encloses: bool = False
    caches: bool = False

    def traits(self) -> dict[str, Any]:
        """The traits alone, by name."""
        return {own.name: getattr(self, own.name) for own in fields(FamilyTraits)}


@dataclass(frozen=True, kw_only=True)
class KernelFamily(FamilyTraits, ABC):
    """A way to generate kernels for a class of regions, such as tiled contractions or reductions along rows.

    Two families are equal when they have the same class and equal traits.
    """

    def drop_rounding(self, region: Block) -> bool:
        """Remove `multiply` from REGION's ops unless it rounds operands; returns whether there was any."""
        return not self.rounds_operands and drop_rounding(region)

    @property
    def designed(self) -> bool:
        """Whether its kernels are designed for an op, and so must not spill registers.

        Kernels of other families compute whatever their region needs, and may spill.
        """
        return self.rank < Rank.ROWS

    def runs_on(self, target: ArchSpec) -> bool:
        """Whether TARGET has all features that the kernels need."""
        return target.has(*self.needs_features)

    def attends(self, op: Attention, operands: DType) -> bool:
        """Whether it has kernels for OP with queries, keys and values that are stored as OPERANDS.

        Attention that no family of the target has a kernel for is decomposed at the graph level.
        """
        return False

    def recurrence_time(
        self, op: Recurrence, operands: DType, target: ArchSpec, sizes: Mapping[str, int]
    ) -> float | None:
        """The expected microseconds of its kernel for OP on TARGET, whose floats are stored as OPERANDS, at
        SIZES; None where it has none.

        Recurrent ops that no family has a kernel for become loops at the graph level.
        """
        return None

    def interacts(self, op: Interaction, operands: DType, target: ArchSpec) -> bool:
        """Whether it has a kernel for OP on TARGET with features that are stored as OPERANDS.

        Only then are the ops that an interaction stands for replaced by it.
        """
        return False

    def reads_any_layout(self, op: Conv, operands: DType) -> bool:
        """Whether it has kernels for OP, multiplying in OPERANDS, that read its input in any layout and any
        float type as fast as channels-last: such an input is not brought to another form."""
        return False

    def takes_maxima(self, pool: MaxPool) -> bool:
        """Whether it may have kernels that take the maxima of POOL of a contraction's accumulators."""
        return False

    def propose(self, request: Request) -> list[Candidate]:
        """Candidates for REQUEST that are worth trying; none when the family cannot run it on its target."""
        able = self.runs_on(request.target) and (self.stacks or not request.stacked)
        return self.candidates(request) if able else []

    @abstractmethod
    def candidates(self, request: Request) -> list[Candidate]:
        """Candidates for REQUEST, whose target has the needed features; none when it cannot be run."""

    @abstractmethod
    def realize(self, request: Request, config: Config) -> KernelCode:
        """The code of REQUEST's kernel with CONFIG.

        Raises one of ILLEGAL when CONFIG is not a legal configuration.
        """

    def resized(self, request: Request, config: Config, threads: int) -> list[Candidate]:
        """Candidates for REQUEST as a member of a group whose blocks have THREADS threads, the best first.

        CONFIG is its configuration outside of a group. Empty when none has so many threads.
        """
        return [c for c in self.propose(request) if self.threads(request, c.config) == threads]

    def threads(self, request: Request, config: Config) -> int:
        """The threads of a block of REQUEST's kernel with CONFIG."""
        return math.prod(self.realize(request, config).geometry.block)


class BlockConfig(Protocol):
    """A configuration as a dataclass of integers; `threads` is the number of threads of a block."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def threads(self) -> int:
        """Threads of a block."""
        ...


AnyConfig = TypeVar("AnyConfig", bound=BlockConfig)


@dataclass(frozen=True, kw_only=True)
class ConfiguredFamily(KernelFamily, Generic[AnyConfig]):
    """A family with a dataclass `config_type` for its configurations; a `Config` has its fields."""

    config_type: Callable[..., AnyConfig]

    def candidate(self, config: AnyConfig, microseconds: float) -> Candidate:
        """The candidate with CONFIG and its expected time."""
        return Candidate(self.name, asdict(config), microseconds)

    def configured(self, config: Config) -> AnyConfig:
        """The dataclass from the table CONFIG; TypeError or ValueError when its fields are not those."""
        return self.config_type(**{key: int(value) for key, value in config.items()})

    def threads(self, request: Request, config: Config) -> int:
        return self.configured(config).threads
