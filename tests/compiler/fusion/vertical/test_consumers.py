"""epilogue-operand: what a contraction's result is combined with is computed where it is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.fusion.graph_to_fused import GraphToFused
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.dtypes import F16, F32, I8, I32
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.fused import FusedKernel
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.quantization import Dequantize
from glassrt.dialects.graph.trigonometric import Tanh
from glassrt.dialects.graph.unary import Neg, Sigmoid
from glassrt.runtime import Engine
from glassrt.testing.net import Net

RULE = "epilogue-operand"
CHANNELS = 8


def fuse(module: Module, **switches: Any) -> list[Record]:
    """The records about producers, after fusion that keeps the meaning."""
    context = PassContext(ALL_DIALECTS, **switches)
    PassManager([GraphToFused(REFERENCE)], context, verify_each="semantics").run(module)
    return [record for record in context.ledger if record.rule in (RULE, "contraction-prologue")]


def kernels(module: Module) -> list[str]:
    """Each kernel as 'root: op op op', in order."""
    found = [op for op in module.main.block if isinstance(op, FusedKernel)]
    lines = []
    for op in found:
        inner = [o for o in op.body.block if o.name.startswith("graph.") and not has(o, Trait.CONSTANT)]
        lines.append(f"{op.root}: {' '.join(o.name.removeprefix('graph.') for o in inner)}")
    return lines


def image(net: Net, name: str, dtype: Any = F32, channels: int = CHANNELS) -> Value:
    return net.input(name, 2, channels, 5, 4, dtype=dtype)


def joined(net: Net, name: str) -> Value:
    """A tensor of CHANNELS that no kernel before it can be grown over."""
    half = CHANNELS // 2
    return net.add(Concat, image(net, name, channels=half), image(net, f"{name}2", channels=half), axis=1)


# ---------------------------------------------------------------- what joins


def activated(net: Net) -> Value:
    """relu(y) of a convolution's result that another convolution reads as it is."""
    y = net.conv(image(net, "a"), CHANNELS)
    return net.add(Add, net.conv(y, CHANNELS), net.add(Relu, y))


def dequantized(net: Net) -> Value:
    q = image(net, "b", I8)
    y = net.add(Dequantize, q, net.const(np.float32(0.1)), net.const(np.int8(3)), to=F32)
    return net.add(Add, net.add(Relu, net.conv(image(net, "c"), CHANNELS)), y)


def converted(net: Net) -> Value:
    y = net.add(Cast, image(net, "d", F16), to=F32)
    return net.add(Relu, net.add(Add, y, net.bias(net.conv(image(net, "e"), CHANNELS))))


def chained(net: Net) -> Value:
    """Two ops after each other, in the model before the convolution, and a gate of the same tensor."""
    z = image(net, "f")
    other = net.add(Neg, net.add(Tanh, z))
    y = net.add(Add, net.conv(image(net, "g"), CHANNELS), other)
    return net.add(Mul, y, net.add(Sigmoid, z))


def beside_a_prologue(net: Net) -> Value:
    """relu(p) is multiplied, sigmoid(r) is added; p and r are tensors of one shape."""
    p, r = joined(net, "h"), joined(net, "i")
    y = net.conv(net.add(Relu, p), CHANNELS, 1)
    return net.add(Add, y, net.add(Sigmoid, r))


def of_the_prologues_tensor(net: Net) -> Value:
    """What is streamed into the product is read for its result once more."""
    p = joined(net, "j")
    return net.add(Add, net.conv(net.add(Relu, p), CHANNELS, 1), net.add(Neg, p))


def with_sums_of_bytes(net: Net) -> Value:
    x, q = image(net, "k", I8), image(net, "l", I8)
    w = net.const(np.random.default_rng(5).integers(-99, 99, (CHANNELS, CHANNELS, 3, 3)).astype(np.int8))
    sums = net.add(Cast, net.add(Conv, x, w, pads=[1] * 4, accumulate=I32), to=F32)
    y = net.add(Mul, sums, net.const(np.full((1, CHANNELS, 1, 1), 1e-3, np.float32)))
    return net.add(Add, y, net.add(Dequantize, q, net.const(np.float32(0.05)), None, to=F32))


JOIN: dict[Callable[[Net], Value], str] = {
    activated: "contraction: relu conv add",
    dequantized: "contraction: dequantize conv relu add",
    converted: "contraction: cast conv add add relu",
    chained: "contraction: tanh neg conv add sigmoid mul",
    beside_a_prologue: "contraction: relu conv sigmoid add",
    of_the_prologues_tensor: "contraction: relu conv neg add",
    with_sums_of_bytes: "contraction: conv cast mul dequantize add",
}


@pytest.mark.parametrize("make", JOIN)
def test_elementwise_operands_are_computed_in_the_epilogue(make: Callable[[Net], Value]) -> None:
    net = Net()
    module = net.done(make(net))
    records = fuse(module)
    got = kernels(module)[-1]
    assert sorted(got.split()) == sorted(JOIN[make].split()), got
    outside = {record.ops[0] for record in records if record.verdict is not Verdict.TAKEN}
    assert outside <= {"graph.concat"}
    assert any(record.rule == RULE and record.verdict is Verdict.TAKEN for record in records)


def everything() -> Module:
    """All that joins, side by side in one module."""
    net = Net()
    return net.done(*(make(net) for make in JOIN))


APART = frozenset({"group-launches"})


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_host_device_computes_them_right(precision: str) -> None:
    module = everything()
    rng = np.random.default_rng(4)
    inputs = {}
    for name, value in zip(module.main.inputs, module.main.arguments, strict=True):
        shape, dtype = [int(str(size)) for size in value.type.shape], value.type.dtype
        whole = rng.integers(-99, 99, shape)
        inputs[name] = (rng.standard_normal(shape) if dtype.is_float else whole).astype(dtype.numpy)
    want = interpret(module, inputs)
    plan = build(module, Settings(precision=as_policy(precision), cache=None, disabled=APART)).plan
    contractions = [launch for launch in plan.spec.launches if "conv" in launch.op]
    assert len(contractions) == len(JOIN) + 1  # one of them has a convolution before it
    with Engine(plan, "host") as engine:
        got = engine.run(inputs)
    for name, array in want.items():
        allowed = {"fp32": 2e-6, "fp16": 4e-3}[precision] * np.abs(array).max()
        np.testing.assert_allclose(got[name], array, rtol=0, atol=allowed, err_msg=name)


# ---------------------------------------------------------------- what does not


def test_the_rule_can_be_switched_off() -> None:
    net = Net()
    module = net.done(dequantized(net))
    records = fuse(module, disabled=frozenset([RULE]))
    assert [record.verdict for record in records] == [Verdict.DISABLED]
    assert kernels(module) == ["loop: dequantize", "contraction: conv relu add"]
