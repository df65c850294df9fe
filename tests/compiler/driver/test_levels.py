"""A small net at every level, as text; long chains; networks of the onnx package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.passes.semantics import SemanticsCheck
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.errors import InputError
from glassrt.testing.net import Net

from ...growth import assert_growth

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def manager(precision: str) -> PassManager:
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named(precision))
    return PassManager(passes_through("precision", REFERENCE), context)


def small_net() -> Module:
    net = Net()
    batch = net.symbol("N", 1, 2, 8)
    x = net.input("image", batch, 3, 8, 8)
    y = net.add(Relu, net.batch_norm(net.conv(x, 4, strides=[2, 2])))
    y = net.add(Relu, net.add(Add, net.bias(net.conv(y, 4)), y))
    y = net.add(MaxPool, y, kernel=[2, 2], strides=[2, 2])
    flat = net.add(Reshape, y, shape=[batch, 16])
    return net.done(net.add(Softmax, net.linear(flat, 10), axis=1))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_small_net_at_every_level(precision: str, golden: str) -> None:
    texts = {name: print_module(stage) for name, stage in manager(precision).stages(small_net())}
    for name, level in (("dce", "graph"), ("graph-to-fused", "fused"), ("fused-to-precision", "precision")):
        assert texts[name] == golden.at(f"{precision}-{level}.ir")  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [0, 9])
def test_a_size_outside_of_its_range_is_no_size_for_planned_memory(size: int) -> None:
    settings = Settings(cache=None)
    module = launch_level(small_net(), settings, context_of(settings))
    inputs = {"image": np.zeros((size, 3, 8, 8), np.float32)}
    with pytest.raises(InputError, match=f"N = {size} is outside its range 1 to 8"):
        interpret(module, inputs)
    inputs = {"image": np.zeros((8, 3, 8, 8), np.float32)}
    assert interpret(module, inputs)["y"].shape == (8, 10)


def chain(length: int) -> Module:
    net = Net()
    value = net.input("x", 4, 8)
    for _ in range(length):
        value = net.add(Sigmoid, value)
    return net.done(value)


@pytest.mark.slow
def test_long_chains_take_time_in_proportion() -> None:
    assert_growth(chain, manager("fp16").run, (5_000, 20_000), most=8)


def reseeded(module: Module) -> Module:
    """MODULE with random weights: constant ones hide what goes wrong with layouts."""
    generator = np.random.default_rng(0)
    for op in module.walk():
        if isinstance(op, Constant) and op.weight is not None and op.result.type.dtype.is_float:
            array = op.array(module)
            fan = max(1, array.size // array.shape[0])
            fresh = generator.standard_normal(array.shape) * (1.5 / fan) ** 0.5
            if array.ndim == 1:
                fresh = np.abs(fresh) * 0.3 + 0.7
            op.weight = module.resources.add(fresh.astype(array.dtype))
    return module


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", ["shufflenet", "squeezenet"])
def test_imported_networks_keep_their_meaning(name: str, precision: str) -> None:
    module = reseeded(import_model(LIGHT / f"light_{name}.onnx"))
    check = SemanticsCheck(module)
    assert check.against(manager(precision).run(module)) is None
