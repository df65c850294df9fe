"""In which types the body of a custom op computes: what it takes of what a policy asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt import custom
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.dtypes import DType
from glassrt.errors import GlassError, IRError, UnsupportedError
from onnx import NodeProto, parser

from ....custom_ops import drawn, model, node

NODES = [node("Neg", ["x"], "a"), node("Taking", ["a"], "b", domain="glass.forms"), node("Neg", ["b"], "y")]


@pytest.fixture(autouse=True)
def scope() -> Iterator[None]:
    with custom.registered():
        yield


def taking(*floats: DType, kinds: tuple[str, ...] = custom.FLOAT) -> None:
    """Register an op whose body takes FLOATS."""

    class Taking(custom.CudaOp):
        x = custom.operand()
        y = custom.result()

        def compute(self, x: Any) -> Any:
            return x + 1 if x.dtype.kind == "f" else x

        def cuda(self) -> custom.CudaBody:
            text = "if (block < count) y[block] = convert<y_type>(convert<f32>(x[block]) + 1.0f);"
            if not self.x.type.dtype.is_float:
                text = "if (block < count) y[block] = x[block];"
            count = self.x.type.elements
            return custom.CudaBody(text, blocks=count, threads=1, sizes={"count": count})

    Taking.floats, Taking.kinds = floats, kinds
    custom.op("glass.forms::Taking")(Taking)


def kernel(policy: PrecisionPolicy | str, nodes: list[NodeProto] = NODES) -> str:
    """The line of the op's kernel at the precision level, of a plan that is right on the host."""
    plan = glassrt.compile(model(nodes, domain="glass.forms"), target="host", precision=policy)
    with glassrt.load(plan, "host") as engine:
        found = engine.run({"x": drawn(2, 24)})["y"]
    if nodes is NODES:
        np.testing.assert_allclose(found, drawn(2, 24) - 1, rtol=1e-2, atol=1e-2)
    return next(line for line in plan.ir("precision").splitlines() if "root = custom" in line)


def test_a_body_that_takes_what_is_asked_for_gets_it() -> None:
    taking(custom.F32, custom.F16)
    for policy, dtype in (("fp32", "f32"), ("fp16", "f16")):
        line = kernel(policy)
        assert f"requested = {dtype}, compute = {dtype}" in line
        assert "accumulate = f32" in line
        assert f'why = "{policy} policy"' in line


def test_an_override_names_the_op_or_its_node() -> None:
    taking(custom.F32, custom.F16)
    for subject in ("op:glass_forms.taking", "node:b"):
        line = kernel(PrecisionPolicy("fp16", overrides={subject: "fp32"}))
        assert "requested = f32, compute = f32" in line
        assert f"override {subject}=fp32" in line


def test_another_format_is_a_fallback() -> None:
    """An error that lists the kernel, unless the policy allows it."""
    taking(custom.F32)
    said = r"b: f16 was requested, but it runs in f32: its CUDA body takes f32"
    with pytest.raises(UnsupportedError, match=said):
        kernel("fp16")
    line = kernel(PrecisionPolicy("fp16", allow_fallback=True))
    assert "requested = f16, compute = f32" in line
    assert 'fallback = "its CUDA body takes f32"' in line


def test_a_body_that_takes_neither_is_an_error() -> None:
    taking(custom.F16)
    kernel("fp16")
    with pytest.raises(GlassError, match=r"takes f16, and fp32 asks for f32") as caught:
        kernel("fp32")
    assert isinstance(caught.value, IRError)
    assert "'b'" in str(caught.value)


def test_what_16_bits_cannot_hold_stays_wide() -> None:
    """Exponentials may leave the range of f16, and what is made of them, too."""
    taking(custom.F32, custom.F16)
    nodes = [node("Exp", ["x"], "a"), *NODES[1:]]
    line = kernel("fp16", nodes)
    assert "requested = f16, compute = f32" in line
    assert "its operands stay f32: it grows as a power or an exponential does" in line


def test_integers_stay_what_they_are() -> None:
    taking(custom.F32, kinds=custom.NUMBER)
    nodes = [node("Cast", ["x"], "a", to=6), NODES[1], node("Cast", ["b"], "y", to=1)]
    assert "requested = i32, compute = i32" in kernel("fp16", nodes)


def test_int8_leaves_a_body_in_floats() -> None:
    """Its operands are quantized where the model says so, and dequantized before it."""
    taking(custom.F32, custom.F16)
    made = model(NODES, domain="glass.forms")
    table = glassrt.calibrate(made, [{"x": drawn(2, 24)}])
    assert "b" in table.tensors
    plan = glassrt.compile(made, target="host", precision="int8", calibration=table)
    (line,) = (line for line in plan.ir("precision").splitlines() if "root = custom" in line)
    assert "compute = f16" in line


@pytest.mark.parametrize("any_order", [False, True])
def test_a_body_for_any_order_gets_operands_as_they_are_stored(any_order: bool) -> None:
    """A convolution stores channels last; the sum of all elements is the same in any order."""

    class Total(custom.CudaOp):
        x = custom.operand()
        y = custom.result()

        def result_type(self) -> custom.TensorType:
            return self.x.type.with_shape((1,))

        def compute(self, x: Any) -> Any:
            return np.sum(x, keepdims=True).reshape(1)

        def tolerance(self) -> float:
            return 1e-4

        def cuda(self) -> custom.CudaBody:
            text = "f32 sum = 0.0f; for (int i = 0; i < count; i++) sum += x[i]; y[0] = sum;"
            return custom.CudaBody(text, blocks=1, threads=1, sizes={"count": self.x.type.elements})

    Total.any_order = any_order
    custom.op("glass.forms::Total")(Total)
    text = """<ir_version: 8, opset_import: ["" : 17, "glass.forms" : 1]>
    agraph (float[2,3,6,5] x, float[8,3,3,3] w) => (float[1] y) {
      c = Conv(x, w)  y = glass.forms.Total(c)
    }"""
    plan = glassrt.compile(parser.parse_model(text), target="host")
    kernels = [line for line in plan.ir("precision").splitlines() if "precision.kernel" in line]
    assert len(kernels) == (4 if any_order else 5)  # x and w are reordered, too
    with glassrt.load(plan, "host") as engine:
        x, w = drawn(2, 3, 6, 5), drawn(8, 3, 3, 3)
        found = engine.run({"x": x, "w": w})["y"]
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    np.testing.assert_allclose(found[0], np.einsum("ncyxij,ocij->", windows, w), rtol=1e-4)
