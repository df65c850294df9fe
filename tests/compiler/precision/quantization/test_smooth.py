"""smooth-activations: where the factors of channels go, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.precision.quantization.smooth import STAYS, SmoothActivations
from glassrt.compiler.precision.scales.names import tensor_names
from glassrt.dialects.core.clone import clone_module
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.normalization import LayerNorm
from glassrt.dialects.graph.unary import Exp
from glassrt.errors import CalibrationError
from glassrt.testing.net import Net

from ...quantized import run

CHANNELS = 6
POWERS = np.array([0, 3, 0, -2, 5, 0])


def norm(net: Net, x: Value) -> Value:
    return net.add(LayerNorm, x, net.weights(CHANNELS), net.weights(CHANNELS), axis=1)


def network(make: Callable[[Net, Value], Value], others: bool = False) -> tuple[Module, str]:
    """Two products of what MAKE gives, one with transposed weights; with OTHERS a sum reads it, too."""
    net = Net()
    x = make(net, net.input("x", 4, CHANNELS))
    y = net.add(Matmul, x, net.weights(CHANNELS, 5))
    z = net.add(Matmul, x, net.weights(7, CHANNELS), transpose_b=True)
    module = net.done(y, z, *([net.add(Add, x, net.input("r", 4, CHANNELS))] if others else []))
    return module, tensor_names(module.main)[x]


@pytest.mark.parametrize(
    ("make", "others", "multiplies"),
    [
        (norm, False, False),
        (norm, True, True),
        (lambda net, x: net.add(Relu, net.linear(x, CHANNELS)), False, False),
        (lambda net, x: net.add(Exp, net.linear(x, CHANNELS)), False, True),
    ],
    ids=["norm", "norm that is read", "relu", "function"],
)
def test_no_bit_of_the_network_changes(
    make: Callable[[Net, Value], Value], others: bool, multiplies: bool
) -> None:
    module, name = network(make, others)
    before = clone_module(module)
    context = run([SmoothActivations()], module, smoothing={name: POWERS})
    assert any(isinstance(op, Mul) for op in module.main.block) == multiplies
    random = np.random.default_rng(0)
    data = {name: random.standard_normal((4, CHANNELS), np.float32) for name in module.main.inputs}
    found, wanted = interpret(module, data), interpret(before, data)
    assert all(np.array_equal(found[key], wanted[key]) for key in wanted)
    [record] = context.ledger
    assert record.verdict is Verdict.TAKEN
    assert record.figures == {"channels": CHANNELS, "channels_scaled": 3, "largest_factor": 32.0}


@pytest.mark.parametrize("make", [lambda net, x: x, lambda net, x: net.add(Exp, x)], ids=["input", "read"])
def test_a_tensor_that_nothing_can_scale_stays(make: Callable[[Net, Value], Value]) -> None:
    """An input, and what a function makes that others read: it would be stored twice."""
    module, name = network(make, others=True)
    before = str(module)
    context = run([SmoothActivations()], module, smoothing={name: POWERS})
    assert str(module) == before
    [record] = context.ledger
    assert (record.verdict, record.reason) == (Verdict.REFUSED, STAYS)


@pytest.mark.parametrize(("name", "powers"), [("other", POWERS), ("", POWERS[:3])])
def test_factors_of_another_model_are_an_error(name: str, powers: np.ndarray) -> None:  # type: ignore[type-arg]
    module, own = network(norm)
    with pytest.raises(CalibrationError, match="which no product of this model reads"):
        run([SmoothActivations()], module, smoothing={name or own: powers})
