"""Layouts that kernels ask for, and what another one costs."""

from __future__ import annotations

from ...codegen.interface import ArchSpec, needs_k_innermost
from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Operation
from ...dialects.core.types import ROW_MAJOR, Layout, TensorType
from ...dialects.graph.contraction import Conv, Matmul

# What a consumer that needs another layout costs: reading and writing everything once more, and
# a launch, as long as it keeps memory from moving elements.
CONVERSION_PASSES = 2.0
LAUNCH_MICROSECONDS = 1.0


def launch_elements(target: ArchSpec) -> float:
    """The elements of f32 that TARGET's memory moves in the time of a launch."""
    return target.elements_moved(LAUNCH_MICROSECONDS)


def is_neutral(type: TensorType) -> bool:
    """True when row-major and channels-last are the same bytes: one channel, or one position."""
    return type.rank < 3 or type.shape[1] == 1 or all(size == 1 for size in type.shape[2:])


def padded_channels(conv: Operation, dtype: DType, target: ArchSpec) -> int:
    """How many zero channels CONV's input gets so that its channels fill whole words of TARGET's copies.

    Only for the few channels of images (at most 4, one group) and constant weights elsewhere.
    """
    if not isinstance(conv, Conv) or conv.groups != 1:
        return 0
    channels = conv.x.type.shape[1]
    if not isinstance(channels, int) or channels > 4:
        return 0
    if channels * dtype.bytes % target.limits.staging_bytes == 0:
        return 0
    return 4 - channels


def product_layout(op: Operation, index: int, type: TensorType, multiply: DType) -> Layout:
    """How operand INDEX of the matrix product OP, of TYPE, lies in memory when it multiplies MULTIPLY."""
    if not isinstance(op, Matmul) or index > 1 or not needs_k_innermost(multiply):
        return ROW_MAJOR
    innermost = not op.transpose_a if index == 0 else op.transpose_b
    axes = range(type.rank)
    return ROW_MAJOR if innermost else Layout((*axes[:-2], axes[-1], axes[-2]))
