"""Emission for row kernels: large reductions are shared by the threads of a row."""

from __future__ import annotations

from collections.abc import Iterator

from ..dialects.core.affine import Dim, symbols
from ..dialects.core.expr import (
    Apply,
    Cast,
    Expr,
    IndexValue,
    Inside,
    LetIndex,
    Load,
    Reduce,
    Select,
)
from .affine_c import factor_to_c
from .emit import Emitter
from .literals import STORAGE_FLOATS, c_type, compute_type
from .reductions import combined, initial
from .sections import Section, Term

OPERATIONS = {"sum": "Sum", "prod": "Product", "max": "Maximum", "min": "Minimum", "any": "Any", "all": "All"}


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions that EXPR is made of."""
    match expr:
        case Apply():
            return expr.operands
        case Cast():
            return (expr.operand,)
        case Select():
            return (expr.condition, expr.chosen, expr.other)
        case Reduce():
            return (expr.body,)
        case LetIndex():
            return (expr.value, expr.body)
    return ()


def own_dims(expr: Expr) -> tuple[Dim, ...]:
    """The index expressions that EXPR itself holds."""
    match expr:
        case Load():
            return expr.index
        case IndexValue():
            return (expr.dim,)
        case Inside():
            return (expr.dim, expr.low, expr.high)
        case Reduce():
            return tuple(extent for _, extent in expr.variables)
    return ()


class Dependences:
    """Which index symbols each expression depends on; each shared expression is visited once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Expr, frozenset[str]]] = {}

    def of(self, expr: Expr) -> frozenset[str]:
        if id(expr) not in self._known:
            for node in walk(expr):
                if id(node) not in self._known:
                    self._known[id(node)] = (node, self._found(node))
        return self._known[id(expr)][1]

    def _found(self, node: Expr) -> frozenset[str]:
        found: set[str] = set()
        for dim in own_dims(node):
            found |= symbols(dim)
        for child in children(node):
            found |= self._known[id(child)][1]
        if isinstance(node, Reduce):
            found -= {name for name, _ in node.variables}
        if isinstance(node, LetIndex):
            found -= {node.name}
        return frozenset(found)


def walk(expr: Expr) -> Iterator[Expr]:
    """EXPR and all it is made of, each shared expression once, parts before what they are part of."""
    seen: set[int] = set()
    pending = [(expr, False)]
    while pending:
        node, complete = pending.pop()
        if complete:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            pending.append((node, True))
            pending += [(child, False) for child in reversed(children(node))]


def reductions_inside_out(expr: Expr) -> list[Reduce]:
    """Every reduction in EXPR, each once, inner ones before those that contain them."""
    return [node for node in walk(expr) if isinstance(node, Reduce)]


class RowEmitter(Emitter):
    """An emitter whose `share` spreads a reduction over `workers` threads of a row."""

    rows = 1
    workers = 1
    across = False

    def share(self, reduce: Reduce, section: Section) -> None:
        """Compute REDUCE with all threads of the row; later uses find it in SECTION."""
        dtype = compute_type(reduce.dtype)
        kind = c_type(dtype)
        name = self.fresh(reduce.kind)
        section.lines([f"{kind} {name} = {initial(reduce.kind, dtype)};"])
        inner = section.child()
        section.open(self._loop_header(reduce, section))
        section.lines(self._variables(reduce))
        element = self.lower(reduce.body, inner).text
        if reduce.body.dtype.name in STORAGE_FLOATS:
            element = f"convert<f32>({element})"
        inner.lines([f"{name} = {combined(reduce.kind, name, element, dtype)};"])
        section.embed(inner.finished(1))
        section.close()
        across = "true" if self.across else "false"
        call = f"row_reduce<{OPERATIONS[reduce.kind]}, {self.rows}, {self.workers}, {across}>({name}, smem)"
        section.lines([f"{name} = {call};"])
        text = f"convert<{c_type(reduce.dtype)}>({name})" if reduce.dtype.name in STORAGE_FLOATS else name
        section.remember(reduce, Term(text))

    def _loop_header(self, reduce: Reduce, section: Section) -> str:
        count: Dim = 1
        for _, extent in reduce.variables:
            count = count * extent
        self._running = self.fresh("k")
        running = self._running
        return (
            f"for (int {running} = worker; {running} < {self.index(count)}; {running} += {self.workers}) {{"
        )

    def _variables(self, reduce: Reduce) -> list[str]:
        """The loop variables, taken apart from the running number, innermost fastest."""
        if len(reduce.variables) == 1:
            self.names.define(reduce.variables[0][0], self._running)
            return []
        lines = []
        step: Dim = 1
        for position, (variable, extent) in enumerate(reversed(reduce.variables)):
            name = self.fresh("r")
            self.names.define(variable, name)
            text = self._running if step == 1 else f"{self._running} / {factor_to_c(step, self.names)}"
            if position != len(reduce.variables) - 1:
                text += f" % {factor_to_c(extent, self.names)}"
            lines.append(f"const int {name} = {text};")
            step = step * extent
        return lines
