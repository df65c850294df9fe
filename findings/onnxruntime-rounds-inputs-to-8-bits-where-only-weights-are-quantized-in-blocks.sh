#!/usr/bin/env bash
# ONNX Runtime 1.32.0 (CPU, default options): DequantizeLinear of int4 weights in blocks, in front of a MatMul.
#
# The guess was that optimizations change sums by float32 roundings. Seen, against float64, for 4 x 1024 inputs:
#   ORT_DISABLE_ALL              7e-7 of the largest result
#   default (ORT_ENABLE_ALL)     5e-3
#   default, with the session entry session.qdq_matmulnbits_accuracy_level = 1 (float32)   8e-7
# The pair becomes a MatMulNBits of accuracy level 4 (int8) unless that entry says otherwise, which rounds the *inputs* to
# eight bits. So a model with float32 inputs and only its weights quantized runs with 8-bit inputs, and whoever
# compares with it sees a thousand times the expected difference.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 ml_dtypes==0.5.4
"$work/env/bin/python" - <<'PY' || exit 1
import ml_dtypes
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

ort.set_default_logger_severity(4)
random = np.random.default_rng(0)
K, N, BLOCK = 1024, 64, 32
numbers = random.integers(-8, 8, (K, N))
scales = (0.01 + 0.01 * random.random((K // BLOCK, N))).astype(np.float32)
x = random.standard_normal((4, K)).astype(np.float32)
exact = x.astype(np.float64) @ (numbers * np.repeat(scales.astype(np.float64), BLOCK, axis=0))

nodes = [
    helper.make_node("DequantizeLinear", ["w", "s"], ["d"], axis=0, block_size=BLOCK),
    helper.make_node("MatMul", ["x", "d"], ["y"]),
]
shapes = (("x", [4, K]), ("y", [4, N]))
given, wanted = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes)
constants = [
    numpy_helper.from_array(numbers.astype(ml_dtypes.int4), "w"),
    numpy_helper.from_array(scales, "s"),
]
graph = helper.make_graph(nodes, "g", [given], [wanted], constants)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def error(level, **entries):
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    for key, value in entries.items():
        options.add_session_config_entry(f"session.{key}", value)
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return float(np.abs(session.run(None, {"x": x})[0] - exact).max() / np.abs(exact).max())


levels = ort.GraphOptimizationLevel
off, on = error(levels.ORT_DISABLE_ALL), error(levels.ORT_ENABLE_ALL)
asked = error(levels.ORT_ENABLE_ALL, qdq_matmulnbits_accuracy_level="1")
print(f"largest error over the largest result: off {off:.1e}, default {on:.1e}, default with level 1 {asked:.1e}")
if not (off < 1e-6 and 1e-3 < on < 2e-2 and asked < 1e-6):
    print("the behaviour has changed")
    raise SystemExit(1)
PY
