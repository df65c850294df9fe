"""What becomes of each op whose operands are rows: the same op on rows, wherever it keeps tokens apart."""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects.core.ir import Operation, Value
from ...dialects.core.traits import Trait, has
from ...dialects.graph.attention import Attention
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.elementwise_base import Elementwise
from ...dialects.graph.indexing import Gather
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from ...dialects.graph.normalization import LayerNorm, RmsNorm
from ...dialects.graph.quantization import Scaling
from ...dialects.graph.reduction import ArgReduce, Reduce
from ...dialects.graph.softmax import Row
from ...dialects.graph.unpadded_attention import UnpaddedAttention
from .padding_mask import keeps_tokens_alone
from .places import TokenPlace, reshaped, transposed
from .rewriting import Mixes, Result, Rewriting, Rules


def _elementwise(own: Rewriting, op: Operation) -> Result:
    if not has(op, Trait.ELEMENTWISE):
        raise Mixes("it is not known to keep tokens apart")
    rank = op.result.type.rank
    place = own.place_of(op.operands, rank)
    given = [None if value is None else own.aligned(value, place, rank) for value in op.operands]
    return own.again(op, given), place


def _scaling(own: Rewriting, op: Scaling) -> Result:
    if op.x not in own.packed or op.block:
        raise Mixes("its scales differ from token to token")
    place, axis = own.packed[op.x].place, op.axis % op.x.type.rank
    if not op.per_tensor and axis in place.axes:
        raise Mixes("its scales differ from token to token")
    axis = 0 if op.per_tensor else place.packed(axis)
    return own.again(op, [own.packed[op.x].rows, op.scale, op.zero_point], axis=axis), place


def _matmul(own: Rewriting, op: Matmul) -> Result:
    if op.a not in own.packed or op.b in own.packed:
        raise Mixes("it multiplies by what differs from token to token: no attention was recognised here")
    place, rank = own.packed[op.a].place, op.a.type.rank
    summed = rank - (2 if op.transpose_a else 1)
    if op.transpose_a or summed in place.axes or op.b.type.rank > 2:
        raise Mixes("its sums are over tokens, or its weights differ")
    return own.again(op, [own.packed[op.a].rows, op.b]), place


def _gather(own: Rewriting, op: Gather) -> Result | Value:
    axis = op.axis % op.x.type.rank
    if op.x not in own.packed:
        place = own.packed[op.indices].place
        return own.again(op, [own.padded(op.x), own.packed[op.indices].rows]), place.shifted(axis)
    place = own.packed[op.x].place
    if op.indices in own.packed or axis in place.axes:
        raise Mixes("it gathers tokens")
    more = op.indices.type.rank - 1
    moved = (None if at is None else at + more * (at > axis) for at in (place.batch, place.token))
    batch, token = moved
    assert token is not None
    packed = own.again(op, [own.packed[op.x].rows, op.indices], axis=place.packed(axis))
    return packed, TokenPlace(batch, token)


def _normalized(own: Rewriting, op: Operation) -> Result:
    axis = op.attributes["axis"] % op.inputs[0].type.rank
    packed = own.packed.get(op.inputs[0])
    if packed is None or any(value in own.packed for value in op.inputs[1:]):
        raise Mixes("its scale differs from token to token")
    last = op.inputs[0].type.rank if isinstance(op, (LayerNorm, RmsNorm)) else axis + 1
    if any(axis <= at < last for at in packed.place.axes):
        raise Mixes("it normalises over tokens")
    rank = op.inputs[0].type.rank
    rest = [None if v is None else own.aligned(v, packed.place, rank) for v in op.operands[1:]]
    return own.again(op, [packed.rows, *rest], axis=packed.place.packed(axis)), packed.place


def _reduce(own: Rewriting, op: Reduce) -> Result:
    packed = own.packed[op.x]
    place = packed.place
    if set(op.axes) & set(place.axes):
        raise Mixes("it reduces over tokens")
    rows = own.again(op, [packed.rows], axes=[place.packed(axis) for axis in op.axes])
    return rows, place if op.keepdims else _without(place, op.axes)


def _arg_reduce(own: Rewriting, op: ArgReduce) -> Result:
    packed, axis = own.packed[op.x], op.axis % op.x.type.rank
    if axis in packed.place.axes:
        raise Mixes("it reduces over tokens")
    rows = own.again(op, [packed.rows], axis=packed.place.packed(axis))
    return rows, packed.place if op.keepdims else _without(packed.place, [axis])


