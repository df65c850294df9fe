"""Weights of 4 or 8 bits in blocks along k, packed in the order in which tensor cores multiply them.

A record has 16 columns of the result by 1 KB of numbers: 128 steps of k of 4 bits, or 64 of 8. It is lines of
64 steps of k, each of which is four products of `mma` (16 x 8 x 16) whose rows are the columns of the result:
lane 4g + t has the columns g and g + 8, and four neighbouring k, which it reads from 4 (8) bytes for each
product; 16 bytes of a lane follow each other. Behind the numbers are the scales of the record's blocks, of
the columns g and g + 8 side by side; with zero points, each is followed by the middle of the range less the
zero point. What is missing behind the last column or the last k has the scale 0.

A stored number u stands for (u - middle + offset) * scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.affine import Dim, ceildiv, floordiv
from ..core.dtypes import F16, F32, DType

Array = np.ndarray[Any, Any]
COLUMNS, LINE, LANES, PRODUCTS = 16, 64, 32, 4
NUMBER_BYTES, WORD_BYTES = 1024, 8
BITS, BLOCKS, SCALE_BITS = (4, 8), (16, 32, 64, 128, 256), (16, 32)


@dataclass(frozen=True)
class BlockFormat:
    """How weights are packed: `bits` of a number, numbers of a `block` that share a scale, `scale_bits` of
    that, and whether zero points are not all in the middle of the range (`shifted`)."""

    bits: int
    block: int
    scale_bits: int
    shifted: bool

    def fault(self) -> str | None:
        """Why there is no such format; None if there is."""
        if self.bits not in BITS:
            return f"numbers of {self.bits} bits; {' and '.join(map(str, BITS))} are possible"
        if self.block not in BLOCKS:
            return f"blocks of {self.block}; {', '.join(map(str, BLOCKS))} are possible"
        return None if self.scale_bits in SCALE_BITS else f"scales of {self.scale_bits} bits"

    @property
    def middle(self) -> int:
        """The middle of the range of stored numbers, which most zero points are."""
        return 1 << (self.bits - 1)

    @property
    def depth(self) -> int:
        """Steps of k in a record."""
        return NUMBER_BYTES * 8 // self.bits // COLUMNS

    @property
    def lines(self) -> int:
        """Lines of k in a record."""
        return self.depth // LINE

    @property
    def blocks(self) -> int:
        """Scales of a column in a record."""
        return self.depth // min(self.block, self.depth)

    @property
    def group(self) -> int:
        """Steps of k within which a lane has those of one product, so that these are of one block."""
        return min(self.block, LINE)

    @property
    def scale(self) -> DType:
        return F16 if self.scale_bits == 16 else F32

    @property
    def fields(self) -> int:
        """Numbers beside each block of a column: its scale, and its offset."""
        return 2 if self.shifted else 1

    @property
    def record_bytes(self) -> int:
        return NUMBER_BYTES + self.blocks * COLUMNS * self.fields * self.scale_bits // 8

    def shape(self, columns: Dim, depth: Dim) -> tuple[Dim, Dim, Dim]:
        """The shape of packed weights, in words of 64 bits."""
        return ceildiv(columns, COLUMNS), ceildiv(depth, self.depth), self.record_bytes // WORD_BYTES

    # ------------------------------------------------------------ where numbers are

    def place(self, column: Dim, k: Dim) -> tuple[Dim, Dim, Dim, Dim]:
        """Where the number of COLUMN and K is: tile, record, word in it and the lowest bit in that."""
        tile, column = _apart(column, COLUMNS)
        record, k = _apart(k, self.depth)
        line, k = _apart(k, LINE)
        product, lane_k, element = self._parts(k)
        half, g = _apart(column, COLUMNS // 2)
        high, low = _apart(element, 2)
        lane = 4 * g + lane_k
        pair = half + 2 * high
        if self.bits == 4:
            bit = ((line * LANES + lane) * PRODUCTS + product) * 32 + 4 * pair + 16 * low
        else:
            sub, product = _apart(product, 2)
            bit = ((((line * 2 + sub) * LANES + lane) * 2 + product) * 4 + pair) * 16 + 8 * low
        return (tile, record, *_apart(bit, 64))

    def field(self, column: Dim, k: Dim, number: int) -> tuple[Dim, Dim, Dim, Dim]:
        """Where the scale (NUMBER 0) or the offset (1) of COLUMN and K is, in the same way."""
        tile, column = _apart(column, COLUMNS)
        record, k = _apart(k, self.depth)
        half, g = _apart(column, COLUMNS // 2)
        block = floordiv(k, min(self.block, self.depth))
        at = ((block * (COLUMNS // 2) + g) * 2 + half) * self.fields + number
        return (tile, record, *_apart(at * self.scale_bits + NUMBER_BYTES * 8, 64))

    def _parts(self, k: Dim) -> tuple[Dim, Dim, Dim]:
        """The product of a line, lane among four and element of a lane's four that K of the line is."""
        if self.group == LINE:
            lane, k = _apart(k, 16)
            product, element = _apart(k, 4)
            return product, lane, element
        part, k = _apart(k, self.group)
        lane, k = _apart(k, self.group // 4)
        product, element = _apart(k, 4)
        return part * (self.group // 16) + product, lane, element

    # ------------------------------------------------------------ numpy

    def packed(self, numbers: Array, scale: Array, offset: Array | None) -> Array:
        """NUMBERS [columns, k] of stored bytes with SCALE and OFFSET [columns, blocks] (None unless shifted)
        as words [tiles, records, words]."""
        columns, depth = numbers.shape
        tiles, records, _ = (int(str(size)) for size in self.shape(columns, depth))
        wide = np.full((tiles * COLUMNS, records * self.depth), self.middle, np.uint8)
        wide[:columns, :depth] = numbers
        record = wide.reshape(tiles, COLUMNS, records, self.depth).transpose(0, 2, 1, 3)
        flat: Array = np.take(record.reshape(tiles, records, COLUMNS * self.depth), _order(self), axis=2)
        if self.bits == 4:
            flat = flat[..., 0::2] | flat[..., 1::2] << 4
        parts = [np.ascontiguousarray(flat).view(np.uint64)]
        fields = [scale] if offset is None else [scale, offset]
        beside = np.stack([self._spread(each, tiles, records) for each in fields], -1)
        beside = beside.astype(self.scale.numpy).reshape(tiles, records, -1)
        parts.append(np.ascontiguousarray(beside).view(np.uint64))
        return np.concatenate(parts, -1)

    def unpacked(self, words: Array, columns: int, depth: int) -> Array:
        """What WORDS stand for: f64 [COLUMNS, DEPTH]."""
        tiles, records, _ = words.shape
        stored = np.ascontiguousarray(words[..., : NUMBER_BYTES // WORD_BYTES]).view(np.uint8)
        if self.bits == 4:
            stored = np.stack([stored & 15, stored >> 4], -1).reshape(tiles, records, -1)
        ordered = np.take(stored, np.argsort(_order(self)), axis=2)
        numbers = ordered.reshape(tiles, records, COLUMNS, self.depth).astype(np.float64) - self.middle
        beside = np.ascontiguousarray(words[..., NUMBER_BYTES // WORD_BYTES :]).view(self.scale.numpy)
        shape = (tiles, records, self.blocks, COLUMNS // 2, 2, self.fields)
        fields = beside.astype(np.float64).reshape(shape).transpose(5, 0, 1, 4, 3, 2)
        fields = fields.reshape(self.fields, tiles, records, COLUMNS, self.blocks)
        fields = np.repeat(fields, self.depth // self.blocks, -1)
        with np.errstate(all="ignore"):
            values = (numbers + fields[1] if self.shifted else numbers) * fields[0]
        made: Array = values.transpose(0, 2, 1, 3).reshape(tiles * COLUMNS, records * self.depth)
        return made[:columns, :depth]

    def is_finite(self, words: Array) -> bool:
        """Whether all numbers that blocks of WORDS can hold stand for finite ones in f32."""
        beside = np.ascontiguousarray(words[..., NUMBER_BYTES // WORD_BYTES :]).view(self.scale.numpy)
        fields = beside.reshape(-1, self.fields).astype(np.float32)
        with np.errstate(all="ignore"):
            largest = self.middle + (np.abs(fields[:, 1]) if self.shifted else np.float32(0))
            return bool(np.isfinite(largest * fields[:, 0]).all())

    def _spread(self, blocks: Array, tiles: int, records: int) -> Array:
        """BLOCKS [columns, blocks of k] as [tiles, records, blocks of a record, 8, 2], zeros where there are
        none."""
        columns = blocks.shape[0]
        repeats = max(1, self.block // self.depth)  # records of a block
        wide = np.repeat(blocks, repeats, 1)[:, : records * self.blocks]
        made = np.zeros((tiles * COLUMNS, records * self.blocks), blocks.dtype)
        made[:columns, : wide.shape[1]] = wide
        return made.reshape(tiles, 2, COLUMNS // 2, records, self.blocks).transpose(0, 3, 4, 2, 1)


def _apart(number: Dim, by: int) -> tuple[Dim, Dim]:
    """NUMBER divided by BY: the quotient and the rest."""
    quotient = floordiv(number, by)
    return quotient, number - quotient * by


@lru_cache
def _order(form: BlockFormat) -> Array:
    """For each number of a record of FORM as it is stored, lowest bits first, where it is in [columns, k]."""
    order = np.empty(COLUMNS * form.depth, np.int64)
    for at in range(len(order)):
        *_, word, bit = (int(str(part)) for part in form.place(*divmod(at, form.depth)))
        order[(word * 64 + bit) // form.bits] = at
    return order


def packed_weights(
    numbers: Array, scale: Array, zero: Array | None, bits: int, block: int
) -> tuple[BlockFormat, Array]:
    """NUMBERS [columns, k] of BITS bits, in bytes, with SCALE and ZERO [columns, blocks], floats or stored
    numbers (None: the middle of the range), packed, and the format that they have.

    Scales are kept in f16 if that represents all of them.
    """
    middle = 1 << (bits - 1)
    offset = None if zero is None else np.float32(middle) - zero.astype(np.float32)
    shifted = offset is not None and bool((offset != 0).any())
    exact = all(each is None or _is_short(each) for each in (scale, offset))
    form = BlockFormat(bits, block, F16.bits if exact else F32.bits, shifted)
    return form, form.packed(numbers, scale.astype(np.float32), offset if shifted else None)


def _is_short(numbers: Array) -> bool:
    """Whether f16 has all NUMBERS."""
    wide = numbers.astype(np.float32)
    with np.errstate(over="ignore"):
        return np.array_equal(wide.astype(np.float16).astype(np.float32), wide, equal_nan=True)
