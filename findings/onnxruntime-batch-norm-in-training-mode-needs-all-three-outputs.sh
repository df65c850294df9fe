#!/usr/bin/env bash
# ONNX Runtime 1.32.0 and onnx 1.23.2: BatchNormalization with training_mode = 1 has two optional outputs, the running
# mean and variance. The guess was that Y alone is fine, as the schema says; weight-standardised convolutions of timm
# need nothing else.
#
# Seen: onnx's checker and its reference evaluator take one output, and Y is normalised by the batch. ONNX Runtime
# refuses the node unless it has three outputs, which an exporter cannot see from the standard.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator


def model(*outputs):
    node = helper.make_node("BatchNormalization", ["x", "s", "b", "m", "v"], list(outputs), training_mode=1)
    given = [("x", [2, 3, 5])] + [(name, [3]) for name in "sbmv"]
    made = helper.make_model(
        helper.make_graph(
            [node],
            "net",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in given],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3, 5] if name == "y" else [3])
                for name in outputs
            ],
        ),
        opset_imports=[helper.make_opsetid("", 15)],
        ir_version=10,
    )
    onnx.checker.check_model(made)
    return made


def answer(made):
    try:
        session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, feeds)[0]
    except Exception as error:  # the runtime's own kinds
        return str(error)


rng = np.random.default_rng(0)
feeds = {"x": rng.standard_normal((2, 3, 5)).astype(np.float32)}
feeds |= {name: np.full(3, value, np.float32) for name, value in zip("sbmv", (1, 0, 0, 1))}
x = feeds["x"].astype(np.float64)
want = (x - x.mean((0, 2), keepdims=True)) / np.sqrt(x.var((0, 2), keepdims=True) + 1e-5)
(one,) = ReferenceEvaluator(model("y")).run(None, feeds)
alone, three = answer(model("y")), answer(model("y", "rm", "rv"))
print("reference, one output:", float(np.abs(one - want).max()))
print("ONNX Runtime, three outputs:", float(np.abs(three - want).max()))
print("ONNX Runtime, one output:", alone if isinstance(alone, str) else "runs")
if not isinstance(alone, str) or np.abs(one - want).max() > 1e-4 or np.abs(three - want).max() > 1e-4:
    print("the behaviour has changed")
    raise SystemExit(1)
PY
