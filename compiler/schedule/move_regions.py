"""Regions of the launches that a conversion adds: copies of a buffer, and zeros."""

from __future__ import annotations

from ...dialects.core.builtin import Yield
from ...dialects.core.ir import Block
from ...dialects.core.types import ROW_MAJOR, TensorType
from ...dialects.graph.constants import Constant
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement.expand import Expand


def copying(type: TensorType, *further: TensorType) -> Block:
    """A region that yields its first argument, of TYPE; those of the types FURTHER are not used."""
    region = Block([type, *further])
    copied = region.append(Cast(region.arguments[0], to=type.dtype)).result
    copied.type = copied.type.with_layout(ROW_MAJOR)
    region.append(Yield(copied))
    return region


def filling(value: Constant, type: TensorType) -> Block:
    """A region that yields TYPE with VALUE, a scalar, everywhere."""
    region = Block()
    filled = region.append(Expand(region.append(value).result, shape=type.shape)).result
    region.append(Yield(filled))
    return region
