"""Tensor maps as an attribute: which operand of a kernel a descriptor of bulk copies shows, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...runtime.launch_rules import Traversal
from .affine import Dim, exact_div, substitute, symbols, total
from .dtypes import DType


@dataclass(frozen=True)
class TensorMap:
    """A tensor map over the kernel's operand number `operand`.

    `dims` are its sizes in elements of `dtype`, the innermost first; `strides` are the bytes between
    neighbours of all dimensions but the innermost, whose elements are neighbours.
    """

    operand: int
    dtype: DType
    dims: tuple[Dim, ...]
    strides: tuple[Dim, ...]
    traversal: Traversal

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols in its sizes and strides."""
        return frozenset(name for dim in (*self.dims, *self.strides) for name in symbols(dim))

    @property
    def extent(self) -> Dim:
        """Bytes from its first element to one past its last, for sizes of at least 1."""
        steps = zip(self.dims[1:], self.strides, strict=True)
        return self.dims[0] * self.dtype.bytes + total((dim - 1) * stride for dim, stride in steps)

    def substituted(self, values: Mapping[str, Dim]) -> TensorMap:
        """The same with its symbols under VALUES."""
        dims, strides = (
            tuple(substitute(dim, values) for dim in given) for given in (self.dims, self.strides)
        )
        return replace(self, dims=dims, strides=strides)

    def fault(self) -> str | None:
        """Which rule of the driver it breaks, or may break at some sizes; None when it keeps them all.

        Ranges of symbolic sizes are for who knows them to check: the plan's loader.
        """
        found = self.traversal.fault(len(self.dims), self.dtype.name, self.dtype.bytes)
        if found is not None:
            return found
        by = self.traversal.alignment
        for stride in self.strides:
            if exact_div(stride, by) is None:
                return f"has a stride of {stride} bytes, which need not be a multiple of {by}"
        dims = [dim if isinstance(dim, int) else 1 << 16 for dim in self.dims]  # any size that is allowed
        strides = [stride if isinstance(stride, int) else by for stride in self.strides]
        return self.traversal.wrong_sizes(dims, strides)
