"""Operands and attributes of recurrent ops that come of loops."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.simplify.recurrent_loops.from_loops import RecurrentLoops
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.graph.recurrence import Gru, Lstm
from onnx import ModelProto, numpy_helper, parser

from ....models import run_onnxruntime
from .spelled_cells import BOTH, GRU, SPLIT_GRU
from .test_from_loops import CASES, simplified


def recurrent(name: str) -> Lstm | Gru:
    module, _ = simplified(CASES[name][0])
    (op,) = (op for op in module.walk() if isinstance(op, (Lstm, Gru)))
    return op


def test_peepholes_and_bounds_are_the_op_s() -> None:
    op = recurrent("peepholes")
    assert isinstance(op, Lstm) and op.coupled and op.peepholes is not None
    assert op.clip == np.float32(0.6) and op.peepholes.type.shape == (1, 12)


def test_a_bias_that_is_reset_is_the_op_s() -> None:
    assert isinstance(op := recurrent("keras gru"), Gru) and op.linear and op.bias is not None
    assert isinstance(op := recurrent("reset before"), Gru) and not op.linear
    assert op.direction == "reverse" and op.functions == ("hardsigmoid", "tanh")


def test_the_op_is_of_all_nodes_of_the_body() -> None:
    nodes = recurrent("torch").location.nodes
    assert {"hN", "hN/gx", "hN/gh", "hN/tc"} <= set(nodes)


def as_wide_as_its_batch(bias: tuple[int, ...]) -> ModelProto:
    """A GRU of four sequences and four columns, which adds a BIAS of this shape before it is reset."""
    cell = f"{BOTH} {SPLIT_GRU} {GRU}".replace("rn = Mul(r, hn)", "hb = Add(hn, k) rn = Mul(r, hb)")
    model = parser.parse_model(
        f"""<ir_version: 9, opset_import: ["" : 17]> gru (float[5,4,3] x, float[4,4] h0) => (float[4,4] y) {{
        y = Scan<num_scan_inputs=1, body = b (float[4,4] h, float[4,3] xt) => (float[4,4] h1) {{
          {cell} d = Sub(h, n) dz = Mul(d, z) h1 = Add(dz, n)
        }}> (h0, x) }}"""
    )
    draw = np.random.default_rng(0)
    shapes = {"wx": (12, 3), "wh": (12, 4), "bx": (12,), "bh": (12,), "k": bias}
    arrays = {name: draw.uniform(-1, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in arrays.items())
    return model


@pytest.mark.parametrize(("bias", "recurrent"), [((4,), True), ((1, 4), True), ((4, 1), False)])
def test_numbers_of_sequences_are_none_of_columns(bias: tuple[int, ...], recurrent: bool) -> None:
    model = as_wide_as_its_batch(bias)
    module = RecurrentLoops().run(import_model(model.SerializeToString()), PassContext(ALL_DIALECTS))
    assert any(isinstance(op, Gru) for op in module.walk()) is recurrent
    draw = np.random.default_rng(1)
    inputs = {"x": draw.standard_normal((5, 4, 3)), "h0": draw.standard_normal((4, 4))}
    inputs = {name: value.astype(np.float32) for name, value in inputs.items()}
    wanted = run_onnxruntime(model, inputs)["y"]
    np.testing.assert_allclose(interpret(module, inputs)["y"], wanted, rtol=0, atol=2e-6)
