"""Random nets that mostly join and cut tensors, and their launch modules."""

from __future__ import annotations

from typing import Literal

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through, passes_to
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.options import Options
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.affine import Dim
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.softmax import Softmax
from glassrt.testing.net import Net
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

MOST_CHANNELS = 64
KINDS = ("conv", "conv", "relu", "join", "join", "join", "cut", "halves", "add", "pool", "shuffle", "softmax")


@st.composite
def concat_nets(draw: DrawFn, most: int = 10, joined: bool = False) -> Module:
    """A net over 4x4 images, with a symbolic batch or a fixed one; everything in it is used.

    JOINED: it has a concat of convolutions, which can be written in parts.
    """
    net = Net(seed=draw(st.integers(0, 9)))
    batch: Dim = net.symbol("N", 1, 2, 4) if draw(st.booleans()) else draw(st.integers(1, 2))
    channels = draw(st.sampled_from([4, 8, 3]))
    values = [net.conv(net.input("x", batch, channels, 4, 4), channels)]
    for _ in range(draw(st.integers(2, most))):
        values += _step(draw, net, values, draw(st.sampled_from(KINDS)))
    if joined:
        source = draw(st.sampled_from(values))
        branches = [net.conv(source, 4, size) for size in (1, 3)]
        values.append(net.add(Concat, *branches, axis=1))
    outputs = [net.conv(value, 3) for value in values if not value.uses]
    if draw(st.integers(0, 4)) == 0:
        outputs.append(draw(st.sampled_from(values)))
    return net.done(*outputs)


def _step(draw: DrawFn, net: Net, values: list[Value], kind: str) -> list[Value]:
    value = draw(st.sampled_from(values))
    match kind:
        case "conv":
            channels, size = draw(st.sampled_from([2, 4, 8, 5])), draw(st.sampled_from([1, 3]))
            return [net.conv(value, channels, size)]
        case "relu":
            return [net.add(Relu, value)]
        case "pool":
            return [net.add(MaxPool, value, kernel=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])]
        case "softmax":
            return [net.add(Softmax, value, axis=1)]
        case "add":
            return [net.add(Add, value, draw(st.sampled_from([v for v in values if v.type == value.type])))]
        case "join":
            return _join(draw, net, values, value)
        case "cut":
            return [_cut(draw, net, value)]
        case "halves":
            return _halves(net, value)
    return _shuffle(draw, net, value)


def _join(draw: DrawFn, net: Net, values: list[Value], value: Value) -> list[Value]:
    axis = draw(st.sampled_from([1, 1, 1, 2, 3] + ([0] if isinstance(value.type.shape[0], int) else [])))

    def others(shape: tuple[Dim, ...]) -> tuple[Dim, ...]:
        return (*shape[:axis], *shape[axis + 1 :])

    fitting = [v for v in values if others(v.type.shape) == others(value.type.shape)]
    parts = draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=3, unique=True))
    joined = net.add(Concat, *parts, axis=axis)
    small = all(size <= MOST_CHANNELS for size in joined.type.shape if isinstance(size, int))
    return [joined] if small else []


def _cut(draw: DrawFn, net: Net, value: Value) -> Value:
    axis = draw(st.integers(1, 3))
    size = value.type.shape[axis]
    assert isinstance(size, int)
    start, step = draw(st.integers(0, size - 1)), draw(st.sampled_from([1, 1, 1, 2]))
    starts, sizes, steps = [0] * 4, list(value.type.shape), [1] * 4
    starts[axis], steps[axis] = start, step
    sizes[axis] = draw(st.integers(1, (size - start + step - 1) // step))
    return net.add(Slice, value, starts=starts, sizes=sizes, steps=steps)


def _halves(net: Net, value: Value) -> list[Value]:
    channels = value.type.shape[1]
    assert isinstance(channels, int)
    if channels % 2:
        return []
    sizes = [value.type.shape[0], channels // 2, *value.type.shape[2:]]
    return [net.add(Slice, value, starts=[0, s, 0, 0], sizes=sizes) for s in (0, channels // 2)]


def _shuffle(draw: DrawFn, net: Net, value: Value) -> list[Value]:
    batch, channels, height, width = value.type.shape
    if not isinstance(channels, int) or channels % 2:
        return []
    grouped = net.add(Reshape, value, shape=[batch, channels // 2, 2, height * width])
    if draw(st.booleans()):
        mixed = net.add(Transpose, grouped, perm=[0, 2, 1, 3])
    else:
        mixed = net.add(Relu, grouped)
    return [net.add(Reshape, mixed, shape=list(value.type.shape))]


SEPARATE = frozenset({"group-launches"})  # off, every kernel is a launch of its own


def lowered(
    module: Module,
    precision: str = "fp32",
    streams: int = 1,
    disabled: frozenset[str] = frozenset(),
    verify: Literal["ir", "semantics"] = "semantics",
) -> tuple[Module, PassContext]:
    """MODULE at the launch level, checked as VERIFY says, and the context with its ledger."""
    options = Options(streams=streams)
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named(precision), options=options, disabled=disabled)
    module = PassManager(passes_through("precision", REFERENCE), context).run(module)
    return PassManager(passes_to("launch", REFERENCE), context, verify_each=verify).run(module), context
