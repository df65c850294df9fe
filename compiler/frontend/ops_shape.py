"""Importers of ops that change only the shape of a tensor, and of ops that query shapes."""

from __future__ import annotations

from ...dialects.core.affine import Dim, floordiv, product, total
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.dtypes import BOOL
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape
from . import symbolic
from .axes import AxesAtRun, known_axes
from .call import Call, Outcome
from .contents import ANY, ElementRange, count_of
from .counts import size_in_memory
from .limits import MAX_RANK
from .lists import require_known_length
from .problems import Malformed, Refused
from .symbolic import Undecided
from .table import Table
from .tensor import Tensor


def _reshape(call: Call) -> Outcome:
    x = call.input(0)
    wanted = call.known_dims(1, "its shape", _reshape_ranges(x, call.input(1)))
    zero_copies = not call.flag("allowzero")
    if any(map(call.builder.sizes_known.told, wanted)):
        return call.emit(Reshape, x, shape=_told_shape(call, x.shape, wanted, zero_copies=zero_copies))
    shape = _complete(call, x.shape, wanted, zero_copies=zero_copies)
    why = f"its shape [{', '.join(map(str, shape))}] holds the elements of its input"
    call.require_equal(product(x.shape), product(shape), why)
    if zero_copies:
        _require_no_copies(call, x.shape, wanted)
    return call.emit(Reshape, x, shape=shape)


def _reshape_ranges(x: Tensor, shape: Tensor) -> list[ElementRange]:
    """The expected elements of SHAPE, to which X is reshaped: [-1, 1, 1] is always valid."""
    most = max(ANY.high, count_of(x))
    return [ElementRange(-1, 1 if place else -1, most) for place in range(count_of(shape))]


def _told_shape(
    call: Call, have: tuple[Dim, ...], wanted: tuple[Dim, ...], *, zero_copies: bool
) -> tuple[Dim, ...]:
    """WANTED, which depends on the content of an input, with -1 and 0 replaced by what they stand for at run
    time."""
    if len(wanted) > MAX_RANK:
        raise Malformed(f"a shape of {len(wanted)} sizes is more than the limit of {MAX_RANK}")
    sizes = call.builder.sizes_known
    plain: list[Dim] = []
    open_: list[Dim] = []
    for axis, size in enumerate(wanted):
        call.require(size, -1, f"its size {size} is -1 at least")
        copied = have[axis] if axis < len(have) else 0
        known = symbolic.choose(size - 1, size, copied, sizes) if zero_copies else size
        plain.append(symbolic.choose(size, known, 1, sizes))  # as a factor of the others' product
        open_.append(symbolic.choose(size, 0, 1, sizes))
        if zero_copies and axis >= len(have):
            call.require(size * size, 1, f"its size {size} is not 0, which copies dimension {axis}")
    call.require(1, total(open_), "only one size of its shape is -1")
    known = product(plain)
    some = symbolic.choose(total(open_) - 1, known, 1, sizes)
    call.require(some, 1, "a shape with a size of -1 has no size of 0")
    rest = floordiv(product(have), sizes.derive("max", known, 1))
    shape = [symbolic.choose(size, number, rest, sizes) for size, number in zip(wanted, plain, strict=True)]
    why = f"its shape [{', '.join(map(str, wanted))}] holds the elements of its input"
    call.require_equal(product(shape), product(have), why)
    return tuple(shape)


def _require_no_copies(call: Call, have: tuple[Dim, ...], wanted: tuple[Dim, ...]) -> None:
    """Require that no 0 in WANTED copies a size of HAVE, unless that size is 0 itself."""
    sizes = call.builder.sizes_known
    for axis, size in enumerate(wanted):
        if isinstance(size, int) or sizes.proves(size - 1) or sizes.counted.within(size):
            continue  # a count of 0 means an empty tensor, not a copied size
        if axis >= len(have):
            call.require(size, 1, f"its size {size} is not 0, which copies dimension {axis}")
        elif size != have[axis]:
            copied = sizes.derive("select", size - 1, 0, have[axis])
            call.require_equal(copied, 0, f"its size {size} copies {have[axis]} where it is 0")


def _complete(
    call: Call, have: tuple[Dim, ...], wanted: tuple[Dim, ...], *, zero_copies: bool
) -> tuple[Dim, ...]:
    """WANTED with special sizes replaced: 0 by the size of HAVE (with ZERO_COPIES), -1 by the quotient of the
    rest."""
    sizes = list(wanted)
    for axis, size in enumerate(sizes):
        if size == 0 and zero_copies:
            if axis >= len(have):
                raise Malformed(f"its shape copies dimension {axis} of an input that has {len(have)}")
            sizes[axis] = have[axis]
    open_axes = [axis for axis, size in enumerate(sizes) if size == -1]
    if len(open_axes) > 1 or any(isinstance(size, int) and size < -1 for size in sizes):
        raise Malformed(f"its shape {list(map(str, wanted))} is not valid")
    if open_axes:
        sizes[open_axes[0]] = _left_over(call, have, [size for size in sizes if size != -1])
    return tuple(sizes)


def _left_over(call: Call, have: tuple[Dim, ...], sizes: list[Dim]) -> Dim:
    whole, known = product(have), product(sizes)
    try:
        exact = symbolic.quotient(whole, known)
    except Undecided:
        exact = None
    if exact is None or not call.builder.sizes_known.counted.within(known):
        call.require(known, 1, "a shape with a size of -1 has no size of 0")
    # The caller requires equal element counts, so the division is exact.
    return floordiv(whole, known) if exact is None else exact


