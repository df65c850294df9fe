"""The plan's manifest as typed, immutable records.

`parse_manifest` checks the form of every field and every reference between records. Sizes that
depend on symbols are checked by `program.resolve`, which evaluates them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ..errors import PlanError
from .cuts import Cut, shown
from .defaults import DefaultSpec, parse_defaults
from .dtypes import ELEMENT_TYPES
from .expressions import LIMIT, Expression, clip
from .launch_rules import MAX_CLUSTER, MAX_SHARED_BYTES
from .manifest_arguments import ArgumentSpec, KernelSpec, ParameterSpec, parse_arguments, parse_kernel
from .manifest_fields import Fields, fails
from .sizes import SizeBinding, SizeSpec, bindings, parse_sizes
from .steps import StepSpec, parse_steps
from .unpadded import hidden

FORMAT = 4
SPACES = ("arena", "input", "output", "weights")
MAX_STREAMS = 64
MAX_RANK = 64
# The setter's parameters: a node's handle, the loop's counter, trip count, condition and bound (0 for absent
# addresses), and whether the loop begins.
SETTER_PARAMETERS = tuple(
    ParameterSpec(kind, dtype)
    for kind, dtype in (
        ("scalar", "i64"),
        ("write", "i64"),
        ("read", "i64"),
        ("read", "bool"),
        ("scalar", "i64"),
        ("scalar", "i32"),
    )
)

_TARGET = re.compile(r"sm_([1-9][0-9]{1,2})([af]?)")


@dataclass(frozen=True)
class SymbolSpec:
    """A symbol's range, and the value that the plan was tuned for."""

    minimum: int
    optimum: int
    maximum: int


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of the model: dense, row-major, shape in elements."""

    name: str
    dtype: str
    shape: tuple[Expression, ...]


@dataclass(frozen=True)
class BufferSpec:
    """A byte range in one space; `index` selects the input or output if the space is one of these."""

    name: str
    space: str
    index: int
    offset: Expression
    bytes: Expression


@dataclass(frozen=True)
class LaunchSpec:
    """One kernel launch."""

    kernel: str
    op: str
    nodes: tuple[str, ...]
    grid: tuple[Expression, ...]
    block: tuple[int, int, int]
    cluster: tuple[int, int, int]
    cooperative: bool
    shared_bytes: int
    stream: int
    waits: tuple[int, ...]
    pdl: bool
    arguments: tuple[ArgumentSpec, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """The buffers that the launch reads."""
        return self._buffers("read")

    @property
    def writes(self) -> tuple[str, ...]:
        """The buffers that the launch writes, scratch memory included."""
        return self._buffers("write", "scratch")

    def _buffers(self, *kinds: str) -> tuple[str, ...]:
        return tuple(str(each.value) for each in self.arguments if each.parameter.kind in kinds)


@dataclass(frozen=True)
class Manifest:
    """Everything the runtime needs in addition to the cubins and the weights.

    The first `zeroed_bytes` of the arena are zero before the first launch of a run, and again after its last:
    kernels reset the counters that they use. `steps` are the launches in order, as a tree if some run
    conditionally or repeatedly; `setter` is the kernel that passes conditions in memory to the conditional
    nodes of a CUDA graph, "" if there is none.
    """

    name: str
    generator: str
    targets: tuple[str, ...]
    min_driver: int
    symbols: Mapping[str, SymbolSpec]
    sizes: SizeSpec
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    defaults: Mapping[str, DefaultSpec]
    unranked: Mapping[str, str]
    unpadded: str | None
    cuts: tuple[Cut, ...]
    in_place: Mapping[str, str]
    arena_bytes: int
    zeroed_bytes: int
    weights_bytes: int
    buffers: Mapping[str, BufferSpec]
    kernels: Mapping[str, KernelSpec]
    launches: tuple[LaunchSpec, ...]
    steps: tuple[StepSpec, ...]
    setter: str

    @property
    def modules(self) -> tuple[str, ...]:
        """The names of the modules that contain kernels."""
        return tuple(dict.fromkeys(kernel.module for kernel in self.kernels.values()))

    @property
    def asked(self) -> tuple[TensorSpec, ...]:
        """The inputs that a caller gives: all except those that a run computes of a mask."""
        computed = hidden(self.unpadded)
        return tuple(tensor for tensor in self.inputs if tensor.name not in computed)

    @property
    def results(self) -> tuple[TensorSpec, ...]:
        """The outputs that a caller gets: all except the counts of cut outputs."""
        names = shown([tensor.name for tensor in self.outputs], self.cuts)
        return tuple(tensor for tensor in self.outputs if tensor.name in names)

    @property
    def updates(self) -> dict[int, int]:
        """By the number of an output that of the input whose memory it takes."""
        inputs, outputs = ([tensor.name for tensor in each] for each in (self.inputs, self.outputs))
        return {outputs.index(output): inputs.index(input) for output, input in self.in_place.items()}

    @property
    def bindings(self) -> list[SizeBinding]:
        """How inputs determine the symbols."""
        return bindings({tensor.name: tensor.shape for tensor in self.inputs}, self.sizes.contents)


def parse_manifest(value: object) -> Manifest:
    """The typed form of the manifest's JSON. Raises `PlanError`, naming the wrong field."""
    fields = Fields(value, "manifest")
    if fields.integer("format", 0, LIMIT) != FORMAT:
        found = f"has format {clip(fields.get('format'))}; this version reads format {FORMAT}"
        raise PlanError(f"the plan's manifest {found}", "build the plan again with this version")
    arena_bytes = fields.integer("arena_bytes", 0, LIMIT - 1)
    inputs = tuple(_tensor(entry) for entry in fields.objects("inputs"))
    outputs = tuple(_tensor(entry) for entry in fields.objects("outputs"))
    _check_unique("input", (tensor.name for tensor in inputs))
    _check_unique("output", (tensor.name for tensor in outputs))
    buffers = tuple(_buffer(entry, len(inputs), len(outputs)) for entry in fields.objects("buffers"))
    _check_unique("buffer", (buffer.name for buffer in buffers))
    kernels = {name: parse_kernel(name, entry) for name, entry in fields.named("kernels")}
    _check_unique("function", (entry for _, entry in {kernel.place for kernel in kernels.values()}))
    launches = tuple(_launch(entry, index, kernels) for index, entry in enumerate(fields.objects("launches")))
    return Manifest(
        name=fields.text("name"),
        generator=fields.text("generator"),
        targets=_targets(fields),
        min_driver=fields.integer("min_driver", 0, 1_000_000),
        symbols=MappingProxyType({name: _range(name, entry) for name, entry in fields.named("symbols")}),
        sizes=parse_sizes(fields),
        inputs=inputs,
        outputs=outputs,
        defaults=MappingProxyType(
            parse_defaults(fields, {each.name: (each.dtype, len(each.shape)) for each in inputs})
        ),
        unranked=MappingProxyType(_unranked(fields, inputs, outputs)),
        unpadded=_unpadded(fields, inputs),
        cuts=_cuts(fields, outputs),
        in_place=MappingProxyType(_in_place(fields, inputs, outputs)),
        arena_bytes=arena_bytes,
        zeroed_bytes=fields.integer("zeroed_bytes", 0, arena_bytes, 0),
        weights_bytes=fields.integer("weights_bytes", 0, LIMIT - 1),
        buffers=MappingProxyType({buffer.name: buffer for buffer in buffers}),
        kernels=MappingProxyType(kernels),
        launches=launches,
        steps=parse_steps(fields, len(launches)),
        setter=_setter(fields, kernels),
    )


