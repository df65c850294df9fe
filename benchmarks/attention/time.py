"""How fast are the attention kernels on a GPU beside PyTorch's, over lengths and head sizes, and right?

    python -m benchmarks.attention.time [--most 3] [--only PATTERN,...] [--families NAME,...] [--no-peers]
                                        [--compile] [--seconds 600] [--out FILE]

Each candidate is checked, against products in f32 or, where these are too large, PyTorch's own attention;
then timed as launches in a CUDA graph, and so are PyTorch's backends. Queries, keys and values lie packed, as
a projection leaves them, and are views of that in PyTorch. Rates are of both products, of causal attention
half of them; `published` is what FlashAttention-3 states for an H100. `--most` takes so many candidates of
each family; 1 times only what the cost model chooses. `--compile` fills the cache of kernels, and times none.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from typing import Any

import torch
from cuda.bindings import driver
from glassrt.codegen.request.parameters import TensorMapParameter
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from ..common.rows import Row, parser, report
from ..contraction.kernels import checked
from ..contraction.operands import encoded
from .kernels import FAMILIES, AttentionKernel, Shape, kernels
from .published import TOKENS, published

NETWORKS = (
    Shape(32, 197, 12, 64),
    Shape(32, 128, 12, 64),
    Shape(32, 128, 12, 64, masked=True),
    Shape(32, 384, 12, 64),
    Shape(32, 384, 12, 64, masked=True),
    Shape(8, 1500, 8, 64),
    Shape(1, 197, 12, 64),
    Shape(1, 128, 12, 64),
    Shape(1, 384, 12, 64),
    Shape(1, 1500, 8, 64),
)
LONG = tuple(
    Shape(16384 // tokens, tokens, 2048 // features, features, causal)
    for features in (32, 64, 80, 96, 128, 160, 192, 256)
    for causal in (False, True)
    for tokens in TOKENS
)
BACKENDS = {"flash": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION}
TORCH = {"f16": torch.float16, "bf16": torch.bfloat16}
MOST_CHECKED = 3 << 28  # bytes of scores that are computed in f32


class AttentionTensors:
    """What attention of a shape reads and writes on the GPU, and what it should give."""

    def __init__(self, shape: Shape) -> None:
        dtype = TORCH[shape.dtype]
        b, s, h, d = shape.batch, shape.tokens, shape.heads, shape.features
        packed = torch.randn(b, s, 3 * h * d, device="cuda", dtype=dtype)
        mask = torch.where(torch.rand(b, 1, 1, s, device="cuda") < 0.2, -1e4, 0.0).to(dtype)
        mask[..., 0] = 0.0
        self.shape = shape
        self.heads = [part.transpose(1, 2) for part in packed.view(b, s, 3, h, d).unbind(2)]
        self.mask = mask if shape.masked else None
        self.inputs = [packed, mask] if shape.masked else [packed]
        self.output = torch.zeros(b, s, h, d, device="cuda", dtype=dtype)
        self.want = self.reference()

    def reference(self) -> torch.Tensor:
        """[batch, tokens, heads, features]."""
        shape = self.shape
        if 4 * shape.batch * shape.heads * shape.tokens**2 > MOST_CHECKED:
            with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
                return self.product().transpose(1, 2).float()
        q, k, v = (part.float() for part in self.heads)
        scores = q @ k.mT * shape.features**-0.5
        if self.mask is not None:
            scores = scores + self.mask.float()
        if shape.causal:
            scores = scores.masked_fill(
                ~torch.ones_like(scores[0, 0], dtype=torch.bool).tril(), float("-inf")
            )
        return (scores.softmax(-1) @ v).transpose(1, 2)

    def product(self) -> torch.Tensor:
        """PyTorch's attention."""
        return scaled_dot_product_attention(*self.heads, attn_mask=self.mask, is_causal=self.shape.causal)


def launcher(kernel: AttentionKernel, operands: AttentionTensors) -> Callable[[], None]:
    """A launch of KERNEL on the current stream."""
    assert kernel.compiled is not None
    module = checked(driver.cuModuleLoadData(kernel.compiled.cubin))
    function = checked(driver.cuModuleGetFunction(module, kernel.name.encode()))
    geometry = kernel.code.geometry
    attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    driver.cuFuncSetAttribute(function, attribute, geometry.shared)
    buffers = [*operands.inputs, operands.output]
    maps = [own for own in kernel.code.parameters if isinstance(own, TensorMapParameter)]
    values: list[Any] = [ctypes.c_uint64(t.data_ptr()) for t in buffers]
    values += [encoded(own, buffers) for own in maps]
    places = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))

    def run() -> None:
        config = driver.CUlaunchConfig()
        config.gridDimX, config.gridDimY, config.gridDimZ = (int(str(d)) for d in geometry.grid)
        config.blockDimX, config.blockDimY, config.blockDimZ = geometry.block
        config.sharedMemBytes = geometry.shared
        config.hStream = driver.CUstream(torch.cuda.current_stream().cuda_stream)
        serial = driver.CUlaunchAttribute()
        serial.id = driver.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION
        serial.value.programmaticStreamSerializationAllowed = 1
        config.attrs = [serial]
        if geometry.cluster != (1, 1, 1):
            cluster = driver.CUlaunchAttribute()
            cluster.id = driver.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION
            sizes = cluster.value.clusterDim
            sizes.x, sizes.y, sizes.z = geometry.cluster
            config.attrs = [serial, cluster]
        config.numAttrs = len(config.attrs)
        checked(driver.cuLaunchKernelEx(config, function, ctypes.addressof(places), 0))

    run.keep = (module, values, places)  # type: ignore[attr-defined]
    return run


