#!/usr/bin/env bash
# onnx 1.23.2, its version converter from opset 6 to 7 and later, and ONNX Runtime 1.32.0 (CPU): PRelu.
#
# Before opset 7, a slope of shape [C] is one slope for each channel of x [N, C, H, W]; since 7 it broadcasts
# like numpy, so from the LAST axis. onnx's own suite says so: its case test_PReLU_2d_multiparam, of opset 6.
#
# Seen: the converter leaves the slope as it is.
#   x [1, 3, 2, 3], slope [3] (as many columns as channels): the converted model passes the full checker, and
#       gives other numbers: slopes are applied per column. Nothing says so.
#   the suite's case (3 channels, 5 columns), converted: the model passes the checker, and ONNX Runtime ends
#       with an error about broadcasting.
# The guess was that it would insert an Unsqueeze, as it does for other ops that broadcast by an axis.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper, version_converter
from onnx.backend.test.loader import load_model_tests

ort.set_default_logger_severity(4)


def run(model, feeds):
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    try:
        return session.run(None, feeds)[0]
    except Exception as error:
        return type(error).__name__


slopes = np.array([1, 10, 100], np.float32)
x = -np.ones((1, 3, 2, 3), np.float32)
values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", x.shape), ("s", (3,)), ("y", x.shape))]
graph = helper.make_graph(
    [helper.make_node("PRelu", ["x", "s"], ["y"])], "g", values[:2], values[2:], [numpy_helper.from_array(slopes, "s")]
)
old = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 6)], ir_version=3)
square = run(version_converter.convert_version(old, 7), {"x": x})
print("one row of each channel, converted:", square[0, :, 0].tolist())

case = next(t for t in load_model_tests(kind="pytorch-converted") if t.name == "test_PReLU_2d_multiparam")
folder = Path(case.model_dir)
model, data = onnx.load(folder / "model.onnx"), folder / "test_data_set_0"
given, expected = (numpy_helper.to_array(onnx.load_tensor(data / f"{n}_0.pb")) for n in ("input", "output"))
slope = numpy_helper.to_array(model.graph.initializer[0])
per_channel = np.where(given < 0, given * slope.reshape(-1, 1, 1), given)
print("the suite's opset:", model.opset_import[0].version, "shapes:", given.shape, slope.shape)
print("the suite applies slopes per channel:", bool(np.allclose(per_channel, expected)))
name = next(i.name for i in model.graph.input if i.name != model.graph.initializer[0].name)
failed = run(version_converter.convert_version(model, 7), {name: given})
print("the suite's case, converted:", failed)

per_column = bool((square == -slopes).all())
if not (per_column and np.allclose(per_channel, expected) and isinstance(failed, str)):
    print("the behaviour has changed")
    raise SystemExit(1)
PY
