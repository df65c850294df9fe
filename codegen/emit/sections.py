"""Where emitted statements go: before the loop over lanes, into it, or after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ...dialects.core.expr import Expr

INDENT = "    "


@dataclass(frozen=True, slots=True)
class SectionTerm:
    """A value in emitted code: its C expression, and whether it varies from lane to lane.

    vector: the C name of the `Vec` of all lanes, when the value is an element of one.
    """

    text: str
    varying: bool = False
    vector: str | None = None

    @classmethod
    def lane_of(cls, vector: str) -> SectionTerm:
        """The element of VECTOR at the current lane of the lane loop."""
        return cls(f"{vector}[lane]", varying=True, vector=vector)


@dataclass(frozen=True, slots=True)
class Guard:
    """A predicate under which loads are executed; always, when its text is empty."""

    text: str = ""
    varying: bool = False

    def applied(self, read: str, otherwise: str) -> str:
        """READ under the predicate, as C text, and OTHERWISE where it does not hold."""
        return f"{self.text} ? {read} : {otherwise}" if self.text else read


class Section:
    """A sequence of statements: a head, a loop over the lanes, and a tail.

    Uniform statements go to the head, those that vary from lane to lane into the loop. Names that are defined
    under a guard are known only under it, because a predicated load has no value outside.
    """

    def __init__(self, lanes: int, known: list[dict[int, tuple[Expr, SectionTerm]]] | None = None) -> None:
        self._lanes = lanes
        self._head: list[str] = []
        self._body: list[str] = []
        self._tail: list[str] = []
        self._depth = 0
        self._known: list[dict[int, tuple[Expr, SectionTerm]]] = [*(known or []), {}]
        self._guards: list[Guard] = []

    # ------------------------------------------------------------ what is known already

    def find(self, expr: Expr) -> SectionTerm | None:
        """The term that holds EXPR; None when it has not been computed here."""
        for layer in reversed(self._known):
            if id(expr) in layer:
                return layer[id(expr)][1]
        return None

    def remember(self, expr: Expr, term: SectionTerm) -> None:
        """Record that TERM holds EXPR, until the current guard ends."""
        # The expression is kept with the term, so that its identity is not reused.
        self._known[-1][id(expr)] = (expr, term)

    def child(self, lanes: int | None = None) -> Section:
        """A section for the body of a loop in this one's head: it knows the values that the head defines.

        It has as many lanes, or LANES of its own, over which the values of the head do not vary.
        """
        shared = {
            key: (expr, term)
            for layer in self._known
            for key, (expr, term) in layer.items()
            if not term.varying or term.text.endswith("[lane]")
        }
        section = Section(lanes or self._lanes, [shared])
        section._guards = list(self._guards)
        return section

    # ------------------------------------------------------------ guards

    @contextmanager
    def guarded(self, guard: Guard) -> Iterator[None]:
        """A context in which loads are predicated by GUARD, too."""
        self._guards.append(guard)
        self._known.append({})
        yield
        self._known.pop()
        self._guards.pop()

    def guard(self) -> Guard:
        """The conjunction of all guards that are in force."""
        if not self._guards:
            return Guard()
        texts = list(dict.fromkeys(guard.text for guard in self._guards))
        joined = texts[0] if len(texts) == 1 else "(" + " && ".join(texts) + ")"
        return Guard(joined, any(guard.varying for guard in self._guards))

    # ------------------------------------------------------------ statements

    def write(self, line: str, varying: bool) -> None:
        """Add a statement: to the lane loop when it is VARYING, else to the head."""
        if varying and self._lanes > 1:
            self._body.append(line)
        else:
            self._head.append(INDENT * self._depth + line)

    def write_all(self, lines: list[str], varying: bool) -> None:
        """Add statements, each as by `write`."""
        for line in lines:
            self.write(line, varying)

    def lines(self, lines: Sequence[str]) -> None:
        """Add statements to the head."""
        self._head += [INDENT * self._depth + line for line in lines]

    def open(self, line: str) -> None:
        """Add LINE to the head, which opens a block; later statements of the head are indented."""
        self.lines([line])
        self._depth += 1

    def close(self) -> None:
        """Close the block of the head that was opened last."""
        self._depth -= 1
        self.lines(["}"])

    def embed(self, lines: list[str]) -> None:
        """Add the finished statements of a child section to the head."""
        self.lines(lines)

    def after(self, line: str) -> None:
        """Add a statement after the lane loop."""
        self._tail.append(line)

    def finished(self, lanes: int) -> list[str]:
        """All statements in order: head, loop over LANES lanes, tail."""
        body = []
        if self._body:
            body = ["GLASS_UNROLL", f"for (int lane = 0; lane < {lanes}; ++lane) {{"]
            body += [INDENT + line for line in self._body] + ["}"]
        return self._head + body + self._tail
