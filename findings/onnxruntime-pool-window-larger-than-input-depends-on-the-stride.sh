#!/usr/bin/env bash
# ONNX Runtime 1.32.0 (CPU) and onnx 1.23.2: what comes of a pooling window that is one element larger
# than the input, without padding. By the standard the size is floor((4 - 5) / stride) + 1, which is 0
# for every stride.
#
# Seen, for an input of 4 rows and a window of 5:
#   MaxPool, AveragePool, stride 1: a result without rows
#   MaxPool, AveragePool, stride 2: a result with ONE row, the maximum (mean) of what there is: the
#                                   quotient -1/2 is truncated to 0 where the standard says floor
#   Conv, any stride:               refused as an invalid argument
# So whether an input that is too small is an error, an empty tensor or numbers depends on op and stride.
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

def rows(op, stride):
    taps = {} if op == "Conv" else {"kernel_shape": [5, 5]}
    node = helper.make_node(op, ["x", "w"] if op == "Conv" else ["x"], ["y"], strides=[stride, stride], **taps)
    weight = [numpy_helper.from_array(np.ones((1, 1, 5, 5), np.float32), "w")] if op == "Conv" else []
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, "H", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        weight,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    try:
        return session.run(None, {"x": np.ones((1, 1, 4, 8), np.float32)})[0].shape[2]
    except Exception as error:
        return type(error).__name__

seen = {(op, stride): rows(op, stride) for op in ("MaxPool", "AveragePool", "Conv") for stride in (1, 2)}
for (op, stride), count in seen.items():
    print(f"{op}, stride {stride}: {count}")
wanted = {("MaxPool", 1): 0, ("MaxPool", 2): 1, ("AveragePool", 1): 0, ("AveragePool", 2): 1}
wanted |= {("Conv", stride): "InvalidArgument" for stride in (1, 2)}
if seen != wanted:
    print("the behaviour has changed")
    exit(1)
PY
