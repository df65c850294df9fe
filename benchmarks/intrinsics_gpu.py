"""Does every intrinsic do on the GPU what its conformance cases say?

    python benchmarks/intrinsics_gpu.py [--output FILE]

Runs the cases of tests/intrinsics and writes gpu_record.json there.

Needs numpy, ml_dtypes and cuda-bindings with NVRTC and a driver; not an installed glassrt. The
record says where and when, how each case went, and which kernels and headers were run (their hashes).
Cases whose files have changed since are unproven: the test suite warns of them, `make release-check` fails.
Exit code 1 when a case fails.
"""

from __future__ import annotations

import argparse
import ctypes
import datetime
import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cuda.bindings import driver, nvrtc

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from intrinsics.cases import Array, Case, Map, Out, read_source
from intrinsics.record import PASSED, hashes
from intrinsics.suite import RECORD, all_cases, read_headers

_MAP_TYPES = {1: "UINT8", 2: "UINT16", 4: "FLOAT32"}


def checked(result: tuple[Any, ...]) -> Any:
    """The value of a call of cuda.bindings; RuntimeError when it failed."""
    if int(result[0]) != 0:
        raise RuntimeError(f"{result[0]!r}")
    return result[1] if len(result) == 2 else result[1:]


class Gpu:
    """The first GPU, with the modules compiled so far and the memory to give back."""

    def __init__(self) -> None:
        checked(driver.cuInit(0))
        self.device = checked(driver.cuDeviceGet(0))
        self.context = checked(driver.cuDevicePrimaryCtxRetain(self.device))
        checked(driver.cuCtxSetCurrent(self.context))
        self.capability = 10 * self._attribute("MAJOR") + self._attribute("MINOR")
        self._modules: dict[str, Any] = {}

    def _attribute(self, which: str) -> int:
        name = f"CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_{which}"
        return int(
            checked(driver.cuDeviceGetAttribute(getattr(driver.CUdevice_attribute, name), self.device))
        )

    @property
    def architecture(self) -> str:
        return f"sm_{self.capability}" + ("a" if self.capability >= 90 else "")

    def describe(self) -> dict[str, object]:
        """Name, driver and compiler, for the record."""
        return {
            "gpu": checked(driver.cuDeviceGetName(128, self.device)).split(b"\0")[0].decode(),
            "architecture": self.architecture,
            "driver": _driver_version(),
            "nvrtc": ".".join(map(str, checked(nvrtc.nvrtcVersion()))),
        }

    def function(self, case: Case) -> Any:
        """The compiled kernel of a case."""
        if case.source not in self._modules:
            cubin = compile_cubin(read_source(case.source), self.architecture)
            self._modules[case.source] = checked(driver.cuModuleLoadData(cubin))
        return checked(driver.cuModuleGetFunction(self._modules[case.source], case.kernel.encode()))

    def run(self, case: Case) -> list[Array]:
        """Launches the case and gives its outputs, in order."""
        memory = _Memory()
        try:
            parameters = [memory.parameter(argument) for argument in case.arguments]
            self._launch(case, parameters)
            checked(driver.cuCtxSynchronize())
            return memory.outputs()
        finally:
            memory.free()

    def _launch(self, case: Case, parameters: Sequence[Any]) -> None:
        function = self.function(case)
        if case.shared_bytes > 48 * 1024:
            attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
            checked((*driver.cuFuncSetAttribute(function, attribute, case.shared_bytes), None))
        config = driver.CUlaunchConfig()
        config.gridDimX, config.gridDimY, config.gridDimZ = case.grid
        config.blockDimX, config.blockDimY, config.blockDimZ = case.block
        config.sharedMemBytes = case.shared_bytes
        config.hStream = driver.CUstream(0)
        config.attrs = _attributes(case)
        config.numAttrs = len(config.attrs)
        addresses = (ctypes.c_void_p * len(parameters))(*(ctypes.addressof(value) for value in parameters))
        checked((*driver.cuLaunchKernelEx(config, function, ctypes.addressof(addresses), 0), None))


def _attributes(case: Case) -> list[Any]:
    if case.cluster == (1, 1, 1):
        return []
    attribute = driver.CUlaunchAttribute()
    attribute.id = driver.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION
    value = driver.CUlaunchAttributeValue()
    value.clusterDim.x, value.clusterDim.y, value.clusterDim.z = case.cluster
    attribute.value = value
    return [attribute]


