"""Nets by hand are verified modules."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.activations import Relu
from glassrt.testing.net import Net


def test_a_net_is_a_module() -> None:
    net = Net()
    batch = net.symbol("N", 1, 2, 4)
    image = net.input("x", batch, 3, 4, 4)
    table = net.value("t", np.zeros((2, 5), np.float16))
    module = net.done(net.add(Relu, net.batch_norm(net.bias(net.conv(image, 6)))), table)
    verify(module, ALL_DIALECTS)
    assert module.main.inputs == ["x", "t"] and module.main.outputs == ["y", "y1"]
    assert [str(value.type) for value in module.main.returned] == ["tensor<Nx6x4x4xf32>", "tensor<2x5xf16>"]


def test_a_seed_gives_the_same_weights() -> None:
    one, same, other = (Net(seed=seed).weights(3).producer.attributes["value"].tolist() for seed in (1, 1, 2))
    assert one == same != other
