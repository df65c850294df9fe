"""The launches of a program, its buffers and its steps as tables of C++."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...errors import DeviceError
from ...runtime.host_arguments import HostBuffer, HostTensorMap
from ...runtime.manifest import Manifest
from ...runtime.program import (
    BoundBuffer,
    BoundLaunch,
    BoundScalar,
    BoundStep,
    BoundTensor,
    BoundTensorMap,
    Program,
)
from ...runtime.steps import Branch, Repeat
from ...runtime.tensor_map_names import PROMOTION, names_of

SPACES = ("arena", "weights", "input", "output")


def program_text(
    program: Program, manifest: Manifest, cubins: Mapping[str, str], bound: float, target: str
) -> str:
    """The text of program.inc: PROGRAM of the plan with MANIFEST; CUBINS are the files of machine code by
    kernel, BOUND is on the relative error of outputs."""
    kernels = list(dict.fromkeys(launch.kernel for launch in program.launches))
    maps = [a for each in program.launches for a in each.arguments if isinstance(a, BoundTensorMap)]
    entries = [manifest.kernels[name].entry for name in kernels]
    updates = [
        f"    if (place.space == 3 && place.index == {o}) place.space = 2, place.index = {i};"
        for o, i in manifest.updates.items()
    ]
    lines = [
        f"// {len(program.launches)} launches, for {target or 'the host'}.",
        f"static const u64 ARENA_BYTES = {manifest.arena_bytes}, ZEROED_BYTES = {manifest.zeroed_bytes};",
        f"static const double BOUND = {bound!r};",
        *_tensors("INPUTS", program.inputs),
        *_tensors("OUTPUTS", program.outputs),
        "// An output that takes the memory of an input lies there.",
        "static Place UPDATED(Place place) {",
        *updates,
        "    return place;",
        "}",
        *_list(
            "Kernel",
            "KERNELS",
            (f'{{"{e}", {_text(cubins.get(k, ""))}}}' for k, e in zip(kernels, entries, strict=True)),
        ),
        "#if defined(GLASS_HOST)",
        *(f'extern "C" const char {entry}_entry;' for entry in dict.fromkeys(entries)),
        *_list("const void*", "ENTRIES", (f"&{entry}_entry" for entry in entries)),
        f"static const u64 HOST_MAPS[][16] = {{{', '.join(map(_host_map, maps)) or '{0}'}}};",
        "#else",
        "static CUresult tensor_map(CUtensorMap* map, int number, CUdeviceptr address) {",
        "    [[maybe_unused]] void* const at = reinterpret_cast<void*>(address);",
        *(f"    if (number == {number}) {_encoded(each)}" for number, each in enumerate(maps)),
        "    return CUDA_ERROR_INVALID_VALUE;",
        "}",
        "#endif",
        *_list("Step", "STEPS", _steps(program.launches, kernels)),
        "static void run() {",
        *_runs(program.steps, "    ", program.launches),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=True)


def _list(kind: str, name: str, items: Iterable[str]) -> Iterator[str]:
    yield f"static const std::vector<{kind}> {name} = {{"
    yield from (f"    {item}," for item in items)
    yield "};"


def _tensors(name: str, tensors: Sequence[BoundTensor]) -> Iterator[str]:
    return _list("Tensor", name, (f'{{{_text(t.name)}, "{t.dtype}", {t.bytes}}}' for t in tensors))


def _place(buffer: BoundBuffer) -> str:
    return f"{{{SPACES.index(buffer.space)}, {buffer.index}, {buffer.offset}, {buffer.bytes}}}"


def _steps(launches: Sequence[BoundLaunch], kernels: Sequence[str]) -> Iterator[str]:
    maps = 0
    for launch in launches:
        parameters = []
        for argument in launch.arguments:
            if isinstance(argument, BoundBuffer):
                parameters.append(f"{{'b', {_place(argument)}, 0}}")
            elif isinstance(argument, BoundScalar):
                kind = "i" if argument.kind == "i32" else "l"
                parameters.append(f"{{'{kind}', {{}}, {argument.value}}}")
            else:
                parameters.append(f"{{'m', {_place(argument.buffer)}, {maps}}}")
                maps += 1
        sizes = (launch.grid, launch.block, launch.cluster)
        shape = ", ".join(f"{{{', '.join(map(str, size))}}}" for size in sizes)
        nodes = _text(f"{launch.kernel}: {', '.join(launch.nodes[:4])}")
        more = f"{launch.shared_bytes}, {str(launch.cooperative).lower()}, {{{', '.join(parameters)}}}"
        yield f"{{{kernels.index(launch.kernel)}, {nodes}, {shape}, {more}}}"


def _runs(steps: Sequence[BoundStep], indent: str, launches: Sequence[BoundLaunch]) -> Iterator[str]:
    """STEPS as statements."""
    deeper = indent + "    "
    for step in steps:
        if isinstance(step, int):
            if not launches[step].empty:
                yield f"{indent}launch({step});"
        elif isinstance(step, Branch):
            yield f"{indent}if (truth(Place{_place(step.condition)})) {{"
            yield from _runs(step.then, deeper, launches)
            yield f"{indent}}} else {{"
            yield from _runs(step.otherwise, deeper, launches)
            yield f"{indent}}}"
        else:
            yield f"{indent}for (long long done = 0; {_goes_on(step)}; done++) {{"
            yield f"{deeper}count(Place{_place(step.counter)}, done);"
            yield from _runs(step.body, deeper, launches)
            yield f"{indent}}}"


def _goes_on(loop: Repeat[BoundBuffer, int]) -> str:
    tests = [] if loop.bound is None else [f"done < {loop.bound}"]
    tests += [] if loop.trips is None else [f"done < number_in(Place{_place(loop.trips)})"]
    tests += [] if loop.condition is None else [f"truth(Place{_place(loop.condition)})"]
    return " && ".join(tests)


def _host_map(bound: BoundTensorMap) -> str:
    """The words that the host's copies read, without the address."""
    buffer = HostBuffer(0, bound.buffer.bytes)
    try:
        packed = HostTensorMap(buffer, bound.dtype, bound.dims, bound.strides, bound.traversal).pack()
    except DeviceError:  # one that only GPUs have: the host stops at its launch
        packed = bytes(128)
    return f"{{{', '.join(f'{word}ull' for word in struct.unpack('<16Q', packed))}}}"


def _encoded(bound: BoundTensorMap) -> str:
    """The statements that make a tensor map on a GPU."""
    names, traversal = names_of(bound), bound.traversal
    arrays = {"cuuint64_t dims": bound.dims, "cuuint64_t strides": bound.strides or (0,)}
    box = "box"
    if traversal.im2col:
        arrays |= {"int lower": traversal.lower, "int upper": traversal.upper}
        box = f"lower, upper, {', '.join(map(str, traversal.box))}"
    else:
        arrays["cuuint32_t box"] = traversal.box
    arrays["cuuint32_t every"] = traversal.every(len(bound.dims))
    declared = " ".join(
        f"const {name}[] = {{{', '.join(map(str, sizes))}}};" for name, sizes in arrays.items()
    )
    modes = f"{names.interleave}, {names.swizzle}, {PROMOTION}, {names.fill}"
    given = f"map, {names.type}, {len(bound.dims)}, at, dims, strides, {box}, every, {modes}"
    return f"{{ {declared} return {names.function}({given}); }}"
