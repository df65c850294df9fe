"""The number format in which a kernel computes, as its region and its family determine it."""

from __future__ import annotations

from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Block, Operation
from ...dialects.core.traits import Trait, has
from ...dialects.graph.attention import Attention
from ...dialects.graph.elementwise import Cast


def executed(region: Block, rounds_operands: bool = False) -> DType:
    """The number format in which a kernel of REGION computes.

    For a contraction it is the type of the operands as they are multiplied. For other regions it is the
    widest float that an op computes; movement and casts do not count, and a region with nothing else has the
    type of its first result. ROUNDS_OPERANDS: the family rounds operands as the op's `multiply` says.
    """
    leader = next((op for op in region if has(op, Trait.CONTRACTION) or isinstance(op, Attention)), None)
    if leader is not None:
        rounded: DType | None = leader.attributes.get("multiply")
        own = leader.inputs[0].type.dtype
        return rounded if rounded is not None and rounds_operands else own
    first = region.terminator.inputs[0].type.dtype
    found = [value.type.dtype for op in region if _computes(op) for value in op.results]
    floats = [dtype for dtype in found if dtype.is_float]
    return max(floats, key=lambda dtype: dtype.bits, default=first)


def _computes(op: Operation) -> bool:
    return not (has(op, Trait.MOVEMENT) or has(op, Trait.CONSTANT) or isinstance(op, Cast))


def drop_rounding(region: Block) -> bool:
    """Remove `multiply` from REGION's ops, for a family that multiplies operands as they are stored.

    Returns whether there was any.
    """
    rounding = [op for op in region if op.attributes.get("multiply") is not None]
    for op in rounding:
        op.attributes["multiply"] = None
    return bool(rounding)
