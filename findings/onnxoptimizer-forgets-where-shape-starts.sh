#!/usr/bin/env bash
# onnxoptimizer 0.4.2: Shape with its attribute start (operator set 15), cut by a Slice.
#
# Shape<start=1> of 2 x 3 x 4 is [3, 4], and its first element 3. The guess was that folding the Slice adds start to its
# own bounds, as eliminate_shape_gather does for Gather.
#
# Seen:
#   Slice 0:1 of Shape<start=1>:  [3]; after eliminate_slice_after_shape [2]
#   Gather 0 of Shape<start=1>:   3; after eliminate_shape_gather 3
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

x = np.zeros((2, 3, 4), np.float32)


def both(body, result, name):
    model = parser.parse_model(f"""
<ir_version: 8, opset_import: ["" : 17]>
g (float[2, 3, 4] x) => (int64{result} y)
<int64[1] zero = {{0}}, int64[1] one = {{1}}, int64 first = {{0}}>
{{
    s = Shape <start = 1> (x)
    y = {body}
}}""")
    runs = model, onnxoptimizer.optimize(model, [name])
    return [ReferenceEvaluator(m).run(None, {"x": x})[0].tolist() for m in runs]


sliced = both("Slice (s, zero, one)", "[1]", "eliminate_slice_after_shape")
gathered = both("Gather (s, first)", "", "eliminate_shape_gather")
print("Slice:", *sliced, "Gather:", *gathered)
if sliced != [[3], [2]] or gathered != [3, 3]:
    print("the behaviour has changed")
    raise SystemExit(1)
PY
