"""Launch modules with symbolic parts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from glassrt.compiler.fusion.vertical.consumers import CONSUMER_RULES
from glassrt.compiler.fusion.vertical.producers import PRODUCER_RULES
from glassrt.compiler.schedule.grouping.record import GROUP_LAUNCHES
from glassrt.dialects.core.affine import Dim, total
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.unary import Abs, Neg, Sigmoid
from glassrt.dialects.launch_memory import View
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ....property.graphs import Net
from .mutating import (
    Array,
    agrees,
    is_located,
    is_written,
    of,
)

UNARY = (Relu, Neg, Abs, Sigmoid)


RANGES = {"N": (0, 2, 3), "M": (1, 3, 4)}


# Every op in a launch of its own, so that there are parts to be written and read.
APART = frozenset({GROUP_LAUNCHES, *CONSUMER_RULES, *PRODUCER_RULES})


@st.composite
def joins(draw: DrawFn) -> Module:
    """Parts of N, of M and of fixed sizes joined along one axis; one or more of them taken out again."""
    net = Net(seed=draw(st.integers(0, 9)))
    axis, inputs = _inputs(draw, net)
    chosen = draw(st.lists(st.sampled_from(inputs), min_size=2, max_size=4))
    parts = [net.add(draw(st.sampled_from(UNARY)), x) for x in chosen]
    joined = net.add(Concat, *parts, axis=axis)
    ends = [_some(draw, net, joined, parts, axis) for _ in range(draw(st.integers(1, 2)))]
    if draw(st.booleans()):
        ends.append(net.add(draw(st.sampled_from(UNARY)), joined))
    used = [net.add(Neg, x) for x in inputs if not x.uses]  # every symbol has a place in the module
    return net.done(*ends, *used)


def _inputs(draw: DrawFn, net: Net) -> tuple[int, list[Value]]:
    """An axis, and inputs of N, of M and of a fixed size along it."""
    axis = draw(st.sampled_from([0, 1, 2]))
    sizes: list[Dim] = [net.symbol(name, *RANGES[name]) for name in RANGES] + [2]
    return axis, [net.input(f"x{i}", *_with((3, 2, 4), axis, size)) for i, size in enumerate(sizes)]


def _with(shape: tuple[int, ...], axis: int, size: Dim) -> tuple[Dim, ...]:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _some(draw: DrawFn, net: Net, joined: Value, parts: list[Value], axis: int) -> Value:
    """What is computed from some neighbouring PARTS of JOINED, read where they lie."""
    first = draw(st.integers(0, len(parts) - 1))
    last = draw(st.integers(first, len(parts) - 1))
    return _between(draw, net, joined, parts, axis, first, last)


def _between(
    draw: DrawFn, net: Net, joined: Value, parts: list[Value], axis: int, first: int, last: int
) -> Value:
    """What is computed from the PARTS of JOINED from FIRST to LAST."""
    sizes = [part.type.shape[axis] for part in parts]
    starts = _with((0, 0, 0), axis, total(sizes[:first]))
    shape = list(joined.type.shape)
    shape[axis] = total(sizes[first : last + 1])
    cut = net.add(Slice, joined, starts=list(starts), sizes=shape)
    return net.add(draw(st.sampled_from(UNARY)), cut)


def everywhere(module: Module) -> Iterator[dict[str, Array]]:
    """Inputs of MODULE for all sizes in the ranges of its symbols."""
    names = list(module.symbols)
    ranges = [range(module.symbols[n].minimum, module.symbols[n].maximum + 1) for n in names]
    for values in product(*ranges):
        at = dict(zip(names, values, strict=True))
        random = np.random.default_rng(list(values))
        yield {
            name: random.standard_normal([evaluate(dim, at) for dim in argument.type.shape]).astype(
                np.float32
            )
            for name, argument in zip(module.main.inputs, module.main.arguments, strict=True)
        }


def holds(good: Module, bad: Module, orders: tuple[Module, ...] = ()) -> None:
    """Assert that BAD is flagged, with the place, if it answers other than GOOD for any sizes."""
    if not is_located(bad):
        for inputs in everywhere(good):
            agrees(good, [bad, *orders], inputs)


def written(module: Module) -> list[View]:
    """The views through which kernels write parts of a buffer."""
    return [view for view in of(module, View) if is_written(view.result)]
