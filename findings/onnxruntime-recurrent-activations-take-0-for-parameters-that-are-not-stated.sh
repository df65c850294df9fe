#!/usr/bin/env bash
# ONNX Runtime 1.32.0 (CPU): activation functions of RNN (and LSTM, GRU) without activation_alpha and _beta.
#
# The standard: "Default values are the same as of corresponding ONNX operators". The guess was that ONNX Runtime has
# these defaults for all of them.
#
# Seen: LeakyRelu, HardSigmoid and Elu have them. Of the others 0 is taken:
#   ThresholdedRelu  alpha 0 (the operator's is 1): what lies between 0 and 1 passes
#   Affine           alpha 0, beta 0 (the operator's was 1, 0): the result is 0 for every input
#   ScaledTanh       alpha 0, beta 0: the result is 0 for every input
# Nothing says so; a network with such a layer gives zeros.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

ort.set_default_logger_severity(4)
x = np.array([[[0.3, -0.2, 0.5]]], np.float32)
w = np.array([[[1, 0, 0.2], [0.4, -1, 0.3]]], np.float32)
before = (x[0] @ w[0].T).ravel()


def run(activation, **stated):
    weights = [numpy_helper.from_array(w, "w"), numpy_helper.from_array(np.zeros((1, 2, 2), np.float32), "r")]
    node = helper.make_node("RNN", ["x", "w", "r"], ["y"], hidden_size=2, activations=[activation], **stated)
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 3])
    graph = helper.make_graph([node], "g", [given], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0].ravel()


print("what the activation gets:", before)
same = {}
for name, alpha, beta in (
    ("LeakyRelu", 0.01, None),
    ("HardSigmoid", 0.2, 0.5),
    ("Elu", 1.0, None),
    ("ThresholdedRelu", 1.0, None),
    ("Affine", 1.0, 0.0),
):
    stated = {"activation_alpha": [alpha]} | ({} if beta is None else {"activation_beta": [beta]})
    silent, spoken = run(name), run(name, **stated)
    same[name] = bool(np.allclose(silent, spoken))
    print(f"{name}: {silent} without parameters, {spoken} with the operator's defaults stated")
scaled = run("ScaledTanh")
print(f"ScaledTanh: {scaled} without parameters")
wanted = {"LeakyRelu": True, "HardSigmoid": True, "Elu": True, "ThresholdedRelu": False, "Affine": False}
if same != wanted or scaled.any():
    print("the behaviour has changed")
    raise SystemExit(1)
PY
