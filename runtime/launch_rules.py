"""The CUDA driver's rules for blocks, clusters and tensor maps, the descriptors of bulk copies (TMA).

The launch dialect, the plan loader and the devices apply the same rules, so they are defined here, below all
of them: those of `cuTensorMapEncodeTiled` and `cuTensorMapEncodeIm2col` (CUDA driver API, "Tensor map object
management"). A violation is reported as text that continues "tensor map ...".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

MAX_CLUSTER = 16  # blocks; the most that any GPU supports, for kernels that ask the driver for it
PORTABLE_CLUSTER = 8  # blocks; what every GPU with clusters supports without being asked
# The most shared memory of a block on any GPU (compute capability 9.0 and 10.x; CUDA programming guide,
# "Technical specifications per compute capability"). It bounds plans, not a target: a plan beyond it is
# refused on every device, the host included. Kernels are made for `Limits.shared_per_block`.
MAX_SHARED_BYTES = 227 << 10

Swizzle = Literal["none", "32B", "64B", "128B"]
Interleave = Literal["none", "16B", "32B"]
Fill = Literal["zero", "nan"]
Rounding = Literal["none", "tf32"]
SWIZZLES: dict[Swizzle, int] = {"none": 0, "32B": 32, "64B": 64, "128B": 128}
INTERLEAVES: dict[Interleave, int] = {"none": 0, "16B": 16, "32B": 32}
FILLS: tuple[Fill, ...] = ("zero", "nan")
ROUNDINGS: tuple[Rounding, ...] = ("none", "tf32")

MAX_RANK, MAX_BOX, MAX_PIXELS, MAX_STEP = 5, 256, 1024, 8
MAX_SIZE, MAX_STRIDE = 2**32, 2**40
FLOATS = frozenset({"f16", "bf16", "f32", "f64"})  # 8-bit floats are copied as integers
_CORNERS = {3: 2**15, 4: 2**7, 5: 2**4}  # by rank: corners are in -n..n-1


@dataclass(frozen=True)
class Traversal:
    """How bulk copies traverse a tensor; everything in the order of its dimensions, innermost first.

    A tiled map copies a `box` of elements. An im2col map has corners, `lower` and `upper`: a copy may begin
    at the pixels from lower to size + upper along width, height and depth, and its box is (channels per
    pixel, pixels per column). `steps` (the driver's element strides) takes every n-th element along a
    dimension; empty means all elements. With an interleaved layout the innermost dimension is one slice (C8
    of NC/8HWC8): sizes are checked as if all addresses were linear in the coordinates. With a `rounding`
    elements of f32 are rounded to tf32 on their way, to nearest with ties to even.
    """

    box: tuple[int, ...]
    steps: tuple[int, ...] = ()
    swizzle: Swizzle = "none"
    interleave: Interleave = "none"
    fill: Fill = "zero"
    rounding: Rounding = "none"
    lower: tuple[int, ...] = ()
    upper: tuple[int, ...] = ()

    @property
    def im2col(self) -> bool:
        return bool(self.lower or self.upper)

    @property
    def alignment(self) -> int:
        """Required alignment of the address and the strides, in bytes."""
        return 32 if self.interleave == "32B" else 16

    def every(self, rank: int) -> tuple[int, ...]:
        """The element stride along each of RANK dimensions."""
        return self.steps or (1,) * rank

    def copied(self, rank: int) -> int:
        """The number of elements that one copy moves."""
        if self.im2col:
            return prod(self.box)
        return prod(-(-size // step) for size, step in zip(self.box, self.every(rank), strict=True))

    def fault(self, rank: int, dtype: str, element_bytes: int) -> str | None:
        """The rule that a map of RANK dimensions of DTYPE violates, as text; None if there is none."""
        return (
            self._wrong_lengths(rank)
            or self._wrong_numbers(rank)
            or self._wrong_row(self.box[0] * element_bytes)
            or (f"cannot fill {dtype} with NaN" if self.fill == "nan" and dtype not in FLOATS else None)
            or (f"cannot round {dtype} to tf32" if self.rounding == "tf32" and dtype != "f32" else None)
        )

    def _wrong_lengths(self, rank: int) -> str | None:
        least = 3 if self.im2col or self.interleave != "none" else 1
        if not least <= rank <= MAX_RANK:
            return f"has {rank} dimensions; {least} to {MAX_RANK} are possible"
        if len(self.box) != (2 if self.im2col else rank):
            wanted = "channels and pixels" if self.im2col else f"{rank} sizes, one a dimension"
            return f"has a box of {len(self.box)} sizes; it takes {wanted}"
        if self.steps and len(self.steps) != rank:
            return f"has {len(self.steps)} steps for {rank} dimensions"
        if self.im2col and not len(self.lower) == len(self.upper) == rank - 2:
            return f"needs two corners of {rank - 2} numbers, one a dimension but channels and batch"
        return None

    def _wrong_numbers(self, rank: int) -> str | None:
        most = (MAX_BOX, MAX_PIXELS) if self.im2col else (MAX_BOX,) * rank
        for size, limit in zip(self.box, most, strict=True):
            if not 1 <= size <= limit:
                return f"has a box size of {size}; 1 to {limit} are possible"
        steps = self.every(rank)
        if not all(1 <= step <= MAX_STEP for step in steps) or steps[0] != 1:
            return f"has steps {list(steps)}; 1 to {MAX_STEP} are possible, and 1 alone in the innermost one"
        limit = _CORNERS[rank] if self.im2col else 0
        if not all(-limit <= at < limit for at in (*self.lower, *self.upper)):
            return f"has corners outside {-limit}..{limit - 1}"
        return None

    def _wrong_row(self, row: int) -> str | None:
        """What is wrong with a box whose innermost dimension is ROW bytes long; None if nothing is."""
        if self.interleave == "32B" and self.swizzle != "32B":
            return "has an interleave of 32B, which needs a swizzle of 32B"
        if self.interleave != "none":
            return None
        if row % 16:
            return f"has a box of {row} bytes along its innermost dimension, no multiple of 16"
        if self.swizzle != "none" and row > SWIZZLES[self.swizzle]:
            return f"has a box of {row} bytes along its innermost dimension in a swizzle of {self.swizzle}"
        return None

    def wrong_sizes(self, dims: Sequence[int], strides: Sequence[int]) -> str | None:
        """The rule that the sizes (elements) or STRIDES (bytes, all dimensions but the first) violate, or
        None."""
        if len(strides) != len(dims) - 1:
            return f"has {len(strides)} strides for {len(dims)} dimensions; it takes one less than those"
        for dim in dims:
            if not 1 <= dim <= MAX_SIZE:
                return f"has a size of {dim}; 1 to 2**32 are possible"
        for stride in strides:
            if stride % self.alignment or not 0 <= stride < MAX_STRIDE:
                wanted = f"multiples of {self.alignment} below 2**40 are possible"
                return f"has a stride of {stride} bytes; {wanted}"
        for low, high, dim in zip(self.lower, self.upper, dims[1:], strict=False):
            if dim + high <= low:
                return f"has no pixel between its corners {low} and {high} along a size of {dim}"
        return None


def extent(dims: Sequence[int], strides: Sequence[int], element_bytes: int) -> int:
    """Bytes from a tensor's first element to one past its last."""
    steps = zip(dims[1:], strides, strict=True)
    return dims[0] * element_bytes + sum((dim - 1) * stride for dim, stride in steps)
