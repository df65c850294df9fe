#!/usr/bin/env bash
# onnxoptimizer 0.4.2, onnxsim 0.8.1 and onnxslim 0.1.98: two nodes of RandomNormalLike with the same input.
#
# Neither has a seed, so each draws numbers of its own. The guess was that what merges common subexpressions knows the
# operators that are not functions of their inputs.
#
# Seen, for the difference of the two draws:
#   the model:                  never 0
#   after each of the three:    0 everywhere, since one draw is left
# A network with dropout in training mode written this way, or with noise in two places, has the same noise in both.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxoptimizer==0.4.2 onnxsim==0.8.1 onnxslim==0.1.98 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
import numpy as np
import onnxoptimizer
import onnxruntime as ort
import onnxsim
import onnxslim
from onnx import ModelProto, parser

ort.set_default_logger_severity(4)
model = parser.parse_model("""
<ir_version: 8, opset_import: ["" : 17]>
g (float[64] x) => (float[64] y)
{
    a = RandomNormalLike (x)
    b = RandomNormalLike (x)
    y = Sub (a, b)
}""")


def copy():
    made = ModelProto()
    made.CopyFrom(model)
    return made


def zeros(simpler):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(simpler.SerializeToString(), options, providers=["CPUExecutionProvider"])
    [y] = session.run(None, {"x": np.zeros(64, np.float32)})
    return int((y == 0).sum())


seen = {
    "the model": zeros(model),
    "onnxoptimizer": zeros(onnxoptimizer.optimize(copy())),
    "onnxsim": zeros(onnxsim.simplify(copy())[0]),
    "onnxslim": zeros(onnxslim.slim(copy())),
}
for what, count in seen.items():
    print(f"{what}: {count} of 64 differences are 0")
if seen["the model"] > 1 or {count for what, count in seen.items() if what != "the model"} != {64}:
    print("the behaviour has changed")
    raise SystemExit(1)
PY
