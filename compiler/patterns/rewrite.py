"""Pattern rewriting: named patterns, applied greedily from a worklist until none of them matches.

The driver visits every operation once, and again only when an operation near it changed, so its work is
linear in the size of the module plus the number of rewrites. It is deterministic: operations are visited
in program order, and patterns are tried in the order given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ...dialects.core.diagnostics import op_error
from ...dialects.core.ir import Operation, Value
from ...dialects.core.location import UNKNOWN, Location
from ...dialects.core.module import Module
from ...dialects.core.traits import Trait, has
from ...dialects.graph.base import GraphOp, nofuse_of

Rewrite = Callable[[Any, "Rewriter"], bool]
AnyOp = TypeVar("AnyOp", bound=Operation)

# Patterns that need more rewrites than this per operation are assumed not to terminate.
REWRITES_PER_OP = 32


@dataclass(frozen=True)
class Pattern:
    """A rewrite pattern: its name, the op classes that it matches at, and the function that applies it.

    The function returns True when it rewrote the module, and must change nothing otherwise.
    """

    name: str
    roots: tuple[type[Operation], ...]
    apply: Rewrite

    @property
    def before_after(self) -> str:
        """The summary of the pattern, `before => after`: the docstring of its function."""
        return " ".join((self.apply.__doc__ or "").split())


def pattern(name: str, *roots: type[Operation]) -> Callable[[Rewrite], Pattern]:
    """Decorator that turns a function into the pattern NAME at ROOTS; its docstring is `before => after`."""

    def wrap(function: Rewrite) -> Pattern:
        return Pattern(name, roots, function)

    return wrap


@dataclass(frozen=True)
class Applied:
    """A rewrite that was applied: the pattern's name and summary, and the replaced op with its ONNX nodes.

    read: the nodes of the producers of the op's operands, which may no longer be read.
    """

    rule: str
    before_after: str
    op: str
    nodes: tuple[str, ...]
    read: tuple[str, ...] = ()


class Rewriter:
    """The changes that a pattern may make. New operations go before the root and carry its location."""

    def __init__(self, driver: _Driver, root: Operation, module: Module) -> None:
        self._driver = driver
        self.root = root
        self.module = module

    def insert(self, op: AnyOp, before: Operation | None = None) -> AnyOp:
        """Insert OP before the root (or BEFORE), with the root's location unless it has its own.

        If the root is marked `nofuse`, so is OP.
        """
        anchor = before or self.root
        assert anchor.parent is not None
        anchor.parent.insert_before(anchor, op)
        if nofuse_of(self.root) is not None and isinstance(op, GraphOp):
            op.nofuse = True
        if not op.location.nodes:
            op.location = op.location.merged(self.root.location)
        self._driver.touch(op)
        return op

    def replace(
        self, op: Operation, *values: Value, absorbed: Sequence[Operation] = (), located: bool = False
    ) -> None:
        """Replace all uses of OP by VALUES and erase OP.

        The operations that define VALUES take over the locations of OP and of the ABSORBED operations,
        whose work they now do. LOCATED: they keep the locations they have, because they do no such work.
        """
        locations = [op.location, *(other.location for other in absorbed)]
        for old, new in zip(op.results, values, strict=True):
            for user in old.users:
                self._driver.touch(user)
            if new.producer is not None and not has(new.producer, Trait.CONSTANT):
                for location in () if located else locations:
                    new.producer.location = new.producer.location.merged(location)
                self._driver.touch(new.producer)
        operands = op.inputs
        op.replace_by(*values)
        self._driver.forget(op)
        self._driver.released(operands)

    def replace_value(self, old: Value, new: Value) -> None:
        """Replace all uses of OLD, which stays where it is, by NEW."""
        for user in old.users:
            self._driver.touch(user)
        old.replace_by(new)

    def erase(self, op: Operation) -> None:
        """Erase OP, whose results have no uses."""
        operands = op.inputs
        op.erase()
        self._driver.forget(op)
        self._driver.released(operands)


def is_dead(op: Operation) -> bool:
    """True when OP has no uses, no side effects, and is no terminator."""
    if has(op, Trait.TERMINATOR) or has(op, Trait.SIDE_EFFECT):
        return False
    return not any(value.uses for value in op.results)


@dataclass
class _Driver:
    """The worklist: operations to visit, each at most once."""

    queue: deque[Operation] = field(default_factory=deque)
    waiting: set[Operation] = field(default_factory=set)

    def touch(self, op: Operation) -> None:
        if op not in self.waiting:
            self.waiting.add(op)
            self.queue.append(op)

    def forget(self, op: Operation) -> None:
        self.waiting.discard(op)

    def released(self, values: Iterable[Value]) -> None:
        """Handle VALUES, which lost a use: erase producers that are dead now, and revisit the others.

        A dead user that was erased later would still count as a use and hide matches from patterns.
        """
        pending = list(values)
        while pending:
            value = pending.pop()
            producer = value.producer
            if producer is None or producer.parent is None:
                continue
            if is_dead(producer):
                pending += producer.inputs
                producer.erase()
                self.forget(producer)
                continue
            self.touch(producer)
            for user in value.users if len(value.uses) == 1 else ():
                self.touch(user)

    def pop(self) -> Operation | None:
        while self.queue:
            op = self.queue.popleft()
            if op in self.waiting:
                self.waiting.discard(op)
                return op
        return None


def rewrite(
    module: Module,
    patterns: Sequence[Pattern],
    on_rewrite: Callable[[Applied], bool | None] | None = None,
    *,
    marked: bool = False,
) -> int:
    """Apply PATTERNS everywhere in MODULE until none matches; returns the number of rewrites.

    ON_REWRITE is called for each rewrite, and stops rewriting by returning False. Dead operations are
    erased when they are visited. Ops marked `nofuse` are no roots, unless MARKED. Raises IRError when the
    patterns do not terminate.
    """
    by_root: dict[type[Operation], list[Pattern]] = {}
    for rule in patterns:
        for root in rule.roots:
            by_root.setdefault(root, []).append(rule)
    driver = _Driver()
    for initial in module.walk():
        driver.touch(initial)
    limit = REWRITES_PER_OP * (len(driver.queue) + 8)
    count = 0
    while (op := driver.pop()) is not None:
        fitting = by_root.get(type(op), ()) if marked or nofuse_of(op) is None else ()
        applied = _visit(op, fitting, driver, module)
        if applied is None:
            continue
        count += 1
        if on_rewrite is not None and on_rewrite(applied) is False:
            break
        if count > limit:
            raise op_error(op, f"the rule '{applied.rule}' was applied without end", "switch the rule off")
    return count


def _visit(op: Operation, rules: Sequence[Pattern], driver: _Driver, module: Module) -> Applied | None:
    rewriter = Rewriter(driver, op, module)
    if is_dead(op):
        rewriter.erase(op)
        return None
    nodes, sources = op.location.nodes, [_source(value) for value in op.inputs] if rules else []
    for rule in rules:
        if rule.apply(op, rewriter):
            if op.parent is not None:
                driver.touch(op)
            read = dict.fromkeys(node for source in sources for node in source.nodes)
            return Applied(rule.name, rule.before_after, op.name, nodes, tuple(read))
    return None


def _source(value: Value) -> Location:
    """The location of the op that defines VALUE; unknown for arguments and constants."""
    producer = value.producer
    return UNKNOWN if producer is None or has(producer, Trait.CONSTANT) else producer.location
