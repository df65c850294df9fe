"""Steps that move elements."""

from __future__ import annotations

import numpy as np

from .draft import Draft, Step


def slice_(d: Draft) -> str:
    x = d.pick(least=1)
    axis = d.axis(x)
    step = d.choice(1, 1, 1, 2, -1, -2)
    start = d.any_size() if d.random.random() < 0.4 else d.ints(d.choice(0, 1, 2, -1, -2, -3))
    end = d.any_size() if d.random.random() < 0.5 else d.ints(d.choice(1, 2, 3, -1, -2, 1 << 40, -(1 << 40)))
    if d.random.random() < 0.4:
        start = d.ints(0 if step > 0 else -1)
    return d.add("Slice", x, start, end, d.ints(axis), d.ints(step))


def crop(d: Draft) -> str:
    """An image cut to the sizes of another."""
    x, other = d.pick(rank=4), d.pick(rank=4)
    ends = d.add("Slice", d.add("Shape", other), d.ints(2), d.ints(4))
    return d.add("Slice", x, d.ints(0, 0), ends, d.ints(2, 3))


def split(d: Draft) -> str:
    x = d.pick(least=1)
    axis = d.axis(x)
    match d.choice("parts", "count", "rest", "sizes"):
        case "count":
            return d.add("Split", x, axis=axis, num_outputs=2, outputs=2)
        case "parts":
            half = d.shape(x)[axis] // 2
            return d.add("Split", x, d.ints(half, d.shape(x)[axis] - half), axis=axis, outputs=2)
        case "rest":
            sizes = d.add("Sub", d.size_of(x, axis), d.ints(1))
            return d.add("Split", x, d.add("Concat", sizes, d.ints(1), axis=0), axis=axis, outputs=2)
    first = d.any_size()
    second = d.add("Sub", d.size_of(x, axis), first)
    return d.add("Split", x, d.add("Concat", first, second, axis=0), axis=axis, outputs=2)


def concat(d: Draft) -> str:
    x = d.pick(least=1)
    others = [y for y in d.floats if d.rank(y) == d.rank(x)]
    return d.add("Concat", x, d.random.choice(others), axis=d.axis(x))


def pad(d: Draft) -> str:
    x = d.pick(least=1)
    axis = d.axis(x)
    mode = d.choice("constant", "constant", "reflect", "edge")
    if mode == "constant" and d.random.random() < 0.5:
        pads = d.add("Concat", d.ints(d.choice(0, 1)), d.any_size(), axis=0)
    else:
        pads = d.ints(d.choice(0, 1, 2), d.choice(0, 1, 2, -1))
    return d.add("Pad", x, pads, "", d.ints(axis), mode=mode)


def gather(d: Draft) -> str:
    x = d.pick(least=1)
    axis = d.axis(x)
    size = d.shape(x)[axis]
    picks = [d.random.randint(-size, size - 1) for _ in range(d.random.randint(1, 3))]
    return d.add("Gather", x, d.ints(*picks), axis=axis)


def gather_range(d: Draft) -> str:
    """The first elements of an axis, picked by Range up to a computed size."""
    x = d.pick(least=1)
    end = d.add("Squeeze", d.any_size(), d.ints(0))
    picks = d.add("Range", d.const(np.int64(0)), end, d.const(np.int64(1)))
    return d.add("Gather", x, picks, axis=d.axis(x))


def expand(d: Draft) -> str:
    x, other = d.pick(), d.pick(least=1)
    if d.random.random() < 0.5:
        return d.add("Expand", x, d.add("Shape", other))
    return d.add("Expand", x, d.add("Concat", d.any_size(), d.add("Shape", x), axis=0))


def tile(d: Draft) -> str:
    x = d.pick(least=1)
    return d.add("Tile", x, d.ints(*[d.choice(1, 1, 2) for _ in range(d.rank(x))]))


STEPS: tuple[Step, ...] = (
    slice_, slice_, slice_, crop, split, split, concat, concat, pad, pad, gather, gather_range, expand,
    tile,
)  # fmt: skip
