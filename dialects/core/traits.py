"""Properties of ops that passes ask for instead of naming op classes."""

from __future__ import annotations

from enum import Enum, auto


class Trait(Enum):
    """What holds for every instance of an op that carries it."""

    ELEMENTWISE = auto()  # each output element depends on one element of each input (after broadcasting)
    CONTRACTION = auto()  # a sum of products over a large reduction: matmul, convolution
    REDUCTION = auto()  # reduces whole axes
    WINDOW = auto()  # reduces a small window around each output: pooling, LRN
    MOVEMENT = auto()  # only moves elements: reshape, transpose, slice, concat, ...
    ROW = auto()  # normalises along axes: softmax, layer norm
    CONSTANT = auto()  # its result is known when compiling
    ENCODING = auto()  # says how a constant operand is stored: kept, never folded into another constant
    TERMINATOR = auto()  # ends a block
    SIDE_EFFECT = auto()  # must be kept even when its results are unused

    # Members are asked for often, and equal to themselves alone.
    __hash__ = object.__hash__


def has(op: object, trait: Trait) -> bool:
    """True when OP's class carries TRAIT."""
    spec = getattr(op, "spec", None)
    return spec is not None and trait in spec.traits
