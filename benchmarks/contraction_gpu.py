"""Times every candidate of the contraction kernels on a GPU, and checks each against PyTorch.

    python benchmarks/contraction_gpu.py [--batches 1,128] [--most 40] [--only PATTERN,...] [--out FILE]

The layers are ResNet-50's distinct convolutions (with bias, ReLU and, where the network has one,
the residual) and a few matrix products; `--only` takes patterns such as `b128.s2.*`, and a plain
word stands for every name that contains it. All timings go to a JSON file, so that the cost model
can be fitted from one run. A kernel that fails is reported and left out; one that takes the CUDA
context with it costs a restart of the process that measures. Needs PyTorch beside GlassRT's own
dependencies.
"""

from __future__ import annotations

import argparse
import ctypes
import fnmatch
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from contraction_layers import LayerCase, problem, products, resnet50, window_of  # makes glassrt importable
from cuda.bindings import driver, nvrtc
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.families.contraction import depthwise
from glassrt.codegen.families.contraction import mma as contraction_mma
from glassrt.codegen.families.contraction import simt as contraction_simt
from glassrt.codegen.families.contraction.spec import Binding, split_scratch
from glassrt.codegen.nvrtc.intrinsics import device_headers
from glassrt.codegen.request.parameters import ScratchParameter
from glassrt.codegen.request.request import Geometry
from glassrt.codegen.text.render import Code, Identifier, render
from glassrt.dialects.core.dtypes import DTYPES

OPTIONS = (
    "--gpu-architecture=sm_90a",
    "--std=c++17",
    "--minimal",
    "--device-as-default-execution-space",
    "--no-cache",  # its hits come without the log that registers and spills are read from
)
RESTARTS = 6
TORCH = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}
EPILOGUE = """\
const i64 at = {index};
const auto bias = load_wide<VECTOR>(x2, n);
{residual}Vec<{out}, VECTOR> result;
GLASS_UNROLL
for (int lane = 0; lane < VECTOR; lane++) {{
    const f32 value = accumulator[lane] + bias[lane]{added};
    result[lane] = convert<{out}>(value > 0.0f ? value : 0.0f);
}}
store_wide<VECTOR>(y0, at, result);"""


