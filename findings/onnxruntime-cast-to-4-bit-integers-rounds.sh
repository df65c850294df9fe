#!/usr/bin/env bash
# ONNX Runtime 1.32.0: Cast of floats to 4-bit integers, beside 8-bit ones.
#
# The guess was that all casts of floats to integers drop the fraction, as the standard says and numpy does.
#
# Seen, for -0.5, 0.5, 0.75, -1.5, 2.5, 6.5, 7.5 cast to an integer and back, without optimisations:
#   int8           0, 0, 0, -1, 2, 6, 7      the fraction is dropped
#   int4, uint4   -1, 1, 1, -2, 3, 7, -8     the nearest integer, halves away from zero (uint4: 15, 1, 1, 14, 3, 7, 8)
# 7.5, which int4 can hold without its fraction, becomes 8 and wraps to -8. The reference implementation of onnx 1.23.2
# drops the fraction for all of them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 ml_dtypes==0.6.0
"$work/env/bin/python" - <<'PY' || exit 1
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

x = np.array([-0.5, 0.5, 0.75, -1.5, 2.5, 6.5, 7.5], np.float32)


def outcome(kind):
    nodes = [
        helper.make_node("Cast", ["x"], ["narrow"], to=getattr(TensorProto, kind)),
        helper.make_node("Cast", ["narrow"], ["y"], to=TensorProto.FLOAT),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [7]) for name in "xy"]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    results = session.run(None, {"x": x})[0], ReferenceEvaluator(model).run(None, {"x": x})[0]
    return [result.astype(int).tolist() for result in results]


dropped = [0, 0, 0, -1, 2, 6, 7]
wanted = {
    "INT8": [dropped, dropped],
    "INT4": [[-1, 1, 1, -2, 3, 7, -8], dropped],
    "UINT4": [[15, 1, 1, 14, 3, 7, 8], [0, 0, 0, 15, 2, 6, 7]],
}
seen = {kind: outcome(kind) for kind in wanted}
for kind, (runtime, reference) in seen.items():
    print(f"{kind}: ONNX Runtime {runtime}, the reference {reference}")
if seen != wanted:
    print("the behaviour has changed")
    raise SystemExit(1)
PY
