"""What a kernel family is: the traits that it declares, and what it is asked for.

Nothing outside a family's own files knows it by name: whoever decides something by who runs a kernel
asks a trait, through the registry.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from ...dialects.core.dtypes import DType
from ..arch.features import Feature
from ..arch.spec import ArchSpec
from ..request.request import Candidate, Config, KernelCode, Request


class Rank(IntEnum):
    """How specialised a family is. The most specialised that offers something for a kernel runs it;
    those of one rank are compared by cost."""

    SPECIAL_CASE = 0  # of an op, such as convolutions with one channel a group
    TENSOR_CORES = 1  # designed for an op, on tensor cores
    SCALAR_UNITS = 2  # designed for an op, in plain arithmetic
    ROWS = 3  # any reduction along rows
    GENERAL = 4  # whatever is a scalar expression


@dataclass(frozen=True)
class Accumulation:
    """How a family adds up the products of a contraction, as far as error bounds depend on it.

    Sums are made in the op's accumulate type, but for products of operands of the types `coarse`: `terms`
    at a time of these are first added with the unit roundoff `roundoff`, relative to the largest of them.
    `tiled`: the order of a sum is that of the configuration's tiles, so that another gives other bits.
    """

    coarse: frozenset[DType] = frozenset()
    terms: float = math.inf
    roundoff: float = 0.0
    tiled: bool = False

    def is_coarse(self, operands: Iterable[DType]) -> bool:
        """Whether products of OPERANDS are added with `roundoff`."""
        return not self.coarse.isdisjoint(operands)

    def excess(self, operands: Iterable[DType], terms: float) -> float:
        """The error of a sum of TERMS products of OPERANDS beyond that of the accumulate type: statistically,
        by the square root of how many are added coarsely, in units of the sum of their magnitudes."""
        return math.sqrt(min(terms, self.terms)) * self.roundoff if self.is_coarse(operands) else 0.0


@dataclass(frozen=True, kw_only=True)
class KernelFamily(ABC):
    """One way to make kernels. Two families are equal when they are of one class with equal traits.

    - name: stands in launch text, and in the configuration of a group.
    - rank: which families go before it.
    - needs_features: of a target, without which its kernels cannot be compiled.
    - rounds_operands: whether it executes a contraction's `multiply`; others multiply what is stored.
    - groupable: whether its kernels can be members of a group: its template takes `member` (lib/place.cu.j2).
    - saturates: whether a single block keeps the units of a multiprocessor busy.
    - accumulation: how it adds up products.
    """

    name: str
    rank: Rank
    needs_features: frozenset[Feature] = frozenset()
    rounds_operands: bool = False
    groupable: bool = False
    saturates: bool = False
    accumulation: Accumulation = Accumulation()

    @property
    def designed(self) -> bool:
        """Whether its kernels are made for an op, and must fit the registers; those of other families are
        whatever their region needs, and may spill."""
        return self.rank < Rank.ROWS

    def runs_on(self, target: ArchSpec) -> bool:
        """Whether TARGET has what the kernels use."""
        return target.has(*self.needs_features)

    def propose(self, request: Request) -> list[Candidate]:
        """Configurations worth trying for REQUEST; nothing when the family cannot do it on its target."""
        return self.candidates(request) if self.runs_on(request.target) else []

    @abstractmethod
    def candidates(self, request: Request) -> list[Candidate]:
        """`propose`, on a target that the kernels run on."""

    @abstractmethod
    def realize(self, request: Request, config: Config) -> KernelCode:
        """The code of REQUEST with CONFIG; ArithmeticError, LookupError, TypeError or ValueError where the
        family cannot have that."""

    def resized(self, request: Request, config: Config, threads: int) -> list[Candidate]:
        """What is worth trying in a group of blocks of THREADS for a kernel that has CONFIG alone, the best
        first; nothing when there is no such configuration."""
        return [c for c in self.propose(request) if self.threads(request, c.config) == threads]

    def threads(self, request: Request, config: Config) -> int:
        """The threads of a block of REQUEST's kernel with CONFIG."""
        return math.prod(self.realize(request, config).geometry.block)


class BlockConfig(Protocol):
    """A dataclass of integers that says how a kernel is made, among it how many threads a block has."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def threads(self) -> int: ...


AnyConfig = TypeVar("AnyConfig", bound=BlockConfig)


@dataclass(frozen=True, kw_only=True)
class ConfiguredFamily(KernelFamily, Generic[AnyConfig]):
    """A family whose configurations are tables of the fields of a `config_type`."""

    config_type: Callable[..., AnyConfig]

    def candidate(self, config: AnyConfig, microseconds: float) -> Candidate:
        """CONFIG as a table, with the time that it should take."""
        return Candidate(self.name, asdict(config), microseconds)

    def configured(self, config: Config) -> AnyConfig:
        """CONFIG out of its table."""
        return self.config_type(**{key: int(value) for key, value in config.items()})

    def threads(self, request: Request, config: Config) -> int:
        return self.configured(config).threads
