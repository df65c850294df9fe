"""The conformance cases of the intrinsics: a kernel, its inputs, and what numpy says comes out.

The same cases run on the host device (test_conformance.py) and on a GPU
(benchmarks/intrinsics_gpu.py), so this module needs numpy and ml_dtypes only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, Any]
Swizzle = Literal["none", "32B", "64B", "128B"]
Rounding = Literal["none", "tf32"]
KERNELS = Path(__file__).parent / "kernels"


@dataclass(frozen=True)
class Map:
    """A tensor map over one of the case's arrays; dims innermost first, strides in bytes."""

    array: Array
    dims: tuple[int, ...]
    strides: tuple[int, ...]
    box: tuple[int, ...]
    swizzle: Swizzle = "none"
    rounding: Rounding = "none"


@dataclass(frozen=True)
class Out:
    """An output: its value before the launch, and the one expected after it."""

    expected: Array
    before: Array | None = None
    check: Callable[[Array, Array], None] | None = None

    def start(self) -> Array:
        """A fresh array to launch with, full of ones bits unless the case says otherwise."""
        if self.before is not None:
            return self.before.copy()
        poison = np.full(max(1, self.expected.nbytes), 0xFF, np.uint8)
        return poison[: self.expected.nbytes].view(self.expected.dtype).reshape(self.expected.shape)

    def verify(self, actual: Array) -> None:
        """Raises AssertionError when the output is not as expected; NaN equals NaN."""
        if self.check is not None:
            self.check(actual, self.expected)
        else:
            same_values(actual, self.expected)


Argument = Array | int | Out | Map


@dataclass(frozen=True)
class Case:
    """One launch of one kernel of kernels/<source>.cu. `minimum` is the lowest compute capability x 10."""

    kernel: str
    source: str
    arguments: Sequence[Argument]
    grid: tuple[int, int, int] = (1, 1, 1)
    block: tuple[int, int, int] = (32, 1, 1)
    cluster: tuple[int, int, int] = (1, 1, 1)
    shared_bytes: int = 0
    minimum: int = 80
    variant: str = ""

    @property
    def name(self) -> str:
        return f"{self.kernel}-{self.variant}" if self.variant else self.kernel

    def outputs(self) -> list[Out]:
        return [argument for argument in self.arguments if isinstance(argument, Out)]


def read_source(name: str) -> str:
    """The CUDA text of kernels/<name>.cu."""
    return (KERNELS / f"{name}.cu").read_text()


def bits(values: Array) -> Array:
    """The values as unsigned integers of the same size, all NaNs being one."""
    plain = values.view(np.dtype(f"u{values.dtype.itemsize}"))
    if values.dtype.kind not in "fV":
        return plain
    with np.errstate(invalid="ignore"):
        nan = np.isnan(values.astype(np.float64))
    return np.where(nan, np.iinfo(plain.dtype).max, plain)


def same_values(actual: Array, expected: Array) -> None:
    """Bit equality, except that any NaN equals any other."""
    np.testing.assert_array_equal(bits(actual), bits(expected))


def within(relative: float, absolute: float) -> Callable[[Array, Array], None]:
    """A check for sums whose order is the machine's own."""

    def check(actual: Array, expected: Array) -> None:
        np.testing.assert_allclose(actual, expected, rtol=relative, atol=absolute)

    return check
