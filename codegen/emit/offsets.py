"""Element offsets in memory from logical indices."""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects.core.affine import Dim, total
from ...dialects.core.types import TensorType


def linear_offset(type: TensorType, index: Sequence[Dim]) -> Dim:
    """The offset of the logical INDEX in a buffer of TYPE, in elements, by its strides and base offset."""
    parts = [i * stride for i, stride in zip(index, type.strides, strict=True)]
    return total([type.layout.offset, *parts])
