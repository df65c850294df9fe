"""Importers of ops on sequences of tensors: lists, resolved at import (`tensor_sequence.py`)."""

from __future__ import annotations

from onnx import TensorProto

from ...dialects.core.affine import Dim, ceildiv
from ...dialects.core.dtypes import I64
from ...dialects.graph.movement.reshape import Reshape
from .call import Call, Outcome
from .left_out import SEQUENCES
from .ops_movement import concatenated
from .ops_slice import parts_along
from .problems import Malformed, Refused
from .table import Table
from .tensor_sequence import TensorSequence
from .weights import element_type

MAX_ITEMS = 4096  # the most items of a sequence that a tensor is split into: each is an op


def _construct(call: Call) -> Outcome:
    items = call.all_inputs()
    return TensorSequence(items, items[0].dtype)


def _empty(call: Call) -> Outcome:
    return TensorSequence([], element_type(call.integer("dtype", TensorProto.FLOAT)))


def _at(call: Call) -> Outcome:
    items = _sequence(call).items
    return items[_position(call, 1, len(items), len(items))]


def _length(call: Call) -> Outcome:
    return call.constant(len(_sequence(call).items), I64)


def _insert(call: Call) -> Outcome:
    """Inserts a tensor before a position, by default at the end."""
    given = _sequence(call)
    items = list(given.items)
    at = len(items) if call.optional(2) is None else _position(call, 2, len(items), len(items) + 1)
    items.insert(at, call.input(1))
    return TensorSequence(items, given.element)


def _erase(call: Call) -> Outcome:
    """Removes the tensor at a position, by default the last."""
    given = _sequence(call)
    items = list(given.items)
    if call.optional(1) is None and not items:
        raise Malformed("its sequence is empty")
    del items[-1 if call.optional(1) is None else _position(call, 1, len(items), len(items))]
    return TensorSequence(items, given.element)


def _concat(call: Call) -> Outcome:
    """The tensors joined along an axis, which is a new one with `new_axis`."""
    items, new = list(_sequence(call).items), call.flag("new_axis")
    if not items:
        raise Malformed("its sequence is empty")
    axis = call.axis(call.integer("axis", 0), items[0].rank + new)
    if new:
        items = [
            call.emit(Reshape, item, shape=(*item.shape[:axis], 1, *item.shape[axis:])) for item in items
        ]
    return concatenated(call, items, axis)


def _split(call: Call) -> Outcome:
    """Parts along an axis: of size 1, without that axis unless `keepdims`, or of the sizes that `split`
    states."""
    x, keeps = call.input(0), call.flag("keepdims", True)
    axis = call.axis(call.integer("axis", 0), x.rank)
    single = call.optional(1) is None
    parts = parts_along(call, axis, _part_sizes(call, x.shape[axis]))
    if single and not keeps:
        shape = (*x.shape[:axis], *x.shape[axis + 1 :])
        parts = [call.emit(Reshape, part, shape=shape) for part in parts]
    return TensorSequence(parts, x.dtype)


def _part_sizes(call: Call, extent: Dim) -> list[Dim]:
    """The sizes of the parts of EXTENT. A scalar `split` is the size of all but the last part, which may be
    smaller."""
    split = call.optional(1)
    if split is not None and split.rank > 1:
        raise Malformed(f"its list of sizes has {split.rank} dimensions")
    if split is not None and split.rank == 1:
        return list(call.known_dims(1, "its list of sizes"))
    size = 1 if split is None else call.known_dim(1, "its size of parts")
    if isinstance(size, int) and size < 1:
        raise Malformed(f"its size of parts is {size}")
    count = ceildiv(extent, size) if isinstance(size, int) else None
    if not isinstance(count, int):
        raise Refused(f"how many parts there are depends on a symbolic dimension; {SEQUENCES}")
    if count > MAX_ITEMS:
        raise Refused(f"a sequence of {count} tensors is longer than the limit of {MAX_ITEMS}")
    return [*[size] * (count - 1), extent - size * (count - 1)] if count else []


def _sequence(call: Call) -> TensorSequence:
    found = call.input(0)
    if isinstance(found, TensorSequence):
        return found
    raise Malformed(f"its input 0 is the tensor {found.type}, not a sequence")


def _position(call: Call, index: int, length: int, end: int) -> int:
    """The position in input INDEX, from 0 to below END, in a sequence of LENGTH tensors."""
    given = call.input(index)
    if given.data is None:
        raise Refused(f"its position is not a constant; {SEQUENCES}")
    if given.data.size != 1:
        raise Malformed(f"its position has {given.data.size} elements")
    position = int(given.data.item())
    if not -length <= position < end:
        raise Malformed(f"the position {position} is out of range for a sequence of {length} tensors")
    return position + length if position < 0 else position


TABLE: Table = {
    "ConcatFromSequence": [(11, _concat)],
    "SequenceAt": [(11, _at)],
    "SequenceConstruct": [(11, _construct)],
    "SequenceEmpty": [(11, _empty)],
    "SequenceErase": [(11, _erase)],
    "SequenceInsert": [(11, _insert)],
    "SequenceLength": [(11, _length)],
    "SplitToSequence": [(11, _split)],
}
