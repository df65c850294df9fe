"""The interface of attention's products: what a kernel family of attention needs in addition to the
staging."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ....dialects.core.dtypes import DType
from ...request.request import Request
from ...text.render import Template
from ..kernel_family import BlockConfig, FamilyTraits
from .problem import MOST_FEATURES, AttentionProblem
from .spec import AttentionProductSpec


class QueryConfig(BlockConfig, Protocol):
    """The common part of the configurations: the queries of a block."""

    @property
    def block_s(self) -> int: ...


AnyQuery = TypeVar("AnyQuery", bound=QueryConfig)


@dataclass(frozen=True, kw_only=True)
class AttentionProduct(FamilyTraits, ABC, Generic[AnyQuery]):
    """A way to multiply queries, keys and values with a softmax between; two are equal when their traits are.

    It states the traits of its kernel family, and: template: has the macros that
    `templates/lib/attention/mma.cu.j2` states; operands: the types that it multiplies; config_type: its
    configurations; most_features: of a head, as its registers hold them.
    """

    template: Template
    operands: frozenset[DType]
    config_type: Callable[..., AnyQuery]
    most_features: int = MOST_FEATURES

    @abstractmethod
    def configurations(self) -> Iterator[AnyQuery]:
        """The combinations worth proposing; some may not fit the shared memory, or the registers."""

    @abstractmethod
    def holds(self, problem: AttentionProblem, config: AnyQuery) -> bool:
        """Whether the registers of a thread hold what PROBLEM needs of them under CONFIG."""

    @abstractmethod
    def shared_bytes(self, problem: AttentionProblem, config: AnyQuery) -> int:
        """Dynamic shared memory of a block, in bytes."""

    @abstractmethod
    def cost(self, problem: AttentionProblem, config: AnyQuery, request: Request) -> float:
        """Expected microseconds of PROBLEM under CONFIG, at the optimal sizes of REQUEST."""

    @abstractmethod
    def spec(self, problem: AttentionProblem, config: AnyQuery) -> AttentionProductSpec:
        """The spec of the product for its template."""
