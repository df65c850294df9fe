#!/usr/bin/env bash
# onnx 1.23.2: a Loop with a trip count and no condition ("") is a for loop; what its body says of going on is ignored
# (ONNX, Loop, "Operator inputs defined as (max_trip_count, condition_var)"). The guess was that the reference evaluator
# does so.
#
# Seen: it runs no iteration and gives what the loop began with, whether the body passes the condition on or says true
# itself. ONNX Runtime 1.32.0 runs all of them. With a condition that is true both agree. So the reference evaluator is
# no oracle for loops as torch.onnx exports them from a `for`.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

INT64, BOOL, FLOAT = TensorProto.INT64, TensorProto.BOOL, TensorProto.FLOAT
info = helper.make_tensor_value_info


def model(condition, passed_on):
    true = numpy_helper.from_array(np.asarray(True))
    goes_on = helper.make_node("Identity", ["c"], ["d"]) if passed_on else helper.make_node("Constant", [], ["d"], value=true)
    body = helper.make_graph(
        [goes_on, helper.make_node("Add", ["v", "v"], ["w"])],
        "body",
        [info("i", INT64, []), info("c", BOOL, []), info("v", FLOAT, [2])],
        [info("d", BOOL, []), info("w", FLOAT, [2])],
    )
    inputs = [info("n", INT64, []), info("x", FLOAT, [2])] + ([info(condition, BOOL, [])] if condition else [])
    graph = helper.make_graph(
        [helper.make_node("Loop", ["n", condition, "x"], ["y"], body=body)], "net", inputs, [info("y", FLOAT, [2])]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


feeds = {"n": np.asarray(3), "x": np.ones(2, np.float32)}
found = {}
for condition in ("", "go"):
    for passed_on in (True, False):
        made, given = model(condition, passed_on), {**feeds, **({"go": np.asarray(True)} if condition else {})}
        session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
        pair = ReferenceEvaluator(made).run(None, given)[0].tolist(), session.run(None, given)[0].tolist()
        found[condition, passed_on] = pair
        print(f"condition {condition!r}, passed on: {passed_on}: reference {pair[0]}, ONNX Runtime {pair[1]}")
eight, one = [8.0, 8.0], [1.0, 1.0]
wanted = {key: (eight if key[0] else one, eight) for key in found}
if found != wanted:
    print("the behaviour has changed")
    raise SystemExit(1)
PY
