#!/usr/bin/env bash
# onnxscript 0.7.2 (onnx-ir 1.1.0): version_converter.convert_version of a ModelProto.
#
# The function takes an onnx_ir Model or a ModelProto and changes it in place. The guess was that both end as the same model.
#
# Seen, from operator set 17 to 20:
#   an onnx_ir Model: DFT has its axis as an input, the operator set is 20
#   a ModelProto:     DFT has its axis as an input, the operator set is still 17, so the checker refuses the model;
#                     GridSample's mode becomes "linear", which 16 to 19 do not know, and ONNX Runtime refuses the model
# So a converted ModelProto wants its operator set written by hand, or a way through onnx_ir.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxscript==0.7.2 onnx-ir==1.1.0 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
import onnx_ir
import onnxruntime as ort
from onnx import ModelProto, checker, parser
from onnxscript import version_converter

ort.set_default_logger_severity(4)
fourier = parser.parse_model("""
<ir_version: 8, opset_import: ["" : 17]>
g (float[1, 8, 1] x) => (float[1, 8, 2] y) { y = DFT <axis = 1> (x) }""")
grid = parser.parse_model("""
<ir_version: 8, opset_import: ["" : 17]>
g (float[1, 1, 4, 4] x, float[1, 2, 2, 2] at) => (float[1, 1, 2, 2] y) { y = GridSample <mode = "bilinear"> (x, at) }""")


def as_proto(model):
    copy = ModelProto()
    copy.CopyFrom(model)
    version_converter.convert_version(copy, 20)
    return copy


def as_ir(model):
    copy = onnx_ir.from_proto(model)
    version_converter.convert_version(copy, 20)
    return onnx_ir.to_proto(copy)


def loads(model):
    try:
        checker.check_model(model, full_check=True)
        ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    except Exception as error:
        print("   ", " ".join(str(error).split())[:110])
        return False
    return True


seen = []
for name, model in (("DFT", fourier), ("GridSample", grid)):
    for way in (as_ir, as_proto):
        made = way(model)
        seen.append((made.opset_import[0].version, loads(made)))
        print(name, way.__name__, "operator set", seen[-1][0], "loads", seen[-1][1])
if seen != [(20, True), (17, False)] * 2:
    print("the behaviour has changed")
    raise SystemExit(1)
PY
