#!/usr/bin/env bash
# onnxoptimizer 0.4.2 and onnxsim 0.8.1: Log after a Softmax, and Gemm after a Transpose, without their optional attribute.
#
# Softmax without axis takes the last one, Transpose without perm turns all axes around; both are how exporters leave them
# out. The guess was that a pass which does not find the attribute uses its default or leaves the nodes alone.
#
# Seen: both tools end the whole simplification with RuntimeError "required undefined attribute 'axis'" (or 'perm'); with
# the default written out both simplify. So a model is simplified by naming what it already means.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxoptimizer==0.4.2 onnxsim==0.8.1 onnx==1.23.2 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
import onnxoptimizer
import onnxsim
from onnx import ModelProto, checker, parser


def model(body):
    made = parser.parse_model(f"""
<ir_version: 8, opset_import: ["" : 17]>
g (float[4, 3] x, float[4, 5] w) => (float[m, n] y)
{{
{body}
}}""")
    checker.check_model(made, full_check=True)
    return made


def ended(tool, made):
    copy = ModelProto()
    copy.CopyFrom(made)
    try:
        tool(copy)
    except RuntimeError as error:
        return "required undefined attribute" in str(error)
    return False


softmax = "    t = Softmax{} (x)\n    y = Log (t)"
transpose = "    t = Transpose{} (x)\n    y = Gemm (t, w)"
seen = {}
for name, body, default in (("Softmax", softmax, " <axis = -1>"), ("Transpose", transpose, " <perm = [1, 0]>")):
    for tool in (onnxoptimizer.optimize, onnxsim.simplify):
        seen[name, tool.__name__] = ended(tool, model(body.format(""))), ended(tool, model(body.format(default)))
        print(name, tool.__name__, "without, with the attribute: error", *seen[name, tool.__name__])
if set(seen.values()) != {(True, False)}:
    print("the behaviour has changed")
    raise SystemExit(1)
PY
