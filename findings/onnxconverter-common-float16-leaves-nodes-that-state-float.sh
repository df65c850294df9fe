#!/usr/bin/env bash
# onnxconverter-common 1.16.0: float16.convert_float_to_float16 of small valid models.
#
# The types of tensors are changed, and nodes with them. The guess was that nodes which state a type themselves are changed
# or fenced off by Casts, as the documentation says of operators on the block list.
#
# Seen, by what ONNX Runtime says of the converted model:
#   Constant with value (a tensor):         loads
#   Constant with value_float:              refused, two types at the node that reads it
#   Cast to float:                          refused, its result is said to be float16
#   QuantizeLinear below operator set 19:   refused, it has no float16 form there
#   a graph output that a node reads too:   refused with keep_io_types=True, loads without
#   an input of two nodes without names:    refused with keep_io_types=True, the two Casts have one name
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxconverter-common==1.16.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
import warnings

import onnxruntime as ort
from onnx import ModelProto, checker, parser
from onnxconverter_common import float16

warnings.simplefilter("ignore")
ort.set_default_logger_severity(4)


def loads(model, keep):
    copy = ModelProto()
    copy.CopyFrom(model)
    made = float16.convert_float_to_float16(copy, keep_io_types=keep)
    try:
        ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    except Exception as error:
        print("   ", " ".join(str(error).split())[:140])
        return False
    return True


one = "(float[3] x) => (float[3] y)"
bodies = {
    "a tensor": (one, "c = Constant <value: tensor = float {2.0}> () y = Mul (x, c)"),
    "value_float": (one, "c = Constant <value_float = 2.0> () y = Mul (x, c)"),
    "Cast": (one, "i = Cast <to = 6> (x) c = Cast <to = 1> (i) y = Add (x, c)"),
    "QuantizeLinear": ("(float[3] x) => (uint8[3] y) <float s = {0.1}, uint8 z = {2}>", "y = QuantizeLinear (x, s, z)"),
    "output": ("(float[3] x) => (float[3] y, float[3] z)", "y = Exp (x) z = Neg (y)"),
    "no names": (one, "a = Exp (x) b = Neg (x) y = Add (a, b)"),
}
seen = {}
for what, (head, body) in bodies.items():
    model = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> g {head} {{ {body} }}')
    checker.check_model(model, full_check=True)
    if what != "no names":
        for k, node in enumerate(model.graph.node):
            node.name = f"node{k}"
    seen[what] = loads(model, keep=True), loads(model, keep=False)
    print(f"{what}: loads with types of inputs and outputs kept {seen[what][0]}, not kept {seen[what][1]}")
expected = {
    "a tensor": (True, True), "value_float": (False, False), "Cast": (False, False), "QuantizeLinear": (False, False),
    "output": (False, True), "no names": (False, True),
}
if seen != expected:
    print("the behaviour has changed")
    raise SystemExit(1)
PY
