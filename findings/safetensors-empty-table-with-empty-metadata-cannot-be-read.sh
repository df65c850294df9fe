#!/usr/bin/env bash
# safetensors 0.8.0 (Python, Linux x86-64): a file without tensors, saved with an empty metadata
# dictionary, has the header `{},"__metadata__":{}`, which its own loader refuses. An empty
# dictionary is a valid argument: with one tensor in the file, or with metadata=None, all is well.
#
# Expected: save(tensors={}, metadata={}) can be loaded again, as save({}) can.
# Seen:     invalid JSON in header: trailing characters at line 1 column 3
# Use:      pass `metadata or None`.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
"$work/env/bin/python" - <<'PY' || exit 1
import numpy as np
from safetensors.numpy import load, save

def outcome(tensors, metadata):
    data = save(tensors, metadata=metadata)
    try:
        return data[8:], sorted(load(data))
    except Exception as error:
        return data[8:], f"{type(error).__name__}: {error}"

broken = outcome({}, {})
print("no tensors, empty metadata:", broken)
sound = [outcome({}, None), outcome({}, {"a": "b"}), outcome({"x": np.zeros(2)}, {})]
for each in sound:
    print("the rest:", each[1])
if b'{},"__metadata__"' not in broken[0] or "trailing characters" not in str(broken[1]):
    print("the behaviour has changed")
    exit(1)
if [each[1] for each in sound] != [[], [], ["x"]]:
    print("the other cases have changed")
    exit(1)
PY
