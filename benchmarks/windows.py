"""How near to a copy of as many bytes are depthwise convolutions, pools and means, beside PyTorch?

    python -m benchmarks.windows [--out FILE]

The layers of MobileNetV2 and GoogLeNet at 128 images and at one, channels last: with bias and clip in fp16,
with scale, bias, clip and quantization in int8. Each is the kernel that the cost model chooses, checked
against PyTorch: bytes exactly. All are timed in CUDA graphs over buffers that do not fit the L2 cache;
so are PyTorch's kernel (the window alone) and a copy of as many bytes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from cuda.bindings import driver
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.registry import candidates, realize
from glassrt.codegen.nvrtc.compiled_kernel import CompiledKernel
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.request.request import Candidate, Geometry, Request
from glassrt.codegen.text.render import render
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.dtypes import F16, F32, I8, I32, DType
from glassrt.dialects.core.ir import Block, Operation, Value
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast, Clip
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.quantization import Quantize
from glassrt.dialects.graph.reduction import Reduce

from .common.rows import Row, parser, report
from .contraction.kernels import checked

STEP = 0.0356088  # of the quantized results
BYTES = 200e6  # of all buffers of a layer together
SHAPES = {  # channels, size, taps, stride, pad
    "depthwise": [
        (32, 112, 3, 1, 1), (96, 112, 3, 2, 1), (144, 56, 3, 1, 1), (144, 56, 3, 2, 1), (192, 28, 3, 1, 1),
        (384, 14, 3, 1, 1), (576, 14, 3, 1, 1), (960, 7, 3, 1, 1),
    ],
    "maxima": [(64, 112, 3, 2, 0), (192, 28, 3, 1, 1), (480, 14, 3, 1, 1), (832, 7, 3, 1, 1)],
    "mean": [(1280, 7, 7, 1, 0)],
}  # fmt: skip
Run = Callable[[int], object]


@dataclass(frozen=True)
class WindowLayer:
    kind: str
    dtype: DType
    images: int
    channels: int
    size: int
    taps: int
    stride: int
    pad: int

    @property
    def out(self) -> int:
        """Outputs along an axis; pools round up."""
        room = self.size + 2 * self.pad - self.taps
        return (-(-room // self.stride) if self.kind == "maxima" else room // self.stride) + 1

    @property
    def input(self) -> TensorType:
        return image(self.images, self.channels, self.size, self.dtype)

    @property
    def bytes(self) -> int:
        return self.images * self.channels * (self.size**2 + self.out**2) * self.dtype.bytes


def image(images: int, channels: int, size: int, dtype: DType) -> TensorType:
    return TensorType((images, channels, size, size), dtype, channels_last(4))


def request(layer: WindowLayer, name: str) -> Request:
    """The kernel of LAYER, as the compiler asks for it, called NAME."""
    c, dtype = layer.channels, layer.dtype
    types = [layer.input]
    if layer.kind == "depthwise":
        scales = [TensorType((c, 1, 1), F32)] * (2 if dtype == I8 else 1)
        types += [TensorType((c, 1, layer.taps, layer.taps), dtype, channels_last(4)), *scales]
    block = Block(types)
    body = {"depthwise": depthwise, "maxima": maxima, "mean": mean}[layer.kind]
    y = body(lambda op: block.append(op).result, layer, *block.arguments)
    y.type = image(layer.images, c, layer.out, dtype)
    block.append(Yield(y))
    return Request(block, (y.type,), {}, {}, REFERENCE, name, frozenset({1}))


def depthwise(
    do: Callable[[Operation], Value], layer: WindowLayer, x: Value, w: Value, *scales: Value
) -> Value:
    def number(value: float) -> Value:
        return do(Constant(value=np.array(value, np.float32)))

    sizes: Any = {"strides": [layer.stride] * 2, "pads": [layer.pad] * 4, "groups": layer.channels}
    y = do(Conv(x, w, accumulate=I32 if layer.dtype == I8 else F32, **sizes))
    if layer.dtype == I8:
        y = do(Mul(do(Cast(y, to=F32)), scales[0]))
    y = do(Clip(do(Add(y, scales[-1])), number(0.0), number(6.0)))
    return do(Quantize(y, number(STEP), to=I8) if layer.dtype == I8 else Cast(y, to=layer.dtype))


def maxima(do: Callable[[Operation], Value], layer: WindowLayer, x: Value) -> Value:
    sizes: Any = {"kernel": [layer.taps] * 2, "strides": [layer.stride] * 2, "pads": [layer.pad] * 4}
    return do(MaxPool(x, ceil_mode=True, **sizes))


def mean(do: Callable[[Operation], Value], layer: WindowLayer, x: Value) -> Value:
    return do(Cast(do(Reduce(do(Cast(x, to=F32)), kind="mean", axes=[2, 3])), to=layer.dtype))


class WindowOperands:
    """Buffers of a layer, in as many sets as do not fit the L2 cache together, and PyTorch's answer."""

    def __init__(self, layer: WindowLayer) -> None:
        count = max(2, min(8, int(BYTES / layer.bytes) + 1))
        self.layer = layer
        self.x = [self._drawn() for _ in range(count)]
        c, taps = layer.channels, layer.taps
        if layer.dtype == I8:
            self.w = torch.randint(-127, 128, (c, 1, taps, taps), device="cuda", dtype=torch.int8)
        else:
            self.w = torch.randn(c, 1, taps, taps, device="cuda", dtype=torch.float16) * 0.4
        self.scale = torch.rand(c, device="cuda") * 2e-5 + 1e-5
        self.bias = torch.randn(c, device="cuda") + 1
        shape = (layer.images, layer.out, layer.out, c)
        self.y = [torch.zeros(shape, device="cuda", dtype=self.w.dtype).permute(0, 3, 1, 2) for _ in self.x]

    def _drawn(self) -> torch.Tensor:
        shape = (self.layer.images, self.layer.size, self.layer.size, self.layer.channels)
        if self.layer.dtype == I8:
            made = torch.randint(-128, 128, shape, device="cuda", dtype=torch.int8)
        else:
            made = torch.randn(shape, device="cuda", dtype=torch.float16)
        return made.permute(0, 3, 1, 2)

    def inputs(self, number: int) -> list[torch.Tensor]:
        if self.layer.kind != "depthwise":
            return [self.x[number]]
        return [self.x[number], self.w, *([self.scale] if self.layer.dtype == I8 else []), self.bias]

    def window(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """The layer's window alone, by PyTorch."""
        layer = self.layer
        if layer.kind == "mean":
            return x.mean((2, 3), keepdim=True)
        if layer.kind == "maxima":
            return torch.nn.functional.max_pool2d(x, layer.taps, layer.stride, layer.pad, ceil_mode=True)
        return torch.nn.functional.conv2d(x, w, None, layer.stride, layer.pad, 1, layer.channels)

    def want(self) -> torch.Tensor:
        """The result of the first set: sums of bytes are exact in f64."""
        wide = torch.float64 if self.layer.dtype == I8 else torch.float32
        y = self.window(self.x[0].to(wide), self.w.to(wide)).float()
        if self.layer.kind != "depthwise":
            return y
        scaled = y * self.scale.view(-1, 1, 1) if self.layer.dtype == I8 else y
        clipped = (scaled + self.bias.view(-1, 1, 1)).clamp(0, 6)
        if self.layer.dtype != I8:
            return clipped
        return (clipped / torch.tensor(STEP, device="cuda")).round().clamp(-128, 127)


def microseconds(run: Run, sets: int) -> float:
    """Microseconds of RUN, which is given the number of a set, in a CUDA graph: median of nine replays."""
    for number in range(sets):
        run(number)
    torch.cuda.synchronize()
    graph, runs = torch.cuda.CUDAGraph(), 4 * sets
    with torch.cuda.graph(graph):
        for number in range(runs):
            run(number % sets)
    found = []
    for _ in range(9):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        graph.replay()
        end.record()
        end.synchronize()
        found.append(start.elapsed_time(end))
    return sorted(found)[4] * 1e3 / runs


def launched(kernel: CompiledKernel, geometry: Geometry, operands: WindowOperands) -> Run:
    """A launch of KERNEL, as the runtime does it, on the set with a number."""
    module = checked(driver.cuModuleLoadData(kernel.cubin))
    function = checked(driver.cuModuleGetFunction(module, kernel.entry.encode()))
    passed = []
    for number, y in enumerate(operands.y):
        values = [ctypes.c_uint64(t.data_ptr()) for t in (*operands.inputs(number), y)]
        passed.append(((ctypes.c_void_p * len(values))(*map(ctypes.addressof, values)), values))

    def run(number: int) -> None:
        config, serial = driver.CUlaunchConfig(), driver.CUlaunchAttribute()
        config.gridDimX, config.gridDimY, config.gridDimZ = (int(str(d)) for d in geometry.grid)
        config.blockDimX, config.blockDimY, config.blockDimZ = geometry.block
        config.sharedMemBytes = geometry.shared
        config.hStream = driver.CUstream(torch.cuda.current_stream().cuda_stream)
        serial.id = driver.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION
        serial.value.programmaticStreamSerializationAllowed = 1
        config.attrs, config.numAttrs = [serial], 1
        checked((*driver.cuLaunchKernelEx(config, function, ctypes.addressof(passed[number][0]), 0), None))

    run.keep = module  # type: ignore[attr-defined]
    return run


def measured(layer: WindowLayer, chosen: Candidate, geometry: Geometry, kernel: CompiledKernel) -> Row:
    """The row of LAYER: KERNEL is that of the candidate CHOSEN."""
    operands = WindowOperands(layer)
    run, sets = launched(kernel, geometry, operands), len(operands.x)
    run(0)
    error = float((operands.y[0].float() - operands.want()).abs().max())
    ours = microseconds(run, sets)
    row: Row = {"kind": layer.kind, "images": layer.images, "dtype": layer.dtype.name}
    row |= {"channels": layer.channels, "size": layer.size, "stride": layer.stride, "mb": layer.bytes / 1e6}
    row |= {"glassrt_us": round(ours, 2), "tb_s": round(layer.bytes / ours / 1e6, 2)}
    if layer.dtype != I8:  # PyTorch has none of bytes
        row["torch_us"] = round(microseconds(lambda i: operands.window(operands.x[i], operands.w), sets), 2)
    row["copy_us"] = round(microseconds(partial(copied, layer, sets), sets), 2)
    return row | {"error": error, "config": " ".join(map(str, chosen.config.values()))}


def copied(layer: WindowLayer, sets: int, number: int) -> None:
    """A copy that reads and writes as many bytes as LAYER, of the set NUMBER, by an elementwise kernel: a
    copy node of a graph runs on a copy engine, at a third of the bandwidth."""
    half = layer.bytes // 8
    whole = _COPIES.setdefault((half, sets), torch.zeros(2 * sets * half, device="cuda", dtype=torch.int32))
    first = 2 * number * half
    torch.bitwise_not(whole[first + half : first + 2 * half], out=whole[first : first + half])


_COPIES: dict[tuple[int, int], torch.Tensor] = {}


def layers() -> Iterator[WindowLayer]:
    for images in (128, 1):
        for kind, shapes in SHAPES.items():
            for dtype in (F16, I8) if kind == "depthwise" else (F16,):
                for shape in shapes:
                    yield WindowLayer(kind, dtype, images, *shape)


def rows() -> Iterator[Row]:
    torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = True, False
    asked = {f"timed{number}": layer for number, layer in enumerate(layers())}
    requests = {name: request(layer, name) for name, layer in asked.items()}
    chosen = {name: candidates(one)[0] for name, one in requests.items()}
    codes = {name: realize(requests[name], one.family, one.config) for name, one in chosen.items()}
    sources = {name: render(code.template, code.spec) for name, code in codes.items()}
    compiled = compile_kernels(sources, REFERENCE.name, headers(), None)
    for name, layer in asked.items():
        yield measured(layer, chosen[name], codes[name].geometry, compiled[name])
        _COPIES.clear()
        torch.cuda.empty_cache()


def main() -> None:
    options = parser(__doc__).parse_args()
    found = report(rows(), options.out)
    wrong = [row for row in found if row["error"] > (0 if row["dtype"] == "i8" else 0.02)]
    if wrong:
        raise SystemExit(f"wrong: {wrong}")


if __name__ == "__main__":
    main()
