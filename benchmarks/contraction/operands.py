"""Operands of a layer on the GPU, PyTorch's answer, and the time of a kernel on them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from cuda.bindings import driver
from glassrt.codegen.request.parameters import TensorMapParameter
from glassrt.runtime.cuda_driver import Driver
from glassrt.runtime.cuda_tensor_map import encode_tensor_map
from glassrt.runtime.program import BoundBuffer, BoundTensorMap

from .kernels import TimedKernel, checked
from .layers import LayerCase, problem, window_of

TORCH = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}


COPIES = 48  # of cold weights, one for each launch of a graph
CACHE_BYTES = 2**27  # more than any L2 cache holds


class Operands:
    """Buffers of a layer, in as many sets as keep a large layer from running out of the L2 cache alone.

    COLD: sets differ in weights and bias alone, and the cache is emptied before each graph, in which every
    set is used once: as in a network at batch 1, where what a layer reads was just written and its weights
    were last used a run ago.
    """

    def __init__(self, layer: LayerCase, cold: bool = False) -> None:
        made, dtype = problem(layer), TORCH[layer.dtype]
        m, n, k = (int(str(d)) for d in (made.m, made.n, made.k))
        self.layer = layer
        if layer.kind != "matmul":
            window = window_of(layer)
            top, left, bottom, right = window.pads
            x = torch.randn(window.x, device="cuda", dtype=dtype).to(memory_format=torch.channels_last)
            w = torch.randn(window.w, device="cuda", dtype=dtype) * (k**-0.5)
            w = w.to(memory_format=torch.channels_last)
            even = (top, left) == (bottom, right)
            padded = x if even else torch.nn.functional.pad(x, (left, right, top, bottom))
            padding = (top, left) if even else (0, 0)
            self.product = lambda: torch.nn.functional.conv2d(
                padded, w, stride=window.strides, padding=padding, groups=window.groups
            )
            n = window.w[0]
            y = self.product().permute(0, 2, 3, 1).reshape(m, n)
        else:
            b = layer.shape[0]
            x = torch.randn(b, layer.shape[1], k, device="cuda", dtype=dtype)
            w = torch.randn(b, *((n, k) if layer.transpose_b else (k, n)), device="cuda", dtype=dtype) * (
                k**-0.5
            )
            self.product = lambda: x @ (w.mT if layer.transpose_b else w)
            y = self.product()
        bias = torch.randn(n, device="cuda")
        residual = torch.randn_like(y)
        self.want = torch.relu(y.float() + bias + (residual.float() if layer.residual else 0))
        self.inputs = [x, w, bias, *([residual] if layer.residual else [])]
        self.sets = self._cold_sets(y) if cold else self._warm_sets(y)
        self.launches = len(self.sets) if cold else 0  # of a graph; 0: as many as fill it
        self._evicting = torch.empty(CACHE_BYTES, device="cuda", dtype=torch.uint8) if cold else None

    def _warm_sets(self, y: torch.Tensor) -> list[tuple[list[torch.Tensor], torch.Tensor]]:
        size_of_all = sum(t.nbytes for t in self.inputs) + y.nbytes
        sets = 1 if size_of_all < 30e6 else max(2, min(5, int(150e6 / size_of_all) + 1))
        return [([t.clone() for t in self.inputs], torch.zeros_like(y)) for _ in range(sets)]

    def _cold_sets(self, y: torch.Tensor) -> list[tuple[list[torch.Tensor], torch.Tensor]]:
        x, w, bias, *others = self.inputs
        output = torch.zeros_like(y)
        return [([x, w.clone(), bias.clone(), *others], output) for _ in range(COPIES)]

    def graph_time(self, run: Any, launches: int) -> float:
        """Microseconds of one of LAUNCHES back-to-back runs inside a CUDA graph, the best of five replays."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for i in range(launches):
                run(i)
        graph.replay()
        best = float("inf")
        for _ in range(5):
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            if self._evicting is not None:
                self._evicting.fill_(0)
            start.record()
            graph.replay()
            end.record()
            end.synchronize()
            best = min(best, start.elapsed_time(end))
        return best * 1e3 / launches


