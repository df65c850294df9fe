#!/usr/bin/env bash
# ONNX Runtime 1.32.0: quant_utils.write_calibration_table writes calibration.json, .flatbuffers and .cache; the
# last is TensorRT's kind of table, one symmetric range for a tensor. The guess was the largest magnitude.
#
# Seen: of a tensor between -2.5 and 1.5 the cache holds 1.5, the larger of the two bounds, not 2.5. Whoever reads
# it as a symmetric range clips everything below -1.5. A tensor that is never positive has a NEGATIVE "range".
# calibration.json has both bounds.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 sympy==1.14.0
"$work/env/bin/python" - <<'PY' || exit 1
import json
import os
import tempfile

import numpy as np
from onnxruntime.quantization import quant_utils
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData

os.chdir(tempfile.mkdtemp())
ranges = {"both": (-2.5, 1.5), "positive": (0.0, 3.0), "negative": (-4.0, -1.0)}
tensors = {
    name: TensorData(lowest=np.float32(low), highest=np.float32(high)) for name, (low, high) in ranges.items()
}
quant_utils.write_calibration_table(TensorsData(CalibrationMethod.MinMax, tensors))
with open("calibration.cache") as file:
    cache = {name: float(value) for name, value in (line.split() for line in file.read().splitlines() if line.strip())}
with open("calibration.json") as file:
    text = json.dumps(json.load(file))
print("calibration.cache:", cache)
print("calibration.json has -2.5:", "-2.5" in text)
if cache != {"both": 1.5, "positive": 3.0, "negative": -1.0} or "-2.5" not in text:
    print("the behaviour has changed")
    raise SystemExit(1)
PY
