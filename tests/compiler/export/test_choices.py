"""Which tensors get scales."""

from __future__ import annotations

import glassrt
import pytest

from .exported import exporting
from .odd_networks import ODD, Draft, inputs


def test_what_an_override_keeps_in_floats_has_no_scales() -> None:
    model = ODD["summed_branches"]()
    made = glassrt.calibrate(model, inputs(model), device="interpret")
    for kept, x, stored in (("conv5", "t2", ["x", "t2"]), ("conv0", "x", ["t2", "t4"])):
        policy = glassrt.PrecisionPolicy("int8", {f"node:{kept}": "fp16"})
        exported = glassrt.export_qdq(model, made, precision=policy)
        (node,) = [node for node in exported.graph.node if node.name == kept]
        (own,) = [node for node in model.graph.node if node.name == kept]
        assert node.input == own.input and node.input[0] == x
        scaled = [node.input[0] for node in exported.graph.node if node.op_type == "QuantizeLinear"]
        assert scaled == stored


def test_a_product_with_a_vector_is_refused_with_the_reason() -> None:
    """The compiler makes a matrix of the vector, and has scales of its columns."""
    net = Draft()
    y = net.add("MatMul", "x", net.weight(16))
    model = net.done(
        (8, 16),
        net.add("MatMul", net.add("Unsqueeze", y, net.add("Constant", value_ints=[1])), net.weight(1, 3)),
    )
    with pytest.raises(glassrt.UnsupportedError, match="cannot express the quantization: "):
        exporting(model)