def _without(place: TokenPlace, axes: Sequence[int]) -> TokenPlace:
    batch, token = (
        None if at is None else at - sum(axis < at for axis in axes) for at in (place.batch, place.token)
    )
    assert token is not None
    return TokenPlace(batch, token)


def _reshape(own: Rewriting, op: Reshape) -> Result:
    packed, after = own.packed[op.x], op.result.type.shape
    place = reshaped(packed.place, op.x.type.shape, after, own.rows.n, own.rows.s)
    if place is None:
        raise Mixes("it puts elements of several tokens on one axis")
    return own.again(op, [packed.rows], shape=place.shape(after, own.rows.t)), place


def _transpose(own: Rewriting, op: Transpose) -> Result:
    packed = own.packed[op.x]
    place = transposed(packed.place, op.perm)
    perm = [packed.place.packed(axis) for axis in op.perm if axis != packed.place.batch]
    return own.again(op, [packed.rows], perm=perm), place


def _expand(own: Rewriting, op: Expand) -> Result:
    packed, after = own.packed[op.x], op.result.type.shape
    place = packed.place.shifted(len(after) - op.x.type.rank)
    if op.stretches:
        raise Mixes("whether it expands tokens depends on sizes")
    return own.again(op, [packed.rows], shape=place.shape(after, own.rows.t)), place


def _slice(own: Rewriting, op: Slice) -> Result | Value:
    packed, shape = own.packed[op.x], op.x.type.shape
    place = packed.place
    cut = [axis for axis in range(len(shape)) if op.sizes[axis] != shape[axis] or op.step_list[axis] != 1]
    if not set(cut) & set(place.axes):
        kept = place.kept(len(shape))
        return own.again(
            op,
            [packed.rows],
            starts=[op.starts[axis] for axis in kept],
            sizes=place.shape(op.sizes, own.rows.t),
            steps=[op.step_list[axis] for axis in kept],
        ), place
    first, count = op.starts[place.token], op.sizes[place.token]
    if cut != [place.token] or place.batch is None or op.step_list[place.token] != 1:
        raise Mixes("it takes some of the tokens")
    return own.rows.unpack(packed.rows, place, (first, count))


def _concat(own: Rewriting, op: Concat) -> Result:
    rank, axis = op.result.type.rank, op.axis % op.result.type.rank
    place = own.place_of(op.parts, rank)
    if axis in place.axes:
        raise Mixes("it puts tokens behind others")
    parts = [own.aligned(value, place, rank) for value in op.parts]
    size = own.rows.t
    if any(part.type.shape[place.packed(place.token)] != size for part in parts):
        raise Mixes("a part is the same for all tokens")
    return own.again(op, parts, axis=place.packed(axis)), place


def _attention(own: Rewriting, op: Attention) -> Result:
    rank = op.result.type.rank
    given = op.q, op.k, op.v
    if not all(value in own.packed for value in given) or any(value.type.rank != rank for value in given):
        raise Mixes("its queries, keys and values are not of the same tokens")
    place = own.place_of(given, rank)
    if place.batch is None or place.token != rank - 2:
        raise Mixes("it attends along another axis than that of tokens")
    mask = None if op.mask is None else own.masks.of(op.mask)
    if mask is None or not keeps_tokens_alone(op, mask, place):
        raise Mixes("padding is not what its mask leaves out, or not all of it")
    own.attended += 1
    attributes = {name: value for name, value in op.attributes.items() if name != "fill"}
    made = UnpaddedAttention(
        *(own.packed[value].rows for value in given),
        None,
        own.rows.offsets,
        longest=own.rows.s,
        loc=op.location,
        **attributes,
    )
    return own.rows.insert(made).result, place


RULES: Rules = (
    ((Attention,), _attention),
    ((Scaling,), _scaling),
    ((Elementwise, Cast), _elementwise),
    ((Matmul,), _matmul),
    ((Gather,), _gather),
    ((LayerNorm, RmsNorm, Row), _normalized),
    ((Reduce,), _reduce),
    ((ArgReduce,), _arg_reduce),
    ((Reshape,), _reshape),
    ((Transpose,), _transpose),
    ((Expand,), _expand),
    ((Slice,), _slice),
    ((Concat,), _concat),
)