def graph_time(run: Callable[[], Any], expected: float) -> float:
    """Microseconds of a RUN among back-to-back ones in a CUDA graph, the median of five replays."""
    launches = max(1, min(40, int(1500 / max(expected, 1.0))))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(launches):
            run()
    graph.replay()
    times = []
    for _ in range(5):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        graph.replay()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return sorted(times)[2] * 1e3 / launches


def measure(kernel: AttentionKernel, operands: AttentionTensors) -> None:
    """Check KERNEL, and time it."""
    run = launcher(kernel, operands)
    operands.output.fill_(float("nan"))
    run()
    torch.cuda.synchronize()
    error = (operands.output.float() - operands.want).abs().max().item()
    kernel.correct = error <= (0.02 if kernel.shape.dtype == "bf16" else 0.004)  # false for NaN
    if not kernel.correct:
        print(f"WRONG {kernel.shape.name} {kernel.name} {kernel.candidate.config}: error {error}", flush=True)
    kernel.microseconds = graph_time(run, kernel.candidate.microseconds)


def peers(operands: AttentionTensors) -> Iterator[tuple[str, float]]:
    """PyTorch's backends by name, with microseconds; those that take the shape."""
    for name, backend in BACKENDS.items():
        if operands.mask is not None and name == "flash":
            continue
        try:
            with sdpa_kernel(backend):
                for _ in range(2):
                    operands.product()
                yield name, graph_time(operands.product, 2 * operands.shape.flops / 4e8)
        except RuntimeError as error:
            print(f"no {name} for {operands.shape.name}: {str(error)[:80]}", flush=True)


def row(shape: Shape, group: list[AttentionKernel], beside: bool = True) -> Row:
    """The timings of GROUP, the kernels of SHAPE; BESIDE PyTorch's."""
    operands = AttentionTensors(shape)
    made = [kernel for kernel in group if kernel.compiled is not None]
    for kernel in made:
        measure(kernel, operands)
    found: Row = {"shape": shape.name, "flops": shape.flops}
    for family in FAMILIES:
        own = sorted((k for k in made if k.candidate.family == family), key=lambda k: k.microseconds)
        if own:
            first = min(own, key=lambda k: k.candidate.microseconds)
            found[family] = round(own[0].microseconds, 2)
            found[f"{family}_chosen"] = round(first.microseconds, 2)
            found[f"{family}_tflops"] = round(shape.flops / own[0].microseconds / 1e6)
            found[f"{family}_all"] = [
                [*k.candidate.config.values(), round(k.microseconds, 2), round(k.candidate.microseconds, 2)]
                for k in own
            ]
            found["right"] = found.get("right", True) and all(k.correct for k in own)
    stated = None if shape.masked else published(shape.features, shape.causal, shape.tokens)
    if shape in LONG and stated is not None:
        found["published_tflops"] = stated
    for name, microseconds in peers(operands) if beside else ():
        found[name] = round(microseconds, 2)
        found[f"{name}_tflops"] = round(shape.flops / microseconds / 1e6)
    return found


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--most", type=int, default=3)
    command.add_argument("--only", default="*")
    command.add_argument("--families", default=",".join(FAMILIES))
    command.add_argument("--no-peers", dest="peers", action="store_false")
    command.add_argument("--compile", action="store_true")
    command.add_argument("--jobs", type=int, default=None)
    command.add_argument("--seconds", type=float, default=600.0)
    options = command.parse_args()
    begin = time.time()
    patterns = options.only.split(",")
    shapes = [s for s in (*NETWORKS, *LONG) if any(fnmatch(s.name, pattern) for pattern in patterns)]
    groups = {shape: list(kernels(shape, options.most, options.families.split(","))) for shape in shapes}
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(AttentionKernel.compile, (k for group in groups.values() for k in group)))
    print(f"compiled in {time.time() - begin:.1f} s", flush=True)
    if options.compile:
        return
    due = (shape for shape in shapes if time.time() - begin < options.seconds)
    report((row(shape, groups[shape], options.peers) for shape in due), options.out)


if __name__ == "__main__":
    main()
