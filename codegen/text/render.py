"""Renders kernel templates with Jinja: a frozen spec in, CUDA text out. No other Jinja environment exists.

Templates see integers, closed enums, compiler-made identifiers, names of other templates and emitted
expressions, never text from the model: `render` checks every field, at any depth, before the template runs.
Templates lay out text and decide nothing, so they get few filters.
"""

from __future__ import annotations

import dataclasses
import re
from enum import Enum
from functools import lru_cache
from importlib import resources
from pathlib import Path

import jinja2

from ... import templates
from .compiled_templates import CompiledTemplates
from .loops import dedented, folded, loop, strided, unrolled

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_CODE = re.compile(r"[\n\x20-\x7e]*")
_CODE_FORBIDDEN = re.compile(r"[#\\\"'`@$]|/\*|\*/|%:|\?\?|\b_*asm_*\b")
_TEMPLATE = re.compile(r"(?:kernels|lib)(?:/[a-z][a-z0-9_]*)+\.cu\.j2")
_INT_LIMIT = 1 << 64
_FILTERS = ("abs", "first", "indent", "join", "last", "length", "list", "map", "max", "min", "reverse", "sum")
_GLOBALS = ("range", "namespace")
_LOOPS = {"unrolled": unrolled, "loop": loop, "strided": strided}


class SpecError(TypeError):
    """A kernel spec holds a value that must not reach a template: an internal error of the compiler."""


class Identifier(str):
    """A C++ name made by the compiler, such as that of a kernel or a variable; SpecError for other text."""

    __slots__ = ()

    def __new__(cls, text: str) -> Identifier:
        if _IDENTIFIER.fullmatch(text) is None:
            raise SpecError(f"{text[:80]!r} is not a compiler-made identifier")
        return super().__new__(cls, text)


class Code(str):
    """CUDA text from the expression emitter: expressions or statements.

    Floating-point numbers are written in hexadecimal, so that neither rounding nor the spelling of special
    values (`inf`) changes them. SpecError for text with directives, comments, quotes or inline assembly.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Code:
        if _CODE.fullmatch(text) is None or _CODE_FORBIDDEN.search(text):
            raise SpecError(f"{text[:80]!r} is not code of the expression emitter")
        return super().__new__(cls, text)


class Template(str):
    """The name of a kernel template that another template includes; SpecError for other text."""

    __slots__ = ()

    def __new__(cls, text: str) -> Template:
        if _TEMPLATE.fullmatch(text) is None:
            raise SpecError(f"{text[:80]!r} is not the name of a template")
        return super().__new__(cls, text)


def render(template: str, spec: object) -> str:
    """Renders `template` ("kernels/name.cu.j2") with the frozen dataclass `spec`, which it sees as `spec`.

    Raises SpecError when a field is not made of int, bool, None, Enum, Identifier, Code, Template, tuples
    of these and frozen dataclasses of these; jinja2.UndefinedError when the template asks for
    a field that the spec lacks. The text ends in exactly one newline and has no trailing blanks, no two
    empty lines in a row and none before a closing brace.
    """
    if not dataclasses.is_dataclass(spec) or isinstance(spec, type):
        raise SpecError(f"a spec is an instance of a frozen dataclass, not {type(spec).__name__}")
    check_spec(spec, type(spec).__name__)
    text = environment().get_template(template).render(spec=spec, member=None)
    stripped = "\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n") + "\n"
    return re.sub(r"\n{2,}( *})", r"\n\1", re.sub(r"\n{3,}", "\n\n", stripped))


def check_spec(value: object, path: str) -> None:
    """Raise SpecError, naming the field by its `path`, unless `value` may reach a template."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if not value.__dataclass_params__.frozen:  # type: ignore[attr-defined]
            raise SpecError(f"{path}: {type(value).__name__} is not frozen")
        for field in dataclasses.fields(value):
            check_spec(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            check_spec(item, f"{path}[{index}]")
    elif isinstance(value, Enum):
        _check_enum(value, path)
    elif isinstance(value, int):
        if not -_INT_LIMIT < value < _INT_LIMIT:
            raise SpecError(f"{path}: {value} does not fit 64 bits")
    elif value is not None and type(value) not in (Code, Identifier, Template):
        raise SpecError(f"{path}: {type(value).__name__} must not reach a template")


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """The Jinja environment of the kernel templates."""
    result = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        auto_reload=False,
        optimized=False,  # constants are few, and looking for them takes a tenth of compiling a template
        bytecode_cache=CompiledTemplates(Path(templates.__file__).parent / "__pycache__"),
    )
    result.filters = {name: result.filters[name] for name in _FILTERS}
    result.filters |= {"folded": folded, "dedented": dedented}
    result.globals = {name: result.globals[name] for name in _GLOBALS} | _LOOPS
    return result


def _source(name: str) -> str | None:
    if _TEMPLATE.fullmatch(name) is None:
        return None
    file = resources.files(templates).joinpath(*name.split("/"))
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _check_enum(value: Enum, path: str) -> None:
    text = value.value
    if isinstance(text, str):
        if re.fullmatch(r"[\w.:<>, +*/&|-]*", text, re.ASCII) is None:
            raise SpecError(f"{path}: the enum value {text!r} is not fit for CUDA")
    elif not isinstance(text, int):
        raise SpecError(f"{path}: the enum value {text!r} must be an integer or a word")
