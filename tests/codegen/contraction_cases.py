"""Contractions for tests: operands, a kernel with a hand-written epilogue, and a float64 reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.families.contraction import depthwise, depthwise_spec
from glassrt.codegen.families.contraction.implicit_gemm import problem_of
from glassrt.codegen.families.contraction.mma import MMA
from glassrt.codegen.families.contraction.problem import Problem
from glassrt.codegen.families.contraction.simt import SIMT
from glassrt.codegen.families.contraction.spec import (
    TEMPLATE,
    KernelBinding,
    contraction_launch,
    split_scratch,
)
from glassrt.codegen.families.contraction.strips import StripConfig
from glassrt.codegen.families.contraction.tile import TileConfig, Tiling
from glassrt.codegen.families.contraction.wgmma import WGMMA
from glassrt.codegen.families.divisors import divisor, power_of_two_in
from glassrt.codegen.families.gemv import family as gemv
from glassrt.codegen.families.gemv import lines as gemv_lines
from glassrt.codegen.families.gemv.config import GemvConfig
from glassrt.codegen.families.gemv.spec import TEMPLATE as GEMV
from glassrt.codegen.families.gemv.spec import gemv_spec
from glassrt.codegen.families.gemv.spec import launch as gemv_launch
from glassrt.codegen.families.persistent import config as persistent_config
from glassrt.codegen.families.persistent import family as persistent
from glassrt.codegen.families.persistent import operands as persistent_operands
from glassrt.codegen.families.persistent.config import PersistentConfig, misfit
from glassrt.codegen.families.persistent.spec import TEMPLATE as PERSISTENT
from glassrt.codegen.families.persistent.spec import launch as persistent_launch
from glassrt.codegen.families.persistent.spec import persistent_spec
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.request.parameters import ScratchParameter, TensorMapParameter
from glassrt.codegen.request.request import Geometry
from glassrt.codegen.text.render import Code, Identifier, render
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.dtypes import DTYPES
from glassrt.dialects.core.ir import Block, Operation
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.runtime.host import HostModule
from glassrt.runtime.host_arguments import HostBuffer, HostScalar, HostTensorMap
from glassrt.runtime.host_memory import aligned_bytes

Array = np.ndarray[Any, Any]
TARGET = REFERENCE
STORE = """\
Vec<{out}, VECTOR> result;
GLASS_UNROLL
for (int lane = 0; lane < VECTOR; lane++) result[lane] = convert<{out}>(accumulator[lane]);
store_wide<VECTOR>(y0, {index}, result);"""
DOUBLE = """\
for (int lane = 0; lane < {count}; lane++) {{
    value[lane] = convert<{type}>(2 * convert<f32>(loaded[lane]) + 1);
}}"""
POISON = 0xFF


@dataclass
class Case:
    """One contraction with its operand values; shapes are logical, symbols have a value in `sizes`.

    The result's rows lie `pitch` elements apart (0: densely), from element `start` on. With
    `doubled`, a prologue doubles the first operand and adds one.
    """

    op: Operation
    out: str
    arrays: tuple[Array, ...]
    sizes: Mapping[str, int] = field(default_factory=dict)
    pitch: int = 0
    start: int = 0
    doubled: bool = False

    @property
    def problem(self) -> Problem:
        sizes = {name: (1, value, value + 3) for name, value in self.sizes.items()}
        found = problem_of(self.op, sizes, b_is_weight=True)
        assert found is not None
        return found


def case_of(
    kind: type[Conv] | type[Matmul],
    operands: tuple[TensorType, TensorType],
    out: str,
    sizes: Mapping[str, int] | None = None,
    **attributes: Any,
) -> Case:
    """A contraction of reproducible operands: small integers, or normal numbers with sums of order one."""
    block = Block(operands)
    a = operands[0].dtype
    accumulate = DTYPES["f32" if a.is_float else "i32"] if a.bits < (32 if a.is_float else 16) else None
    op: Any = kind(*block.arguments, accumulate=accumulate, **attributes)
    rng = np.random.default_rng(7)
    values = tuple(draw(rng, operand, sizes or {}) for operand in operands)
    return Case(op, out, values, sizes or {})


def draw(rng: np.random.Generator, type: TensorType, sizes: Mapping[str, int]) -> Array:
    shape = tuple(evaluate(dim, sizes) for dim in type.shape)
    if type.dtype.bits == 8 and not type.dtype.is_float:
        limits = np.iinfo(type.dtype.numpy)
        return rng.integers(limits.min, limits.max + 1, shape).astype(type.dtype.numpy)
    if not type.dtype.is_float:
        return rng.integers(-100, 100, shape).astype(type.dtype.numpy)
    return np.asarray(rng.standard_normal(shape) * 0.3).astype(type.dtype.numpy)


def conv(
    dtype: str,
    x: tuple[Any, ...],
    w: tuple[int, ...],
    *,
    weights: str | None = None,
    out: str | None = None,
    sizes: Mapping[str, int] | None = None,
    stride: int = 1,
    pad: int = 0,
    dilation: int = 1,
    groups: int = 1,
    **others: Any,
) -> Case:
    """A convolution in channels-last layouts; logical shapes; w of x's type unless it has another."""
    rank = len(w) - 2
    operands = (
        TensorType(x, DTYPES[dtype], channels_last(rank + 2)),
        TensorType(w, DTYPES[weights or dtype], channels_last(rank + 2)),
    )
    attributes = {
        "strides": (stride,) * rank,
        "dilations": (dilation,) * rank,
        "pads": (pad,) * (2 * rank),
        "groups": groups,
    }
    return case_of(Conv, operands, out or dtype, sizes, **{**attributes, **others})


