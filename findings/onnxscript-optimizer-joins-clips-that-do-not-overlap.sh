#!/usr/bin/env bash
# onnxscript 0.7.2: a Clip to [-1, 0.1] and then one to [0.5, 2].
#
# Whatever x is, the result is 0.5. One Clip has the same result where the ranges overlap, with the larger of the minima and
# the smaller of the maxima; here these are 0.5 and 0.1, and a Clip whose minimum is above its maximum gives the maximum. The
# guess was that the rule asks whether the ranges meet.
#
# Seen:
#   onnxscript.optimizer.optimize: one Clip, and every result is 0.1
#   onnxscript.rewriter.rewrite:   the same rule ends with an error where no type is stated for what is between the Clips
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxscript==0.7.2 onnx-ir==1.1.0 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
import logging

import numpy as np
import onnxruntime as ort
from onnx import parser
from onnxscript import optimizer, rewriter

logging.disable(logging.CRITICAL)
model = parser.parse_model("""
<ir_version: 8, opset_import: ["" : 17]>
g (float[5] x) => (float[5] y)
<float a = {-1.0}, float b = {0.1}, float c = {0.5}, float d = {2.0}>
{
    t = Clip (x, a, b)
    y = Clip (t, c, d)
}""")


def results(made):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.array([-3, 0, 0.3, 1, 5], np.float32)})[0].tolist()


before, optimized = results(model), optimizer.optimize(model)
after = results(optimized)
try:
    rewriter.rewrite(model)
    ended = None
except Exception as error:
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    ended = type(cause).__name__
print("before:", before)
print("after: ", after, [node.op_type for node in optimized.graph.node])
print("rewriter:", ended)
if set(before) != {0.5} or not np.allclose(after, 0.1) or ended != "AttributeError":
    print("the behaviour has changed")
    raise SystemExit(1)
PY
