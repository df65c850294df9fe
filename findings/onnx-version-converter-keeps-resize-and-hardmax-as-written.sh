#!/usr/bin/env bash
# onnx 1.23.2: version_converter, Resize from operator set 10 to 11 and Hardmax from 11 to 13.
#
# Resize 10 places points as x * scale; 11 has coordinate_transformation_mode for that (asymmetric), whose default is
# half_pixel. Hardmax up to 11 takes all axes from `axis` on as one, from 13 on only that axis. The guess was that both are
# converted like Softmax, which is flattened and reshaped back.
#
# Seen:
#   Resize, linear, 3 -> 6:     the attribute is not written, so points move by half a pixel; results differ by up to 0.5
#   Hardmax, axis 1 of 2 x 3 x 4: one 1 in each 3 x 4 before, four after
#   Softmax, axis 1:            the same results
# Exports of old operator sets are best run as they are.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
import numpy as np
import onnxruntime as ort
from onnx import parser, version_converter

ort.set_default_logger_severity(4)


def both(operators, target, text, x):
    model = parser.parse_model(f'<ir_version: 7, opset_import: ["" : {operators}]> g {text}')
    found = []
    for made in (model, version_converter.convert_version(model, target)):
        session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
        found.append(session.run(None, {"x": x})[0])
    return found


line = np.array([[[[0, 1, 2]]]], np.float32)
scaled = both(10, 11, "(float[1, 1, 1, 3] x) => (float[1, 1, 1, 6] y) <float[4] s = {1.0, 1.0, 1.0, 2.0}> "
              '{ y = Resize <mode = "linear"> (x, s) }', line)
cube = np.random.default_rng(0).random((2, 3, 4), dtype=np.float32)
hard, soft = (
    both(11, 13, f"(float[2, 3, 4] x) => (float[2, 3, 4] y) {{ y = {kind} <axis = 1> (x) }}", cube)
    for kind in ("Hardmax", "Softmax")
)
ones = [y.sum(axis=(1, 2)).tolist() for y in hard]
print("Resize:", scaled[0].ravel().tolist(), "->", scaled[1].ravel().tolist())
print("Hardmax, ones of each:", ones[0], "->", ones[1])
print("Softmax, difference:", float(abs(soft[0] - soft[1]).max()))
as_seen = (
    scaled[0].ravel().tolist() == [0, 0.5, 1, 1.5, 2, 2]
    and scaled[1].ravel().tolist() == [0, 0.25, 0.75, 1.25, 1.75, 2]
    and ones == [[1, 1], [4, 4]]
    and np.allclose(*soft)
)
if not as_seen:
    print("the behaviour has changed")
    raise SystemExit(1)
PY
