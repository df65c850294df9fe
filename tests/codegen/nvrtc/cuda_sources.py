"""Small kernels as CUDA C, and one of them compiled."""

from __future__ import annotations

from glassrt.codegen.nvrtc.parallel import compile_kernels

HEADERS = {"glass.cuh": '#pragma once\n#include "numbers.cuh"\n', "numbers.cuh": "const int two = 2;\n"}
TARGET = "sm_90a"


def kernel(name: str, body: str, parameters: str = "float* y") -> str:
    return f'#include "glass.cuh"\nextern "C" __global__ void {name}({parameters}) {{\n{body}\n}}\n'


def compile_one(body: str, **options: object) -> object:
    return compile_kernels({"k0": kernel("k0", body)}, TARGET, HEADERS, None, **options)["k0"]  # type: ignore[arg-type]


SLOW = "\n".join(f"y[{i}] = sinf(y[{i + 1}]) * cosf(y[{i + 2}]);" for i in range(400))
