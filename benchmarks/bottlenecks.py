"""How fast are bottlenecks of residual networks as one kernel, beside the kernels that they are otherwise?

    python -m benchmarks.bottlenecks [--build] [--most 12] [--only 64-256-64] [--out FILE]

A bottleneck: a 3 x 3 convolution, the 1 x 1 convolution behind it with its residual, and the next one, which
reduces the result of that, if there is one. Each candidate of the one kernel is timed in a CUDA graph over
buffers that do not fit the L2 cache, beside the convolution by patches and the two others as a chain, each by
the cost model's choice; what both ways result in is compared. `--build` compiles to the cache, and times
nothing.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from cuda.bindings import driver
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.registry import families, realize
from glassrt.codegen.nvrtc.cache import KernelCache
from glassrt.codegen.nvrtc.compiled_kernel import CompiledKernel
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.request.parameters import TensorMapParameter
from glassrt.codegen.request.request import Candidate, KernelCode, Request
from glassrt.codegen.text.render import render
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.dtypes import F16, F32, I8, I32, DType
from glassrt.dialects.core.ir import Block, Operation, Value
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.quantization import Dequantize, Quantize

from .common.rows import Row, parser, report
from .contraction.kernels import checked
from .contraction.operands import encoded
from .windows import microseconds

SETS = 3  # of buffers
STEP, SHORTCUT = 0.81, 0.37  # of quantized results, and of the residual
TORCH = {F16: torch.float16, I8: torch.int8, F32: torch.float32}
HEAD, FIRST, SECOND = range(3)


@dataclass(frozen=True)
class BlockCase:
    """Columns of the convolution, which has as many channels, of the product behind it, and of the next one,
    0 without one."""

    dtype: DType
    images: int
    size: int
    middle: int
    n: int
    columns: int

    @property
    def name(self) -> str:
        last = f"-{self.columns}" if self.columns else ""
        return f"{self.dtype} {self.images} x {self.middle}-{self.n}{last} at {self.size}"

    @property
    def parts(self) -> range:
        return range(3 if self.columns else 2)

    def image(self, channels: int) -> TensorType:
        return TensorType((self.images, channels, self.size, self.size), self.dtype, channels_last(4))

    def operands(self, part: int) -> dict[str, TensorType]:
        """What PART reads beside its first operand."""
        deep, count = ((self.middle, self.middle), (self.middle, self.n), (self.n, self.columns))[part]
        taps = 3 if part == HEAD else 1
        w = TensorType((count, deep, taps, taps), self.dtype, channels_last(4))
        along = TensorType((count, 1, 1), F32)
        found = {f"w{part}": w, f"scale{part}": along, f"bias{part}": along}
        return found | ({"shortcut": self.image(self.n)} if part == FIRST else {})


def request(case: BlockCase, parts: Sequence[int], name: str) -> tuple[Request, list[str]]:
    """The kernel of PARTS of CASE, called NAME, and what it reads and writes."""
    before = {"v0": case.image(case.middle), "v1": case.image(case.middle), "v2": case.image(case.n)}
    types = {f"v{parts[0]}": before[f"v{parts[0]}"]}
    for part in parts:
        types |= case.operands(part)
    block = Block(list(types.values()))
    given = dict(zip(types, block.arguments, strict=True))
    value, made = block.arguments[0], {}
    for part in parts:
        value = finished(lambda op: block.append(op).result, case, part, value, given)
        made[f"v{part + 1}"] = value
    stored = {each: value for each, value in made.items() if each != "v1" or len(parts) == 1}
    block.append(Yield(*stored.values()))
    writes = tuple(value.type for value in stored.values())
    weights = frozenset(index for index, each in enumerate(types) if each[0] in "wsb" and each != "shortcut")
    return Request(block, writes, {}, {}, REFERENCE, name, weights), [*types, *stored]


def finished(
    do: Callable[[Operation], Value], case: BlockCase, part: int, x: Value, given: Mapping[str, Value]
) -> Value:
    """What PART of CASE makes of X."""
    floats = case.dtype.is_float
    window: Any = {"pads": (1 if part == HEAD else 0,) * 4, "strides": (1, 1), "dilations": (1, 1)}
    y = do(Conv(x, given[f"w{part}"], groups=1, accumulate=F32 if floats else I32, **window))
    y = y if floats else do(Mul(do(Cast(y, to=F32)), given[f"scale{part}"]))
    y = do(Add(y, given[f"bias{part}"]))
    if part == FIRST:
        other = given["shortcut"]
        step = do(Constant(value=np.array(SHORTCUT, np.float32)))
        y = do(Add(y, do(Cast(other, to=F32) if floats else Dequantize(other, step, to=F32))))
    y = do(Relu(y))
    step = do(Constant(value=np.array(STEP, np.float32)))
    y = do(Cast(y, to=case.dtype) if floats else Quantize(y, step, to=case.dtype))
    y.type = y.type.with_layout(channels_last(4))
    return y


def buffers(case: BlockCase) -> dict[str, torch.Tensor]:
    """Random tensors of all names of CASE."""
    types = {"v0": case.image(case.middle), "v1": case.image(case.middle), "v2": case.image(case.n)}
    types |= {"v3": case.image(case.columns)} if case.columns else {}
    for part in case.parts:
        types |= case.operands(part)
    found = {}
    for name, type in types.items():
        shape = [int(str(size)) for size in type.shape]
        if type.dtype == I8:
            made = torch.randint(-127, 128, shape, device="cuda", dtype=torch.int8)
        elif name.startswith("scale"):
            made = torch.rand(shape, device="cuda") * 2e-3 + 1e-3
        else:
            made = torch.randn(shape, device="cuda", dtype=TORCH[type.dtype])
            made *= int(np.prod(shape[1:])) ** -0.5 if name.startswith("w") else 1.0
        found[name] = made.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else made
    return found


@dataclass
class Timed:
    """A kernel of parts of a case; names: of what it reads and writes."""

    case: BlockCase
    names: list[str]
    candidate: Candidate
    code: KernelCode

    def launch(self, kernel: CompiledKernel, sets: list[dict[str, torch.Tensor]]) -> Callable[[int], object]:
        """A launch of KERNEL on the set of buffers with a number."""
        module = checked(driver.cuModuleLoadData(kernel.cubin))
        function = checked(driver.cuModuleGetFunction(module, kernel.entry.encode()))
        attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        geometry, passed = self.code.geometry, []
        checked((*driver.cuFuncSetAttribute(function, attribute, geometry.shared), None))
        for own in sets:
            tensors = [own[name] for name in self.names]
            values: list[Any] = [ctypes.c_uint64(tensor.data_ptr()) for tensor in tensors]
            maps = [each for each in self.code.parameters if isinstance(each, TensorMapParameter)]
            values += [encoded(each, tensors) for each in maps]
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
            place = ctypes.addressof(passed[number % len(passed)][0])
            checked((*driver.cuLaunchKernelEx(config, function, place, 0), None))

        run.keep = module  # type: ignore[attr-defined]
        return run


def timed(case: BlockCase, most: int, number: int) -> dict[str, Timed]:
    """The kernels of CASE: the convolution and what is behind it apart, and MOST that do all."""
    found: dict[str, Timed] = {}
    behind = list(case.parts)[1:]
    ways = [("head", [HEAD], "contraction_patched", 1)]
    ways += [("chain", behind, "contraction_chained", 1)] if case.columns else []
    ways += [("first", [FIRST], "contraction_persistent", 1)] if not case.columns else []
    for kind, parts, family, count in [*ways, ("all", list(case.parts), "contraction_bottleneck", most)]:
        for index in range(count):
            name = f"{kind}_{number}_{index}"
            own, names = request(case, parts, name)
            candidates = families()[family].propose(own)
            if index < len(candidates):
                chosen = candidates[index]
                found[name] = Timed(case, names, chosen, realize(own, chosen.family, chosen.config))
    return found


def measured(
    case: BlockCase, kernels: dict[str, Timed], compiled: Mapping[str, CompiledKernel]
) -> Iterator[Row]:
    torch.manual_seed(0)
    sets = [buffers(case) for _ in range(SETS)]
    want: dict[str, torch.Tensor] = {}
    for name, kernel in kernels.items():
        stored = _written(kernel)
        for each in stored:
            sets[0][each].zero_()
        run = kernel.launch(compiled[name], sets)
        run(0)
        torch.cuda.synchronize()
        errors = {}
        for each in stored:
            if each in want:
                errors[each] = float((sets[0][each].float() - want[each].float()).abs().max())
            else:
                want[each] = sets[0][each].clone()
        row: Row = {"case": case.name, "kernel": name.split("_")[0], "config": kernel.candidate.config}
        row |= {"us": round(microseconds(run, SETS), 2)}
        yield row | {"expected_us": round(kernel.candidate.microseconds, 1), "differs": errors}


def _written(kernel: Timed) -> list[str]:
    """The names of what KERNEL writes."""
    return [name for name in kernel.names[1:] if name[0] == "v"]


def cases(only: str) -> Iterator[BlockCase]:
    for dtype in (F16, I8):
        for middle, n, columns, size in ((64, 256, 64, 56), (64, 256, 128, 56), (64, 256, 0, 56)):
            case = BlockCase(dtype, 128, size, middle, n, columns)
            if only in case.name:
                yield case


def rows(most: int, only: str, build: bool) -> Iterator[Row]:
    groups = [timed(case, most, number) for number, case in enumerate(cases(only))]
    sources = {
        name: render(each.code.template, each.code.spec) for group in groups for name, each in group.items()
    }
    compiled = compile_kernels(sources, REFERENCE.name, headers(), KernelCache())
    for group in [] if build else groups:
        yield from measured(next(iter(group.values())).case, group, compiled)
        torch.cuda.empty_cache()


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--build", action="store_true")
    made.add_argument("--most", type=int, default=12)
    made.add_argument("--only", default="")
    options = made.parse_args()
    report(rows(options.most, options.only, options.build), options.out)


if __name__ == "__main__":
    main()
