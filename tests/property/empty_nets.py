"""Random nets whose sizes may be 0: symbols that range from 0, and parts that are empty for good."""

from __future__ import annotations

import numpy as np
from glassrt.dialects.core.affine import Dim
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.dtypes import F32, I64
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Where
from glassrt.dialects.graph.indexing import Gather
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.expand import Expand, Tile
from glassrt.dialects.graph.movement.pad import Pad
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.movement.trilu import Trilu
from glassrt.dialects.graph.normalization import LayerNorm
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.reduction import Cumsum, Reduce
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.trigonometric import Tanh
from glassrt.testing.net import Net
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from .graphs import MAKERS, NEEDS_IMAGE, Maker, _floats, _images

LARGEST = 3
MOST_ELEMENTS = 4000


def _pick(draw: DrawFn, values: list[Value], least: int = 1) -> Value:
    found = [v for v in _floats(values) if v.type.rank >= least]
    return draw(st.sampled_from(found or [values[0]]))


def _axis(draw: DrawFn, x: Value) -> int:
    return draw(st.integers(0, x.type.rank - 1))


def _nothing(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    """A slice without elements, for good."""
    x = _pick(draw, values)
    sizes = list(x.type.shape)
    sizes[_axis(draw, x)] = 0
    return net.add(Slice, x, starts=[0] * x.type.rank, sizes=sizes)


def _joined(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    """Parts that differ along one axis, each computed, of which some may be empty."""
    x = _pick(draw, values)
    axis = _axis(draw, x)

    def fits(v: Value) -> bool:
        rest = [(*t[:axis], *t[axis + 1 :]) for t in (x.type.shape, v.type.shape)]
        return v.type.rank == x.type.rank and rest[0] == rest[1]

    others = draw(st.lists(st.sampled_from([v for v in _floats(values) if fits(v)]), min_size=1, max_size=3))
    parts = [net.add(Relu, v) if draw(st.booleans()) else v for v in (x, *others)]
    return net.add(Concat, *parts, axis=axis)


def _cut(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    """The elements before the last of an axis with a static size."""
    x = _pick(draw, values)
    axis = _axis(draw, x)
    sizes = list(x.type.shape)
    size = sizes[axis]
    sizes[axis] = draw(st.integers(0, size)) if isinstance(size, int) else size
    return net.add(Slice, x, starts=[0] * x.type.rank, sizes=sizes)


def _reduce(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = _pick(draw, values)
    axes = draw(st.sets(st.integers(0, x.type.rank - 1), min_size=1))
    kind = draw(st.sampled_from(["sum", "mean", "prod", "max", "min"]))
    return net.add(Reduce, x, kind=kind, axes=sorted(axes), keepdims=draw(st.booleans()))


def _flat(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    """Turned around and flattened: positions are divided by sizes that may be 0."""
    x = _pick(draw, values, 2)
    turned = net.add(Transpose, x, perm=list(reversed(range(x.type.rank))))
    return net.add(Reshape, turned, shape=[x.type.elements])


def _padded(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = _pick(draw, values)
    pads = draw(st.lists(st.integers(0, 1), min_size=2 * x.type.rank, max_size=2 * x.type.rank))
    return net.add(Pad, x, pads=pads)


def _repeated(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = _pick(draw, values)
    counts = draw(st.lists(st.integers(0, 2), min_size=x.type.rank, max_size=x.type.rank))
    return net.add(Tile, x, repeats=counts)


def _spread(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    """One row or column for a size of another value, which may be 0."""
    x, like = _pick(draw, values, 2), _pick(draw, values)
    size = like.type.shape[0]
    one = net.add(Reduce, x, kind="sum", axes=[0], keepdims=True)
    return net.add(Expand, one, shape=[size, *x.type.shape[1:]])


def _product(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    """x times its transpose, over rows or over columns, then a bias."""
    x = _pick(draw, values, 2)
    across = draw(st.booleans())
    product = net.add(Matmul, x, x, transpose_a=across, transpose_b=not across)
    # Kept small, so that sums of products of products do not leave the range of 16-bit floats.
    return net.add(Tanh, net.add(Add, product, net.weights(1)) if draw(st.booleans()) else product)


def _attention(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    """A query for every row of x, and x as keys and values, with more of them in front."""
    q = draw(st.sampled_from([v for v in _floats(values) if v.type.rank in (3, 4) and v.type.shape[-1] == 4]))
    k = net.add(Concat, q, net.add(Relu, q), axis=q.type.rank - 2) if draw(st.booleans()) else q
    if draw(st.booleans()):
        return net.add(Attention, q, k, k, causal=draw(st.booleans()), guarded=True)
    scores = net.add(Softmax, net.add(Matmul, q, k, transpose_b=True), axis=q.type.rank - 1)
    return net.add(Matmul, scores, k)


def _rows(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = _pick(draw, values)
    axis = x.type.rank - 1
    match draw(st.sampled_from(["softmax", "norm", "cumsum"])):
        case "softmax":
            return net.add(Softmax, net.add(Relu, x), axis=_axis(draw, x))
        case "norm":
            return net.add(LayerNorm, x, net.weights(1), net.weights(1), axis=axis)
    return net.add(Cumsum, x, axis=_axis(draw, x), exclusive=draw(st.booleans()))


def _gathered(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    """Nothing, or the last and the first of an axis that is never empty."""
    x = _pick(draw, values)
    whole = [axis for axis, size in enumerate(x.type.shape) if isinstance(size, int) and size > 0]
    axis = draw(st.sampled_from(whole)) if whole else 0
    picks = [-1, 0] if whole and draw(st.booleans()) else []
    return net.add(Gather, x, net.const(np.array(picks, np.int64)), axis=axis)


def _chosen(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = _pick(draw, values)
    return net.add(Where, net.const(np.array(True)), x, net.weights(1))


def _triangle(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = _pick(draw, values, 2)
    return net.add(Trilu, x, upper=draw(st.booleans())) if x.type.rank >= 2 else net.add(Mul, x, x)


def _pooled(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    return net.add(MaxPool, draw(st.sampled_from(_images(values))), kernel=[3, 3], pads=[1] * 4)


OWN: tuple[Maker, ...] = (
    _nothing, _joined, _cut, _reduce, _flat, _padded, _repeated, _spread, _product, _attention, _rows,
    _gathered, _chosen, _triangle, _pooled,
)  # fmt: skip


def _possible(maker: Maker, values: list[Value]) -> bool:
    if maker is _attention:
        return any(v.type.rank in (3, 4) and v.type.shape[-1] == 4 for v in _floats(values))
    return bool(_images(values)) or maker not in (*NEEDS_IMAGE, _pooled)


@st.composite
def empty_nets(draw: DrawFn, most: int = 8) -> Module:
    """A random net of up to MOST drawn steps over inputs with the sizes N and M."""
    net = Net(seed=draw(st.integers(0, 9)))
    usual = draw(st.sampled_from([1, LARGEST]))
    n, m = (net.symbol(name, 0, usual, LARGEST) for name in ("N", "M"))
    shapes: list[tuple[Dim, ...]] = [(n, 3, 4, 4), (n, m, 4), (m, 3), (2, n, 4)]
    kept = draw(st.sets(st.integers(2, len(shapes) - 1))) | {draw(st.integers(0, 1)), 2}
    values = [net.input(f"x{index}", *shapes[index]) for index in sorted(kept)]
    for _ in range(draw(st.integers(1, most))):
        makers = [maker for maker in (*MAKERS, *OWN * 2) if _possible(maker, values)]
        value = draw(st.sampled_from(makers))(draw, net, values)
        size = evaluate(value.type.elements, net.module.values_at("maximum"))
        if value.type.rank and size <= MOST_ELEMENTS and value.type.dtype in (F32, I64):
            values.append(value)
    outputs = [*draw(st.lists(st.sampled_from(values), max_size=2)), values[-1]]
    return net.done(*outputs)
