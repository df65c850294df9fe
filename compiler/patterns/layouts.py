"""Layouts that kernels require, and the cost of converting to them."""

from __future__ import annotations

from ...codegen.interface import ArchSpec, families, needs_k_innermost, streams_weights
from ...dialects.core.affine import product
from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Operation
from ...dialects.core.types import ROW_MAJOR, Layout, TensorType
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.convolution import Conv

CONVERSION_PASSES = 2.0  # a count: a layout conversion reads and writes everything once more, on any target


def launch_elements(target: ArchSpec) -> float:
    """The f32 elements that TARGET's memory moves during the latency of a conversion's launch."""
    return target.elements_moved(target.fitted.fusion.conversion_launch)


def is_neutral(type: TensorType) -> bool:
    """True when row-major and channels-last are the same in memory: one channel, or one position."""
    return type.rank < 3 or type.shape[1] == 1 or all(size == 1 for size in type.shape[2:])


def padded_channels(conv: Operation, dtype: DType, target: ArchSpec) -> int:
    """How many zero channels pad CONV's input, so that its channels fill whole words of staging copies.

    0 unless CONV has one group and at most 4 input channels, as for images.
    """
    if not isinstance(conv, Conv) or conv.groups != 1:
        return 0
    channels = conv.x.type.shape[1]
    if not isinstance(channels, int) or channels > 4:
        return 0
    if channels * dtype.bytes % target.limits.staging_bytes == 0:
        return 0
    return 4 - channels


def reads_any_layout(conv: Operation | None, operands: DType, target: ArchSpec) -> bool:
    """Whether TARGET has kernels for CONV, multiplying in OPERANDS, that read its input in any layout."""
    if not isinstance(conv, Conv):
        return False
    able = (family for family in families().values() if family.runs_on(target))
    return any(family.reads_any_layout(conv, operands) for family in able)


def _streams(op: Matmul, index: int, multiply: DType) -> bool:
    """Whether operand INDEX of OP are weights that products of few rows stream from memory in MULTIPLY, in
    whole lines along k."""
    rows = product(op.result.type.shape[:-1])
    k = op.a.type.shape[-2 if op.transpose_a else -1]
    if index != 1 or not isinstance(rows, int) or not isinstance(k, int):
        return False
    return streams_weights(rows, k, multiply)


def product_layout(
    op: Operation, index: int, type: TensorType, multiply: DType, *, constant: bool = False
) -> Layout:
    """The layout of operand INDEX, of TYPE, that the kernels of matrix product OP need to multiply MULTIPLY.

    K-major where MULTIPLY requires it, or the operand is a CONSTANT that streams; otherwise row-major.
    """
    if not isinstance(op, Matmul) or index > 1:
        return ROW_MAJOR
    if not needs_k_innermost(multiply) and not (constant and _streams(op, index, multiply)):
        return ROW_MAJOR
    innermost = not op.transpose_a if index == 0 else op.transpose_b
    axes = range(type.rank)
    return ROW_MAJOR if innermost else Layout((*axes[:-2], axes[-1], axes[-2]))
