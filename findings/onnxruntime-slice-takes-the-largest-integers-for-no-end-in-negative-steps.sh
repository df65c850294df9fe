#!/usr/bin/env bash
# ONNX Runtime 1.32.0 (CPU): Slice with a negative step and an end of INT64_MAX or INT32_MAX.
#
# The standard clamps an end to [-1, extent - 1] for negative steps, so any end beyond the tensor means its last
# element, and a slice from element 3 down to it is empty; numpy and onnx's reference agree. The guess was that
# ONNX Runtime clamps as well.
#
# Seen, for x of 5 elements, start 3, step -1:
#   end 2**63 - 1 and 2**31 - 1: elements 3, 2, 1, 0, as if no end were given
#   end 2**63 - 2 and 100:       nothing
# So two integers stand for "to the very beginning", and their neighbours do not.
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
from onnx.reference import ReferenceEvaluator

ort.set_default_logger_severity(4)
x = np.arange(5, dtype=np.float32)


def model(end):
    numbers = {"s": 3, "e": end, "a": 0, "t": -1}
    stored = [numpy_helper.from_array(np.array([v], np.int64), k) for k, v in numbers.items()]
    node = helper.make_node("Slice", ["x", *numbers], ["y"])
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [5])
    graph = helper.make_graph([node], "g", [given], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


seen = {}
for end in (2**63 - 1, 2**63 - 2, 2**31 - 1, 2**31 - 2, 100):
    session = ort.InferenceSession(model(end).SerializeToString(), providers=["CPUExecutionProvider"])
    seen[end] = session.run(None, {"x": x})[0].tolist()
    reference = ReferenceEvaluator(model(end)).run(None, {"x": x})[0].tolist()
    print(f"end {end}: ONNX Runtime {seen[end]}, onnx's reference {reference}, numpy {x[3:end:-1].tolist()}")
whole = [end for end, found in seen.items() if found == [3, 2, 1, 0]]
empty = [end for end, found in seen.items() if found == []]
if whole != [2**63 - 1, 2**31 - 1] or len(empty) != 3:
    print("the behaviour has changed")
    raise SystemExit(1)
PY
