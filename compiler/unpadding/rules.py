"""What becomes of each op whose operands are rows: the same op on rows, wherever it keeps tokens apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

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
from .padding_mask import MaskFunctions, keeps_tokens_alone
from .places import Place, reshaped, transposed
from .rows import Rows


class Mixes(Exception):
    """An op mixes tokens, or nothing is known of it; the message says why."""


@dataclass(frozen=True)
class Packed:
    """The rows of a padded value with tokens at `place`; silent: padding of that value is zeros."""

    rows: Value
    place: Place
    silent: bool = False


Result = tuple[Value, Place]


class Rewriting:
    """Rewrites ops of a padded model, in order: `packed` has the rows of what is rewritten."""

    def __init__(self, rows: Rows, masks: MaskFunctions) -> None:
        self.rows = rows
        self.masks = masks
        self.packed: dict[Value, Packed] = {}
        self.attended = 0
        self._padded: dict[Value, Value] = {}

    def rewrite(self, op: Operation) -> None:
        """Give the results of OP, of which an operand has rows, rows too; or compute them, padded, of padded
        operands. Raises `Mixes`."""
        rule = next((rule for kinds, rule in RULES if isinstance(op, kinds)), None)
        found: Result | Value | None = None
        reason = "it is not known to keep tokens apart"
        try:
            found = None if rule is None else rule(self, op)
        except Mixes as why:
            reason = str(why)
        if isinstance(found, Value):
            self._padded[op.result] = found
        elif found is not None:
            self.packed[op.result] = Packed(*found, silent=self._is_silent(op))
        elif all(self.packed[value].silent for value in op.inputs if value in self.packed) and not op.regions:
            given = [None if value is None else self.padded(value) for value in op.operands]
            self._copied(op, given)
        else:
            raise Mixes(reason)

    def keep(self, op: Operation) -> None:
        """Leave OP, no operand of which has rows, as it is, on operands that were computed anew."""
        for index, value in enumerate(op.operands):
            if value is not None and value in self._padded:
                op.set_operand(index, self._padded[value])

    def padded(self, value: Value) -> Value:
        """VALUE with zeros, where it has rows, in its padding."""
        packed = self.packed.get(value)
        if packed is None:
            return self._padded.get(value, value)
        if value not in self._padded:
            self._padded[value] = self.rows.unpack(packed.rows, packed.place)
        return self._padded[value]

    def _copied(self, op: Operation, operands: Sequence[Value | None]) -> None:
        copy = self.rows.insert(type(op)(*operands, loc=op.location, **op.attributes))
        self._padded.update(zip(op.results, copy.results, strict=True))

    def _is_silent(self, op: Operation) -> bool:
        """Whether the padding of OP's result is zeros: it is multiplied by the mask, or was before."""
        own = [self.packed[value].silent for value in op.inputs if value in self.packed]
        if isinstance(op, (Reshape, Transpose, Cast)):
            return all(own)
        if op.name != "graph.mul":
            return False
        masks = [self.masks.of(value) for value in op.inputs if value not in self.packed]
        return any(own) or any(mask is not None and mask.padding.item() == 0 for mask in masks)

    def again(self, op: Operation, operands: Sequence[Value | None], **changed: Any) -> Value:
        """The result of OP on OPERANDS, with the attributes CHANGED."""
        made = type(op)(*operands, loc=op.location, **{**op.attributes, **changed})
        return self.rows.insert(made).result

    def place_of(self, values: Sequence[Value | None], rank: int) -> Place:
        """Where those of VALUES that have rows have tokens in a result of RANK, to which they broadcast."""
        ranks = {value: value.type.rank for value in values if value is not None and value in self.packed}
        places = {self.packed[value].place.shifted(rank - own) for value, own in ranks.items()}
        if len(places) != 1:
            raise Mixes("tokens lie along different axes of its operands")
        return places.pop()

    def aligned(self, value: Value, place: Place, rank: int) -> Value:
        """The rows of VALUE, an operand that broadcasts to a result of RANK with tokens at PLACE."""
        packed = self.packed.get(value)
        if packed is not None:
            return packed.rows
        value, own = self._padded.get(value, value), place.shifted(value.type.rank - rank)
        shape = value.type.shape
        token = 1 if own.token < 0 else shape[own.token]
        batch = 1 if own.batch is None or own.batch < 0 else shape[own.batch]
        if batch == 1 and (token == 1 or (place.batch is not None and token == self.rows.s)):
            return self.rows.pack_alike(value, own)
        if (batch, token) == (1 if place.batch is None else self.rows.n, self._tokens(place)):
            return self.rows.pack(value, own)
        raise Mixes("an operand differs from sequence to sequence, but not from token to token")

    def _tokens(self, place: Place) -> Any:
        return self.rows.s if place.batch is not None else self.rows.n * self.rows.s


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
    return own.again(op, [own.packed[op.x].rows, op.indices], axis=place.packed(axis)), Place(batch, token)


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


def _without(place: Place, axes: Sequence[int]) -> Place:
    batch, token = (
        None if at is None else at - sum(axis < at for axis in axes) for at in (place.batch, place.token)
    )
    assert token is not None
    return Place(batch, token)


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


Rule = Callable[[Rewriting, Any], Result | Value]

RULES: tuple[tuple[tuple[type[Operation], ...], Rule], ...] = (
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
