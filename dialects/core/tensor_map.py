"""Tensor maps as an attribute: the kernel operand that bulk copies access, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...runtime.launch_rules import SWIZZLES, Rounding, Swizzle, Traversal
from .affine import Dim, exact_div, total
from .affine_traversal import substitute, symbols
from .dtypes import F32, DType


def swizzle_of(line: int) -> Swizzle:
    """The swizzle of boxes whose innermost dimension has LINE bytes: 32, 64 or 128."""
    return next(name for name, span in SWIZZLES.items() if span == line)


def rounding_of(dtype: DType) -> Rounding:
    """How elements of DTYPE are rounded on their way to tensor cores, which would cut f32."""
    return "tf32" if dtype == F32 else "none"


@dataclass(frozen=True)
class TensorMap:
    """A tensor map over the kernel's operand number `operand`.

    `dims` are the sizes in elements of `dtype`, innermost first; `strides` are in bytes, for all dimensions
    but the innermost, whose elements are contiguous.
    """

    operand: int
    dtype: DType
    dims: tuple[Dim, ...]
    strides: tuple[Dim, ...]
    traversal: Traversal

    @classmethod
    def tiled(
        cls,
        operand: int,
        dtype: DType,
        dims: tuple[Dim, ...],
        strides: tuple[Dim, ...],
        box: Sequence[int],
        swizzle: Swizzle = "128B",
        rounding: Rounding = "none",
    ) -> TensorMap:
        """The map of copies of a BOX of elements, innermost first, swizzled and rounded as SWIZZLE and
        ROUNDING say."""
        return cls(operand, dtype, dims, strides, Traversal(tuple(box), swizzle=swizzle, rounding=rounding))

    @classmethod
    def im2col(
        cls,
        operand: int,
        dtype: DType,
        dims: tuple[Dim, ...],
        strides: tuple[Dim, ...],
        box: tuple[int, int],
        corners: tuple[tuple[int, ...], tuple[int, ...]],
        steps: tuple[int, ...],
        swizzle: Swizzle = "128B",
        rounding: Rounding = "none",
    ) -> TensorMap:
        """The map of copies of BOX, channels and pixels, swizzled and rounded as SWIZZLE and ROUNDING say.

        A copy begins between the CORNERS of each spatial dimension, and takes every n-th pixel as STEPS say.
        """
        every = steps if max(steps) > 1 else ()
        lower, upper = corners
        walk = Traversal(box, steps=every, swizzle=swizzle, rounding=rounding, lower=lower, upper=upper)
        return cls(operand, dtype, dims, strides, walk)

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols in its sizes and strides."""
        return frozenset(name for dim in (*self.dims, *self.strides) for name in symbols(dim))

    @property
    def extent(self) -> Dim:
        """Bytes from the first element to one past the last, for sizes of at least 1."""
        steps = zip(self.dims[1:], self.strides, strict=True)
        return self.dims[0] * self.dtype.bytes + total((dim - 1) * stride for dim, stride in steps)

    def substituted(self, values: Mapping[str, Dim]) -> TensorMap:
        """The tensor map with its symbols replaced as VALUES says."""
        dims, strides = (
            tuple(substitute(dim, values) for dim in given) for given in (self.dims, self.strides)
        )
        return replace(self, dims=dims, strides=strides)

    def fault(self) -> str | None:
        """The rule of the driver that it violates, or may violate at some sizes, as text; None if there is
        none.

        Ranges of symbolic sizes are not known here; the plan loader checks them.
        """
        found = self.traversal.fault(len(self.dims), self.dtype.name, self.dtype.bytes)
        if found is not None:
            return found
        by = self.traversal.alignment
        for stride in self.strides:
            if exact_div(stride, by) is None:
                return f"has a stride of {stride} bytes, which need not be a multiple of {by}"
        dims = [dim if isinstance(dim, int) else 1 << 16 for dim in self.dims]  # any allowed size
        strides = [stride if isinstance(stride, int) else by for stride in self.strides]
        return self.traversal.wrong_sizes(dims, strides)
