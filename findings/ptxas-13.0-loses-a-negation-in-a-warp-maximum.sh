#!/usr/bin/env bash
# NVRTC 13.0 on an H200 (sm_90a, driver 580.159.04): the maximum of negated integers over the lanes of a
# warp is computed as the maximum of the numbers themselves. Found 2026-11-29.
#
# Each lane keeps a running maximum of -x[k], from the smallest int on, and a butterfly of shuffles joins
# the lanes. The PTX is right (neg.s32, then max.s32), so it is the assembler that loses the negation: the
# driver's own, given the PTX, does the same. For rows of 5 and of 7 the result is 5 and 7, not -5 and -7;
# it is right where some x is negative and decides, as if the operand were taken for its absolute value.
# So it was seen for int and short, not for long long, signed char or the minimum, and with the negation
# written as 0 - x, ~x + 1 or x * -1; two instructions that the compiler does not see through (not, add in
# inline PTX) are right. The same source compiled by NVRTC 13.5 is right on the same GPU.
#
# Needs an NVIDIA GPU of compute capability 9.0. Fails if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --system-site-packages "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    nvidia-cuda-nvrtc==13.0.88 cuda-bindings==13.3.1 numpy
"$work/env/bin/python" - <<'PY' || exit 1
import numpy as np
from cuda.bindings import driver, nvrtc

SOURCE = rb"""
extern "C" __global__ void rows(const int* x, int* y) {
    const int row = threadIdx.x / 32, lane = threadIdx.x % 32;
    int most = -2147483647 - 1;
    for (int k = lane; k < 40; k += 32) {
        const int negated = NEGATED;
        most = most > negated ? most : negated;
    }
    for (int apart = 16; apart > 0; apart /= 2) {
        const int other = __shfl_xor_sync(0xffffffffu, most, apart);
        most = most > other ? most : other;
    }
    if (lane == 0) y[row] = most;
}
"""
PLAIN = b"int(0u - unsigned(x[row * 40 + k]))"
APART = (
    b'[](int v) { int r; asm("{ .reg .b32 t; not.b32 t, %1; add.s32 %0, t, 1; }" : "=r"(r) : "r"(v)); return r; }'
    b"(x[row * 40 + k])"
)

def call(outcome):
    if int(outcome[0]):
        raise RuntimeError(str(outcome[0]))
    return outcome[1] if len(outcome) == 2 else outcome[1:]

def compiled(negated):
    program = call(nvrtc.nvrtcCreateProgram(SOURCE.replace(b"NEGATED", negated), b"rows.cu", 0, [], []))
    call(nvrtc.nvrtcCompileProgram(program, 1, [b"--gpu-architecture=sm_90a"]))
    image = b" " * call(nvrtc.nvrtcGetCUBINSize(program))
    call(nvrtc.nvrtcGetCUBIN(program, image))
    return image

def result(image, x):
    function = call(driver.cuModuleGetFunction(call(driver.cuModuleLoadData(image)), b"rows"))
    given, made = call(driver.cuMemAlloc(x.nbytes)), call(driver.cuMemAlloc(8))
    call(driver.cuMemcpyHtoD(given, x.ctypes.data, x.nbytes))
    call(driver.cuLaunchKernel(function, 1, 1, 1, 64, 1, 1, 0, 0, ((given, made), (None, None)), 0))
    y = np.empty(2, np.int32)
    call(driver.cuMemcpyDtoH(y.ctypes.data, made, 8))
    return y.tolist()

call(driver.cuInit(0))
device = call(driver.cuDeviceGet(0))
call(driver.cuCtxSetCurrent(call(driver.cuDevicePrimaryCtxRetain(device))))
print("NVRTC", call(nvrtc.nvrtcVersion()), "driver", call(driver.cuDriverGetVersion()))
x = np.repeat(np.array([5, 7], np.int32), 40)
wrong, right = result(compiled(PLAIN), x), result(compiled(APART), x)
print("0 - x:", wrong, " not and add:", right, " wanted: [-5, -7]")
if wrong != [5, 7] or right != [-5, -7]:
    print("the behaviour has changed")
    exit(1)
PY
