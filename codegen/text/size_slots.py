"""Size slots: the numbers in a kernel's text that could as well be parameters.

A slot is a number that is only an operand at run time, of `*`, `+`, `-` or a comparison, or the value of a
variable. Numbers that the compiler uses are not slots: bounds of loops, which are unrolled; divisors and
masks, which become multiplications and shifts; subscripts, because arrays live in registers; template
arguments, constants, and arguments of calls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LIMIT = 2**31  # a slot's number is an `int`, as the parameter would be
_FIXED_LINE = re.compile(r"#|//|.*\b(?:constexpr|GLASS_KERNEL|GLASS_DYNAMIC_SHARED|static_assert|while)\b")
_LOOP_HEAD = r"\bfor \([^;]*;[^;]*;(?:[^;()]|\([^;()]*\))*\)"
_FIXED_PART = re.compile(rf"{_LOOP_HEAD}|\w<[^;()]*?>|\[[^\]]*\]|//.*")
_NUMBER = re.compile(r"(?<![\w.])(?<!p\+)[0-9]+(?![\w.])")  # and no exponent, as in 0x1p+10
_OPERATOR_BEFORE = re.compile(r"(?:[*+]| [-<>]|[<>]=|[=!]=)\s*$|\bconst int \w+ = $|\b(?:u32|Offset|i64)\($")
_OPERATOR_AFTER = re.compile(r"\s*[*+]| [-<>] ")
_CONSTANT_BEFORE = re.compile(r"(?:[/%&|^]|<<|>>)\s*$")
_CONSTANT_AFTER = re.compile(r"\s*(?:[/%&|^]|<<|>>)")


@dataclass(frozen=True)
class SizedText:
    """A text cut at its size slots: `parts` is the text around them, one part more than there are `sizes`."""

    parts: tuple[str, ...]
    sizes: tuple[int, ...]

    def with_names(self, names: Mapping[int, str]) -> str:
        """The text with NAMES at some slots, by position; the others keep their numbers."""
        middle = [names.get(slot, str(size)) for slot, size in enumerate(self.sizes)]
        return "".join(part + text for part, text in zip(self.parts, [*middle, ""], strict=True))


def cut_at_sizes(source: str) -> SizedText:
    """SOURCE, the text of a kernel, cut at its size slots."""
    parts, sizes, rest = [], [], ""
    for line in source.splitlines(keepends=True):
        last = 0
        for match in _slots(line):
            parts.append(rest + line[last : match.start()])
            sizes.append(int(match.group()))
            rest, last = "", match.end()
        rest += line[last:]
    return SizedText((*parts, rest), tuple(sizes))


def _slots(line: str) -> Sequence[re.Match[str]]:
    """The numbers of LINE that are size slots."""
    numbers = list(_NUMBER.finditer(line))
    if not numbers or _FIXED_LINE.match(line.lstrip()):
        return ()
    fixed = [match.span() for match in _FIXED_PART.finditer(line)]
    return [
        match
        for match in numbers
        if not any(start <= match.start() < end for start, end in fixed) and _is_slot(line, match)
    ]


def _is_slot(line: str, match: re.Match[str]) -> bool:
    """Whether the operators beside the number make it an operand at run time."""
    before, after = line[: match.start()], line[match.end() :]
    if _CONSTANT_BEFORE.search(before) or _CONSTANT_AFTER.match(after) or int(match.group()) >= LIMIT:
        return False
    return bool(_OPERATOR_BEFORE.search(before) or _OPERATOR_AFTER.match(after))
