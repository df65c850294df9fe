"""Clusters: sets of graph ops, each of which becomes one kernel.

Every cluster keeps one invariant: exactly one of its values is read outside, the result of its
last op. Therefore clusters never depend on each other in a cycle: a cycle through two of them would
lead from the result of the first through the second back into the first, on to its result, and so
would be a cycle of the graph itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from ....codegen.interface import ArchSpec, compile_ms
from ....dialects.control import ControlOp
from ....dialects.core.affine import Dim
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Function, Module
from ....dialects.core.traits import Trait, has
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.roots import Root

Access = int


@dataclass(eq=False)
class Cluster:
    """The ops of one kernel. `root` is the kernel's kind, `seed` the op that it grew from."""

    root: Root
    seed: Operation
    ops: dict[Operation, None] = field(default_factory=dict)
    row_axes: tuple[int, ...] = ()
    row_shape: tuple[Dim, ...] = ()
    # The rows are so few and long that each should be split across several blocks.
    divided: bool = False
    # For loops: the distinct accesses to each value, with the number of evaluations of each.
    reads: dict[Value, dict[Access, float]] = field(default_factory=dict)
    statements: int = 0
    # For contractions: producers of epilogue operands, which the prologue does not need.
    beside: set[Operation] = field(default_factory=set)
    # Producers that may still join; the number of ops when last only one could; whether none may any more.
    pending: set[Operation] = field(default_factory=set)
    waist: int = 0
    closed: bool = False
    compile_ms: float = 0.0

    def __post_init__(self) -> None:
        self.include(self.seed)

    def include(self, op: Operation) -> None:
        self.ops[op] = None
        self.compile_ms += compile_ms(op, self.root)

    def exclude(self, op: Operation) -> None:
        del self.ops[op]
        self.compile_ms -= compile_ms(op, self.root)

    def __contains__(self, op: Operation) -> bool:
        return op in self.ops

    @property
    def last(self) -> Operation:
        """The op whose result leaves the cluster (ops are kept sorted once the cluster is done)."""
        return next(reversed(self.ops))


class ClusterPlan:
    """The assignment of a block's ops to clusters, while clusters form."""

    def __init__(self, module: Module, block: Block, target: ArchSpec) -> None:
        self.module = module
        self.target = target
        self.block = block
        self.outputs = _output_names(block)
        self.order = {op: index for index, op in enumerate(block)}
        self.owner: dict[Operation, Cluster] = {}
        self.clusters: list[Cluster] = []
        self._sizes = module.values_at("optimum")

    def open(self, root: Root, seed: Operation) -> Cluster:
        """Open a new cluster that holds SEED alone."""
        cluster = Cluster(root, seed)
        self.clusters.append(cluster)
        self.owner[seed] = cluster
        return cluster

    def add(self, cluster: Cluster, op: Operation) -> None:
        cluster.include(op)
        self.owner[op] = cluster

    def remove(self, op: Operation) -> None:
        """Remove OP from its cluster; it stays at function level or joins another."""
        self.owner.pop(op).exclude(op)

    def finish(self) -> list[Cluster]:
        """The clusters with their ops in program order, in the order of their results."""
        kept = [cluster for cluster in self.clusters if cluster.ops]
        for cluster in kept:
            cluster.ops = dict.fromkeys(sorted(cluster.ops, key=self.order.__getitem__))
        return sorted(kept, key=lambda cluster: self.order[cluster.last])

    def free(self, op: Operation) -> bool:
        """True when OP needs a cluster and has none yet."""
        return op not in self.owner and is_clusterable(op)

    def count(self, dims: Iterable[Dim]) -> float:
        """The product of DIMS at the symbols' optimum."""
        return math.prod(float(evaluate(dim, self._sizes)) for dim in dims)

    def elements(self, value: Value) -> float:
        """The number of elements of VALUE at the symbols' optimum; at least 1."""
        return max(self.count(value.type.shape), 1.0)


def is_clusterable(op: Operation) -> bool:
    """True for ops that must run in a kernel or become a view: all but constants, terminators and control
    flow."""
    return not (has(op, Trait.CONSTANT) or has(op, Trait.TERMINATOR) or isinstance(op, ControlOp))


def _output_names(block: Block) -> tuple[str, ...]:
    """The names of what BLOCK returns or yields."""
    region = block.parent
    if region is not None and isinstance(region.parent, Function):
        return tuple(region.parent.outputs)
    return tuple(str(index) for index in range(len(block.terminator.operands)))


def viewed(value: Value) -> Value:
    """The value that VALUE is a view of, through any number of reshapes; VALUE itself without any."""
    while isinstance(value.producer, Reshape):
        value = value.producer.x
    return value


def shape_text(shape: Iterable[Dim]) -> str:
    """SHAPE as text for a ledger record, such as `1x64x56x56`."""
    return "x".join(map(str, shape)) or "scalar"


def moves(cluster: Cluster) -> bool:
    """True when CLUSTER moves elements anyway, so that a reshape inside it costs nothing."""
    return any(has(op, Trait.MOVEMENT) and not isinstance(op, Reshape) for op in cluster.ops)
