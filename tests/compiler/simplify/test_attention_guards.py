"""Guards that ask the mask, as the body of ONNX Attention does, and those that ask another one."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.simplify.attention_guards import guards
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.binary import Add, Equal
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Where
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.softmax import Softmax
from glassrt.testing.net import Net


def guarded(net: Net, mask: Value, asked: Value, kind: str = "max", low: float = -np.inf) -> Where:
    """where(the largest of ASKED is LOW, 0, softmax(q k^T + MASK))."""
    q, k = (net.input(name, 2, 5, 8) for name in "qk")
    weights = net.add(Softmax, net.add(Add, net.add(Matmul, q, k, transpose_b=True), mask), axis=2)
    largest = net.add(Reduce, asked, kind=kind, axes=[2])
    empty = net.add(Equal, largest, net.const(np.float32(low)))
    op = net.add(Where, empty, net.const(np.float32(0)), weights).producer
    assert isinstance(op, Where)
    return op


def test_a_guard_asks_the_mask() -> None:
    net = Net()
    mask = net.input("m", 2, 1, 5)
    assert guards(guarded(net, mask, mask), net.module)


@pytest.mark.parametrize(("kind", "low"), [("min", -np.inf), ("max", -1.0)])
def test_another_question(kind: str, low: float) -> None:
    net = Net()
    mask = net.input("m", 2, 1, 5)
    assert not guards(guarded(net, mask, mask, kind, low), net.module)


def test_another_mask_that_may_leave_no_key() -> None:
    """There softmax is NaN where both masks together leave none, and that is not guarded."""
    net = Net()
    mask, other = net.input("m", 2, 1, 5), net.input("n", 2, 1, 5)
    assert not guards(guarded(net, mask, other), net.module)
