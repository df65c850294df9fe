"""Files of IR cases: read, and rewritten where a case's expected part changes. README.md has the form."""

from __future__ import annotations

import difflib
import fcntl
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TITLE, EXPECTED = "// ==== ", "// ----"
RUN = "glassrt opt"
UNCHANGED = "unchanged"
KEYS = ("run", "applies", "unless", "because", "expect", "changes-numbers")
_DIRECTIVE = re.compile(r"// ([a-z-]+): *(.*)")


class CaseError(Exception):
    """A file of cases that is not in their form; the message has the file and the line."""


@dataclass(frozen=True)
class Case:
    """One case of a file.

    title: what it shows, unique in its file; line: where it starts, from 1; options: those of `glassrt opt`;
    applies, unless: passes and rules that must be applied, or must not; because: words of the reason why
    one of them was refused, empty where none are given; changes_numbers: why its numbers
    differ, empty when they must not; input: a module; expected: the module or the diagnostic that comes of
    it, None where nothing is written yet; unchanged: the input itself is expected.
    """

    path: Path
    title: str
    line: int
    options: str
    applies: tuple[str, ...]
    unless: tuple[str, ...]
    because: str
    changes_numbers: str
    unchanged: bool
    input: str
    expected: str | None

    @property
    def slug(self) -> str:
        """The title as the name of a folder."""
        return re.sub(r"\W+", "-", self.title).strip("-")

    def error(self, problem: str) -> CaseError:
        """That PROBLEM is one of this case."""
        return CaseError(f"{self.path.name}:{self.line}: the case '{self.title}': {problem}")


def cases_of(path: Path) -> list[Case]:
    """The cases in the file PATH, in order; CaseError where it is not in their form."""
    text = path.read_text(encoding="utf-8")
    found = [_Draft.read(path, number, lines).case() for number, lines in _parts(path, text)]
    known: set[str] = set()
    for case in found:
        if case.slug in known:
            raise case.error("another case has this title")
        known.add(case.slug)
    return found


def rewrite_expected(case: Case, text: str) -> None:
    """Make TEXT the expected part of CASE in its file, and change nothing else there.

    Under a lock: other processes may rewrite other cases of the file at the same time.
    """
    with case.path.open("r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        lines = file.read().splitlines()
        start = lines.index(TITLE + case.title)
        end = next((n for n in range(start + 1, len(lines)) if lines[n].startswith(TITLE)), len(lines))
        cut = next((n for n in range(start, end) if lines[n] == EXPECTED), None)
        kept = _stripped(lines[start:end] if cut is None else lines[start:cut])
        after = [""] if end < len(lines) else []
        lines[start:end] = [*kept, EXPECTED, *text.rstrip("\n").splitlines(), *after]
        file.seek(0)
        file.write("\n".join(lines) + "\n")
        file.truncate()


def _parts(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of every case, with the number of its first; what stands above them is about the file."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(TITLE)]
    if not starts:
        raise CaseError(f"{path.name}:1: no case: one starts with '{TITLE}' and its title")
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield start + 1, lines[start:end]


@dataclass
class _Draft:
    """A case while it is read."""

    path: Path
    line: int
    title: str
    values: dict[str, str] = field(default_factory=dict)
    input: list[str] = field(default_factory=list)
    expected: list[str] | None = None

    @staticmethod
    def read(path: Path, line: int, lines: list[str]) -> _Draft:
        draft = _Draft(path, line, lines[0].removeprefix(TITLE).strip())
        body = lines[1:]
        while body and (body[0].startswith("//") or not body[0]) and body[0] != EXPECTED:
            draft._directive(body.pop(0))
        if EXPECTED in body:
            cut = body.index(EXPECTED)
            body, draft.expected = body[:cut], _stripped(body[cut + 1 :])
        draft.input = _stripped(body)
        return draft

    def _directive(self, line: str) -> None:
        """Note what LINE says; a comment that has no key in front is for people."""
        match = _DIRECTIVE.match(line)
        if match is None:
            return
        key, value = match[1], match[2].strip()
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1)
            hint = f"is '{near[0]}:' meant?" if near else f"these exist: {', '.join(KEYS)}"
            raise self.error(f"there is no '{key}:', {hint}")
        if key in self.values:
            raise self.error(f"'{key}:' stands there twice")
        if not value:
            raise self.error(f"nothing stands behind '{key}:'")
        self.values[key] = value

    def case(self) -> Case:
        command, expect = self.values.get("run", ""), self.values.get("expect")
        if not (command == RUN or command.startswith(RUN + " ")):
            raise self.error(f"it needs a line '// run: {RUN} ...' with the options of that command")
        if expect not in (None, UNCHANGED):
            raise self.error(f"'expect:' may say {UNCHANGED}, or be left out, not '{expect}'")
        if expect is not None and self.expected is not None:
            raise self.error(f"it says '{UNCHANGED}', and what is expected as well")
        if "because" in self.values and not {"applies", "unless"} & set(self.values):
            raise self.error("it gives a reason with 'because:', and names no rule that it is about")
        if not self.input:
            raise self.error("it has no module")
        return Case(
            self.path,
            self.title,
            self.line,
            command.removeprefix(RUN).strip(),
            self._names("applies"),
            self._names("unless"),
            self.values.get("because", ""),
            self.values.get("changes-numbers", ""),
            expect is not None,
            _text(self.input),
            None if self.expected is None else _text(self.expected),
        )

    def _names(self, key: str) -> tuple[str, ...]:
        return tuple(filter(None, (name.strip() for name in self.values.get(key, "").split(","))))

    def error(self, problem: str) -> CaseError:
        return CaseError(f"{self.path.name}:{self.line}: the case '{self.title}': {problem}")


def _stripped(lines: list[str]) -> list[str]:
    """LINES without empty ones at the end."""
    end = max((number + 1 for number, line in enumerate(lines) if line.strip()), default=0)
    return lines[:end]


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
