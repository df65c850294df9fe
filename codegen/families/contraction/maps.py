"""The tensor maps of a contraction: those that the stagings of its operands copy tiles by."""

from __future__ import annotations

from ...request.parameters import TensorMapParameter
from ...request.request import Request
from ..staging.registry import staging_of
from ..staging.staging import MappedOperand
from .binding import Contraction
from .tile import TileConfig


def tensor_maps(
    request: Request, contraction: Contraction, config: TileConfig
) -> tuple[TensorMapParameter, ...]:
    """The tensor maps of the stagings of A and of B, for tiles of CONFIG."""
    found: list[TensorMapParameter] = []
    values = (contraction.prologue.streamed, contraction.root.inputs[1])
    wides = (config.block_m, config.block_n)
    operands = contraction.problem.staged
    for role, value, wide, operand in zip("ab", values, wides, operands, strict=True):
        buffer = request.region.arguments.index(value)
        mapped = MappedOperand(role, contraction.root, buffer, request.reads[buffer], wide, config.block_k)
        found.extend(staging_of(operand, request.target).maps(mapped))
    return tuple(found)