def _flatten(call: Call) -> Outcome:
    x = call.input(0)
    axis = call.integer("axis", 1)
    if not -x.rank <= axis <= x.rank:
        raise Malformed(f"axis {axis} is out of range for a tensor of {x.rank} dimensions")
    axis = axis + x.rank if axis < 0 else axis
    return call.emit(Reshape, x, shape=(product(x.shape[:axis]), product(x.shape[axis:])))


def _squeeze_attribute(call: Call) -> Outcome:
    return _squeezed(call, call.ints("axes"))


def _squeeze_input(call: Call) -> Outcome:
    x = call.input(0)
    require_known_length(call, 1)
    axes = known_axes(call, 1, x.rank)
    if not isinstance(axes, AxesAtRun):
        return _squeezed(call, axes)
    for axis, size in enumerate(x.shape):
        dropped = symbolic.choose(axes.has(axis) - 1, size, 1, call.builder.sizes_known)
        call.require_equal(dropped, 1, f"the axis {axis} has size 1 where it is squeezed")
    return call.emit(Reshape, x, shape=axes.without(x.shape))


def _squeezed(call: Call, axes: tuple[int, ...] | None) -> Tensor:
    x = call.input(0)
    if axes is None:
        dropped = [axis for axis in range(x.rank) if _is_one(call, x, axis)]
    else:
        dropped = list(call.axes(axes, x.rank))
        for axis in dropped:
            call.require_equal(x.shape[axis], 1, f"the axis {axis} that it squeezes has size 1")
    kept = tuple(size for axis, size in enumerate(x.shape) if axis not in dropped)
    return call.emit(Reshape, x, shape=kept)


def _is_one(call: Call, x: Tensor, axis: int) -> bool:
    """Whether the size of AXIS is 1, so that a Squeeze without axes removes it.

    The rank of the result depends on that, so a size that is usually more than 1 is required to be. Raises
    Refused if the size is usually 1 or less, or depends on data.
    """
    size, known = x.shape[axis], call.builder.sizes_known
    sign = known.sign(size - 1)
    if sign is not None:
        return sign == 0
    usual = evaluate(size, call.builder.module.values_at("optimum"))
    if usual <= 1 or known.counted.within(size):
        raise Refused(
            f"it has no list of axes, and whether axis {axis} of size {size} is removed depends on "
            "the size; give the axes, or a range of sizes that decides it"
        )
    call.require(size, 2, f"axis {axis} is kept, which a Squeeze without axes does unless its size is 1")
    return False


def _unsqueeze_attribute(call: Call) -> Outcome:
    return _unsqueezed(call, call.ints("axes") or ())


def _unsqueeze_input(call: Call) -> Outcome:
    x, count = call.input(0), call.input(1).type.elements
    require_known_length(call, 1)
    if not isinstance(count, int):
        raise Refused("the number of its axes is not known")
    axes = known_axes(call, 1, x.rank + count)
    if isinstance(axes, AxesAtRun):
        return call.emit(Reshape, x, shape=axes.inserted_into(x.shape))
    return _unsqueezed(call, axes or ())


def _unsqueezed(call: Call, axes: tuple[int, ...]) -> Tensor:
    x = call.input(0)
    rank = x.rank + len(axes)
    new = call.axes(axes, rank)
    old = iter(x.shape)
    return call.emit(Reshape, x, shape=tuple(1 if axis in new else next(old) for axis in range(rank)))


def _expand(call: Call) -> Outcome:
    x = call.input(0)
    wanted = list(call.known_dims(1, "its shape", [ElementRange(0, 1, 64)] * count_of(call.input(1))))
    for position in range(1, min(len(wanted), x.rank) + 1):
        wanted[-position] = call.broadcast(x.shape[-position], wanted[-position])
    return call.emit(Expand, x, shape=[size_in_memory(call.builder, size) for size in wanted])


def _shape(call: Call) -> Outcome:
    x = call.input(0)
    start, end = call.integer("start", 0), call.integer("end", x.rank)
    return call.builder.dims(x.shape[slice(*_limited(start, end, x.rank))])


def _limited(start: int, end: int, rank: int) -> tuple[int, int]:
    """START and END, which may count from the end, clamped to 0..RANK."""
    first, last = (position + rank if position < 0 else position for position in (start, end))
    return min(max(first, 0), rank), min(max(last, 0), rank)


def _size(call: Call) -> Outcome:
    count = symbolic.object_array([product(call.input(0).shape)], ())
    return call.builder.sizes(count)


def _identity(call: Call) -> Outcome:
    return call.input(0)


def _dropout(call: Call) -> Outcome:
    """The identity at inference, with a mask of true."""
    x = call.input(0)
    call.without_effect("ratio", "seed", 1)
    training = call.optional(2)
    if training is not None and bool(call.builder.known_array(training, "training_mode").any()):
        raise Refused("training_mode is not supported")
    if not call.wants(1):
        return x
    return x, call.emit(Expand, call.constant(True, BOOL), shape=x.shape)


TABLE: Table = {
    "Dropout": [(7, _dropout)],
    "Expand": [(8, _expand)],
    "Flatten": [(1, _flatten)],
    "Identity": [(1, _identity)],
    "Reshape": [(5, _reshape)],
    "Shape": [(1, _shape)],
    "Size": [(1, _size)],
    "Squeeze": [(1, _squeeze_attribute), (13, _squeeze_input)],
    "Unsqueeze": [(1, _unsqueeze_attribute), (13, _unsqueeze_input)],
}
