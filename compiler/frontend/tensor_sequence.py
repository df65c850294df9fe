"""Sequences of tensors, which are values in ONNX. Here they are lists, resolved at import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from ...dialects.core.dtypes import DType
from .left_out import SEQUENCES
from .problems import Malformed, Refused
from .tensor import Tensor


class TensorSequence(Tensor):
    """Tensors of one element type, in order; not a value of the IR. Reads of it as a tensor are refused.

    items: the tensors, whose shapes may differ; element: their type, which an empty sequence has, too.
    """

    __slots__ = ("element", "items")

    def __init__(self, items: Sequence[Tensor], element: DType) -> None:
        """Raises Malformed for items of other types, LostRead for an item of an unsupported node."""
        for item in items:
            if item.dtype != element:
                raise Malformed(f"a sequence of {element} cannot have an element of {item.dtype}")
        self.items = tuple(items)
        self.element = element

    @property
    def is_known(self) -> bool:
        """Whether the content of all its tensors is known."""
        return all(item.is_known for item in self.items)

    def __getattr__(self, name: str) -> NoReturn:
        """Handles the attributes of a tensor that a sequence does not have."""
        raise Refused(SEQUENCES)
