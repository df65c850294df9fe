"""Canonicalization patterns for data movement, and for ops that data movement folds into."""

from __future__ import annotations

from ...dialects.core.affine import Dim, product
from ...dialects.core.ir import Operation
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.convolution import Conv
from ...dialects.graph.movement.expand import Expand, Tile
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.resize import Resize
from ...dialects.graph.pool import MaxPool
from ...dialects.graph.reduction import Reduce
from ..patterns.matching import is_splat, produced_by, replace_with
from ..patterns.rewrite import Rewriter, pattern


@pattern("reshape-same", Reshape)
def reshape_same(op: Reshape, rewriter: Rewriter) -> bool:
    """reshape(x) to the shape of x => x"""
    if op.x.type.shape != op.result.type.shape:
        return False
    rewriter.replace(op, op.x)
    return True


@pattern("reshape-reshape", Reshape)
def reshape_reshape(op: Reshape, rewriter: Rewriter) -> bool:
    """reshape(reshape(x)) => reshape(x)"""
    inner = produced_by(op.x, Reshape)
    if inner is None:
        return False
    rewriter.replace(op, rewriter.insert(Reshape(inner.x, shape=op.shape)).result)
    return True


@pattern("transpose-view", Transpose)
def transpose_view(op: Transpose, rewriter: Rewriter) -> bool:
    """transpose(x) that only moves dimensions of size 1 => reshape(x)"""
    moving = [axis for axis in op.perm if op.x.type.shape[axis] != 1]
    if moving != sorted(moving):
        return False
    rewriter.replace(op, rewriter.insert(Reshape(op.x, shape=op.result.type.shape)).result)
    return True


@pattern("transpose-transpose", Transpose)
def transpose_transpose(op: Transpose, rewriter: Rewriter) -> bool:
    """transpose(transpose(x, p), q) => transpose(x, p[q])"""
    inner = produced_by(op.x, Transpose)
    if inner is None:
        return False
    perm = [inner.perm[axis] for axis in op.perm]
    rewriter.replace(op, rewriter.insert(Transpose(inner.x, perm=perm)).result)
    return True


@pattern("transpose-regrouped", Reshape)
def transpose_regrouped(op: Reshape, rewriter: Rewriter) -> bool:
    """reshape(transpose(reshape(x))) => transpose(x), where the reshapes only join and split dimensions
    (and add or drop some of size 1: then reshape(transpose(x)))"""
    moved = produced_by(op.x, Transpose)
    inner = None if moved is None else produced_by(moved.x, Reshape)
    if moved is None or inner is None:
        return False
    source = inner.x.type.shape
    groups = joined_dimensions(source, moved.x.type.shape)
    if groups is None:
        return False
    perm = [axis for group in moved.perm for axis in groups[group]]
    turned = [source[axis] for axis in perm]
    if [size for size in op.result.type.shape if size != 1] != [size for size in turned if size != 1]:
        return False
    value = rewriter.insert(Transpose(inner.x, perm=perm)).result
    if value.type.shape != op.result.type.shape:
        value = rewriter.insert(Reshape(value, shape=op.shape)).result
    rewriter.replace(op, value)
    return True


def joined_dimensions(source: tuple[Dim, ...], joined: tuple[Dim, ...]) -> list[list[int]] | None:
    """For each dimension of JOINED, the adjacent dimensions of SOURCE that it merges; None if it does not."""
    groups: list[list[int]] = []
    axis = 0
    for size in joined:
        group: list[int] = []
        while axis < len(source) and product(source[a] for a in group) != size:
            group.append(axis)
            axis += 1
        groups.append(group)
    whole = all(product(source[a] for a in group) == size for group, size in zip(groups, joined, strict=True))
    if groups and whole:  # the remaining dimensions all have size 1
        groups[-1] += range(axis, len(source))
    return groups if whole else None


@pattern("expand-same", Expand, Tile)
def expand_same(op: Expand, rewriter: Rewriter) -> bool:
    """expand(x) to the shape of x => x, tile(x) once => x"""
    if op.result.type.shape != op.x.type.shape:
        return False
    rewriter.replace(op, op.x)
    return True


