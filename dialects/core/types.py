"""Tensor types: a shape of Dims, an element type and a memory layout."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from functools import cached_property

from .affine import Affine, Dim, product
from .affine_traversal import evaluate, symbols
from .dtypes import DType
from .tensor_map import TensorMap

CHANNELS_LAST_NAMES = {3: "nwc", 4: "nhwc", 5: "ndhwc"}
LARGE_SIZE = 1024  # replaces every symbol when strides are sorted


@dataclass(frozen=True)
class Layout:
    """The memory layout of a tensor.

    `order` lists the logical dimensions from the outermost to the innermost in memory; empty means row-major.
    `strides` (in elements, per logical dimension) and `offset` (in elements) describe a view into a larger
    buffer; without either the tensor is dense in its order. A scalar has no strides, so only its offset marks
    it as a part.
    """

    order: tuple[int, ...] = ()
    strides: tuple[Dim, ...] = ()
    offset: Dim = 0

    @property
    def is_dense(self) -> bool:
        return not self.strides and self.offset == 0


ROW_MAJOR = Layout()


def channels_last(rank: int) -> Layout:
    """NHWC and its relatives: batch, spatial dimensions, then channels innermost."""
    if rank < 3:
        return ROW_MAJOR
    return Layout((0, *range(2, rank), 1))


@dataclass(frozen=True)
class TensorType:
    """`tensor<Nx3x224x224xf16, nhwc>`. Shapes are always logical: NCHW order whatever the layout."""

    shape: tuple[Dim, ...]
    dtype: DType
    layout: Layout = field(default=ROW_MAJOR)

    @property
    def rank(self) -> int:
        return len(self.shape)

    @cached_property
    def elements(self) -> Dim:
        return product(self.shape)

    @property
    def bytes(self) -> Dim:
        return self.elements * self.dtype.bytes

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The logical dimensions from the outermost to the innermost in memory."""
        axes = self.layout.order or tuple(range(self.rank))
        if self.layout.strides:
            return tuple(sorted(axes, key=lambda axis: -_typical(self.layout.strides[axis])))
        return axes

    @cached_property
    def strides(self) -> tuple[Dim, ...]:
        """Elements between neighbours along each logical dimension."""
        if self.layout.strides:
            return self.layout.strides
        strides: list[Dim] = [1] * self.rank
        step: Dim = 1
        for axis in reversed(self.order):
            strides[axis] = step
            step = step * self.shape[axis]
        return tuple(strides)

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The symbols in its sizes, strides and offset."""
        return frozenset(symbols_in((*self.shape, *self.layout.strides, self.layout.offset)))

    def with_dtype(self, dtype: DType) -> TensorType:
        return self if dtype is self.dtype else TensorType(self.shape, dtype, self.layout)

    def with_shape(self, shape: tuple[Dim, ...]) -> TensorType:
        return TensorType(shape, self.dtype)

    def with_layout(self, layout: Layout) -> TensorType:
        return self if layout is self.layout else TensorType(self.shape, self.dtype, layout)

    def __str__(self) -> str:
        dims = "".join(f"{dim_text(dim)}x" for dim in self.shape)
        return f"tensor<{dims}{self.dtype}{_layout_text(self)}>"


def _typical(stride: Dim) -> int:
    return evaluate(stride, dict.fromkeys(symbols(stride), LARGE_SIZE))


def symbols_in(value: object) -> Set[str]:
    """The symbols in a type or an attribute's value: a size, a tensor type, a tensor map, or a tuple of
    these."""
    if isinstance(value, (TensorType, TensorMap)):
        return value.symbols
    if isinstance(value, Affine):
        return symbols(value)
    if isinstance(value, tuple):
        return {name for item in value if not isinstance(item, int) for name in symbols_in(item)}
    return frozenset()


def dim_text(dim: Dim) -> str:
    """A dimension in a type's syntax: without parentheses if it is a number or a plain upper-case symbol."""
    text = str(dim)
    if text[0] == "-" or (isinstance(dim, Affine) and not is_plain_symbol(text)):
        return f"({text})"
    return text


def is_plain_symbol(text: str) -> bool:
    return text[0].isupper() and all(c.isupper() or c.isdigit() or c == "_" for c in text)


def _layout_text(tensor: TensorType) -> str:
    layout = tensor.layout
    if layout == ROW_MAJOR:
        return ""
    if not layout.is_dense:
        strides = ", ".join(str(s) for s in layout.strides)
        return f", strided<[{strides}], {layout.offset}>"
    if layout == channels_last(tensor.rank):
        return f", {CHANNELS_LAST_NAMES.get(tensor.rank, 'channels_last')}"
    return f", order<{', '.join(str(axis) for axis in layout.order)}>"
