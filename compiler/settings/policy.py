"""Precision policies: in which number formats a program is stored, multiplied and summed.

A policy has a default format, overrides for single ops and nodes, element types for inputs and
outputs, and says whether a kernel may get another precision than was asked for.
"""

from __future__ import annotations

import difflib
import glob
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from types import MappingProxyType

from ...dialects.core.dtypes import BF16, F8E4M3, F16, F32, I8, TF32, DType
from ...dialects.core.ir import Operation
from ...dialects.graph import GRAPH
from ...errors import InputError, UnsupportedError
from ...runtime.arguments import checked, expect_each

# The formats of eight bits, and what they store.
EIGHT_BITS: Mapping[str, DType] = MappingProxyType({"int8": I8, "fp8": F8E4M3})


@dataclass(frozen=True)
class Format:
    """What float32 values become that an op makes or multiplies.

    name: its word in text ("fp16"); storage: the element type of tensors between kernels and of
    the operands of contractions; multiply: what contractions multiply; compute: the type of all
    other arithmetic; accumulate: the type sums of contractions are kept in. Formats of eight bits
    say it of what stays in floats: which contractions multiply in eight bits is for
    `InsertQuantization` to say.
    """

    name: str
    storage: DType
    multiply: DType
    compute: DType = F32
    accumulate: DType = F32

    @property
    def products(self) -> DType:
        """What contractions of float32 are to multiply: for eight bits what their operands are stored in."""
        return EIGHT_BITS.get(self.name, self.multiply)

    @property
    def lowers(self) -> bool:
        """True when float32 tensors are stored in fewer bits."""
        return self.storage.bits < F32.bits

    @property
    def quantizes(self) -> bool:
        """True when contractions multiply in eight bits, at scales that a calibration table gives."""
        return self.name in EIGHT_BITS

    def stored(self, dtype: DType) -> DType:
        """The element type that a tensor of DTYPE has between kernels."""
        return self.storage if dtype == F32 else dtype

    def multiplied(self, dtype: DType) -> DType:
        """What a contraction of operands of DTYPE multiplies."""
        return self.multiply if dtype == F32 else dtype

    def computed(self, dtype: DType) -> DType:
        """The element type of arithmetic on values of DTYPE: short floats are widened."""
        return self.compute if dtype.is_float and dtype.bits < self.compute.bits else dtype


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        name: Format(name, storage, multiply)
        for name, storage, multiply in (
            ("fp32", F32, F32), ("tf32", F32, TF32), ("fp16", F16, F16), ("bf16", BF16, BF16),
            ("int8", F16, F16), ("fp8", F16, F16),
        )
    }
)  # fmt: skip

# The element types that inputs and outputs may be given: by the formats' words or as the IR spells them.
_IO_TYPES: Mapping[str, DType] = MappingProxyType(
    {"fp32": F32, "fp16": F16, "bf16": BF16, "f32": F32, "f16": F16}
)
MODEL_TYPES = "model"
EVERY = "*"

_ESCAPED = re.compile(r"\[([*?[])\]")
_OPS = {op.name.removeprefix("graph.") for op in GRAPH.ops}


def format_named(name: str) -> Format:
    """The format NAME; UnsupportedError for one that does not exist (yet)."""
    found = FORMATS.get(name)
    if found is None:
        raise UnsupportedError(f"there is no precision '{name}'", f"these exist: {', '.join(FORMATS)}")
    return found


@dataclass(frozen=True)
class Override:
    """Another format for some ops. kind: 'op', PATTERN being the name of a graph op ("softmax"), or
    'node', PATTERN being matched with names of ONNX nodes as a shell matches files."""

    kind: str
    pattern: str
    format: Format

    @staticmethod
    def parse(text: str) -> Override:
        """`op:softmax=fp32` or `node:/layer3/*=fp16`; InputError for anything else."""
        subject, equals, name = text.rpartition("=")
        if not equals:
            hint = "write op:softmax=fp32, or node:/layer3/*=fp32"
            raise InputError(f"the override {text!r} names no format", hint)
        return Override.of(subject, name)

    @staticmethod
    def of(subject: str, format: str | Format) -> Override:
        """The override of SUBJECT, `op:NAME` or `node:PATTERN`."""
        kind, _, pattern = subject.partition(":")
        if kind not in ("op", "node") or not pattern:
            hint = "write op:softmax for a kind of op, or node:/layer3/* for ONNX nodes"
            raise InputError(f"the override of {subject!r} names neither ops nor nodes", hint)
        if kind == "op" and pattern not in _OPS:
            close = difflib.get_close_matches(pattern, sorted(_OPS), 3)
            like = f"is {' or '.join(close)} meant?" if close else None
            raise InputError(f"there is no op '{pattern}'", like)
        return Override(kind, pattern, format if isinstance(format, Format) else format_named(format))

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.pattern}"

    @cached_property
    def literal(self) -> str | None:
        """The only name that the pattern fits, and None when it has wildcards."""
        name = _ESCAPED.sub(r"\1", self.pattern)
        return name if self.kind == "op" or glob.escape(name) == self.pattern else None

    def names(self, nodes: Collection[str]) -> bool:
        """True when this is about one of NODES."""
        if self.kind != "node":
            return False
        if self.literal is not None:
            return self.literal in nodes
        return any(fnmatchcase(node, self.pattern) for node in nodes)

    def __str__(self) -> str:
        return f"{self.subject}={self.format.name}"


Overrides = Mapping[str, str | Format] | Sequence[str | Override]
IoTypes = str | Mapping[str, str | DType] | Sequence[tuple[str, DType]]


