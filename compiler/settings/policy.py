"""Precision policies: the number formats in which a model is stored, multiplied and accumulated.

A policy has a default format, overrides for single ops and nodes, element types for inputs and outputs, and
says whether a kernel may fall back to another format than requested.
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

from ...dialects.core.dtypes import BF16, F16, F32, DType
from ...dialects.core.ir import Operation
from ...dialects.custom.registry import named as custom_op_named
from ...dialects.graph import GRAPH
from ...errors import InputError, UnsupportedError
from ...errors.option import option_error
from ...runtime.arguments import checked, expect_each
from .formats import Format, format_named
from .names import EVERY

# The element types that inputs and outputs may be given, by their format names or IR names.
_IO_TYPES: Mapping[str, DType] = MappingProxyType(
    {"fp32": F32, "fp16": F16, "bf16": BF16, "f32": F32, "f16": F16}
)
MODEL_TYPES = "model"

_ESCAPED = re.compile(r"\[([*?[])\]")
_OPS = {op.name.removeprefix("graph.") for op in GRAPH.ops}


@dataclass(frozen=True)
class Override:
    """An override: the format of some ops, instead of the default.

    kind: 'op', where `pattern` is the name of a graph op ("softmax"), or 'node', where `pattern` is a shell
    wildcard pattern for names of ONNX nodes.
    """

    kind: str
    pattern: str
    format: Format

    @staticmethod
    def parse(text: str) -> Override:
        """The override in TEXT, such as `op:softmax=fp32` or `node:/layer3/*=fp16`.

        Raises InputError for text of another form or an unknown op, UnsupportedError for an unknown format.
        """
        subject, equals, name = text.rpartition("=")
        if not equals:
            hint = "write op:softmax=fp32, or node:/layer3/*=fp32"
            message, at = f"the override {text!r} has no format", (len(text), len(text))
            raise option_error(InputError, "override", text, message, hint, at=at, label="'=' and a format")
        return Override.of(subject, name)

    @staticmethod
    def of(subject: str, format: str | Format) -> Override:
        """The override of SUBJECT, `op:NAME` or `node:PATTERN`, to FORMAT. Raises as `parse` does."""
        kind, _, pattern = subject.partition(":")
        text = f"{subject}={format.name if isinstance(format, Format) else format}"
        if kind not in ("op", "node") or not pattern:
            hint = "write op:softmax for a kind of op, or node:/layer3/* for ONNX nodes"
            message, at = f"the override of {subject!r} names neither ops nor nodes", (0, len(subject))
            raise option_error(InputError, "override", text, message, hint, at=at)
        if kind == "op" and pattern not in _OPS and custom_op_named(pattern) is None:
            close = difflib.get_close_matches(pattern, sorted(_OPS), 3)
            like = f"is {' or '.join(close)} meant?" if close else None
            message, at = f"there is no op '{pattern}'", (len(subject) - len(pattern), len(subject))
            raise option_error(InputError, "override", text, message, like, at=at)
        named = format if isinstance(format, Format) else format_named(format, "override", text)
        return Override(kind, pattern, named)

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.pattern}"

    @cached_property
    def literal(self) -> str | None:
        """The only name that the pattern matches; None when it has wildcards."""
        name = _ESCAPED.sub(r"\1", self.pattern)
        return name if self.kind == "op" or glob.escape(name) == self.pattern else None

    def names(self, nodes: Collection[str]) -> bool:
        """Whether this is a node override that matches one of NODES."""
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
    """A precision policy: the formats in which a model runs.

        PrecisionPolicy("fp16", overrides={"op:softmax": "fp32", "node:/layer3/*": "fp32"}, io="fp16")

    default: the format of every op that no override matches; overrides: see `Override`; the last one that
    matches an op counts; io: 'model' (inputs and outputs keep their types), the element type of all float
    inputs and outputs, or element types by name; allow_fallback: a kernel may fall back to another format,
    which the ledger records, instead of failing the build; likewise a search for a mixture (`compile`) may
    miss its budget.

    Policies are values: they are compared, hashed and printed by their content. Raises InputError for
    overrides and types that cannot be parsed, UnsupportedError for formats and types that do not exist.
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
        """The policy with the default format NAME and nothing else. Raises UnsupportedError for no format."""
        return PrecisionPolicy(name)

    @property
    def name(self) -> str:
        return self.default.name

    @property
    def quantizes(self) -> bool:
        """Whether some contractions are to multiply in eight bits, with scales of a calibration table."""
        return bool(self.eight_bits)

    @cached_property
    def eight_bits(self) -> tuple[Format, ...]:
        """The eight-bit formats that the policy requests, for all ops or for some."""
        return tuple(format for format in self.formats if format.quantizes)

    @property
    def formats(self) -> tuple[Format, ...]:
        """All formats that the policy requests, the default first."""
        return tuple(dict.fromkeys((self.default, *(override.format for override in self.overrides))))

    def override_of(self, op: Operation | None) -> Override | None:
        """The override that counts for OP: the last one that matches; None when there is none."""
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
        """Indices of the overrides without wildcards, the last one of each subject."""
        pairs = ((place, each) for place, each in enumerate(self.overrides) if each.literal is not None)
        return {(each.kind, each.literal or ""): place for place, each in pairs}

    @cached_property
    def _wild(self) -> list[int]:
        """Indices of the overrides with wildcards, the last one first."""
        return [n for n, each in reversed(list(enumerate(self.overrides))) if each.literal is None]

    def kept_in_floats(self, op: Operation) -> str | None:
        """A message about the override that keeps the contraction OP in floats; None when there is none."""
        override = self.override_of(op)
        if override is None or override.format.quantizes:
            return None
        return f"the override {override} asks for {override.format.name}"

    def format_of(self, op: Operation | None) -> Format:
        """The format requested for OP; the default format where OP is None."""
        override = self.override_of(op)
        return self.default if override is None else override.format

    def io_type(self, name: str, dtype: DType) -> DType:
        """The element type requested for the input or output NAME, which has DTYPE in the model."""
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
    """PRECISION as a policy: a policy itself, or the name of a default format."""
    return precision if isinstance(precision, PrecisionPolicy) else PrecisionPolicy.named(precision)


def _overrides(given: Overrides) -> tuple[Override, ...]:
    if isinstance(given, Mapping):
        expect_each("overrides", given.keys(), str)
        expect_each("overrides", given.values(), str, Format)
        return tuple(Override.of(subject, format) for subject, format in given.items())
    expect_each("overrides", given, str, Override)
    return tuple(each if isinstance(each, Override) else Override.parse(each) for each in given)


def _io_types(given: IoTypes) -> tuple[tuple[str, DType], ...]:
    """Element types by name of input or output, sorted; the type for all of them is under `EVERY`."""
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
            text = word if name == EVERY else f"{name}={word}"
            message, at = (
                f"inputs and outputs cannot be given as '{word}'",
                (len(text) - len(word), len(text)),
            )
            raise option_error(UnsupportedError, "io", text, message, hint, at=at)
        found[name] = _IO_TYPES[word]
    return tuple(sorted(found.items()))
