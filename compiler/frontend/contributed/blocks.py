"""Weights of few bits, quantized in blocks: MatMulNBits and GatherBlockQuantized.

A byte holds 8 / bits numbers, the lower bits first. Constant weights of products stay packed, in the order of
`graph/block_format.py`. Others are unpacked to a byte each, and dequantized by a scale and a zero point for
each block of numbers along an axis.
"""

from __future__ import annotations

import numpy as np

from ....dialects.core.affine import Dim, ceildiv
from ....dialects.core.dtypes import I4, U4, U8, U64
from ....dialects.graph.binary import Add, BitwiseAnd, Mul, ShiftRight, Sub
from ....dialects.graph.block_format import BITS, BLOCKS, packed_weights
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.indexing import Gather
from ....dialects.graph.movement.expand import Expand
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.graph.packed import UnpackWeights
from ..call import Call, Outcome
from ..indices import require_inside
from ..ops_elementwise import cast_to
from ..problems import Malformed, Refused
from ..scales import ImportedScaling, dequantized
from ..tensor import Array, Tensor
from .form import OwnOps, op
from .heads import cut

PACKED_BITS = (2, 4, 8)


def _bits(call: Call) -> int:
    bits = call.integer("bits", 4)
    if bits not in PACKED_BITS:
        raise Refused(f"weights of {bits} bits are not supported, only of 2, 4 and 8")
    return bits


def _block(call: Call, default: int = 0) -> int:
    block = call.integer("block_size", default)
    if block < 16 or block & (block - 1):
        raise Malformed(f"block_size is {block}, a power of 2 of at least 16 is expected")
    return block


