"""The candidates of the contraction kernels for a layer, each with its source, compiled by NVRTC."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cuda.bindings import nvrtc
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.emit.early_reads import StructCode
from glassrt.codegen.emit.tile_epilogue import PAIR, TileEpilogue
from glassrt.codegen.families.contraction import depthwise, depthwise_spec
from glassrt.codegen.families.contraction.mma import MMA
from glassrt.codegen.families.contraction.simt import SIMT
from glassrt.codegen.families.contraction.spec import (
    TEMPLATE,
    KernelBinding,
    contraction_launch,
    split_scratch,
)
from glassrt.codegen.families.contraction.tile import Tiling
from glassrt.codegen.families.contraction.wgmma import WGMMA
from glassrt.codegen.families.gemv import family as gemv
from glassrt.codegen.families.gemv import lines as gemv_lines
from glassrt.codegen.families.gemv import spec as gemv_spec
from glassrt.codegen.families.gemv.cost import microseconds as gemv_microseconds
from glassrt.codegen.families.persistent import family as persistent
from glassrt.codegen.families.persistent.cost import microseconds
from glassrt.codegen.families.persistent.interleave import interleaved, run_of, vector_of
from glassrt.codegen.families.persistent.operands import operand_a, operand_b
from glassrt.codegen.families.persistent.results import BulkResults, BulkTile
from glassrt.codegen.families.persistent.spec import launch, persistent_spec
from glassrt.codegen.request.parameters import ScratchParameter, TensorMapParameter
from glassrt.codegen.request.request import Geometry
from glassrt.codegen.text.render import Code, Identifier, render
from glassrt.dialects.core.dtypes import DTYPES, DType

from .layers import LayerCase, operation, problem

OPTIONS = (
    "--gpu-architecture=sm_90a",
    "--std=c++17",
    "--minimal",
    "--device-as-default-execution-space",
    "--no-cache",  # its hits come without the log that registers and spills are read from
)
EPILOGUE = """\
Vec<{out}, VECTOR> result;
GLASS_UNROLL
for (int lane = 0; lane < VECTOR; lane++) {{
    const f32 value = accumulator[lane] + along.bias[lane]{added};
    result[lane] = convert<{out}>(value > 0.0f ? value : 0.0f);
}}
store_wide<VECTOR>(y0, {index}, result);"""
TILE_EPILOGUE = """\
Vec<{out}, {count}> result;
GLASS_UNROLL
for (int lane = 0; lane < {count}; lane++) {{
    const f32 value = accumulator[lane] + along.bias[lane]{added};
    result[lane] = convert<{out}>(value > 0.0f ? value : 0.0f);
}}
store_shared(place, result);"""


def early(name: str, dtype: DType, vector: int, buffer: str, place: str) -> StructCode:
    """The only field of a struct of epilogue operands, as the compiler emits it."""
    field = {"along": "bias", "beside": "other"}[name]
    return StructCode(
        Code(f"Vec<{dtype}, {vector}> {field};"),
        Code(f"{name}.{field} = load_wide<{vector}>({buffer}, {place});"),
        vector * dtype.bytes,
        Code(f"prefetch_l2({buffer}, {place});"),
        constant=name == "along",
    )


def leaving(layer: LayerCase, vector: int = PAIR) -> BulkResults | None:
    """The results of LAYER as bulk stores take them, if they do, VECTOR finished at a time."""
    made, op = problem(layer), operation(layer)
    if made.batches != 1:
        return None
    m, n, bytes_ = made.m, made.n, DTYPES[layer.dtype].bytes
    inputs = 4 if layer.residual else 3
    tiles = [BulkTile(place, DTYPES[layer.dtype], (n, m), (n * bytes_,), 0) for place in (inputs, 3)]
    added = " + convert<f32>(beside[lane])" if layer.residual else ""
    lines = TILE_EPILOGUE.format(out=layer.dtype, count=vector, added=added)
    along = early("along", DTYPES["f32"], vector, "x2", "n")
    epilogue = TileEpilogue((lines,), op.result if layer.residual else None, along)
    columns = made.n if isinstance(made.n, int) and made.b_k_major else 0
    return BulkResults(tiles[0], tiles[1] if layer.residual else None, epilogue, columns)


def binding(
    layer: LayerCase,
    name: str,
    added: Sequence[ScratchParameter | TensorMapParameter] = (),
    most: int = 16,
) -> KernelBinding:
    """The binding of a kernel of LAYER whose threads store at most MOST columns at once."""
    dtype, made = layer.dtype, problem(layer)
    assert isinstance(made.n, int)
    parameters = f"Input<{dtype}> x0, Input<{dtype}> x1, Input<f32> x2, "
    parameters += f"Input<{dtype}> x3, " if layer.residual else ""
    parameters += f"Output<{dtype}> y0" + "".join(f", {own.declaration()}" for own in added)
    columns = layer.shape[1] if layer.kind == "depthwise" else made.n
    widest = min(16 // DTYPES[dtype].bytes, most)
    vector = next(v for v in (widest, 4, 2, 1) if v <= widest and columns % v == 0)
    place = "i64(m) * N + n"
    if layer.kind == "matmul" and made.batches != 1:
        place = "(i64(batch) * M + m) * N + n"
    added = " + convert<f32>(beside.other[lane])" if layer.residual else ""
    code = EPILOGUE.format(out=dtype, index=place, added=added)
    return KernelBinding(
        Identifier(name),
        Code(layer.kind),
        Code(parameters),
        Identifier("x0"),
        Identifier("x1"),
        (),
        Code(code),
        vector,
        beside=early("beside", DTYPES[dtype], vector, "x3", place) if layer.residual else None,
        along=early("along", DTYPES["f32"], vector, "x2", "n"),
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
    maps: tuple[TensorMapParameter, ...] = ()
    cubin: bytes = b""
    registers: int = 0
    spills: int = 0
    correct: bool = False
    microseconds: float = 0.0


def kernels(layer: LayerCase, most: int, target: ArchSpec) -> Iterator[TimedKernel]:
    made = problem(layer)
    if layer.kind == "depthwise":
        for number, price in enumerate(depthwise.candidates(made, target, 2, most)):
            form = price.config
            own = binding(layer, f"k{number}", most=form.vector)
            spec: Any = depthwise_spec.specialize(made, form, own)
            source = render(depthwise.TEMPLATE, spec)
            geometry = depthwise.launch(made, form)
            yield TimedKernel(layer, form, price.microseconds, geometry, f"k{number}", source)
        return
    products: tuple[Any, ...] = (SIMT, MMA) if layer.dtype == "f32" else (MMA, WGMMA)
    for product in products:
        if product.unsupported(made, target) is not None:
            continue
        for number, config in enumerate(product.candidates(made, target, most)):
            name = f"k{number}"
            scratch = split_scratch(made, Tiling.of(config, target))
            spec = product.specialize(made, config, binding(layer, name, scratch), target)
            geometry = contraction_launch(made, spec)
            predicted = product.cost(made, config, target)
            yield TimedKernel(layer, config, predicted, geometry, name, render(TEMPLATE, spec), scratch)
    yield from gemv_kernels(layer, most, target)
    yield from persistent_kernels(layer, most, target)


def gemv_kernels(layer: LayerCase, most: int, target: ArchSpec) -> Iterator[TimedKernel]:
    made = problem(layer)
    if MMA.unsupported(made, target) or gemv.unsupported(made) or layer.dtype == "f32":
        return
    lines = gemv_lines.lines_of(made)
    for number, config in enumerate(gemv.candidates(made, target, bulk=lines is not None)[:most]):
        maps = gemv_lines.maps(lines, [0, 1], config) if lines else []
        bound = binding(layer, f"k{number}", maps, most=gemv.MOST_VECTOR)
        spec = gemv_spec.gemv_spec(made, config, bound, target, lines)
        source = render(gemv_spec.TEMPLATE, spec)
        predicted = gemv_microseconds(made, config, target)
        geometry = gemv_spec.launch(made, spec)
        yield TimedKernel(layer, config, predicted, geometry, f"k{number}", source, maps=tuple(maps))


def persistent_kernels(layer: LayerCase, most: int, target: ArchSpec) -> Iterator[TimedKernel]:
    made, op = problem(layer), operation(layer)
    operands = operand_a(made, op), operand_b(made)
    a, b = operands
    if persistent.unsupported(made, target) or isinstance(a, str) or isinstance(b, str):
        return
    results = leaving(layer)
    found = list(persistent.candidates(made, target))
    if results:
        found += persistent.candidates(made, target, persistent.buffers_for(made, layer.residual))
    found.sort(key=lambda config: microseconds(made, config, target))
    for number, config in enumerate(found[:most]):
        name, own, columns = f"k{number}", results if config.buffers else None, b
        vector = PAIR
        if own:
            columns = interleaved(b, config.block_n, run_of(own, config.own_n)) or b
            vector = vector_of(own, config.own_n) if columns.interleave else PAIR
            own = leaving(layer, vector)
        maps = persistent.maps((a, columns), [0, 1], config) + (own.maps(config.own_n) if own else [])
        bound = binding(layer, name, maps)
        if own:
            code = Code("\n".join(own.epilogue.lines))
            bound = replace(bound, epilogue=code, vector=vector, beside=None, along=own.epilogue.along)
        spec = persistent_spec(made, a, columns, config, bound, own)
        geometry = launch(made, config, target.multiprocessors)
        predicted = microseconds(made, config, target)
        source = render("kernels/persistent.cu.j2", spec)
        yield TimedKernel(layer, config, predicted, geometry, name, source, maps=tuple(maps))


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
    registers, spills = re.search(r"Used (\d+) registers", text), re.search(r"(\d+) bytes spill stores", text)
    kernel.registers = int(registers[1]) if registers else -1
    kernel.spills = int(spills[1]) if spills else -1
    for warning in re.findall(r"\(C75\d\d\)[^\n]*", text):
        print(f"WARNED {kernel.layer.name} {kernel.config}: {warning}")


def compiled(kernel: TimedKernel, files: dict[str, str]) -> None:
    """Compiles KERNEL; one that fails keeps no cubin."""
    try:
        compile_kernel(kernel, files)
    except RuntimeError as error:
        print(f"REFUSED {error}", flush=True)
