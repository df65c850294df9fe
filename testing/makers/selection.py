"""Steps that pick elements: gathers, scatters, sorting."""

from __future__ import annotations

import numpy as np

from ..draft import FLOAT, Draft
from .registry import node_maker


@node_maker
def gather(d: Draft) -> str:
    x = d.ranked(1, 4)
    axis = d.axis(x)
    size = d.shape(x)[axis]
    picks = [d.integer(-size, size - 1) for _ in range(d.integer(1, 3))]
    indices = np.array(picks if d.chance(70) else picks[0], np.int64)
    name = d.input(*indices.shape, array=indices) if d.chance(30) else d.const(indices)
    return d.add("Gather", x, name, axis=axis)


@node_maker
def gather_elements(d: Draft) -> str:
    x = d.ranked(1, 3)
    axis = d.axis(x)
    generator = np.random.default_rng(d.integer(0, 1 << 30))
    indices = generator.integers(0, d.shape(x)[axis], d.shape(x))
    return d.add("GatherElements", x, d.const(indices), axis=axis)


@node_maker
def scatter_elements(d: Draft) -> str:
    x = d.ranked(1, 3)
    axis = d.axis(x)
    generator = np.random.default_rng(d.integer(0, 1 << 30))
    order = np.argsort(generator.random(d.shape(x)), axis=axis)
    shape = tuple(d.integer(1, size) for size in d.shape(x))
    places = order[tuple(slice(size) for size in shape)]
    updates = d.const(d.numbers(shape))
    reduction = d.choice("none", "add", "mul", "max")
    return d.add("ScatterElements", x, d.const(places), updates, axis=axis, reduction=reduction)


@node_maker
def scatter_rows(d: Draft) -> str:
    x = d.ranked(1, 3)
    size = d.shape(x)[0]
    rows = np.random.default_rng(d.integer(0, 1 << 30)).permutation(size)[: d.integer(1, size)]
    updates = d.const(d.numbers((len(rows), *d.shape(x)[1:])))
    return d.add("ScatterND", x, d.const(rows[:, None]), updates)


@node_maker
def largest(d: Draft) -> str:
    x = d.ranked(1)
    axis = d.axis(x)
    with np.errstate(all="ignore"):
        d.jumps(np.diff(np.sort(d.values[x], axis=axis), axis=axis))
    count = d.ints(d.integer(1, d.shape(x)[axis]))
    values, places = d.add_all("TopK", x, count, axis=axis, largest=d.integer(0, 1), outputs=2)
    return values if d.chance(60) else d.add("Cast", places, to=FLOAT)


@node_maker
def one_hot(d: Draft) -> str:
    indices = d.const(np.array([d.integer(0, 3) for _ in range(d.integer(1, 4))], np.int64))
    values = d.const(np.array([0.25, 1.5], np.float32))
    return d.add("OneHot", indices, d.const(np.array(4, np.int64)), values, axis=d.choice(-1, 0))