class _Memory:
    """Device copies of a case's arrays, freed together."""

    def __init__(self) -> None:
        self._copies: dict[int, tuple[int, Array]] = {}
        self._outputs: list[tuple[int, Array]] = []

    def parameter(self, argument: Any) -> Any:
        """A ctypes value to point a kernel parameter at."""
        if isinstance(argument, int):
            return ctypes.c_int32(argument)
        if isinstance(argument, Map):
            return self._tensor_map(argument)
        if isinstance(argument, Out):
            address = self._copy(argument.start() if argument.before is None else argument.before)
            self._outputs.append((address, argument.start()))
            return ctypes.c_uint64(address)
        return ctypes.c_uint64(self._copy(argument))

    def _copy(self, array: Array) -> int:
        if id(array) not in self._copies:
            dense = np.ascontiguousarray(array)
            address = int(checked(driver.cuMemAlloc(max(16, dense.nbytes))))
            self._copies[id(array)] = (address, array)  # the array too, so that its id stays taken
            checked((*driver.cuMemcpyHtoD(address, dense.ctypes.data, dense.nbytes), None))
        return self._copies[id(array)][0]

    def _tensor_map(self, map: Map) -> Any:
        name = "TFLOAT32" if map.rounding == "tf32" else _MAP_TYPES[map.array.itemsize]
        kind = getattr(driver.CUtensorMapDataType, f"CU_TENSOR_MAP_DATA_TYPE_{name}")
        swizzle = getattr(driver.CUtensorMapSwizzle, f"CU_TENSOR_MAP_SWIZZLE_{map.swizzle.upper()}")
        encoded = checked(
            driver.cuTensorMapEncodeTiled(
                kind,
                len(map.dims),
                self._copy(map.array),
                [driver.cuuint64_t(size) for size in map.dims],
                [driver.cuuint64_t(stride) for stride in map.strides],
                [driver.cuuint32_t(size) for size in map.box],
                [driver.cuuint32_t(1)] * len(map.dims),
                driver.CUtensorMapInterleave.CU_TENSOR_MAP_INTERLEAVE_NONE,
                swizzle,
                driver.CUtensorMapL2promotion.CU_TENSOR_MAP_L2_PROMOTION_NONE,
                driver.CUtensorMapFloatOOBfill.CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
            )
        )
        return (ctypes.c_uint64 * 16)(*(int(word) for word in encoded.opaque))

    def outputs(self) -> list[Array]:
        for address, array in self._outputs:
            checked((*driver.cuMemcpyDtoH(array.ctypes.data, address, array.nbytes), None))
        return [array for _, array in self._outputs]

    def free(self) -> None:
        for address, _ in self._copies.values():
            driver.cuMemFree(address)


def compile_cubin(source: str, architecture: str) -> bytes:
    """NVRTC's machine code for a source that includes the headers."""
    headers = read_headers()
    program = checked(
        nvrtc.nvrtcCreateProgram(
            source.encode(),
            b"case.cu",
            len(headers),
            [text.encode() for text in headers.values()],
            [name.encode() for name in headers],
        )
    )
    options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
    if int(nvrtc.nvrtcCompileProgram(program, len(options), options)[0]) != 0:
        log = bytes(int(checked(nvrtc.nvrtcGetProgramLogSize(program))) + 1)  # an object of its own
        nvrtc.nvrtcGetProgramLog(program, log)
        raise RuntimeError(log.decode(errors="replace"))
    cubin = bytes(int(checked(nvrtc.nvrtcGetCUBINSize(program))))
    checked((*nvrtc.nvrtcGetCUBIN(program, cubin), None))
    return cubin


def _driver_version() -> str:
    try:
        return Path("/sys/module/nvidia/version").read_text().strip()
    except OSError:
        return f"CUDA {int(checked(driver.cuDriverGetVersion()))}"


def run_case(gpu: Gpu, case: Case) -> str:
    """'passed', or what went wrong."""
    if case.minimum > gpu.capability:
        return f"needs sm_{case.minimum}"
    try:
        for expected, actual in zip(case.outputs(), gpu.run(case), strict=True):
            expected.verify(actual)
    except (AssertionError, RuntimeError) as error:
        traceback.print_exc()
        return "failed: " + " ".join(str(error).split())[:400]
    return PASSED


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=RECORD)
    output = parser.parse_args().output
    gpu = Gpu()
    results = {case.name: run_case(gpu, case) for case in all_cases()}
    record = {
        **gpu.describe(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "files": hashes(),
        "cases": results,
    }
    output.write_text(json.dumps(record, indent=2) + "\n")
    failed = [name for name, result in results.items() if result != PASSED]
    print(f"{len(results) - len(failed)} of {len(results)} cases passed on {record['gpu']}; failed: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
