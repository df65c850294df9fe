"""What emitted kernels should not hold: idle arithmetic, loops that run once, numbers that are not read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from types import CodeType

_IDLE = re.compile(
    r"[*/%] 1\b(?!\.)|[*+-] 0\b(?![.x])|(?<![\w.>])0 [*/%+] |<< 0\b|= 0 \+|\bout_image = index\b"
    r"|constexpr int \w+ = 0;"
)
_DEFINED = re.compile(r"\b(?:const int|,) (\w+) = ")
_DEFINITIONS = re.compile(r"^\s*(?:constexpr |const )?(?:int|i64|u32|Offset) (\w+ = .*);")
_ASSIGNED = re.compile(r"(?<![\w.] )(?<![\w.])(\w+) = ")
_COUNTED = re.compile(r"for \((?:(?:int|i64|Offset) (\w+) = (.+?))?; (\w+) < ([^;]+); (.+?)\) ?(?:\{|\S.*;$)")
_ARITHMETIC = re.compile(r"[\w\s()+*/%<>?:-]+")
_CHOICE = re.compile(r"(.+?) \? (.+?) : (.+)")


def idle(source: str) -> list[str]:
    """The lines of SOURCE that say nothing, and those with a loop that runs once at most."""
    return [line for line in source.split("\n") if _says_nothing(line)] + short_loops(source)


# The kernels of a family have most of their lines in common.
@lru_cache(maxsize=1 << 16)
def _says_nothing(line: str) -> bool:
    return _IDLE.search(line) is not None and not line.startswith("//")


def unread(source: str) -> list[str]:
    """The ints that SOURCE defines and never names again."""
    code = re.sub(r"//.*", "", source)
    named = Counter(re.findall(r"\w+", code))
    return [name for name in _DEFINED.findall(code) if named[name] == 1]


def hidden(source: str) -> list[str]:
    """The constants of a kernel, or of a member of a group, that SOURCE defines again in a narrower scope.

    The second would hide the first from all that is emitted behind it.
    """
    found: list[str] = []
    for own in re.split(r"^namespace ", source, flags=re.MULTILINE):
        outer, inner = (
            {
                name
                for line in re.findall(pattern, own, re.MULTILINE)
                for name in re.findall(r"(\w+) = ", line)
            }
            for pattern in (r"^constexpr int (.*);", r"^ +constexpr int (.*);")
        )
        found += sorted(outer & inner)
    return found


def short_loops(source: str) -> list[str]:
    """The lines of SOURCE with a loop that runs at most once, whatever the thread, by its named constants."""
    known: dict[str, int] = {}
    found = []
    for line in source.split("\n"):
        defined, loop, assigned = _read(line)
        if defined:
            _define(defined, known)
        if loop and _runs_once(loop, known):
            found.append(line.strip())
        for name in assigned:
            known.pop(name, None)
    return found


@lru_cache(maxsize=1 << 16)
def _read(line: str) -> tuple[str, re.Match[str] | None, list[str]]:
    """What LINE defines, the loop in it, and the variables that it assigns, defined by other lines."""
    code = line.partition("//")[0].rstrip()
    defined, loop = _DEFINITIONS.match(code), _COUNTED.search(code)
    if defined:
        return defined[1], loop, []
    return "", loop, _ASSIGNED.findall(code[loop.end(4) :] if loop else code)


def _define(text: str, known: dict[str, int]) -> None:
    """Enter the variables that TEXT defines in KNOWN; those without a known value leave it."""
    for part in re.split(r", (?=\w+ = )", text):
        name, _, expression = part.partition(" = ")
        value = _value(expression, known)
        known.pop(name, None)
        if value is not None:
            known[name] = value


def _runs_once(loop: re.Match[str], known: dict[str, int]) -> bool:
    """Whether LOOP has at most one trip. A start that is not known, such as a thread's own, is 0 at least."""
    index, start, counter, bound, advance = loop.groups()
    last = _value(bound, known)
    step = 1 if "++" in advance else _value(advance.partition("+= ")[2], known)
    first = _value(start, known) if index else known.get(counter)
    if not index:
        if first is None or last is None:
            return False
        known[counter] = max(first, last)  # a later loop goes on from there
    return last is not None and step is not None and last - (first or 0) <= step


def _value(text: str, known: Mapping[str, int]) -> int | None:
    """The value of the C expression TEXT; None where a variable of it is not KNOWN."""
    code = _compiled(text)
    if code is None:
        return None
    try:
        return int(eval(code, {"__builtins__": {}}, dict(known)))
    except (NameError, ZeroDivisionError):
        return None


@lru_cache(maxsize=1 << 16)
def _compiled(text: str) -> CodeType | None:
    """The C expression TEXT for Python; None where it is no plain arithmetic."""
    if not _ARITHMETIC.fullmatch(text) or re.search(r"\w\(", text):
        return None
    choice = _CHOICE.fullmatch(text)
    if choice:
        text = f"({choice[2]}) if ({choice[1]}) else ({choice[3]})"
    try:
        return compile(text.replace("/", "//").strip(), "<C>", "eval")
    except SyntaxError:
        return None
