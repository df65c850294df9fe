"""In which number format a kernel's arithmetic is really done: by its region, and by who runs it."""

from __future__ import annotations

from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Block, Operation
from ...dialects.core.traits import Trait, has
from ...dialects.graph.attention import Attention
from ...dialects.graph.elementwise import Cast


def executed(region: Block, rounds_operands: bool = False) -> DType:
    """What is multiplied when REGION holds a contraction; else the widest float that is computed.

    ROUNDS_OPERANDS: by a family that rounds them as the contraction's `multiply` says. Movement and casts
    are no arithmetic: a region of these alone has the type of its first result.
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
    """Make REGION say what a family does that multiplies operands as they are stored; False if it did."""
    rounding = [op for op in region if op.attributes.get("multiply") is not None]
    for op in rounding:
        op.attributes["multiply"] = None
    return bool(rounding)
