"""Steps that only give elements another shape."""

from __future__ import annotations

from glassrt.testing.draft import Unfit

from .draft import Draft, Step


def transpose(d: Draft) -> str:
    x = d.pick(least=2)
    perm = list(range(d.rank(x)))
    d.random.shuffle(perm)
    return d.add("Transpose", x, perm=perm)


def merge(d: Draft) -> str:
    x = d.pick(least=2)
    at = d.random.randrange(d.rank(x) - 1)
    return d.add("Reshape", x, d.ints(*[0] * at, -1, *d.shape(x)[at + 2 :]))


def rest(d: Draft) -> str:
    """A reshape to a number and what is left."""
    x = d.pick(least=1)
    divisors = [n for n in (1, 2, 3, 4, 6, 8) if d.values[x].size % n == 0]
    shape = [d.random.choice(divisors), -1]
    d.random.shuffle(shape)
    return d.add("Reshape", x, d.ints(*shape))


def computed_reshape(d: Draft) -> str:
    """A reshape that cuts an axis in parts, or joins two, by arithmetic on Shape."""
    x = d.pick(least=2)
    at = d.random.randrange(d.rank(x) - 1)
    sizes = [d.size_of(x, axis) for axis in range(d.rank(x))]
    if d.random.random() < 0.5:
        part = d.choice(2, 3)
        split = [d.add("Div", sizes[at], d.ints(part)), d.ints(part)]
        split = split if d.random.random() < 0.5 else split[::-1]
        return d.add("Reshape", x, d.add("Concat", *sizes[:at], *split, *sizes[at + 1 :], axis=0))
    joined = d.add("Mul", sizes[at], sizes[at + 1])
    kept = d.add("Concat", *sizes[:at], joined, *sizes[at + 2 :], axis=0)
    return d.add("Reshape", x, kept)


def reshape_like(d: Draft) -> str:
    return d.add("Reshape", d.pick(least=1), d.add("Shape", d.pick(least=1)))


def flatten(d: Draft) -> str:
    x = d.pick(least=1)
    return d.add("Flatten", x, axis=d.random.randint(0, d.rank(x)))


def squeeze(d: Draft) -> str:
    x = d.pick(least=1)
    ones = [axis for axis, size in enumerate(d.shape(x)) if size == 1]
    if not ones:
        raise Unfit("no axis of size 1")
    return d.add("Squeeze", x, d.ints(d.random.choice(ones)))


def unsqueeze(d: Draft) -> str:
    x = d.pick()
    if d.rank(x) > 4:
        raise Unfit("too many dimensions")
    return d.add("Unsqueeze", x, d.ints(d.random.randint(0, d.rank(x))))


STEPS: tuple[Step, ...] = (
    transpose, merge, rest, computed_reshape, computed_reshape, reshape_like, flatten, squeeze,
    unsqueeze,
)  # fmt: skip
