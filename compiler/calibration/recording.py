"""Ops that record a tensor where it is computed, so that a device gives its histogram and not its elements.

The bins depend on the largest magnitude, so a tensor is read twice: `TensorSpan` finds its extremes, and
`TensorBins` counts with the range that follows from them. Both divide the elements among parts, a block for
each.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...dialects import custom
from ...dialects.core.ir import Block, Value
from ...dialects.graph.reduction import Reduce
from ..precision.scales.histogram import BIN_BITS, BINS, Array, Histogram, exponent_of

THREADS = 256  # of a block, and the most parts
PART = 8192  # elements of a part, at least
FACTS = 6  # of a part; see `TensorSpan`
MOST, LEAST = 2**31 - 1, -(2**31)
COMPILE_MS = 150.0
FLOATS = (custom.F32, custom.F16, custom.BF16)

WALK = """
const i64 share = (i64(count) + PARTS - 1) / PARTS;
const i64 end = m_min(share * (block + 1), i64(count));
"""

SPAN = (
    WALK
    + """
i32 lowest = integer_max<i32>, highest = integer_min<i32>, least = integer_max<i32>;
i32 zeros = 0, nans = 0, infinities = 0;
for (i64 i = share * block + thread_x(); i < end; i += THREADS) {
    const i32 bits = bit_cast<i32>(convert<f32>(x[i]));
    const i32 magnitude = bits & 0x7fffffff;
    if (magnitude >= 0x7f800000) {
        nans += magnitude > 0x7f800000;
        infinities += magnitude == 0x7f800000;
        continue;
    }
    const i32 key = bits < 0 ? ~magnitude : magnitude;
    lowest = m_min(lowest, key);
    highest = m_max(highest, key);
    zeros += magnitude == 0;
    if (magnitude != 0) least = m_min(least, magnitude);
}
GLASS_DYNAMIC_SHARED(shared);
i32* const parts = reinterpret_cast<i32*>(shared) + warp_id() * FACTS;
const i32 found[FACTS] = {warp_min(lowest), warp_max(highest), warp_min(least),
                          warp_sum(zeros), warp_sum(nans), warp_sum(infinities)};
if (lane_id() == 0) {
    for (int fact = 0; fact < FACTS; fact++) parts[fact] = found[fact];
}
sync_threads();
if (thread_x() >= FACTS) return;
const int fact = thread_x();
i32 whole = reinterpret_cast<i32*>(shared)[fact];
for (int warp = 1; warp < THREADS / 32; warp++) {
    const i32 other = reinterpret_cast<i32*>(shared)[warp * FACTS + fact];
    whole = fact > 2 ? whole + other : fact == 1 ? m_max(whole, other) : m_min(whole, other);
}
span[block * FACTS + fact] = whole;
"""
)

BINS_TEXT = (
    WALK
    + """