@pattern("expand-expand", Expand)
def expand_expand(op: Expand, rewriter: Rewriter) -> bool:
    """expand(expand(x)) => expand(x)"""
    inner = produced_by(op.x, Expand)
    if inner is None:
        return False
    rewriter.replace(op, rewriter.insert(Expand(inner.x, shape=op.result.type.shape)).result)
    return True


@pattern("pad-nothing", Pad)
def pad_nothing(op: Pad, rewriter: Rewriter) -> bool:
    """pad(x) by nothing => x"""
    if any(op.pads):
        return False
    rewriter.replace(op, op.x)
    return True


@pattern("pad-into-conv", Conv)
def pad_into_conv(op: Conv, rewriter: Rewriter) -> bool:
    """conv(pad(x, 0)) => conv(x) with larger pads, for zeros around the spatial dimensions"""
    inner = produced_by(op.x, Pad)
    if inner is None or inner.mode != "constant" or not inner.adds:
        return False
    zeros = inner.value is None or is_splat(inner.value, 0, rewriter.module)
    if not zeros or any((*inner.begins[:2], *inner.ends[:2])):
        return False
    added = (*inner.begins[2:], *inner.ends[2:])
    pads = [own + more for own, more in zip(op.pads, added, strict=True)]
    attributes = {**op.attributes, "pads": pads}
    conv = rewriter.insert(Conv(inner.x, op.w, **attributes))
    rewriter.replace(op, conv.result, absorbed=[inner])
    return True


@pattern("transpose-into-matmul", Matmul)
def transpose_into_matmul(op: Matmul, rewriter: Rewriter) -> bool:
    """matmul(transpose(a), b) => matmul{transpose_a}(a, b), likewise b, for the last two dimensions"""
    operands = [op.a, op.b]
    flags = [op.transpose_a, op.transpose_b]
    absorbed: list[Operation] = []
    for index, value in enumerate(operands):
        inner = produced_by(value, Transpose)
        if inner is not None and _swaps_last_two(inner.perm):
            operands[index], flags[index] = inner.x, not flags[index]
            absorbed.append(inner)
    if not absorbed:
        return False
    attributes = {**op.attributes, "transpose_a": flags[0], "transpose_b": flags[1]}
    rewriter.replace(op, rewriter.insert(Matmul(*operands, **attributes)).result, absorbed=absorbed)
    return True


def _swaps_last_two(perm: tuple[int, ...]) -> bool:
    rank = len(perm)
    return rank >= 2 and perm == (*range(rank - 2), rank - 1, rank - 2)


@pattern("reduce-nothing", Reduce)
def reduce_nothing(op: Reduce, rewriter: Rewriter) -> bool:
    """reduce(x) over dimensions of size 1 => reshape(x), except float sums, which turn -0 into 0"""
    if any(op.x.type.shape[axis] != 1 for axis in op.axes):
        return False
    if op.kind in ("sum", "mean") and op.x.type.dtype.is_float:
        return False
    rewriter.replace(op, rewriter.insert(Reshape(op.x, shape=op.result.type.shape)).result)
    return True


@pattern("pool-nothing", MaxPool)
def pool_nothing(op: MaxPool, rewriter: Rewriter) -> bool:
    """max_pool(x) over windows of one element => x"""
    single = all(k == 1 for k in op.kernel) and all(s == 1 for s in op.strides) and not any(op.pads)
    if not single or op.result.type.shape != op.x.type.shape:
        return False
    rewriter.replace(op, op.x)
    return True


@pattern("resize-same", Resize)
def resize_same(op: Resize, rewriter: Rewriter) -> bool:
    """resize(x) to the size of x, nearest, by factors of 1 => x"""
    plain = op.mode == "nearest" and op.coordinates != "tf_crop_and_resize" and all(s == 1 for s in op.scales)
    if not plain or op.result.type.shape != op.x.type.shape:
        return False
    return replace_with(op, op.x, rewriter)


PATTERNS = (
    reshape_same, reshape_reshape, transpose_view, transpose_transpose, transpose_regrouped, expand_same,
    expand_expand, pad_nothing, pad_into_conv, transpose_into_matmul, reduce_nothing, pool_nothing,
    resize_same,
)  # fmt: skip
