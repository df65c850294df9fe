"""Traits: properties of ops that passes test instead of naming op classes."""

from __future__ import annotations

from enum import Enum, auto


class Trait(Enum):
    """A property of every instance of an op."""

    ELEMENTWISE = auto()  # each output element depends on one element of each input (after broadcasting)
    CONTRACTION = auto()  # a large sum of products: matmul, convolution
    REDUCTION = auto()  # reduces whole axes
    WINDOW = auto()  # reduces a small window around each output: pooling, LRN
    MOVEMENT = auto()  # only moves elements: reshape, transpose, slice, concat, ...
    ROW = auto()  # normalises along axes: softmax, layer norm
    CONSTANT = auto()  # its result is known at compile time
    ENCODING = auto()  # encodes a constant operand's storage: kept, never folded into another constant
    TERMINATOR = auto()  # ends a block
    SIDE_EFFECT = auto()  # kept even if its results are unused
    OPEN = auto()  # its regions see the values around the op, as they see their own

    # Members are hashed often and equal only to themselves, so the hash of the identity is enough.
    __hash__ = object.__hash__


def has(op: object, trait: Trait) -> bool:
    """Whether OP's class has TRAIT."""
    spec = getattr(op, "spec", None)
    return spec is not None and trait in spec.traits
