"""A histogram of the magnitudes in a tensor, fed batch by batch, in constant memory.

The range is [0, 2^e), with e the least for which every magnitude so far lies in it. When it grows by
2^k, runs of 2^k bins are joined. Scaling by a power of two is exact, and so is halving a bin's number:
the counts are those of one histogram over all elements with the final range, whatever the order of the
elements, the batches they came in, or the histograms that were merged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Counts = np.ndarray[Any, np.dtype[np.int64]]

BIN_BITS = 11
BINS = 1 << BIN_BITS
# Below the least float32, 2^-149: the exponent while all elements are zero.
LEAST_EXPONENT = -149
MOST_EXPONENT = 128
CHUNK = 1 << 16  # elements processed at a time, which fit the cache
# A float32 without its sign, as an integer: these are ordered as the magnitudes are.
MAGNITUDE, INFINITY, ONE = np.uint32(0x7FFFFFFF), np.uint32(0x7F800000), np.uint32(1)
# Factors whose exponent is at most this are normal float32 numbers.
SHORT_EXPONENT = 126


def _no_counts() -> Counts:
    return np.zeros(BINS, np.int64)


@dataclass(frozen=True)
class Bins:
    """The nonzero elements of a tensor, counted by intervals of magnitude.

    lower, upper, weights: edges and count of every nonempty bin, in ascending order; the outermost edges are
    the smallest and the largest magnitude.
    """

    lower: Array
    upper: Array
    weights: Array

    def beyond(self, clip: float) -> float:
        """The number of elements larger than CLIP, if elements are spread evenly within its bin."""
        width = np.where(self.upper > self.lower, self.upper - self.lower, 1.0)
        share = np.clip((self.upper - clip) / width, 0.0, 1.0)
        share = np.where(self.lower >= clip, self.upper > clip, share)
        return float(self.weights @ share)


@dataclass(eq=False)
class Histogram:
    """The histogram of the magnitudes of a tensor's elements, taken as float32.

    exponent: the range is [0, 2^exponent); counts: finite elements per bin, zeros in the first;
    count, zeros, nans, infinities: how many elements there are, and how many are so; minimum, maximum:
    of the finite elements, infinite while there are none; smallest, largest: the least magnitude that is
    not zero, infinite while there is none, and the largest magnitude.
    """

    exponent: int = LEAST_EXPONENT
    counts: Counts = field(default_factory=_no_counts)
    count: int = 0
    zeros: int = 0
    nans: int = 0
    infinities: int = 0
    minimum: float = math.inf
    maximum: float = -math.inf
    smallest: float = math.inf

    @property
    def finite(self) -> int:
        """The number of finite elements."""
        return self.count - self.nans - self.infinities

    @property
    def largest(self) -> float:
        """The largest magnitude; 0 while there is no finite element."""
        return max(self.maximum, -self.minimum, 0.0)

    @property
    def bin_width(self) -> float:
        """The width of every bin."""
        return math.ldexp(1.0, self.exponent - BIN_BITS)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        return self._facts() == other._facts() and bool(np.array_equal(self.counts, other.counts))

    __hash__ = None  # type: ignore[assignment]

    def _facts(self) -> tuple[float, ...]:
        return (
            self.exponent, self.count, self.zeros, self.nans, self.infinities,
            self.minimum, self.maximum, self.smallest,
        )  # fmt: skip

    # ------------------------------------------------------------ recording

    def add(self, array: Array) -> None:
        """Count the elements of ARRAY, floats of any width."""
        flat = np.asarray(array).reshape(-1)
        for start in range(0, flat.size, CHUNK):
            with np.errstate(over="ignore"):  # a double beyond float32 counts as infinite
                self._add(flat[start : start + CHUNK].astype(np.float32, copy=False))

    def _add(self, values: Array) -> None:
        self.count += values.size
        bits = values.view(np.uint32) & MAGNITUDE
        if bits.max() >= INFINITY:
            values = self._without_odd(values)
            if not values.size:
                return
            bits = values.view(np.uint32) & MAGNITUDE
        self.minimum = min(self.minimum, float(values.min()))
        self.maximum = max(self.maximum, float(values.max()))
        nonzero = int(np.count_nonzero(bits))
        self.zeros += values.size - nonzero
        if nonzero:
            least = (bits - ONE).min() + ONE  # zeros wrap around, and are the largest
            self.smallest = min(self.smallest, float(least.view(np.float32)))
            self._widen(exponent_of(self.largest))
        self.counts += np.bincount(self._places(bits.view(np.float32)), minlength=BINS)

    def _without_odd(self, values: Array) -> Array:
        """The finite elements of VALUES; NaNs and infinities are counted and removed."""
        finite = np.isfinite(values)
        nans = int(np.count_nonzero(np.isnan(values)))
        self.nans += nans
        self.infinities += values.size - int(np.count_nonzero(finite)) - nans
        return values[finite]

    def _places(self, magnitudes: Array) -> Array:
        """The bin index of each magnitude."""
        scale = BIN_BITS - self.exponent
        if abs(scale) > SHORT_EXPONENT:
            return (magnitudes.astype(np.float64) * math.ldexp(1.0, scale)).astype(np.intp)
        # Magnitudes that underflow here would be far below 1 anyway.
        return (magnitudes * np.float32(math.ldexp(1.0, scale))).astype(np.intp)

    def _widen(self, exponent: int) -> None:
        """Make the range at least [0, 2^EXPONENT)."""
        if exponent > self.exponent:
            self.counts = _joined(self.counts, exponent - self.exponent)
            self.exponent = exponent

    # ------------------------------------------------------------ reading

    def merged(self, other: Histogram) -> Histogram:
        """The histogram of the elements of both."""
        exponent = max(self.exponent, other.exponent)
        counts = _joined(self.counts, exponent - self.exponent)
        return Histogram(
            exponent,
            counts + _joined(other.counts, exponent - other.exponent),
            self.count + other.count,
            self.zeros + other.zeros,
            self.nans + other.nans,
            self.infinities + other.infinities,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
            min(self.smallest, other.smallest),
        )

    def nonzero_counts(self) -> Counts:
        """The counts without the zeros."""
        counts = self.counts.copy()
        counts[0] -= self.zeros
        return counts

    def bins(self) -> Bins:
        """The bins that hold elements other than zero."""
        counts = self.nonzero_counts()
        held = np.flatnonzero(counts)
        lower, upper = held * self.bin_width, (held + 1) * self.bin_width
        if held.size:
            lower[0], upper[-1] = max(lower[0], self.smallest), min(upper[-1], self.largest)
        return Bins(lower, upper, counts[held].astype(np.float64))


def exponent_of(magnitude: float) -> int:
    """The least e for which MAGNITUDE, which is not zero, lies in [0, 2^e)."""
    return math.frexp(magnitude)[1]


def _joined(counts: Counts, power: int) -> Counts:
    """A new array of COUNTS for a range that is larger by 2^POWER."""
    run = 1 << min(power, BIN_BITS)
    joined = _no_counts()
    joined[: BINS // run] = counts.reshape(-1, run).sum(axis=1)
    return joined
