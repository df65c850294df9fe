#!/usr/bin/env bash
# ONNX Runtime 1.32.0 and onnx 1.23.2: the inputs of a Loop's body need not state shapes. The guess was that the number
# of the iteration, which is always a scalar, needs none either.
#
# Seen: without a shape of its first input the body is refused at the run; with the shape [] it runs. The reference
# evaluator runs both. Shapes of what the body carries may be left out.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

INT64, BOOL, FLOAT = TensorProto.INT64, TensorProto.BOOL, TensorProto.FLOAT
info = helper.make_tensor_value_info


def model(shape):
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"]), helper.make_node("Add", ["v", "v"], ["w"])],
        "body",
        [info("i", INT64, shape), info("c", BOOL, []), info("v", FLOAT, None)],
        [info("d", BOOL, []), info("w", FLOAT, None)],
    )
    loop = helper.make_node("Loop", ["n", "go", "x"], ["y"], body=body)
    graph = helper.make_graph([loop], "net", [info("n", INT64, []), info("go", BOOL, []), info("x", FLOAT, [2])], [info("y", FLOAT, [2])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def answer(made):
    try:
        session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, feeds)[0].tolist()
    except Exception as error:  # the runtime's own kinds
        return str(error)


feeds = {"n": np.int64(3), "go": np.bool_(True), "x": np.ones(2, np.float32)}
feeds = {name: np.asarray(value) for name, value in feeds.items()}
reference = [ReferenceEvaluator(model(shape)).run(None, feeds)[0].tolist() for shape in ([], None)]
stated, left_out = answer(model([])), answer(model(None))
print("reference:", reference)
print("ONNX Runtime, shape []:", stated)
print("ONNX Runtime, no shape:", left_out)
if stated != [8.0, 8.0] or reference != [stated, stated] or not isinstance(left_out, str):
    print("the behaviour has changed")
    raise SystemExit(1)
PY
