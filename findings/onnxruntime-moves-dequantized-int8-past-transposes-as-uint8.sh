#!/usr/bin/env bash
# ONNX Runtime 1.32.0: DequantizeLinear of int8, then a Transpose, Reshape or Unsqueeze.
#
# The guess was that an optimised session gives what one without optimisations gives, as long as nothing is rounded.
#
# Seen, for int8 numbers [[1, 2, 3], [-4, 5, 6]] with a scale of 0.5, transposed; the first three results:
#   sets 17 and 19, no zero point: 0.5, -2, 1 without optimisations; 0.5, 0, 1 from ORT_ENABLE_BASIC on: the pair that
#     is inserted behind the Transpose has no zero point either, whose type would say int8, so it saturates at 0
#   set 21, no zero point: right at all levels
#   set 21, a zero point of int8: right up to ORT_ENABLE_BASIC; from ORT_ENABLE_EXTENDED on the model is not loaded:
#     output_dtype INT8 does not match y_zero_point type UINT8, of a node that the model does not have
#   sets 17 and 19, a zero point of int8: right at all levels; numbers of uint8: always right
# What compares with ONNX Runtime has to switch optimisations off.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

ort.set_default_logger_severity(4)
LEVELS = ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL")
numbers = np.array([[1, 2, 3], [-4, 5, 6]], np.int8)


def outcome(operator_set, zero_point, level):
    constants = [numpy_helper.from_array(np.array(0.5, np.float32), "s")]
    if zero_point:
        constants.append(numpy_helper.from_array(np.array(0, np.int8), "z"))
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "s", "z"][: 2 + zero_point], ["real"]),
        helper.make_node("Transpose", ["real"], ["y"], perm=[1, 0]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.INT8, [2, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 2])
    model = helper.make_model(
        helper.make_graph(nodes, "g", [x], [y], constants),
        opset_imports=[helper.make_opsetid("", operator_set)], ir_version=9,
    )
    options = ort.SessionOptions()
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    try:
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        assert "output_dtype INT8 does not match y_zero_point type UINT8" in str(error), error
        return "not loaded"
    return session.run(None, {"x": numbers})[0].ravel()[:3].tolist()


right, wrong, refused = [0.5, -2.0, 1.0], [0.5, 0.0, 1.0], "not loaded"
wanted = {
    (17, False): [right, wrong, wrong, wrong],
    (19, False): [right, wrong, wrong, wrong],
    (21, False): [right] * 4,
    (17, True): [right] * 4,
    (19, True): [right] * 4,
    (21, True): [right, right, refused, refused],
}
seen = {}
for operator_set, zero_point in wanted:
    case = operator_set, zero_point
    seen[case] = [outcome(operator_set, zero_point, level) for level in LEVELS]
    print(f"operator set {operator_set}, {'a' if zero_point else 'no'} zero point: {seen[case]}")
if seen != wanted:
    print("the behaviour has changed")
    raise SystemExit(1)
PY
