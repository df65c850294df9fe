"""From a logical index to the offset in memory."""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects.core.affine import Dim, total
from ...dialects.core.types import TensorType


def linear_offset(type: TensorType, index: Sequence[Dim]) -> Dim:
    """The element offset of INDEX in a buffer of TYPE, by its strides."""
    parts = [i * stride for i, stride in zip(index, type.strides, strict=True)]
    return total([type.layout.offset, *parts])