def encoded(own: TensorMapParameter, buffers: Sequence[torch.Tensor]) -> Any:
    """The descriptor of a tensor map over one of BUFFERS."""
    buffer = buffers[own.map.operand]
    dims, strides = (tuple(int(str(d)) for d in sizes) for sizes in (own.map.dims, own.map.strides))
    place = BoundBuffer("", "input", own.map.operand, 0, buffer.nbytes)
    bound = BoundTensorMap(place, own.map.dtype.name, dims, strides, own.map.traversal)
    return encode_tensor_map(Driver(), bound, buffer.data_ptr())


def arguments(kernel: TimedKernel, operands: Operands, scratch: Sequence[torch.Tensor]) -> list[Any]:
    """The arguments of a launch for each set of buffers: addresses of values, which they keep alive."""
    found = []
    for inputs, output in operands.sets:
        values = [ctypes.c_uint64(t.data_ptr()) for t in (*inputs, output, *scratch)]
        values += [encoded(own, [*inputs, output]) for own in kernel.maps]
        places = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        found.append((places, values))
    return found


def launcher(kernel: TimedKernel, operands: Operands) -> Any:
    module = checked(driver.cuModuleLoadData(kernel.cubin))
    function = checked(driver.cuModuleGetFunction(module, kernel.name.encode()))
    attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    driver.cuFuncSetAttribute(function, attribute, kernel.geometry.shared)
    scratch: list[torch.Tensor] = []
    for own in kernel.scratch:  # a workspace of 4-byte sums, and counters
        scratch.append(torch.zeros(int(str(own.count)), device="cuda", dtype=torch.int32))

    passed = arguments(kernel, operands, scratch)

    def run(i: int, pdl: bool = True) -> None:
        config = driver.CUlaunchConfig()
        config.gridDimX, config.gridDimY, config.gridDimZ = (int(str(d)) for d in kernel.geometry.grid)
        config.blockDimX, config.blockDimY, config.blockDimZ = kernel.geometry.block
        config.sharedMemBytes = kernel.geometry.shared
        config.hStream = driver.CUstream(torch.cuda.current_stream().cuda_stream)
        attributes = []
        if kernel.geometry.cluster != (1, 1, 1):
            cluster = driver.CUlaunchAttribute()
            cluster.id = driver.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION
            size = cluster.value.clusterDim
            size.x, size.y, size.z = kernel.geometry.cluster
            attributes.append(cluster)
        if pdl:
            serial = driver.CUlaunchAttribute()
            serial.id = driver.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION
            serial.value.programmaticStreamSerializationAllowed = 1
            attributes.append(serial)
        config.attrs, config.numAttrs = attributes, len(attributes)
        places, _ = passed[i % len(passed)]
        status = driver.cuLaunchKernelEx(config, function, ctypes.addressof(places), 0)[0]
        if int(status) != 0:
            raise RuntimeError(f"{kernel.layer.name} {kernel.config}: {status}")

    run.keep = (module, scratch, passed)  # type: ignore[attr-defined]
    return run


def measure(kernel: TimedKernel, operands: Operands) -> None:
    run = launcher(kernel, operands)
    output = operands.sets[0][1]
    output.fill_(float("nan"))
    for _ in range(2):  # twice: the counters must be back at zero
        run(0, pdl=False)
    torch.cuda.synchronize()
    error = (output.float().reshape(operands.want.shape) - operands.want).abs().max().item()
    tolerance = {"f16": 0.03, "bf16": 0.2, "f32": 0.03}[kernel.layer.dtype]
    kernel.correct = error <= tolerance  # false for NaN
    if not kernel.correct:
        print(f"WRONG {kernel.layer.name} {kernel.config}: error {error}")
    launches = operands.launches or max(4, min(40, int(1500 / max(kernel.predicted, 1.0))))
    kernel.microseconds = operands.graph_time(run, launches)
