#!/usr/bin/env bash
# ONNX Runtime 1.32.0 (CPU, optimizations off): Sigmoid of float32 below about -10.
#
# The guess was a few units in the last place, as its Tanh has (2.7e-7 relative). Seen, against float64:
#   x = -12    6.109e-06 for 6.144e-06 (0.6 % off)
#   x = -16    5.96e-08 for 1.125e-07 (47 % off)
#   x = -17.96 1.19e-07 for 1.58e-08 (6.5 times too much), and larger than at -16: it is not monotonic
#   x <= -18   0, though exp(-18) = 1.5e-08 is far from the least float32
# The absolute error stays near 1e-07. So what looks like an error of a network whose outputs are small
# probabilities (text detection maps of mostly background) may be the reference's.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

ort.set_default_logger_severity(4)


def run(op, x):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in "xy"]
    graph = helper.make_graph([helper.make_node(op, ["x"], ["y"])], "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0].astype(np.float64)


x = np.linspace(-20, 0, 200001, dtype=np.float32)
exact = 1 / (1 + np.exp(-x.astype(np.float64)))
found = run("Sigmoid", x)
relative = np.abs(found - exact) / exact
for at in (-8, -12, -16, -17.9623, -18):
    k = int(np.abs(x - at).argmin())
    print(f"x = {x[k]:.4f}: {found[k]:.4g}, exactly {exact[k]:.4g}")
print(f"largest relative error {relative.max():.2f}, largest absolute error {np.abs(found - exact).max():.1e}")
falls = int((np.diff(found) < 0).sum())
print(f"it falls {falls} times where it should rise")
tanh = run("Tanh", x[:-1])
print(f"Tanh: largest relative error {np.abs(tanh / np.tanh(x[:-1].astype(np.float64)) - 1).max():.1e}")
if not (relative.max() > 1 and found[np.abs(x + 18).argmin()] == 0 and falls and np.abs(found - exact).max() < 2e-7):
    print("the behaviour has changed")
    raise SystemExit(1)
PY
