"""The roots of kernels: the kinds of leading ops, with their traits.

A new root is a member here, and a rule of `led_by` if an op of its kind always leads a kernel.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from .core.attributes import EnumKind
from .core.ir import Operation
from .core.traits import Trait, has
from .custom.op import CudaOp
from .graph.attention import Attention
from .graph.embedding import EmbeddingBag
from .graph.interaction import Interaction
from .graph.recurrence import Recurrence


class Root(StrEnum):
    """The kind of a kernel's leading op; its value is its word in IR text.

    copies: the elements that a thread computes in unrolled code, and so the copies of an op's code.
    takes_constants: whether constants of one element may become part of the region. sealed: whether the
    kernel is its leading op only, which names the types that it reads and writes.
    """

    CONTRACTION = "contraction", 48.0
    ATTENTION = "attention", 16.0, False
    CUSTOM = "custom", 1.0, False, True
    RECURRENCE = "recurrence", 1.0, False, True
    INTERACTION = "interaction", 1.0, False, True
    EMBEDDING_BAG = "embedding_bag", 1.0, False, True
    ROW = "row"
    LOOP = "loop"

    copies: float
    takes_constants: bool
    sealed: bool

    def __new__(
        cls, word: str, copies: float = 4.0, takes_constants: bool = True, sealed: bool = False
    ) -> Root:
        member = str.__new__(cls, word)
        member._value_ = word
        member.copies, member.takes_constants, member.sealed = copies, takes_constants, sealed
        return member


def led_by(op: Operation) -> Root | None:
    """The root of the kernel that OP always leads; None for an op that may join the kernel of another."""
    if has(op, Trait.CONTRACTION):
        return Root.CONTRACTION
    if isinstance(op, Attention):
        return Root.ATTENTION
    if isinstance(op, CudaOp):
        return Root.CUSTOM
    if isinstance(op, Recurrence):
        return Root.RECURRENCE
    if isinstance(op, Interaction):
        return Root.INTERACTION
    if isinstance(op, EmbeddingBag):
        return Root.EMBEDDING_BAG
    return Root.LOOP if has(op, Trait.WINDOW) else None


_WORDS = EnumKind(tuple(root.value for root in Root))


class RootKind:
    """A root, written as its word."""

    def decode(self, raw: Any) -> Root:
        return Root(_WORDS.decode(raw))

    def encode(self, value: Root) -> str:
        return value.value
