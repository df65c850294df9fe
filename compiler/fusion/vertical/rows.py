"""Row kernels: reductions, softmax and normalisations over a common set of axes.

The domain of such a kernel is a full shape and the axes it reduces. Every value in it has either
the full shape, or one element per row (axes of size 1, or the axes left out).
"""

from __future__ import annotations

from ....codegen.interface import better_shared
from ....dialects.core.affine import Dim
from ....dialects.core.ir import Operation
from ....dialects.core.traits import Trait, has
from ....dialects.graph.normalization import InstanceNorm, LayerNorm, LogSoftmax, RmsNorm, Softmax
from ....dialects.graph.reduction import ArgReduce, Reduce
from .clusters import Cluster, ClusterPlan, shape_text
from .record import Refusal

Shape = tuple[Dim, ...]
Domain = tuple[Shape, tuple[int, ...]]

# More than this many passes over a row in one kernel save no memory traffic worth their registers.
MOST_ROW_OPS = 8
SHARED = "several blocks share each of the few long rows, and none could go on with a whole one"


def set_rows(cluster: Cluster, domain: Domain, plan: ClusterPlan) -> None:
    """Make CLUSTER, whose seed is a row-wise op, one over the rows of DOMAIN."""
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
    return None


def kept_shape(cluster: Cluster) -> Shape:
    """One element per row, the reduced axes kept with size 1."""
    return tuple(1 if axis in cluster.row_axes else size for axis, size in enumerate(cluster.row_shape))


def dropped_shape(cluster: Cluster) -> Shape:
    """One element per row, the reduced axes left out."""
    return tuple(size for axis, size in enumerate(cluster.row_shape) if axis not in cluster.row_axes)


def row_refusal(cluster: Cluster, op: Operation) -> Refusal | None:
    """Elementwise ops and further row-wise ops on the cluster's rows."""
    domain = row_domain(op)
    if cluster.divided and (domain is not None or op.result.type.shape == cluster.row_shape):
        return Refusal(SHARED, {"rows": shape_text(cluster.row_shape)})
    if domain is not None:
        return _further_row_refusal(cluster, op, domain)
    if not has(op, Trait.ELEMENTWISE):
        return Refusal(f"{op.name} is neither elementwise nor works on rows")
    shape = op.result.type.shape
    if shape == cluster.row_shape:
        return _mixed_refusal(cluster, op)
    if shape in (kept_shape(cluster), dropped_shape(cluster)):
        return None
    return _other_shape(cluster, op)


def _other_shape(cluster: Cluster, op: Operation) -> Refusal:
    figures = {"shape": shape_text(op.result.type.shape), "rows": shape_text(cluster.row_shape)}
    return Refusal("it has neither the shape of the rows nor one element per row", figures)


def _further_row_refusal(cluster: Cluster, op: Operation, domain: Domain) -> Refusal | None:
    if domain != (cluster.row_shape, cluster.row_axes):
        return Refusal("it reduces other axes", {"axes": str(list(domain[1]))})
    if sum(row_domain(member) is not None for member in cluster.ops) >= MOST_ROW_OPS:
        return Refusal(f"the kernel already has {MOST_ROW_OPS} row-wise ops", {"row_ops": MOST_ROW_OPS})
    return None


def _mixed_refusal(cluster: Cluster, op: Operation) -> Refusal | None:
    """A per-row value without its axes would broadcast along the wrong ones."""
    narrow = dropped_shape(cluster)
    for value in op.inputs:
        inside = value.producer is not None and value.producer in cluster
        if inside and value.type.shape not in (cluster.row_shape, kept_shape(cluster)):
            return Refusal(f"it broadcasts a value of shape {list(map(str, narrow))} across rows")
    return None


def row_producer_refusal(cluster: Cluster, op: Operation) -> Refusal | None:
    """Elementwise ops may be computed while a row is read."""
    if not has(op, Trait.ELEMENTWISE):
        return Refusal(f"{op.name} is not elementwise")
    if op.result.type.shape not in (cluster.row_shape, kept_shape(cluster)):
        return _other_shape(cluster, op)
    return None
