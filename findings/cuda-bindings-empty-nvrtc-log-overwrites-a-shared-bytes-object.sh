#!/usr/bin/env bash
# cuda-bindings 13.5.0 with NVRTC 13.5.37 on CPython: reading an empty NVRTC log in the usual way,
# `log = b" " * size` and nvrtcGetProgramLog(program, log), changes what b" " is in the whole process.
#
# The log of a compile without warnings has one byte, its end. CPython shares all bytes objects of length 1,
# so b" " * 1 is THE space; NVRTC writes the end into it, and from then on every b" " of one byte is b"\0".
# Padding, splitting and comparing with it go wrong far away, in silence.
# Expected: the binding refuses to write into an immutable object, or fills one of its own.
# Use:      bytes(size + 1), a new object for every size there is.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    cuda-bindings==13.5.0 nvidia-cuda-nvrtc==13.5.37
"$work/env/bin/python" - <<'PY' || exit 1
from cuda.bindings import nvrtc

_, program = nvrtc.nvrtcCreateProgram(b"__global__ void nothing() {}", b"nothing.cu", 0, [], [])
nvrtc.nvrtcCompileProgram(program, 1, [b"--gpu-architecture=sm_90"])
_, size = nvrtc.nvrtcGetProgramLogSize(program)
before = bytes([32])[0]
own = bytes(size + 1)
nvrtc.nvrtcGetProgramLog(program, own)
kept = bytes([32])[0]
nvrtc.nvrtcGetProgramLog(program, b" " * size)
after = bytes([32])[0]
print(f"size of the log: {size}; code of a space before: {before}, with a longer object: {kept}, after: {after}")
if (size, before, kept, after) != (1, 32, 32, 0):
    print("the behaviour has changed")
    raise SystemExit(1)
PY
