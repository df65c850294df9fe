"""Several masks as one operand: the order in which they were applied, and their types, stay."""

from __future__ import annotations

import numpy as np
from glassrt.dialects.core.dtypes import BOOL, F16, F32
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast, Where
from glassrt.dialects.graph.softmax import Softmax
from glassrt.testing.net import Net

from .recognizing import PASSES, run


def test_added_filled_and_added_again() -> None:
    """Also for a query whose keys are all left out: it sees the last mask alone."""
    net = Net()
    q, k, v = (net.input(name, 2, 5, 8) for name in "qkv")
    scores = net.add(Matmul, q, k, transpose_b=True)
    low = net.const(np.float32(np.finfo(np.float32).min))
    first = net.add(Where, net.input("c", 5, 5, dtype=BOOL), net.add(Add, scores, net.input("m", 5)), low)
    masked = net.add(Add, first, net.input("n", 2, 5, 5))
    module = net.done(net.add(Matmul, net.add(Softmax, masked, axis=2), v))
    random = np.random.default_rng(0)
    inputs = {name: random.standard_normal((2, 5, 8)).astype(np.float32) for name in "qkv"}
    inputs |= {"m": random.standard_normal(5).astype(np.float32), "c": np.tri(5, k=-1, dtype=np.bool_)}
    inputs["n"] = np.where(random.random((2, 5, 5)) < 0.3, np.finfo(np.float32).min, 0).astype(np.float32)
    [want] = interpret(module, inputs).values()
    run(module, *PASSES)
    [op] = [op for op in module.main.block if isinstance(op, Attention)]
    assert op.mask is not None and op.mask.type.shape == (2, 5, 5)
    np.testing.assert_allclose(*interpret(module, inputs).values(), want, rtol=1e-5, atol=1e-6)


def test_masks_of_two_types() -> None:
    """Scores in f16 are masked in f16, then in f32, where their sum is."""
    net = Net()
    q, k, v = (net.input(name, 2, 5, 8, dtype=F16) for name in "qkv")
    scores = net.add(Add, net.add(Matmul, q, k, transpose_b=True), net.input("m", 5, dtype=F16))
    wide = net.add(Add, net.add(Cast, scores, to=F32), net.input("n", 2, 5, 5))
    weights = net.add(Cast, net.add(Softmax, wide, axis=2), to=F16)
    module = net.done(net.add(Matmul, weights, v))
    run(module, *PASSES)
    [op] = [op for op in module.main.block if isinstance(op, Attention)]
    assert op.mask is not None and op.mask.type.dtype == F32