def matmul(
    dtype: str,
    a: tuple[Any, ...],
    b: tuple[Any, ...],
    *,
    weights: str | None = None,
    out: str | None = None,
    sizes: Mapping[str, int] | None = None,
    transpose_a: bool = False,
    transpose_b: bool = False,
) -> Case:
    """A matrix product of dense operands; b of a's type unless it has another."""
    operands = (TensorType(a, DTYPES[dtype]), TensorType(b, DTYPES[weights or dtype]))
    return case_of(Matmul, operands, out or dtype, sizes, transpose_a=transpose_a, transpose_b=transpose_b)


def product(m: int, n: int, k: int) -> Problem:
    """The problem of a product of f16 that nobody carries out: its operands have no values."""
    block = Block((TensorType((m, k), DTYPES["f16"]), TensorType((n, k), DTYPES["f16"])))
    op: Any = Matmul(*block.arguments, transpose_a=False, transpose_b=True, accumulate=DTYPES["f32"])
    found = problem_of(op, b_is_weight=True)
    assert found is not None
    return found


def laid_out(array: Array, type: TensorType, sizes: Mapping[str, int]) -> Array:
    """The bytes of ARRAY as TYPE lays it out; what the view leaves open is poisoned."""
    shape = tuple(evaluate(dim, sizes) for dim in type.shape)
    strides = tuple(evaluate(dim, sizes) for dim in type.strides)
    offset = evaluate(type.layout.offset, sizes)
    count = offset + 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    memory = aligned_bytes(count * type.dtype.bytes)
    memory[:] = 0xFF
    # Built from the bytes: some element types do not offer their memory to other views.
    size = type.dtype.bytes
    view: Array = np.ndarray(shape, type.dtype.numpy, memory.data, offset * size, [s * size for s in strides])
    view[...] = array
    return memory


def bind(
    case: Case,
    name: str,
    vector: int,
    added: Sequence[ScratchParameter | TensorMapParameter] = (),
) -> KernelBinding:
    """The binding of a kernel that stores its sums as [rows, columns], with ADDED parameters."""
    problem = case.problem
    names = {symbol: f"s{i}" for i, symbol in enumerate(sorted(case.sizes))}
    channels_are_columns = depthwise.unsupported(problem) is None
    row, column = "i64(m)", "n"
    if problem.batch and problem.op == "matmul":
        row = "i64(batch) * M + m"
    elif problem.batch and not channels_are_columns:
        column = "batch * N + n"
    pitch = case.pitch or ("N" if problem.op == "matmul" or channels_are_columns else columns_of(case))
    index = f"{case.start} + ({row}) * {pitch} + {column}"
    parameters = [f"Input<{problem.a}> x0", f"Input<{problem.b}> x1", f"Output<{case.out}> y0"]
    parameters += [own.declaration() for own in added]
    parameters += [f"const int {c}" for c in names.values()]
    return KernelBinding(
        name=Identifier(name),
        title=Code(problem.op),
        parameters=Code(", ".join(parameters)),
        a=Identifier("x0"),
        b=Identifier("x1"),
        symbols=tuple(names.items()),
        epilogue=Code(STORE.format(out=case.out, index=index)),
        vector=vector,
        prologue=Code(DOUBLE.format(type=problem.a, count=problem.a_vector)) if case.doubled else None,
    )


