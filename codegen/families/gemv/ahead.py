"""Weights of a later product that a product of few rows brings to the L2 cache: an operand that no op reads.

Between the last weights of a launch and the first of the next memory would rest. Of each line of k a part is
brought, so that all blocks of the later launch find some.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...request.request import Request
from ...request.signature import Signature
from ...text.render import Identifier
from .config import LINE_BYTES

SHARE = 5  # of the L2 cache, the part that is brought: what memory gives between two launches


@dataclass(frozen=True)
class AheadSpec:
    """Weights `name` of which `lines` of 128 bytes are brought: so many `each` of a row, which begin `step`
    elements apart, as do `line` elements of a line."""

    name: Identifier
    lines: int
    each: int
    step: int
    line: int


def ahead_of(request: Request, signature: Signature) -> AheadSpec | None:
    """The spec of the weights that REQUEST's kernel brings; None where it has none, or they lie otherwise."""
    buffers = signature.buffers(request)
    for place in sorted(request.weights):
        argument = request.region.arguments[place]
        type = argument.type
        if argument.uses or type.rank != 2 or not all(isinstance(size, int) for size in type.shape):
            continue
        inner, outer = sorted((0, 1), key=lambda axis: int(str(type.strides[axis])))
        depth, rows = int(str(type.shape[inner])), int(str(type.shape[outer]))
        step, size = int(str(type.strides[outer])), type.dtype.bytes
        each = min(depth * size, request.target.card.l2_bytes // SHARE // rows) // LINE_BYTES
        whole = type.strides[inner] == 1 and type.layout.offset == 0 and step * size % LINE_BYTES == 0
        if whole and each:
            return AheadSpec(Identifier(buffers[argument]), rows * each, each, step, LINE_BYTES // size)
    return None
