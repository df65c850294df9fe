#!/usr/bin/env bash
# onnxruntime.tools.symbolic_shape_infer of ONNX Runtime 1.32.0: Slice with a negative step.
#
# quant_pre_process runs this pass first, and exporters of quantized models write what it says into value_info.
# The guess was that sizes of slices are those of onnx.shape_inference, or left open where they are hard.
#
# Seen, for x of 4 rows (start, end, step: rows that Slice gives, and that onnx's own inference says / the pass):
#   beyond, 0, -1: 3 / 4       a start is clamped to the extent, not to the last row
#   2, -beyond, -2: 2 / 1      and an end to 0, not before the first row, so that this row is not counted
#   -1, -beyond, -1: 4 / 4, 3, 1, -2: 1 / 1 and 0, 4, 1: 4 / 4 agree
# ONNX Runtime loads a model with such a value_info and computes the right rows; what plans by the sizes is wrong.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 sympy==1.14.0
"$work/env/bin/python" - <<'PY' || exit 1
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper, shape_inference
from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference

ort.set_default_logger_severity(4)
BEYOND = 2**40
x = np.arange(8, dtype=np.float32).reshape(4, 2)


def model(start, end, step):
    numbers = {"s": start, "e": end, "a": 0, "t": step}
    stored = [numpy_helper.from_array(np.array([v], np.int64), k) for k, v in numbers.items()]
    nodes = [helper.make_node("Slice", ["x", *numbers], ["rows"]), helper.make_node("Neg", ["rows"], ["y"])]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 2])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [given], [result], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def rows(inferred):
    (value,) = [each for each in inferred.graph.value_info if each.name == "rows"]
    return value.type.tensor_type.shape.dim[0].dim_value


seen = {}
for case in ((BEYOND, 0, -1), (2, -BEYOND, -2), (-1, -BEYOND, -1), (3, 1, -2), (0, 4, 1)):
    made = model(*case)
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    real = session.run(None, {"x": x})[0].shape[0]
    own = rows(shape_inference.infer_shapes(made))
    symbolic = rows(SymbolicShapeInference.infer_shapes(made))
    seen[case] = (real, own, symbolic)
    print(f"start, end, step {case}: {real} rows; onnx says {own}, the symbolic pass {symbolic}")
wanted = [(3, 3, 4), (2, 2, 1), (4, 4, 4), (1, 1, 1), (4, 4, 4)]
if list(seen.values()) != wanted:
    print("the behaviour has changed")
    raise SystemExit(1)
PY
