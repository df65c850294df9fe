#!/usr/bin/env bash
# ONNX Runtime 1.32.0 (CPU), onnx 1.23.2: pooling with auto_pad SAME_UPPER, a window of 1 and a stride of 3 over
# six elements 0..5. The result has ceil(6 / 3) = 2 elements, for which no padding is needed: (2 - 1) * 3 + 1 - 6 is
# negative.
#
# Expected: no padding, so elements 0 and 3.
# Seen:
#   onnxruntime LpPool, onnx.reference MaxPool                    1, 4: the negative padding crops an element at the front
#   onnxruntime AveragePool and MaxPool                           an error when they are run
#   onnx.reference AveragePool and LpPool                         an error
# So for no op do both give numbers, and those that there are come from cropping, which the standard does not mention.
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
from onnx.reference import ReferenceEvaluator

ort.set_default_logger_severity(4)

def answers(op):
    node = helper.make_node(op, ["x"], ["y"], kernel_shape=[1], strides=[3], auto_pad="SAME_UPPER")
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    x = {"x": np.arange(6, dtype=np.float32).reshape(1, 1, 6)}
    found = []
    for run in (
        lambda: ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, x),
        lambda: ReferenceEvaluator(model).run(None, x),
    ):
        try:
            found.append([round(float(value), 3) for value in np.ravel(run()[0])])
        except Exception as error:
            found.append(type(error).__name__)
    return found

seen = {op: answers(op) for op in ("AveragePool", "LpPool", "MaxPool")}
print(seen)
cropped, refused = [1.0, 4.0], ("RuntimeException", "ValueError")
assert seen["LpPool"] == [cropped, refused[1]] and seen["MaxPool"] == [refused[0], cropped]
assert seen["AveragePool"] == list(refused)
PY
