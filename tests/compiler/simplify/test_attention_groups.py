"""Heads of queries that share keys, as torch.onnx writes them: keys and values are not copied."""

from __future__ import annotations

import numpy as np
import onnxruntime
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.graph.attention import Attention

from ..spellings import Onnx
from .recognizing import PASSES, counts, run


def grouped() -> bytes:
    """6 heads of queries in 2 groups, with a mask, the scale on both sides."""
    g = Onnx()
    q, k, v = g.input(2, 6, 5, 4), g.input(2, 2, 7, 4), g.input(2, 2, 7, 4)

    def repeated(x: str) -> str:
        many = g("Expand", g("Unsqueeze", x, g.ints(2)), g.ints(2, 2, 3, 7, 4))
        return g("Reshape", many, g.ints(2, 6, 7, 4))

    root = g.const(0.5**0.5)
    turned = g("Mul", g("Transpose", repeated(k), perm=[0, 1, 3, 2]), root)
    scores = g("Add", g("MatMul", g("Mul", q, root), turned), g.input(2, 1, 5, 7))
    return g.done(g("MatMul", g("Softmax", scores, axis=-1), repeated(v)))


def test_keys_of_a_group_are_read_in_place() -> None:
    model = grouped()
    module = import_model(model)
    inputs = random_inputs(module)
    run(module, *PASSES)
    found = counts(module)
    assert (found["attention"], found["expand"]) == (1, 0)
    [op] = [op for op in module.main.block if isinstance(op, Attention)]
    assert op.k.type.shape == (2, 2, 1, 7, 4) and op.result.type.shape == (2, 2, 3, 5, 4)
    [y] = interpret(module, inputs).values()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(y, session.run(None, inputs)[0], rtol=1e-4, atol=1e-5)
