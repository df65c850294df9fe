"""Rotary position embeddings (RoPE): pairs of features are rotated by angles that grow with the position."""

from __future__ import annotations

from ....dialects.core.affine import Dim
from ....dialects.graph.binary import Add, Mul, Sub
from ....dialects.graph.indexing import Gather
from ....dialects.graph.movement.concat import Concat
from ....dialects.graph.movement.reshape import Reshape
from ..call import Call, Outcome
from ..indices import require_inside
from ..ops_attention import joined_heads, split_heads
from ..problems import Malformed, Refused
from ..tensor import Tensor
from .form import OwnOps, op
from .heads import cut, taken
from .masks import positions


def rotated(
    call: Call, x: Tensor, places: Tensor, cosines: Tensor, sines: Tensor, *, interleaved: bool
) -> Tensor:
    """X [batch, heads, tokens, features], rotated for the positions PLACES [batch or 1, tokens].

    COSINES and SINES of the angles are [positions, pairs]. Pairs are adjacent if INTERLEAVED, else half the
    features apart; features beyond the pairs are unchanged.
    """
    message = f"its sines {sines.type} and cosines {cosines.type} differ in shape"
    call.require_shape(sines.shape, cosines.shape, message)
    if cosines.rank != 2:
        raise Malformed(f"its cosines are {cosines.type}, [positions, pairs] is expected")
    pairs = cosines.shape[1]
    call.require(x.shape[3], 2 * pairs, "its heads have as many features as are rotated")
    require_inside(call, places, 0, cosines.shape[0])
    cosine, sine = (_at(call, table, places) for table in (cosines, sines))
    turned = cut(call, x, 0, 2 * pairs)
    first, second = _neighbours(call, turned) if interleaved else _halves(call, turned)
    parts = (
        call.emit(Sub, call.emit(Mul, first, cosine), call.emit(Mul, second, sine)),
        call.emit(Add, call.emit(Mul, second, cosine), call.emit(Mul, first, sine)),
    )
    y = _woven(call, *parts) if interleaved else call.emit(Concat, *parts, axis=3)
    rest = x.shape[3] - 2 * pairs
    return y if rest == 0 else call.emit(Concat, y, cut(call, x, 2 * pairs, rest), axis=3)


def _at(call: Call, table: Tensor, places: Tensor) -> Tensor:
    """The rows of TABLE at PLACES, broadcast to all heads."""
    rows = call.emit(Gather, table, places, axis=0)
    return call.emit(Reshape, rows, shape=(places.shape[0], 1, *rows.shape[1:]))


def _halves(call: Call, x: Tensor) -> tuple[Tensor, Tensor]:
    half = x.shape[3] // 2
    return cut(call, x, 0, half), cut(call, x, half, half)


def _neighbours(call: Call, x: Tensor) -> tuple[Tensor, Tensor]:
    apart = call.emit(Reshape, x, shape=(*x.shape[:3], x.shape[3] // 2, 2))
    return taken(call, apart, 4, 0), taken(call, apart, 4, 1)


def _woven(call: Call, first: Tensor, second: Tensor) -> Tensor:
    """FIRST and SECOND interleaved along the last axis."""
    columns = [call.emit(Reshape, each, shape=(*each.shape, 1)) for each in (first, second)]
    pairs = call.emit(Concat, *columns, axis=4)
    return call.emit(Reshape, pairs, shape=(*first.shape[:3], 2 * first.shape[3]))


# ------------------------------------------------------------ the op


def _rotary(call: Call) -> Outcome:
    if call.flag("is_packed_batching"):
        raise Refused("sequences packed without padding (is_packed_batching) are not supported")
    if call.number("scale", 1.0) != 1.0:
        raise Refused("a scale of rotary embeddings is not supported")
    x, cosines, sines = call.input(0), call.input(2), call.input(3)
    stated, flat = call.integer("rotary_embedding_dim", 0), x.rank == 3
    if stated:
        call.require_equal(2 * cosines.shape[-1], stated, "its cosines are for half of the rotated features")
    x = _split(call, x, cosines) if flat else x
    if x.rank != 4:
        raise Malformed(f"its input is {x.type}, 3 or 4 dimensions are expected")
    places = _places(call, call.input(1), x.shape[0], x.shape[2])
    y = rotated(call, x, places, cosines, sines, interleaved=call.flag("interleaved"))
    return joined_heads(call, y) if flat else y


def _split(call: Call, x: Tensor, cosines: Tensor) -> Tensor:
    """X [batch, tokens, features] split into heads: as many as the node says, else with two features per
    cosine."""
    stated, size = call.integer("num_heads", 0), cosines.shape[-1]
    if stated:
        return split_heads(call, x, stated, "its input 0")
    if not isinstance(size, int) or not isinstance(x.shape[-1], int) or size < 1:
        raise Refused("heads of a symbolic size are not supported without num_heads")
    return split_heads(call, x, x.shape[-1] // (2 * size), "its input 0")


def _places(call: Call, given: Tensor, batch: Dim, tokens: Dim) -> Tensor:
    """The positions GIVEN [batch, tokens]; a single number is that of the first token."""
    if given.rank == 1:
        call.require_shape(
            given.shape, (1,), f"its positions are {given.type}; one, or one per token, is expected"
        )
        moved = call.emit(Add, positions(call, tokens, given.dtype), given)
        return call.emit(Reshape, moved, shape=(1, tokens))
    message = f"its positions {given.type} do not fit {batch}x{tokens}"
    call.require_shape(given.shape, (batch, tokens), message)
    return given


_NAMES = ("interleaved", "is_packed_batching", "num_heads", "rotary_embedding_dim", "scale")
TABLE: OwnOps = {"RotaryEmbedding": op(_rotary, 4, 4, _NAMES)}