@dataclass(frozen=True, init=False)
class PrecisionPolicy:
    """In which formats a model runs.

        PrecisionPolicy("fp16", overrides={"op:softmax": "fp32", "node:/layer3/*": "fp32"}, io="fp16")

    default: the format of every op that no override is about; overrides: see `Override`; of
    several about one op the last one counts; io: 'model' (inputs and outputs keep their types),
    the element type of all float inputs and outputs, or element types by name;
    allow_fallback: a kernel may run in another precision than was asked for, on record, instead of
    ending the build with an error; likewise a search for a mixture (`compile`) may end beyond its budget.

    Policies are values: equal, hashed and printed by what they say. Raises InputError and
    UnsupportedError for what means nothing.
    """

    default: Format
    overrides: tuple[Override, ...] = ()
    io: tuple[tuple[str, DType], ...] = field(default=())
    allow_fallback: bool = False

    @checked
    def __init__(
        self,
        default: str | Format = "fp32",
        overrides: Overrides = (),
        io: IoTypes = MODEL_TYPES,
        allow_fallback: bool = False,
    ) -> None:
        object.__setattr__(self, "default", default if isinstance(default, Format) else format_named(default))
        object.__setattr__(self, "overrides", _overrides(overrides))
        object.__setattr__(self, "io", _io_types(io))
        object.__setattr__(self, "allow_fallback", bool(allow_fallback))

    @staticmethod
    @checked
    def named(name: str) -> PrecisionPolicy:
        """The policy with the default NAME and nothing else; UnsupportedError for one that does not exist."""
        return PrecisionPolicy(name)

    @property
    def name(self) -> str:
        return self.default.name

    @property
    def quantizes(self) -> bool:
        """True when some contractions are to multiply in eight bits, at scales of a calibration table."""
        return bool(self.eight_bits)

    @cached_property
    def eight_bits(self) -> tuple[Format, ...]:
        """The formats of eight bits that the policy asks for, of all ops or of some."""
        return tuple(format for format in self.formats if format.quantizes)

    @property
    def formats(self) -> tuple[Format, ...]:
        """All formats that the policy asks for, the default first."""
        return tuple(dict.fromkeys((self.default, *(override.format for override in self.overrides))))

    def override_of(self, op: Operation | None) -> Override | None:
        """The override that counts for OP; None when there is none."""
        if op is None or not self.overrides:
            return None
        nodes = op.location.nodes
        literals = [("op", op.name.removeprefix("graph.")), *(("node", node) for node in nodes)]
        last = max((self._literals.get(subject, -1) for subject in literals), default=-1)
        wild = (place for place in self._wild if place > last and self.overrides[place].names(nodes))
        place = next(wild, last)
        return self.overrides[place] if place >= 0 else None

    @cached_property
    def _literals(self) -> dict[tuple[str, str], int]:
        """Places of the overrides without wildcards, the last one of each subject."""
        pairs = ((place, each) for place, each in enumerate(self.overrides) if each.literal is not None)
        return {(each.kind, each.literal or ""): place for place, each in pairs}

    @cached_property
    def _wild(self) -> list[int]:
        """Places of the overrides with wildcards, the last one first."""
        return [n for n, each in reversed(list(enumerate(self.overrides))) if each.literal is None]

    def kept_in_floats(self, op: Operation) -> str | None:
        """Which override keeps the contraction OP out of eight bits, in words; None when none does."""
        override = self.override_of(op)
        if override is None or override.format.quantizes:
            return None
        return f"the override {override} asks for {override.format.name}"

    def format_of(self, op: Operation | None) -> Format:
        """The format that OP is asked to run in; the default for what no op makes."""
        override = self.override_of(op)
        return self.default if override is None else override.format

    def io_type(self, name: str, dtype: DType) -> DType:
        """The element type that the input or output NAME is to have, which is of DTYPE in the model."""
        if not dtype.is_float:
            return dtype
        table = dict(self.io)
        return table.get(name, table.get(EVERY, dtype))

    def arguments(self) -> list[str]:
        """The policy as arguments of the command line."""
        words = ["--precision", self.name]
        for override in self.overrides:
            words += ["--override", str(override)]
        for name, dtype in self.io:
            words += ["--io", dtype.name if name == EVERY else f"{name}={dtype.name}"]
        return words + (["--allow-fallback"] if self.allow_fallback else [])


def as_policy(precision: str | PrecisionPolicy) -> PrecisionPolicy:
    """The policy that a caller means by its name or by itself."""
    return precision if isinstance(precision, PrecisionPolicy) else PrecisionPolicy.named(precision)


def _overrides(given: Overrides) -> tuple[Override, ...]:
    if isinstance(given, Mapping):
        expect_each("overrides", given.keys(), str)
        expect_each("overrides", given.values(), str, Format)
        return tuple(Override.of(subject, format) for subject, format in given.items())
    expect_each("overrides", given, str, Override)
    return tuple(each if isinstance(each, Override) else Override.parse(each) for each in given)


def _io_types(given: IoTypes) -> tuple[tuple[str, DType], ...]:
    """Element types by name, sorted; the default for all under `EVERY`."""
    if not isinstance(given, (str, Mapping)):
        expect_each("io", given, tuple)
        given = dict(given)
    table = {EVERY: given} if isinstance(given, str) else given
    found = {}
    for name, type in table.items():
        expect_each("io", (name,), str)
        expect_each("io", (type,), str, DType)
        word = type.name if isinstance(type, DType) else type
        if word == MODEL_TYPES:
            continue
        if word not in _IO_TYPES:
            hint = f"these exist: {MODEL_TYPES}, {', '.join(_IO_TYPES)}"
            raise UnsupportedError(f"inputs and outputs cannot be given as '{word}'", hint)
        found[name] = _IO_TYPES[word]
    return tuple(sorted(found.items()))
