"""Legality of row kernels: reductions, softmax and normalisations over common axes.

The domain of a row kernel is a full shape and the axes that it reduces. Every value in the kernel has
either the full shape or one element per row (reduced axes kept with size 1, or dropped).
"""

from __future__ import annotations

from ....codegen.interface import better_shared
from ....dialects.core.affine import Dim
from ....dialects.core.ir import Operation
from ....dialects.core.traits import Trait, has
from ....dialects.custom.op import LoopOp
from ....dialects.graph.indexing import Gather
from ....dialects.graph.normalization import InstanceNorm, LayerNorm, RmsNorm
from ....dialects.graph.reduction import ArgReduce, Reduce
from ....dialects.graph.softmax import LogSoftmax, Softmax
from .clusters import Cluster, ClusterPlan, shape_text
from .record import Refusal

Shape = tuple[Dim, ...]
Domain = tuple[Shape, tuple[int, ...]]

# Beyond this many passes over a row, fusing more costs more registers than the memory traffic is worth.
MOST_ROW_OPS = 8
SHARED = "the few long rows are each split across several blocks, none of which has a whole row"


def set_rows(cluster: Cluster, domain: Domain, plan: ClusterPlan) -> None:
    """Make CLUSTER, whose seed is a row-wise op, a row kernel over DOMAIN."""
    cluster.row_shape, cluster.row_axes = domain
    if isinstance(cluster.seed, Reduce | ArgReduce):
        rows = plan.count(kept_shape(cluster))
        elements = plan.count(cluster.row_shape)
        cluster.divided = better_shared(rows, elements / max(rows, 1.0), plan.target)


def row_domain(op: Operation) -> Domain | None:
    """The full shape and the reduced axes of a row-wise op; None for any other op."""
    match op:
        case Reduce():
            return op.x.type.shape, tuple(op.axes)
        case ArgReduce():
            return op.x.type.shape, (op.axis,)
        case Softmax() | LogSoftmax():
            return op.x.type.shape, (op.axis % op.x.type.rank,)
        case LayerNorm() | RmsNorm():
            return op.x.type.shape, tuple(range(op.axis % op.x.type.rank, op.x.type.rank))
        case InstanceNorm():
            return op.x.type.shape, tuple(range(2, op.x.type.rank))
        case LoopOp() if axes := op.rows():
            return op.inputs[0].type.shape, axes
    return None


def kept_shape(cluster: Cluster) -> Shape:
    """The shape of one element per row, with the reduced axes kept as size 1."""
    return tuple(1 if axis in cluster.row_axes else size for axis, size in enumerate(cluster.row_shape))


def dropped_shape(cluster: Cluster) -> Shape:
    """The shape of one element per row, with the reduced axes dropped."""
    return tuple(size for axis, size in enumerate(cluster.row_shape) if axis not in cluster.row_axes)


def row_refusal(cluster: Cluster, op: Operation) -> Refusal | None:
    """Why OP cannot be a consumer in the row kernel CLUSTER; None for ops on the cluster's rows."""
    domain = row_domain(op)
    if cluster.divided and (domain is not None or op.result.type.shape == cluster.row_shape):
        return Refusal(SHARED, {"rows": shape_text(cluster.row_shape)})
    if domain is not None:
        return _further_row_refusal(cluster, domain)
    if not has(op, Trait.ELEMENTWISE):
        return Refusal(f"{op.name} is neither elementwise nor row-wise")
    shape = op.result.type.shape
    if shape == cluster.row_shape:
        return _mixed_refusal(cluster, op)
    if shape in (kept_shape(cluster), dropped_shape(cluster)):
        return None
    return _other_shape(cluster, op)


def _other_shape(cluster: Cluster, op: Operation) -> Refusal:
    figures = {"shape": shape_text(op.result.type.shape), "rows": shape_text(cluster.row_shape)}
    return Refusal("it has neither the shape of the rows nor one element per row", figures)


def _further_row_refusal(cluster: Cluster, domain: Domain) -> Refusal | None:
    if domain != (cluster.row_shape, cluster.row_axes):
        return Refusal("it reduces other axes", {"axes": str(list(domain[1]))})
    if sum(row_domain(member) is not None for member in cluster.ops) >= MOST_ROW_OPS:
        return Refusal(f"the kernel already has {MOST_ROW_OPS} row-wise ops", {"row_ops": MOST_ROW_OPS})
    return None


def _mixed_refusal(cluster: Cluster, op: Operation) -> Refusal | None:
    """Refuse OP if it reads a per-row value with dropped axes, which would broadcast along wrong axes."""
    narrow = dropped_shape(cluster)
    for value in op.inputs:
        inside = value.producer is not None and value.producer in cluster
        if inside and value.type.shape not in (cluster.row_shape, kept_shape(cluster)):
            return Refusal(f"it broadcasts a value of shape {list(map(str, narrow))} across rows")
    return None


def _looks_up_rows(cluster: Cluster, op: Gather) -> bool:
    """Whether OP's index is the same all along a row of CLUSTER; other rows may read the same result."""
    first = op.axis % op.x.type.rank
    picked = range(first, first + op.indices.type.rank)
    sizes = list(zip(op.result.type.shape, cluster.row_shape, strict=False))
    if len(sizes) != op.result.type.rank or op.result.type.rank != len(cluster.row_shape):
        return False
    whole = all(
        own == row or (own == 1 and axis not in cluster.row_axes) for axis, (own, row) in enumerate(sizes)
    )
    return whole and not any(axis in picked for axis in cluster.row_axes)


def row_producer_refusal(cluster: Cluster, op: Operation) -> Refusal | None:
    """Why OP cannot be computed while CLUSTER reads a row; None for elementwise ops of fitting shape, and for
    lookups of whole rows."""
    if isinstance(op, Gather) and _looks_up_rows(cluster, op):
        return None
    if not has(op, Trait.ELEMENTWISE):
        return Refusal(f"{op.name} is not elementwise")
    if op.result.type.shape not in (cluster.row_shape, kept_shape(cluster)):
        return _other_shape(cluster, op)
    return None
