"""Steps that move elements: transposes, reshapes, slices, joins, cuts, pads."""

from __future__ import annotations

import numpy as np

from ..draft import FLOAT, Draft, Unfit
from .registry import node_maker


@node_maker
def transpose(d: Draft) -> str:
    x = d.ranked(2)
    rest = list(range(d.rank(x)))
    perm = [rest.pop(d.integer(0, len(rest) - 1)) for _ in range(d.rank(x))]
    return d.add("Transpose", x, perm=perm)


@node_maker
def merge(d: Draft) -> str:
    """A reshape that joins two axes."""
    x = d.ranked(2)
    at = d.integer(0, d.rank(x) - 2)
    return d.add("Reshape", x, d.ints(*[0] * at, -1, *d.shape(x)[at + 2 :]))


@node_maker
def divide(d: Draft) -> str:
    """A reshape that cuts an axis in two."""
    x = d.pick(lambda array: 1 <= array.ndim < 5 and any(n % 2 == 0 for n in array.shape), "even")
    at = d.choice(*(axis for axis, size in enumerate(d.shape(x)) if size % 2 == 0))
    parts = [d.shape(x)[at] // 2, 2]
    shape = [*d.shape(x)[:at], *(parts if d.chance(50) else parts[::-1]), *d.shape(x)[at + 1 :]]
    shape[d.integer(0, len(shape) - 1)] = -1
    return d.add("Reshape", x, d.ints(*shape))


@node_maker
def flatten(d: Draft) -> str:
    x = d.ranked(1)
    return d.add("Flatten", x, axis=d.integer(0, d.rank(x)))


@node_maker
def unsqueeze(d: Draft) -> str:
    x = d.ranked(0, 4)
    return d.add("Unsqueeze", x, d.ints(d.integer(0, d.rank(x))))


@node_maker
def squeeze(d: Draft) -> str:
    x = d.pick(lambda array: 1 in array.shape, "thin")
    return d.add("Squeeze", x, d.ints(d.choice(*(a for a, size in enumerate(d.shape(x)) if size == 1))))


@node_maker
def part(d: Draft) -> str:
    x = d.ranked(1)
    axis, step = d.axis(x), d.choice(1, 1, 2, -1, -2)
    start, end = d.choice(0, 1, -1, -2), d.choice(1, 2, 3, -1, 1 << 40)
    if step < 0:
        start, end = d.choice(-1, 2, 1 << 40), d.choice(0, -1 << 40)
    return d.add("Slice", x, d.ints(start), d.ints(end), d.ints(axis), d.ints(step))


@node_maker
def split(d: Draft) -> str:
    """One of two or three parts, or all of them in another order."""
    x = d.ranked(1)
    axis = d.axis(x)
    size = d.shape(x)[axis]
    if size < 2:
        raise Unfit("too short to be cut")
    first = d.integer(1, size - 1)
    parts = d.add_all("Split", x, d.ints(first, size - first), axis=axis, outputs=2)
    return d.add("Concat", *parts[::-1], axis=axis) if d.chance(40) else parts[0]


@node_maker
def concat(d: Draft) -> str:
    x = d.ranked(1)
    axis = d.axis(x)
    own = list(d.shape(x))
    del own[axis]
    fitting = [y for y in d.floats if d.rank(y) == d.rank(x) and _without(d.shape(y), axis) == own]
    return d.add("Concat", x, *(d.choice(*fitting) for _ in range(d.integer(1, 2))), axis=axis)


def _without(shape: tuple[int, ...], axis: int) -> list[int]:
    rest = list(shape)
    del rest[axis]
    return rest


@node_maker
def pad(d: Draft) -> str:
    x = d.ranked(1, 4)
    mode = d.choice("constant", "constant", "edge", "reflect", "wrap")
    least = 0 if mode == "wrap" else -1
    pads = d.ints(d.integer(least, 2), d.integer(least, 2))
    value = d.const(np.float32(0.5)) if mode == "constant" and d.chance(50) else ""
    return d.add("Pad", x, pads, value, d.ints(d.axis(x)), mode=mode)


@node_maker
def expand(d: Draft) -> str:
    x, other = d.pick(), d.ranked(1)
    return d.add("Expand", x, d.add("Shape", other))


@node_maker
def tile(d: Draft) -> str:
    x = d.ranked(1, 4)
    return d.add("Tile", x, d.ints(*(d.choice(1, 1, 2) for _ in range(d.rank(x)))))


@node_maker
def by_size(d: Draft) -> str:
    """A value times one of the sizes of another."""
    x = d.ranked(1)
    size = d.add("Gather", d.add("Shape", x), d.ints(d.integer(0, d.rank(x) - 1)), axis=0)
    return d.add("Mul", d.pick(), d.add("Cast", size, to=FLOAT))


@node_maker
def computed_reshape(d: Draft) -> str:
    """A reshape to sizes that Shape gives."""
    x = d.ranked(2)
    at = d.integer(0, d.rank(x) - 2)
    sizes = [d.add("Gather", d.add("Shape", x), d.ints(axis), axis=0) for axis in range(d.rank(x))]
    joined = d.add("Mul", sizes[at], sizes[at + 1])
    return d.add("Reshape", x, d.add("Concat", *sizes[:at], joined, *sizes[at + 2 :], axis=0))


@node_maker
def triangle(d: Draft) -> str:
    return d.add("Trilu", d.ranked(2), d.const(np.array(d.integer(-2, 2), np.int64)), upper=d.integer(0, 1))