def unpacked(call: Call, x: Tensor, bits: int) -> Tensor:
    """The numbers of BITS bits that are packed in the bytes X, along its last axis."""
    if x.dtype != U8:
        raise Refused(f"numbers of few bits in {x.type} are not supported, only in bytes (u8)")
    if bits == 8:
        return x
    shifts = call.constant(list(range(0, 8, bits)), U8)
    apart = call.emit(ShiftRight, call.emit(Reshape, x, shape=(*x.shape, 1)), shifts)
    low = call.emit(BitwiseAnd, apart, call.constant((1 << bits) - 1, U8))
    return call.emit(Reshape, low, shape=(*x.shape[:-1], x.shape[-1] * (8 // bits)))


def _middle(call: Call, shape: tuple[Dim, ...], bits: int) -> Tensor:
    """The default zero point, the middle of the range, in SHAPE."""
    return call.emit(Expand, call.constant(1 << (bits - 1), U8), shape=shape)


# ------------------------------------------------------------ matrix product


def _matmul(call: Call) -> Outcome:
    """a w + bias, with w stored as [columns, blocks, bytes of a block]."""
    call.without_effect("accuracy_level")  # a minimum accuracy, and a is not rounded
    if call.integer("weight_prepacked", 0):
        raise Refused("weights packed for one kind of GPU (weight_prepacked) are not supported")
    a, bias, bits = call.input(0), call.optional(5), _bits(call)
    rows, columns, block = call.integer("K", 0), call.integer("N", 0), _block(call)
    count = ceildiv(rows, block)
    assert isinstance(count, int)  # of integers
    _check_order(call, rows, block)
    if a.rank < 1:
        raise Malformed("the operand of a matrix product must not be a scalar")
    call.require_equal(a.shape[-1], rows, "its input has as many features as its weights (K)")
    weights = _packed(call, (columns, count), rows, block, bits)
    if weights is None:
        q = _weights(call, (columns, count, block * bits // 8), rows, bits)
        weights = _scaled(call, q, (columns, count), block, bits)
    y = call.emit(Matmul, a, weights, transpose_b=True)
    return y if bias is None else call.emit(Add, y, bias)


def _packed(call: Call, blocks: tuple[int, int], rows: int, block: int, bits: int) -> Tensor | None:
    """The weights [columns, ROWS], which stay packed; None if they are not known, or there is no format for
    them."""
    given = [None if x is None else x.data for x in (call.input(1), call.input(2), call.optional(3))]
    stored, scale, zero = given
    known = stored is not None and scale is not None and (zero is not None or call.optional(3) is None)
    if not known or bits not in BITS or block not in BLOCKS:
        return None
    assert stored is not None and scale is not None
    if scale.size != blocks[0] * blocks[1] or stored.size != scale.size * block * bits // 8 or not scale.size:
        return None  # what is wrong is said where they are unpacked
    if stored.dtype != np.uint8 or scale.dtype.name not in ("float16", "float32"):
        return None
    numbers = _numbers(stored.reshape(blocks[0], -1), bits)[:, :rows]
    if zero is not None and zero.dtype == np.uint8:
        if zero.size != blocks[0] * -(-blocks[1] * bits // 8):
            return None
        zero = _numbers(zero.reshape(blocks[0], -1), bits)[:, : blocks[1]]
    if zero is not None and zero.size != scale.size:
        return None
    zero = None if zero is None else zero.reshape(blocks)
    form, words = packed_weights(numbers, scale.reshape(blocks), zero, bits, block)
    w, to = call.constant(words, U64), call.input(2).dtype
    stated = {"bits": bits, "block": block, "scale_bits": form.scale_bits, "shifted": form.shifted}
    return call.emit(UnpackWeights, w, columns=blocks[0], depth=rows, to=to, **stated)


def _numbers(stored: Array, bits: int) -> Array:
    """The numbers of BITS bits in the bytes STORED, along the last axis."""
    if bits == 8:
        return stored
    return np.stack([stored & 15, stored >> 4], -1).reshape(*stored.shape[:-1], -1)


def _check_order(call: Call, rows: int, block: int) -> None:
    """Raise Refused unless the blocks of rows are in order, as without the deprecated input g_idx."""
    order = call.optional(4)
    if order is not None and not np.array_equal(
        call.builder.known_array(order, "g_idx"), np.arange(rows) // block
    ):
        raise Refused("blocks of rows in another order (g_idx) are not supported")


def _weights(call: Call, shape: tuple[int, ...], rows: int, bits: int) -> Tensor:
    """The stored numbers [columns, ROWS], a byte each."""
    stored = call.input(1)
    if stored.rank == 3 and 0 in stored.shape:
        raise Refused("a product with weights that are left out is not supported")
    call.require_shape(stored.shape, shape, f"its weights are {stored.type}, {list(shape)} is expected")
    columns, count, size = shape
    flat = call.emit(Reshape, stored, shape=(columns, count * size))
    return cut(call, unpacked(call, flat, bits), 0, rows)


def _scaled(call: Call, q: Tensor, blocks: tuple[int, int], block: int, bits: int) -> Tensor:
    """Q dequantized by the scales (input 2) and zero points (input 3), which are packed bytes or floats."""
    scale, zero = call.emit(Reshape, call.input(2), shape=blocks), call.optional(3)
    if zero is not None and zero.dtype.is_float:
        return _shifted_by_floats(call, q, scale, call.emit(Reshape, zero, shape=blocks), block)
    if zero is None:
        points = _middle(call, blocks, bits)
    else:
        size = (blocks[1] * bits + 7) // 8
        points = unpacked(call, call.emit(Reshape, zero, shape=(blocks[0], size)), bits)
        points = cut(call, points, 0, blocks[1])
    return dequantized(call, q, ImportedScaling(scale, points, axis=1, block=block))


def _shifted_by_floats(call: Call, q: Tensor, scale: Tensor, zero: Tensor, block: int) -> Tensor:
    """(q - zero) * scale"""
    factor, offset = (_spread(call, each, q.shape, block) for each in (scale, zero))
    return call.emit(Mul, call.emit(Sub, cast_to(call, q, scale.dtype), offset), factor)


def _spread(call: Call, x: Tensor, shape: tuple[Dim, ...], block: int) -> Tensor:
    """X [columns, blocks] with each number repeated BLOCK times, cut to SHAPE."""
    columns, count = x.shape
    wide = call.emit(Expand, call.emit(Reshape, x, shape=(columns, count, 1)), shape=(columns, count, block))
    return cut(call, call.emit(Reshape, wide, shape=(columns, count * block)), 0, shape[1])


# ------------------------------------------------------------ embeddings


def _gather(call: Call) -> Outcome:
    """Slices of a table of bytes or of 4-bit numbers, dequantized after the gather."""
    data, indices, scale, zero, bits = (*map(call.input, range(3)), call.optional(3), _bits(call))
    along = call.axis(call.integer("gather_axis", 0), data.rank)
    axis, block = call.axis(call.integer("quantize_axis", 1), data.rank), _block(call, 128)
    if axis == along:
        raise Malformed("quantize_axis is the axis of the gather")
    require_inside(call, indices, 0, data.shape[along])
    found = [None if x is None else call.emit(Gather, x, indices, axis=along) for x in (data, scale, zero)]
    q, scales, points = found
    assert q is not None and scales is not None  # only the zero point is optional
    if data.dtype == U8:
        if (along, axis) != (0, data.rank - 1):
            raise Malformed("a table of bytes is gathered along axis 0 and quantized along the last one")
        q, points = unpacked(call, q, bits), _points(call, points, scales, bits)
    elif data.dtype not in (I4, U4):
        raise Refused(f"a table of {data.dtype} is not supported, only of u8, i4 and u4")
    after = axis if axis < along else axis + indices.rank - 1
    return dequantized(call, q, ImportedScaling(scales, points, axis=after, block=block))


def _points(call: Call, points: Tensor | None, scales: Tensor, bits: int) -> Tensor:
    """The zero points of blocks, a byte each, from packed POINTS or none."""
    if points is None:
        return _middle(call, scales.shape, bits)
    return cut(call, unpacked(call, points, bits), 0, scales.shape[-1])


_MATMUL = ("K", "N", "accuracy_level", "bits", "block_size", "weight_prepacked")
TABLE: OwnOps = {
    "GatherBlockQuantized": op(_gather, 3, 4, ("bits", "block_size", "gather_axis", "quantize_axis")),
    "MatMulNBits": op(_matmul, 3, 6, _MATMUL),
}