def columns_of(case: Case) -> int:
    """Result columns of all groups."""
    columns = case.op.result.type.shape[case.problem.column_axis]
    assert isinstance(columns, int)
    return columns


@dataclass
class Kernel:
    name: str
    source: str
    geometry: Geometry
    scratch: tuple[ScratchParameter, ...] = ()
    maps: tuple[TensorMapParameter, ...] = ()


def persistent_kernel_of(
    case: Case, config: PersistentConfig, name: str = "contraction", multiprocessors: int = 2
) -> Kernel:
    """The rendered kernel of CASE under CONFIG for a GPU of few MULTIPROCESSORS, so that blocks have several
    tiles."""
    problem = case.problem
    a, b = persistent_operands.operand_a(problem, case.op), persistent_operands.operand_b(problem)
    assert not isinstance(a, str) and not isinstance(b, str), (a, b)
    assert misfit(problem, config) is None and persistent_config.illegal(config, TARGET.shared_bytes) is None
    maps = persistent.maps((a, b), [0, 1], config)
    vector = power_of_two_in(divisor(problem.n, case.pitch, case.start), 16 // DTYPES[case.out].bytes)
    spec = persistent_spec(problem, a, b, config, bind(case, name, vector, maps))
    geometry = persistent_launch(problem, config, multiprocessors)
    return Kernel(name, render(PERSISTENT, spec), geometry, maps=tuple(maps))


def gemv_kernel_of(case: Case, config: GemvConfig, name: str = "contraction") -> Kernel:
    """The rendered kernel of CASE under CONFIG."""
    problem = case.problem
    assert gemv.unsupported(problem) is None and gemv.illegal(problem, config, TARGET) is None
    vector = power_of_two_in(divisor(problem.n, case.pitch, case.start), 4)
    lines = gemv_lines.lines_of(problem) if config.stages else None
    maps = gemv_lines.maps(lines, [0, 1], config) if lines else []
    spec = gemv_spec(problem, config, bind(case, name, vector, maps), TARGET, lines)
    return Kernel(name, render(GEMV, spec), gemv_launch(problem, spec), maps=tuple(maps))


def product_of(config: TileConfig) -> Any:
    """The product that CONFIG is of."""
    return next(each for each in (MMA, SIMT, WGMMA) if each.config_type is type(config))


def kernel_of(
    case: Case, config: TileConfig | StripConfig, name: str = "contraction", target: ArchSpec = TARGET
) -> Kernel:
    """The rendered kernel of CASE under CONFIG for TARGET."""
    problem = case.problem
    if isinstance(config, StripConfig):
        assert depthwise.unsupported(problem) is None and depthwise.illegal(problem, config, target) is None
        spec: Any = depthwise_spec.specialize(problem, config, bind(case, name, config.vector))
        return Kernel(name, render(depthwise.TEMPLATE, spec), depthwise.launch(problem, config))
    product = product_of(config)
    assert product.unsupported(problem, target) is None
    assert product.illegal(problem, config, target) is None
    vector = power_of_two_in(divisor(problem.n, case.pitch, case.start), 16 // DTYPES[case.out].bytes)
    scratch = split_scratch(problem, Tiling.of(config, target))
    spec = product.specialize(problem, config, bind(case, name, vector, scratch), target)
    return Kernel(name, render(TEMPLATE, spec), contraction_launch(problem, spec), scratch)


def run_case(case: Case, kernel: Kernel, module: HostModule, runs: int = 1) -> Array:
    """What KERNEL stores on the host device, in the logical shape of the result."""
    shape = tuple(evaluate(dim, case.sizes) for dim in case.op.result.type.shape)
    dtype = DTYPES[case.out].numpy
    columns = shape[case.problem.column_axis]
    rows = int(np.prod(shape)) // columns
    pitch = case.pitch or columns
    output = aligned_bytes((case.start + rows * pitch) * dtype.itemsize)
    output[:] = POISON
    buffers = [
        laid_out(array, value.type, case.sizes)
        for array, value in zip(case.arrays, case.op.inputs, strict=True)
    ]
    arguments: list[Any] = [*buffers, output]
    geometry = kernel.geometry
    for own in kernel.scratch:
        memory = aligned_bytes(evaluate(own.type.bytes, case.sizes))
        memory[:] = 0 if own.space == "counters" else POISON
        arguments.append(memory)
    arguments += [_host_map(own, buffers, case.sizes) for own in kernel.maps]
    arguments += [HostScalar("i32", case.sizes[name]) for name in sorted(case.sizes)]
    grid = tuple(evaluate(dim, case.sizes) for dim in geometry.grid)
    for run in range(runs):
        order: Any = ("forward", "reverse", ("seeded", run))[run % 3]
        module.launch(kernel.name, grid, geometry.block, geometry.cluster, geometry.shared, arguments, order)
    stored = output[case.start * dtype.itemsize :].reshape(rows, pitch * dtype.itemsize)
    assert np.all(output[: case.start * dtype.itemsize] == POISON), "stored before the view"
    assert np.all(stored[:, columns * dtype.itemsize :] == POISON), "stored between the view's rows"
    dense = np.ascontiguousarray(stored[:, : columns * dtype.itemsize]).view(dtype)
    return dense.reshape(shape) if case.problem.op == "matmul" else channels_second(dense, shape)


def _host_map(own: TensorMapParameter, buffers: list[Array], sizes: Mapping[str, int]) -> HostTensorMap:
    memory, map = buffers[own.map.operand], own.map
    dims, strides = (tuple(evaluate(d, sizes) for d in given) for given in (map.dims, map.strides))
    buffer = HostBuffer(memory.ctypes.data, memory.nbytes)
    return HostTensorMap(buffer, map.dtype.name, dims, strides, map.traversal)


def channels_second(values: Array, shape: tuple[int, ...]) -> Array:
    """VALUES, channels last, in logical order."""
    order = channels_last(len(shape)).order
    return np.moveaxis(values.reshape([shape[axis] for axis in order]), -1, 1)


def reference(case: Case) -> tuple[Array, Array]:
    """The product in float64 and the product of absolute values, the scale of its rounding errors."""
    a, b = (array.astype(np.float64) for array in case.arrays)
    a = a * 2 + 1 if case.doubled else a
    return exact(case.op, a, b), exact(case.op, np.abs(a), np.abs(b))


def exact(op: Operation, a: Array, b: Array) -> Array:
    if op.name == "graph.matmul":
        a = np.swapaxes(a, -1, -2) if op.attributes["transpose_a"] else a
        b = np.swapaxes(b, -1, -2) if op.attributes["transpose_b"] else b
        return np.asarray(np.matmul(a, b))
    return exact_conv(op, a, b)


def exact_conv(op: Operation, x: Array, w: Array) -> Array:
    rank, groups = w.ndim - 2, op.attributes["groups"]
    pads = op.attributes["pads"]
    x = np.pad(x, [(0, 0), (0, 0), *((pads[i], pads[i + rank]) for i in range(rank))])
    spans = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], op.attributes["dilations"], strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(x, spans, axis=tuple(range(2, 2 + rank)))
    windows = windows[(slice(None), slice(None), *(slice(None, None, s) for s in op.attributes["strides"]))]
    windows = windows[(..., *(slice(None, None, d) for d in op.attributes["dilations"]))]
    n, c = x.shape[:2]
    spatial = windows.shape[2 : 2 + rank]
    windows = windows.reshape(n, groups, c // groups, *spatial, -1)
    weights = w.reshape(groups, w.shape[0] // groups, c // groups, -1)
    y = np.einsum("ngc...t,gmct->ngm...", windows, weights)
    return np.asarray(y.reshape(n, w.shape[0], *spatial))


def check(case: Case, got: Array, unit: float) -> None:
    """|error| <= 2*K*u*(|A||B|) for the sums, plus one rounding of the output."""
    want, scale = reference(case)
    k = evaluate(case.problem.k, case.sizes)
    if not DTYPES[case.out].is_float:
        np.testing.assert_array_equal(got, want.astype(got.dtype))
        return
    rounding = {"f16": 2.0**-11, "bf16": 2.0**-8, "f32": 2.0**-24, "f64": 2.0**-53}[case.out]
    bound = 2 * (k + 4) * unit * scale + (rounding * 1.01) * np.abs(want) + 2.0**-24
    error = np.abs(got.astype(np.float64) - want)
    assert np.all(error <= bound), (
        f"worst {np.nanmax(error / bound)}, {np.sum(~(error <= bound))} of {error.size}"
    )


def module_of(kernels: list[Kernel]) -> HostModule:
    return HostModule({kernel.name: kernel.source for kernel in kernels}, headers())
