"""Tensors that only have elements of another: whose scale they are stored with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from glassrt.compiler.passes.ledger import Record
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.precision.quantization.insert import InsertQuantization
from glassrt.compiler.precision.quantization.picked import KEPT
from glassrt.compiler.precision.scales.names import tensor_names
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Mul
from glassrt.dialects.graph.movement.reshape import Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.quantization import Quantize
from glassrt.testing.net import Net

from ....growth import assert_growth
from ...quantized import Array, evaluated, run

LOUD = 1000.0
CHANNELS = np.array([1, 1, LOUD, LOUD], np.float32).reshape(1, 4, 1, 1)


def sliced(net: Net, x: Value, start: int, stop: int) -> Value:
    """Channels START to STOP of X."""
    return net.add(Slice, x, starts=(0, start, 0, 0), sizes=(2, stop - start, 8, 8), steps=(1,) * 4)


def network(start: int, stop: int) -> tuple[Module, Value, Value]:
    """A tensor with two quiet and two loud channels, and some channels of it; convolutions read both."""
    net = Net()
    x = net.add(Mul, net.add(Relu, net.input("x", 2, 4, 8, 8)), net.const(CHANNELS))
    part = sliced(net, x, start, stop)
    whole = net.add(Relu, net.conv(x, 4))
    return net.done(net.conv(net.add(Relu, net.conv(part, 4)), 4), net.conv(whole, 4)), x, part


def inserted(module: Module, clips: Mapping[Value, float], precision: str = "int8") -> PassContext:
    """The pass over MODULE; tensors without a clip in CLIPS have that of 4."""
    table = {name: clips.get(value, 4.0) for value, name in tensor_names(module.main).items()}
    steps = [InsertQuantization()]
    return run(steps, module, policy=PrecisionPolicy.named(precision), clips=table)


def kept(context: PassContext) -> list[Record]:
    return [record for record in context.ledger if record.rule == KEPT]


def scales(module: Module, value: Value) -> list[Array]:
    """Those that VALUE is stored with."""
    found = [op for op in value.users if isinstance(op, Quantize)]
    return [np.asarray(op.scale.producer.array(module)) for op in found]  # type: ignore[union-attr]


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_a_loud_part_keeps_the_scale_and_that_is_on_record(precision: str) -> None:
    module, x, part = network(1, 4)
    context = inserted(module, {x: 4000.0, part: 3000.0}, precision)
    assert len(scales(module, x)) == 1 and not scales(module, part)
    (record,) = kept(context)
    assert record.figures == {"clip": 3000.0, "clip_kept": 4000.0}
    assert record.ops == ("graph.slice",) and "and keeps its scale" in record.reason


def test_a_quiet_part_has_its_own_scale_of_what_was_not_rounded_before() -> None:
    module, x, part = network(0, 2)
    inputs = {"x": np.random.default_rng(5).standard_normal((2, 4, 8, 8)).astype(np.float32)}
    exact = evaluated(module, inputs)
    assert not kept(inserted(module, {x: 4 * LOUD, part: 4.0}))
    assert scales(module, part) == [np.float32(4 / 127)]
    (reader,) = [op for op in part.users if isinstance(op, Quantize)]
    assert reader.x is part and part.producer is not None and part.producer.inputs[0] is x
    error = evaluated(module, inputs) - exact
    # In steps of the loud channels' scale nothing would be left.
    assert 10 * np.log10(np.sum(exact**2) / np.sum(error**2)) > 30


def test_the_clips_of_the_table_decide() -> None:
    for clip, own in ((4.0, True), (1999.0, True), (2001.0, False), (0.0, False)):
        module, x, part = network(0, 2)
        assert bool(kept(inserted(module, {x: 4000.0, part: clip}))) is not own


def test_a_quiet_part_of_a_part_is_not_rounded_on_the_way() -> None:
    """`middle` would keep the scale of `x`; what `part` reads would then be in its steps."""
    net = Net()
    x = net.add(Mul, net.add(Relu, net.input("x", 2, 4, 8, 8)), net.const(CHANNELS))
    middle = sliced(net, x, 0, 3)
    turned = net.add(Transpose, middle, perm=(0, 1, 3, 2))
    part = sliced(net, middle, 0, 2)
    read = [net.conv(net.add(Relu, net.conv(value, 4)), 4) for value in (x, middle, turned, part)]
    module = net.done(*read)
    (record,) = kept(inserted(module, {x: 4000.0, middle: 3000.0, turned: 3000.0, part: 4.0}))
    assert record.figures == {"clip": 3000.0, "clip_kept": 3000.0}
    assert [len(scales(module, value)) for value in (x, middle, turned, part)] == [1, 1, 0, 1]
    assert middle.producer is not None and middle.producer.inputs[0] is x
    assert part.producer is not None and part.producer.inputs[0] is middle


def trunk(length: int) -> Module:
    """Transposes one after the other, of each of which a part is multiplied."""
    net = Net()
    x = net.input("x", 4, 4)
    ends = []
    for number in range(length):
        x = net.add(Transpose, x, perm=(1, 0))
        ends.append(net.linear(net.linear(x, 4), 4) if number % 2 else x)
    return net.done(*ends)


def test_the_time_is_linear() -> None:
    assert_growth(trunk, lambda module: inserted(module, {}), (100, 1000), most=25)