GLASS_DYNAMIC_SHARED(shared);
i32* const bins = reinterpret_cast<i32*>(shared);
i32* const tops = bins + BINS;
for (int bin = thread_x(); bin < BINS; bin += THREADS) bins[bin] = 0;
i32 low = 0, high = 0;
if (thread_x() < PARTS) {
    low = span[thread_x() * FACTS];
    high = span[thread_x() * FACTS + 1];
}
const i32 part_top = warp_max(m_max(m_max(high, 0), low < 0 ? ~low : 0));
if (lane_id() == 0) tops[warp_id()] = part_top;
sync_threads();
i32 top = 0;
for (int warp = 0; warp < THREADS / 32; warp++) top = m_max(top, tops[warp]);
int shift = 13;  // of a significand of 24 bits with the exponent of the largest magnitude, to 11 bits
if (top < 1 << 23) {
    shift = -BIN_BITS;
    while (top >> (shift + BIN_BITS) != 0) shift++;
}
const int scale = m_max(top >> 23, 1) + shift;
for (i64 i = share * block + thread_x(); i < end; i += THREADS) {
    const i32 magnitude = bit_cast<i32>(convert<f32>(x[i])) & 0x7fffffff;
    if (magnitude == 0 || magnitude >= 0x7f800000) continue;
    const int exponent = magnitude >> 23;
    const i32 significand = exponent == 0 ? magnitude : (magnitude & 0x7fffff) | 1 << 23;
    const int down = scale - m_max(exponent, 1);
    const i32 bin = down > 31 ? 0 : down < 0 ? significand << -down : significand >> down;
    shared_add(bins, bin, 1);
}
sync_threads();
for (int bin = thread_x(); bin < BINS; bin += THREADS) counts[i64(block) * BINS + bin] = bins[bin];
"""
)


class TensorRecorder(custom.CudaOp):
    """A body with a block for each of `parts` parts of `x`."""

    kinds: ClassVar[tuple[str, ...]] = custom.FLOAT
    floats = FLOATS
    any_order = True
    compile_ms = COMPILE_MS
    text = ""
    shared = 0

    def tolerance(self) -> float:
        return 0.0

    def cuda(self) -> custom.CudaBody:
        parts: int = self.attributes["parts"]
        constants = {"PARTS": parts, "THREADS": THREADS, "FACTS": FACTS, "BINS": BINS, "BIN_BITS": BIN_BITS}
        sizes = {"count": self.inputs[0].type.elements}
        return custom.CudaBody(self.text, parts, THREADS, self.shared, constants=constants, sizes=sizes)


class TensorSpan(TensorRecorder):
    """FACTS of each part of x as integers: the lowest and the highest finite element, by keys in their order,
    the bits of the least magnitude that is not zero, and the numbers of zeros, NaNs and infinities.

    The key of a number is the bits of its magnitude, inverted for a negative one. What a part lacks has the
    key that is last in the order: MOST for the lowest and the least, LEAST for the highest.
    """

    x = custom.operand()
    span = custom.result()
    parts = custom.integer()
    text = SPAN
    shared = THREADS // 32 * FACTS * 4

    def result_type(self) -> custom.TensorType:
        return custom.TensorType((self.parts, FACTS), custom.I32)

    def compute(self, x: Array) -> Array:
        return np.array([_facts(part) for part in _cut(x, self.parts)], np.int32)


class TensorBins(TensorRecorder):
    """How many finite elements of each part of x other than zero lie in each bin of a `Histogram` of x, whose
    `TensorSpan` is span."""

    x = custom.operand()
    span = custom.operand()
    counts = custom.result()
    parts = custom.integer()
    kinds = (*custom.FLOAT, *custom.INTEGER)
    text = BINS_TEXT
    shared = (BINS + THREADS // 32) * 4

    def result_type(self) -> custom.TensorType:
        return custom.TensorType((self.parts, BINS), custom.I32)

    def compute(self, x: Array, span: Array) -> Array:
        return np.array([_counted(part, recorded(span).exponent) for part in _cut(x, self.parts)], np.int32)


with custom.registered():  # whoever records registers them for as long
    for op in (OPS := (TensorSpan, TensorBins)):
        custom.op(f"glassrt.calibration::{op.__name__}")(op)


def insert_recording(block: Block, value: Value, count: int) -> tuple[Value, Value]:
    """Ops in BLOCK that record its VALUE, of about COUNT elements: its `TensorSpan`, and the counts of its
    bins, [BINS].

    They follow what makes VALUE, so that no tensor has to live until all are there.
    """
    before = block.first if value.producer is None else value.producer.next
    assert before is not None  # the terminator is behind all
    parts = min(max(count // PART, 1), THREADS)
    span = TensorSpan(value, parts=parts, loc=before.location)
    bins = TensorBins(value, span.result, parts=parts, loc=before.location)
    whole = Reduce(bins.result, kind="sum", axes=(0,), keepdims=False, loc=before.location)
    for each in (span, bins, whole):
        block.insert_before(before, each)
    return span.result, whole.result


def recorded(span: Array, counts: Array | None = None) -> Histogram:
    """The histogram of a tensor with these results of `insert_recording`; no bins without COUNTS."""
    lowest, highest, least = int(span[:, 0].min()), int(span[:, 1].max()), int(span[:, 2].min())
    zeros, nans, infinities = (int(each) for each in span[:, 3:].sum(axis=0, dtype=np.int64))
    found = Histogram(zeros=zeros, nans=nans, infinities=infinities)
    if lowest != MOST:
        found.minimum, found.maximum = _number(lowest), _number(highest)
    if least != MOST:
        found.smallest, found.exponent = _number(least), exponent_of(found.largest)
    if counts is not None:
        found.counts += counts
        found.counts[0] += zeros
        found.count = int(found.counts.sum()) + nans + infinities
    return found


def _cut(x: Array, parts: int) -> list[Array]:
    """The elements of each of PARTS parts of X."""
    flat = np.asarray(x, np.float32).reshape(-1)
    share = -(-flat.size // parts)
    return [flat[share * part : share * (part + 1)] for part in range(parts)]


def _facts(part: Array) -> list[int]:
    found = Histogram()
    found.add(part)
    keys = [MOST, LEAST, MOST]
    if found.finite:
        keys[:2] = _key(found.minimum), _key(found.maximum)
    if found.finite > found.zeros:
        keys[2] = _key(found.smallest)
    return [*keys, found.zeros, found.nans, found.infinities]


def _counted(part: Array, exponent: int) -> Array:
    found = Histogram(exponent)
    found.add(part)
    return found.nonzero_counts()


def _key(number: float) -> int:
    magnitude = int(np.float32(abs(number)).view(np.int32))
    return ~magnitude if np.signbit(number) else magnitude


def _number(key: int) -> float:
    magnitude = float(np.int32(~key if key < 0 else key).view(np.float32))
    return -magnitude if key < 0 else magnitude
