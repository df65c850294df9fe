#!/usr/bin/env bash
# onnxoptimizer 0.4.2: two Reshapes in a row, the second with a 0 in its shape.
#
# A 0 copies the extent of the node's own input, so a Reshape can't be skipped because another one follows: what the second
# copies is what the first one made. The guess was that two Reshapes become one only where the second's shape is whole.
#
# Seen, for x of 2 x 3 x 4, a Reshape to [6, 4] and one to [0, -1]:
#   the model:                           6 x 4
#   after the passes that run by default: 2 x 12, from a single Reshape
# The pass is eliminate_consecutive_idempotent_ops, which has Reshape on its list beside Ceil, Floor, Round and Relu.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxoptimizer==0.4.2 onnx==1.23.2 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
import numpy as np
import onnxoptimizer
from onnx import parser
from onnx.reference import ReferenceEvaluator

model = parser.parse_model("""
<ir_version: 8, opset_import: ["" : 17]>
g (float[2, 3, 4] x) => (float[m, n] y)
<int64[2] first = {6, 4}, int64[2] second = {0, -1}>
{
    t = Reshape (x, first)
    y = Reshape (t, second)
}""")
x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def seen(passes):
    simpler = onnxoptimizer.optimize(model, passes)
    [y] = ReferenceEvaluator(simpler).run(None, {"x": x})
    return y.shape


[y] = ReferenceEvaluator(model).run(None, {"x": x})
default, alone = seen(None), seen(["eliminate_consecutive_idempotent_ops"])
print("as it was:", y.shape, "by default:", default, "by that pass alone:", alone)
if not (y.shape == (6, 4) and default == alone == (2, 12)):
    print("the behaviour has changed")
    raise SystemExit(1)
PY