def _unranked(fields: Fields, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> dict[str, str]:
    """By output the input of any rank whose shape it has. Raises `PlanError` unless both are lists of one
    length."""
    given, made = ({each.name: each.shape for each in tensors} for tensors in (inputs, outputs))
    found: dict[str, str] = {}
    for output, input in fields.named("unranked") if "unranked" in fields.values else ():
        if not isinstance(input, str) or len(given.get(input, ())) != 1 or made.get(output) != given[input]:
            raise fails(f"unranked {clip(output)}", "is no output with the size of an input that is a list")
        found[output] = input
    return found


def _unpadded(fields: Fields, inputs: Sequence[TensorSpec]) -> str | None:
    """The mask of a batch without padding. Raises `PlanError` unless it, and what a run computes of it, are
    inputs."""
    if "unpadded" not in fields.values:
        return None
    mask, ranks = fields.text("unpadded"), {each.name: len(each.shape) for each in inputs}
    if ranks.get(mask) != 2 or not hidden(mask) <= ranks.keys():
        raise fails(f"unpadded {clip(mask)}", "is no mask of sequences and tokens with inputs beside it")
    return mask


def _in_place(fields: Fields, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> dict[str, str]:
    """By output the input whose memory it takes. Raises `PlanError` unless they are alike, and each input is
    of one output."""
    given, made = ({each.name: (each.dtype, each.shape) for each in tensors} for tensors in (inputs, outputs))
    found: dict[str, str] = {}
    for output, input in fields.named("in_place") if "in_place" in fields.values else ():
        if not isinstance(input, str) or input not in given or made.get(output) != given[input]:
            raise fails(f"in_place {clip(output)}", "is no output that is like an input")
        if input in found.values():
            raise fails(f"in_place {clip(output)}", "takes the memory of an input that another output takes")
        found[output] = input
    return found


def _cuts(fields: Fields, outputs: Sequence[TensorSpec]) -> tuple[Cut, ...]:
    known = {tensor.name: tensor for tensor in outputs}
    entries = (Fields(each, f"cuts[{index}]") for index, each in enumerate(fields.array("cuts", [])))
    cuts = tuple(
        Cut(each.text("output"), each.integer("axis", 0, MAX_RANK - 1), each.text("count"))
        for each in entries
    )
    for cut in cuts:
        output, count = known.get(cut.output), known.get(cut.count)
        if output is None or cut.axis >= len(output.shape):
            raise fails(f"cut of {clip(cut.output)}", "is of no axis of an output")
        if count is None or (count.dtype, count.shape) != ("i64", ()):
            raise fails(f"cut of {clip(cut.output)}", "has no output that is a count, an i64 scalar")
    return cuts


def _setter(fields: Fields, kernels: Mapping[str, KernelSpec]) -> str:
    name = fields.text("setter", "")
    if name and (name not in kernels or kernels[name].parameters != SETTER_PARAMETERS):
        wanted = ", ".join(map(str, SETTER_PARAMETERS))
        raise fails("setter", f"{clip(name)} is not a kernel of ({wanted})")
    return name


def parse_target(target: str) -> tuple[int, int, str]:
    """Major version, minor version and suffix ("", "a" or "f") of a target such as ``sm_90a``. Raises
    `PlanError`."""
    match = _TARGET.fullmatch(target)
    if match is None:
        raise PlanError(f"not a target: {clip(target)}", hint="targets look like sm_90 or sm_90a")
    return int(match[1]) // 10, int(match[1]) % 10, match[2]


def _check_unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise PlanError(f"the plan names two {what}s {clip(name)}")
        seen.add(name)


def _targets(fields: Fields) -> tuple[str, ...]:
    targets = fields.texts("targets")
    _check_unique("target", targets)
    for target in targets:
        parse_target(target)
    return targets


def _range(name: str, value: object) -> SymbolSpec:
    bounds = Fields({name: value}, "symbols").integers(name, -(2**40), 2**40)
    if len(bounds) != 3 or not bounds[0] <= bounds[1] <= bounds[2]:
        raise fails(f"symbol {clip(name)}", "needs a range [min, opt, max] in ascending order")
    return SymbolSpec(*bounds)


def _dtype(fields: Fields) -> str:
    dtype = fields.text("dtype")
    if dtype not in ELEMENT_TYPES:
        raise fields.fail("dtype", f"one of {', '.join(ELEMENT_TYPES)}")
    return dtype


def _tensor(fields: Fields) -> TensorSpec:
    shape = fields.expressions("shape")
    if len(shape) > MAX_RANK:
        raise fields.fail("shape", f"at most {MAX_RANK} dimensions")
    return TensorSpec(fields.text("name"), _dtype(fields), shape)


def _buffer(fields: Fields, inputs: int, outputs: int) -> BufferSpec:
    space = fields.text("space")
    if space not in SPACES:
        raise fields.fail("space", f"one of {', '.join(SPACES)}")
    index = 0
    if space in ("input", "output"):
        index = fields.integer("index", 0, (inputs if space == "input" else outputs) - 1)
    offset = fields.expression("offset", 0 if space in ("input", "output") else None)
    return BufferSpec(fields.text("name"), space, index, offset, fields.expression("bytes"))


def _launch(fields: Fields, index: int, kernels: Mapping[str, KernelSpec]) -> LaunchSpec:
    kernel = kernels.get(fields.text("kernel"))
    where = f"launch {index} ({clip(fields.get('kernel'))})"
    if kernel is None:
        raise fails(where, "names a kernel that the plan does not have")
    grid = fields.expressions("grid")
    if len(grid) != 3:
        raise fields.fail("grid", "three integer expressions")
    return LaunchSpec(
        kernel=kernel.name,
        op=fields.text("op"),
        nodes=fields.texts("nodes"),
        grid=grid,
        block=fields.triple("block", 1, 1024),
        cluster=fields.triple("cluster", 1, MAX_CLUSTER, [1, 1, 1]),
        cooperative=fields.boolean("cooperative", False),
        shared_bytes=fields.integer("shared_bytes", 0, MAX_SHARED_BYTES, 0),
        stream=fields.integer("stream", 0, MAX_STREAMS - 1, 0),
        waits=fields.integers("waits", 0, LIMIT, []),
        pdl=fields.boolean("pdl", False),
        arguments=parse_arguments(fields.objects("arguments"), kernel, where),
    )
