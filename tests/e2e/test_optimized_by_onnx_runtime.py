"""Models as ONNX Runtime's optimizer and quantizer write them, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import glassrt
import numpy as np
import onnx
import onnxruntime
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import UnsupportedError
from onnx import ModelProto, parser
from onnxruntime.quantization import QuantType, quantize_dynamic

from ..models import Array, run_onnxruntime

LEVELS = onnxruntime.GraphOptimizationLevel
RNG = np.random.default_rng(4)
WIDTH, HEADS = 16, 2


def weights(**shapes: tuple[int, ...]) -> dict[str, Array]:
    return {name: RNG.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}


def parsed(text: str, constants: dict[str, Array]) -> ModelProto:
    made = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{text}')
    made.graph.initializer.extend(onnx.numpy_helper.from_array(*pair[::-1]) for pair in constants.items())
    return made


def transformer_block() -> ModelProto:
    """A layer of BERT: attention, the sums and normalizations behind it, and a network with GELU."""
    text = """
    block (float[N, S, 16] x) => (float[N, S, 16] y) {
        xq = MatMul(x, wq)  q0 = Add(bq, xq)  q1 = Reshape(q0, split)  q = Transpose<perm = [0, 2, 1, 3]>(q1)
        xk = MatMul(x, wk)  k0 = Add(bk, xk)  k1 = Reshape(k0, split)  k = Transpose<perm = [0, 2, 3, 1]>(k1)
        xv = MatMul(x, wv)  v0 = Add(bv, xv)  v1 = Reshape(v0, split)  v = Transpose<perm = [0, 2, 1, 3]>(v1)
        s0 = MatMul(q, k)  s = Div(s0, root)  p = Softmax<axis = -1>(s)
        c0 = MatMul(p, v)  c1 = Transpose<perm = [0, 2, 1, 3]>(c0)  c = Reshape(c1, joined)
        o0 = MatMul(c, wo)  o = Add(o0, bo)  r = Add(o, x)  n = LayerNormalization<axis = -1>(r, g, h)
        u0 = MatMul(n, w1)  u = Add(u0, b1)
        e0 = Div(u, two)  e1 = Erf(e0)  e2 = Add(e1, one)  e3 = Mul(u, e2)  e = Mul(e3, half)
        f0 = MatMul(e, w2)  f = Add(f0, b2)  t = Add(f, n)  y = LayerNormalization<axis = -1>(t, g2, h2)
    }"""
    square = {f"w{part}": (WIDTH, WIDTH) for part in "qkvo"}
    rows = {f"b{part}": (WIDTH,) for part in "qkvo"} | dict.fromkeys(("g", "h", "g2", "h2", "b2"), (WIDTH,))
    inner = {"w1": (WIDTH, 32), "b1": (32,), "w2": (32, WIDTH)}
    numbers = {"root": (WIDTH / HEADS) ** 0.5, "two": 2**0.5, "one": 1.0, "half": 0.5}
    return parsed(
        text,
        weights(**square, **rows, **inner)
        | {name: np.array(value, np.float32) for name, value in numbers.items()}
        | {"split": np.array([0, 0, HEADS, -1]), "joined": np.array([0, 0, WIDTH])},
    )


def image_network() -> ModelProto:
    """Convolutions with activation functions and a sum, and a product behind them."""
    text = """
    net (float[1, 4, 8, 8] x) => (float[1, 5] y) {
        a0 = Conv<pads = [1, 1, 1, 1]>(x, w1, b1)  a = Relu(a0)
        c0 = Conv<pads = [1, 1, 1, 1]>(a, w2, b2)  c1 = Add(c0, a)  c = Relu(c1)
        d0 = Conv<strides = [2, 2]>(c, w3)  d = LeakyRelu<alpha = 0.2>(d0)
        p = GlobalAveragePool(d)  f = Flatten(p)  g0 = Gemm(f, w4, b4)  y = Relu(g0)
    }"""
    convolutions = {"w1": (8, 4, 3, 3), "w2": (8, 8, 3, 3), "w3": (8, 8, 2, 2), "b1": (8,), "b2": (8,)}
    return parsed(text, weights(**convolutions, w4=(8, 5), b4=(5,)))


def optimized(made: ModelProto, folder: Path, level: onnxruntime.GraphOptimizationLevel) -> ModelProto:
    """MADE as ONNX Runtime saves it after optimizing it to LEVEL."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level, options.log_severity_level = level, 4
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return onnx.load(options.optimized_model_filepath)


def ops(made: ModelProto) -> set[str]:
    return {node.op_type for node in made.graph.node}


def test_a_transformer_block(tmp_path: Path) -> None:
    made = optimized(transformer_block(), tmp_path, LEVELS.ORT_ENABLE_EXTENDED)
    assert ops(made) >= {"SkipLayerNormalization", "BiasGelu"}
    _agree(made, {"x": RNG.standard_normal((2, 5, WIDTH), np.float32)}, 1e-4)


def test_an_image_network(tmp_path: Path) -> None:
    made = optimized(image_network(), tmp_path, LEVELS.ORT_ENABLE_EXTENDED)
    assert ops(made) >= {"FusedConv", "FusedGemm"}
    _agree(made, {"x": RNG.standard_normal((1, 4, 8, 8), np.float32)}, 1e-4)


def test_what_is_laid_out_for_one_cpu(tmp_path: Path) -> None:
    made = optimized(image_network(), tmp_path, LEVELS.ORT_ENABLE_ALL)
    with pytest.raises(UnsupportedError, match="lower optimization level"):
        import_model(made)


def test_dynamic_quantization(tmp_path: Path) -> None:
    """A network whose products are quantized when it runs, as it is saved and as it is optimized then."""
    plain, stored = tmp_path / "plain.onnx", tmp_path / "quantized.onnx"
    onnx.save(transformer_block(), plain)
    quantize_dynamic(plain, stored, weight_type=QuantType.QInt8)
    made = optimized(onnx.load(stored), tmp_path, LEVELS.ORT_ENABLE_EXTENDED)
    inputs = {"x": RNG.standard_normal((2, 5, WIDTH), np.float32)}
    have = interpret(import_model(made.SerializeToString()), inputs)["y"]
    np.testing.assert_allclose(have, run_onnxruntime(made, inputs)["y"], rtol=0.05, atol=0.05)


def _agree(made: ModelProto, inputs: dict[str, Array], tolerance: float) -> None:
    want = run_onnxruntime(made, inputs)["y"]
    have = glassrt.load(glassrt.compile(made, target="host"), "host").run(inputs)["y"]
    np.testing.assert_allclose(have, want, rtol=tolerance, atol=tolerance)
