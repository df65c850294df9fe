"""Products leave rows where they are, and nn.Transformer gives what ONNX Runtime gives."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.graph.movement.reshape import Transpose
from glassrt.dialects.graph.unary import Abs
from glassrt.testing.net import Net

from ..torch_transformers import TorchTransformer
from .recognizing import PASSES, counts, run

SMALL = {"layers": 1, "tokens": 6, "heads": 3, "features": 4, "memory": 5}
FORMS = {
    "batch first": TorchTransformer(**SMALL),
    "batch of 1": TorchTransformer(batch=1, **SMALL),
    "norms last": TorchTransformer(norm_first=False, **SMALL),
    "tokens first": TorchTransformer(batch_first=False, **SMALL),
    "decoder": TorchTransformer(decoder=True, **SMALL),
    "decoder, batch of 1": TorchTransformer(decoder=True, batch=1, **SMALL),
    "decoder, tokens first, norms last": TorchTransformer(
        decoder=True, norm_first=False, batch_first=False, **SMALL
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_layers_of_torch(name: str) -> None:
    form = FORMS[name]
    model, inputs = form.build(), form.inputs()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    module = import_model(model)
    run(module, *PASSES)
    found, attended = counts(module), 2 if form.decoder else 1
    assert (found["attention"], found["softmax"], found["gather"]) == (attended, 0, 0)
    assert found["transpose"] == 4 * attended, "heads of queries, keys and values, and of the result"
    [y] = interpret(module, inputs).values()
    np.testing.assert_allclose(y, session.run(None, inputs)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "perm"),
    [((1, 8, 3, 4), (0, 2, 3, 1)), ((1, 8, 12), (2, 0, 1)), ((1, 8, 1, 5), (0, 3, 2, 1)), ((1, 8), (0, 1))],
)
def test_rows_with_dimensions_of_one_element(shape: tuple[int, ...], perm: tuple[int, ...]) -> None:
    """Such dimensions are no digits: an image with its channels last, of a batch of one."""
    net = Net()
    x = net.input("x", *shape)
    module = net.done(net.linear(net.add(Transpose, x, perm=list(perm)), 5))
    given = {"x": np.random.default_rng(3).standard_normal(shape).astype(np.float32)}
    [before] = interpret(module, given).values()
    run(module, *PASSES)
    [after] = interpret(module, given).values()
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)


def test_an_end_that_is_read_in_its_order_too() -> None:
    """The rows stay: with them in the order of the source that reader would need them turned."""
    net = Net()
    x = net.input("x", 2, 3, 4)
    turned = net.linear(net.add(Transpose, x, perm=[1, 0, 2]), 5)
    module = net.done(net.add(Abs, net.add(Transpose, turned, perm=[1, 0, 2])), net.add(Abs, turned))
    run(module, *PASSES)
    [product] = [op for op in module.main.block if op.name == "graph.matmul"]
    assert product.result.type.shape == (3, 2, 5) and counts(module)["transpose"] == 2
