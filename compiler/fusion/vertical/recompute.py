"""Recomputation in loop kernels: how often a fused producer would be evaluated.

A loop kernel inlines its producers into one expression per result element. A value read at one index
is computed once per element; one that is broadcast, windowed or read through several movements is
recomputed. The factor, evaluations per element, decides whether a producer may be inlined.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ....codegen.interface import ArchSpec
from ....dialects.core.ir import Operation, Value
from ....dialects.core.traits import Trait, has
from ....dialects.graph.activations import HardSigmoid, HardSwish, LeakyRelu, Relu, ThresholdedRelu
from ....dialects.graph.binary import Add, Max, Min, Mul, Sub
from ....dialects.graph.constants import Dims
from ....dialects.graph.elementwise import Cast, Clip, Prelu, Where
from ....dialects.graph.elementwise_base import Bitwise, Comparison, Logic, UnaryPredicate
from ....dialects.graph.indexing import OneHot, Range
from ....dialects.graph.movement.concat import Concat
from ....dialects.graph.movement.pad import Pad
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.graph.movement.resize import Resize
from ....dialects.graph.normalization import Lrn
from ....dialects.graph.pool import Pool
from ....dialects.graph.sequences import WriteCache
from ....dialects.graph.unary import Abs, BitwiseNot, Ceil, Floor, Neg, Round, Sign
from .clusters import Access, Cluster, ClusterPlan
from .record import Refusal

MANY_OPERANDS = 16  # that make as much code as an ordinary op
RESIZE_TAPS = {"nearest": 1, "linear": 2, "cubic": 4}

_CHEAP = (
    *(Add, Sub, Mul, Min, Max, Neg, Abs, Sign, Floor, Ceil, Round, Relu, LeakyRelu, Prelu, ThresholdedRelu),
    *(HardSigmoid, HardSwish, Clip, Cast, Where, Comparison, Logic, Bitwise, BitwiseNot, UnaryPredicate),
    Dims,
)


def flops_per_element(op: Operation, target: ArchSpec) -> float:
    """The arithmetic of one element of OP's result, in units of an addition; 0 for data movement.

    TARGET has the cost of a transcendental function.
    """
    if has(op, Trait.MOVEMENT) or isinstance(op, (Range, OneHot)):
        return 0.0
    if isinstance(op, _CHEAP):
        return 1.0
    return target.fitted.fusion.transcendental_flops * max(taps(op), 1.0)


def statements(op: Operation) -> int:
    """How many statements one access to OP's result counts for: more if it selects among many operands."""
    return max(len(op.operands) // MANY_OPERANDS, 1)


def taps(op: Operation) -> float:
    """How many elements of its first operand OP reads per element of its result; infinite when unbounded."""
    match op:
        case Pool():
            return float(math.prod(op.window))
        case Lrn():
            return float(op.size)
        case Resize():
            scaled = sum(a != b for a, b in zip(op.x.type.shape, op.result.type.shape, strict=True))
            return float(RESIZE_TAPS[op.mode] ** scaled)
    pointwise = has(op, Trait.ELEMENTWISE) or has(op, Trait.MOVEMENT) or isinstance(op, (Dims, OneHot, Range))
    return 1.0 if pointwise else math.inf


class Evaluations:
    """Tracks how the values of each loop cluster are read: distinct accesses and their evaluation counts."""

    def __init__(self, plan: ClusterPlan) -> None:
        self._plan = plan
        self._accesses: dict[tuple[object, ...], Access] = {}

    def _access(self, *key: object) -> Access:
        return self._accesses.setdefault(key, len(self._accesses))

    def begin(self, cluster: Cluster, op: Operation) -> None:
        """Start CLUSTER with OP, whose result it stores: each element is evaluated once."""
        cluster.reads[op.result] = {self._access("out"): self._plan.elements(op.result)}
        cluster.statements = 1

    def of(self, cluster: Cluster, value: Value) -> dict[Access, float]:
        """The accesses to VALUE by the ops of CLUSTER."""
        found: dict[Access, float] = {}
        for user, index in value.uses:
            for access, count in cluster.reads.get(user.result, {}).items() if user.results else ():
                key, evaluations = self._through(user, index, value, access, count)
                found[key] = max(found.get(key, 0.0), evaluations)
        return found

    def _through(
        self, user: Operation, index: int, value: Value, access: Access, count: float
    ) -> tuple[Access, float]:
        """The access to VALUE, operand INDEX of USER, and its count, where ACCESS reads USER's result COUNT
        times."""
        if has(user, Trait.ELEMENTWISE):
            if value.type.shape == user.result.type.shape:
                return access, count
            return self._access("broadcast", value.type.shape, access), count
        match user:
            case Concat():
                share = self._plan.elements(value) / self._plan.elements(user.result)
                return self._access(user, index, access), count * share
            case Pad() if index == 0:
                share = min(self._plan.elements(value) / self._plan.elements(user.result), 1.0)
                return self._access(user, index, access), count * share
            case WriteCache() if user.in_place and value is user.update:
                share = self._plan.elements(value) / self._plan.elements(user.result)
                return self._access(user, index, access), count * share
            case Reshape():
                return self._access("reshape", value.type.shape, access), count
        return self._access(user, index, access), count * taps(user)

    def refusal(self, cluster: Cluster, op: Operation, limit: int) -> Refusal | None:
        """Why inlining OP into CLUSTER would cost too much, with at most LIMIT statements; None if it would
        not."""
        reads = self.of(cluster, op.result)
        count = cluster.statements + len(reads) * statements(op)
        if count > limit:
            return Refusal(
                f"the kernel would have more than {limit} statements", {"statements": count}, full=True
            )
        factor = sum(reads.values()) / self._plan.elements(op.result)
        if factor == math.inf:
            return Refusal("its consumer reads all of it for every element")
        target = self._plan.target
        flops = flops_per_element(op, target)
        if (factor - 1.0) * flops > target.fitted.fusion.recomputed_flops:
            figures = {"evaluations": factor, "flops": flops}
            return Refusal(f"it would be computed {factor:.3g} times over", figures)
        return None

    def join(self, cluster: Cluster, op: Operation) -> None:
        """Note that OP is inlined into CLUSTER."""
        reads = self.of(cluster, op.result)
        cluster.reads[op.result] = reads
        cluster.statements += len(reads) * statements(op)

    def recount(self, cluster: Cluster, ops_backwards: Iterable[Operation]) -> None:
        """Count the accesses of CLUSTER anew, from its ops in reverse program order."""
        cluster.reads.clear()
        for number, op in enumerate(ops_backwards):
            if number:
                self.join(cluster, op)
            else:
                self.begin(cluster, op)
