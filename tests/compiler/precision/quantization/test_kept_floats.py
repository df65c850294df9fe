"""Which products are the last before outputs, and which sums are streams of residuals."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.patterns.flow import sources_in
from glassrt.compiler.precision.quantization.kept_floats import last_contractions, residual_sums
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.normalization import LayerNorm
from glassrt.testing.net import Net

WIDTH = 8


def norm(net: Net, x: Value) -> Value:
    one, zero = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
    return net.add(LayerNorm, x, net.const(one), net.const(zero), axis=1)


def layers(after: bool) -> tuple[Net, list[Value]]:
    """Three layers of a product added to a stream, with norms AFTER or before the sums; the streams."""
    net = Net()
    x = net.input("x", 2, WIDTH)
    streams = []
    for _ in range(3):
        if after:
            x = norm(net, net.add(Add, net.linear(x, WIDTH), x))
        else:
            x = net.add(Add, net.linear(norm(net, x), WIDTH), x)
        streams.append(x)
    return net, streams


def last(module: Module) -> list[int]:
    """The numbers, in order, of the last contractions of MODULE."""
    found = last_contractions(module.main.returned, sources_in(module.main))
    every = [op for op in module.main.block if has(op, Trait.CONTRACTION)]
    return [number for number, op in enumerate(every) if op in found]


def test_of_products_that_a_stream_adds_up_one_is_last() -> None:
    for after in (False, True):
        net, streams = layers(after)
        assert last(net.done(streams[-1])) == [2]
        net, streams = layers(after)
        assert last(net.done(streams[0], streams[-1])) == [0, 2]


def test_products_beside_each_other_are_both_last() -> None:
    net = Net()
    x = net.add(Relu, net.linear(net.input("x", 2, WIDTH), WIDTH))
    assert last(net.done(net.add(Add, net.linear(x, WIDTH), net.linear(x, WIDTH)))) == [1, 2]


def test_sums_that_norms_read_are_residual() -> None:
    net, streams = layers(after=True)
    found = residual_sums(net.done(streams[-1]).main.block)
    assert {norm.producer.x.producer for norm in streams if norm.producer} <= found  # type: ignore[attr-defined]
    net, streams = layers(after=False)
    found = residual_sums(net.done(net.add(Relu, streams[-1])).main.block)
    made = [stream.producer for stream in streams]
    assert set(made[:2]) <= found and made[2] not in found  # no norm reads the last sum