def binding(layer: LayerCase, name: str, splits: int) -> Binding:
    dtype, made = layer.dtype, problem(layer)
    assert isinstance(made.n, int)
    parameters = f"Input<{dtype}> x0, Input<{dtype}> x1, Input<f32> x2, "
    parameters += f"Input<{dtype}> x3, " if layer.residual else ""
    parameters += f"Output<{dtype}> y0" + (
        ", Output<f32> workspace, Output<u32> counters" if splits > 1 else ""
    )
    columns = layer.shape[1] if layer.kind == "depthwise" else made.n
    vector = next(v for v in (16 // DTYPES[dtype].bytes, 4, 2, 1) if columns % v == 0)
    code = EPILOGUE.format(
        out=dtype,
        index="i64(m) * N + n"
        if layer.kind != "matmul" or made.batches == 1
        else "(i64(batch) * M + m) * N + n",
        residual="const auto other = load_wide<VECTOR>(x3, at);\n" if layer.residual else "",
        added=" + convert<f32>(other[lane])" if layer.residual else "",
    )
    return Binding(
        Identifier(name),
        Code(layer.kind),
        Code(parameters),
        Identifier("x0"),
        Identifier("x1"),
        (),
        Code(code),
        vector,
    )


@dataclass
class TimedKernel:
    """One candidate of one layer, compiled."""

    layer: LayerCase
    config: Any
    predicted: float
    geometry: Geometry
    name: str
    source: str
    scratch: tuple[ScratchParameter, ...] = ()
    cubin: bytes = b""
    registers: int = 0
    spills: int = 0
    correct: bool = False
    microseconds: float = 0.0


def kernels(layer: LayerCase, most: int, target: ArchSpec) -> Iterator[TimedKernel]:
    made = problem(layer)
    if layer.kind == "depthwise":
        for number, form in enumerate(depthwise.candidates(made, target, 2, most)):
            spec: Any = depthwise.specialize(made, form, binding(layer, f"k{number}", 1), target)
            source = render(depthwise.TEMPLATE, spec)
            predicted = depthwise.cost(made, form, target)
            yield TimedKernel(layer, form, predicted, depthwise.launch(made, form), f"k{number}", source)
        return
    families: tuple[Any, ...] = (
        (contraction_simt, contraction_mma) if layer.dtype == "f32" else (contraction_mma,)
    )
    for family in families:
        if family.unsupported(made, target) is not None:
            continue
        for number, config in enumerate(family.candidates(made, target, most)):
            name = f"k{number}"
            spec = family.specialize(made, config, binding(layer, name, config.splits), target)
            geometry = family.launch(made, spec)
            predicted = family.cost(made, config, target)
            scratch = split_scratch(made, config.block_m, config.block_n, config.splits)
            yield TimedKernel(
                layer, config, predicted, geometry, name, render(family.TEMPLATE, spec), scratch
            )


def checked(answer: tuple[Any, ...]) -> Any:
    if int(answer[0]) != 0:
        raise RuntimeError(str(answer[0]))
    return answer[1] if len(answer) == 2 else answer[1:]


def compile_kernel(kernel: TimedKernel, files: dict[str, str]) -> None:
    names, texts = [n.encode() for n in files], [t.encode() for t in files.values()]
    program = checked(nvrtc.nvrtcCreateProgram(kernel.source.encode(), b"k.cu", len(names), texts, names))
    options = [o.encode() for o in (*OPTIONS, "--ptxas-options=-v")]
    status = nvrtc.nvrtcCompileProgram(program, len(options), options)[0]
    log = bytes(checked(nvrtc.nvrtcGetProgramLogSize(program)))
    nvrtc.nvrtcGetProgramLog(program, log)
    text = log.decode(errors="replace")
    if int(status) != 0:
        raise RuntimeError(f"{kernel.layer.name} {kernel.config}: {text[:2000]}")
    kernel.cubin = bytes(checked(nvrtc.nvrtcGetCUBINSize(program)))
    nvrtc.nvrtcGetCUBIN(program, kernel.cubin)
    nvrtc.nvrtcDestroyProgram(program)
    words = text.replace(",", " ").split()
    kernel.registers = int(words[words.index("registers") - 1]) if "registers" in words else -1
    kernel.spills = int(words[words.index("spill") - 2]) if "spill" in words else -1


class Operands:
    """Buffers of a layer, in as many sets as keep a large layer from running out of the L2 cache alone."""

    def __init__(self, layer: LayerCase) -> None:
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
        size_of_all = sum(t.nbytes for t in self.inputs) + y.nbytes
        sets = 1 if size_of_all < 40e6 else max(2, min(4, int(150e6 / size_of_all) + 1))
        self.sets = [([t.clone() for t in self.inputs], torch.zeros_like(y)) for _ in range(sets)]

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
            start.record()
            graph.replay()
            end.record()
            end.synchronize()
            best = min(best, start.elapsed_time(end))
        return best * 1e3 / launches


def launcher(kernel: TimedKernel, operands: Operands) -> Any:
    module = checked(driver.cuModuleLoadData(kernel.cubin))
    function = checked(driver.cuModuleGetFunction(module, kernel.name.encode()))
    attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    driver.cuFuncSetAttribute(function, attribute, kernel.geometry.shared)
    scratch: list[torch.Tensor] = []
    for own in kernel.scratch:  # a workspace of 4-byte sums, and counters
        scratch.append(torch.zeros(int(str(own.count)), device="cuda", dtype=torch.int32))

    def run(i: int, pdl: bool = True) -> None:
        inputs, output = operands.sets[i % len(operands.sets)]
        config = driver.CUlaunchConfig()
        config.gridDimX, config.gridDimY, config.gridDimZ = (int(str(d)) for d in kernel.geometry.grid)
        config.blockDimX, config.blockDimY, config.blockDimZ = kernel.geometry.block
        config.sharedMemBytes = kernel.geometry.shared
        config.hStream = driver.CUstream(torch.cuda.current_stream().cuda_stream)
        if pdl:
            serial = driver.CUlaunchAttribute()
            serial.id = driver.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION
            serial.value.programmaticStreamSerializationAllowed = 1
            config.attrs, config.numAttrs = [serial], 1
        pointers = tuple(t.data_ptr() for t in (*inputs, output, *scratch))
        status = driver.cuLaunchKernelEx(config, function, (pointers, (ctypes.c_void_p,) * len(pointers)), 0)[
            0
        ]
        if int(status) != 0:
            raise RuntimeError(f"{kernel.layer.name} {kernel.config}: {status}")

    run.keep = (module, scratch)  # type: ignore[attr-defined]
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
    launches = max(4, min(40, int(1500 / max(kernel.predicted, 1.0))))
    kernel.microseconds = operands.graph_time(run, launches)


@dataclass
class Progress:
    """What has been measured, kept in a file so that a new process can go on where one died."""

    path: Path
    report: list[dict[str, Any]]
    fatal: list[str]
    current: str = ""

    @classmethod
    def load(cls, path: Path) -> Progress:
        kept = json.loads(path.read_text()) if path.exists() else {}
        return cls(path, kept.get("report", []), kept.get("fatal", []), kept.get("current", ""))

    def save(self) -> None:
        kept = {"report": self.report, "fatal": self.fatal, "current": self.current}
        self.path.write_text(json.dumps(kept))


def run_layer(layer: LayerCase, group: list[TimedKernel], progress: Progress) -> dict[str, Any] | None:
    operands = Operands(layer)
    rows = []
    for kernel in group:
        label = f"{layer.name} {kernel.config}"
        if not kernel.cubin or label in progress.fatal:
            continue
        progress.current = label
        progress.save()
        try:
            measure(kernel, operands)
        except torch.AcceleratorError:
            raise  # the context is lost
        except RuntimeError as error:
            print(f"FAILED {label}: {error}")
            continue
        rows.append(
            {
                "family": type(kernel.config).__name__,
                "config": asdict(kernel.config),
                "us": kernel.microseconds,
                "predicted": kernel.predicted,
                "registers": kernel.registers,
                "spills": kernel.spills,
                "ok": kernel.correct,
            }
        )
    if not rows:
        return None
    peer = operands.graph_time(lambda i: operands.product(), 10)
    made = problem(layer)
    flops = 2.0 * int(str(made.m)) * int(str(made.n)) * int(str(made.k)) * int(str(made.batches))
    rows.sort(key=lambda row: row["us"])
    best = next((row for row in rows if row["ok"]), rows[0])
    first = min(rows, key=lambda row: row["predicted"])
    short = " ".join(str(v) for v in best["config"].values())
    print(
        f"{layer.name:16} {best['us']:8.2f} us {flops / best['us'] / 1e6:6.0f} TFLOP/s  torch {peer:8.2f}  "
        f"model's {first['us']:8.2f} (said {first['predicted']:.2f})  {short}  {best['registers']}r",
        flush=True,
    )
    return {"layer": asdict(layer), "flops": flops, "torch_us": peer, "timings": rows}


def compiled(kernel: TimedKernel, files: dict[str, str]) -> None:
    """Compiles KERNEL; one that fails keeps no cubin."""
    try:
        compile_kernel(kernel, files)
    except RuntimeError as error:
        print(f"REFUSED {error}", flush=True)


def chosen(options: argparse.Namespace) -> list[LayerCase]:
    layers = [layer for batch in options.batches.split(",") if batch for layer in resnet50(int(batch))]
    layers += products()
    patterns = [p if "*" in p else f"*{p}*" for p in options.only.split(",") if p]
    return [
        layer
        for layer in layers
        if not patterns or any(fnmatch.fnmatch(layer.name, pattern) for pattern in patterns)
    ]


def work(options: argparse.Namespace) -> None:
    """Compiles and measures the layers that have not been measured."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    target, files, start = REFERENCE, dict(device_headers()), time.time()
    progress = Progress.load(Path(options.out + ".progress"))
    done = {entry["layer"]["name"] for entry in progress.report}
    layers = [layer for layer in chosen(options) if layer.name not in done]
    groups = {layer.name: list(kernels(layer, options.most, target)) for layer in layers}
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        jobs = [pool.submit(compiled, kernel, files) for group in groups.values() for kernel in group]
        for job in jobs:
            job.result()
    spilling = [f"{k.layer.name} {k.config}" for group in groups.values() for k in group if k.spills > 0]
    print(f"{len(jobs)} kernels compiled in {time.time() - start:.1f} s; {len(spilling)} spill", flush=True)
    for label in spilling:
        print(f"SPILLS {label}")
    for layer in layers:
        if time.time() > options.deadline:
            print(f"out of time before {layer.name}")
            break
        if layer.name in progress.fatal:
            continue
        progress.current = layer.name
        progress.save()
        try:
            entry = run_layer(layer, groups[layer.name], progress)
        except torch.OutOfMemoryError as error:
            print(f"FAILED {layer.name}: {error}")
            entry = None
        if entry is not None:
            progress.report.append(entry)
        progress.current = ""
        progress.save()
        torch.cuda.empty_cache()


def summary(report: list[dict[str, Any]]) -> None:
    totals: dict[str, tuple[float, float]] = {}
    for entry in report:
        key, count = entry["layer"]["name"].split(".")[0], entry["layer"]["count"]
        ours, theirs = totals.get(key, (0.0, 0.0))
        totals[key] = (ours + entry["timings"][0]["us"] * count, theirs + entry["torch_us"] * count)
    for key, (ours, theirs) in totals.items():
        if ours:
            print(f"{key}: all convolutions {ours:.1f} us, torch {theirs:.1f} us")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", default="1,128")
    parser.add_argument("--most", type=int, default=40)
    parser.add_argument("--only", default="")
    parser.add_argument(
        "--seconds", type=float, default=420.0, help="measure no further layer after this long"
    )
    parser.add_argument("--out", default=os.path.join(os.environ.get("OUT", "."), "contraction.json"))
    parser.add_argument("--deadline", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.deadline:
        work(options)
        return
    start = time.time()
    path = Path(options.out + ".progress")
    path.unlink(missing_ok=True)
    command = [sys.executable, __file__, *sys.argv[1:], f"--deadline={start + options.seconds}"]
    for _ in range(RESTARTS):
        code = subprocess.run(command, check=False).returncode
        progress = Progress.load(path)
        Path(options.out).write_text(json.dumps(progress.report))
        if code == 0 or not progress.current:
            break
        print(f"FATAL {progress.current}", flush=True)
        progress.fatal.append(progress.current)
        progress.current = ""
        progress.save()
    summary(progress.report)
    print(f"done in {time.time() - start:.1f} s")


if __name__ == "__main__":
    main()
