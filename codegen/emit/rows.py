"""Emission for row kernels, whose large reductions are spread over many threads of one or several blocks."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from ...dialects.core.affine import Dim, product, symbol
from ...dialects.core.affine_traversal import substitute, symbols
from ...dialects.core.bounds import Range, bounds
from ...dialects.core.expr import (
    Apply,
    BitCastExpr,
    CastExpr,
    Expr,
    IndexValue,
    Inside,
    LetIndex,
    LoadExpr,
    ReduceExpr,
    Select,
)
from ..text.literals import c_type, computed, stored
from .emitter import Emitter
from .lanes import Lanes
from .offsets import linear_offset
from .row_walk import COLUMN, HeldElements
from .sections import Section, SectionTerm
from .shared_reductions import SharedReduction, as_word, from_word, shared_reduction
from .spaces import Axis, Space

ALONG = "_z"  # the index along a row that is looked up, behind all others
INT_STEPS = 1 << 30  # a loop counter below this cannot overflow an int by one step


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct operands of EXPR."""
    match expr:
        case Apply():
            return expr.operands
        case CastExpr() | BitCastExpr():
            return (expr.operand,)
        case Select():
            return (expr.condition, expr.chosen, expr.other)
        case ReduceExpr():
            return (expr.body,)
        case LetIndex():
            return (expr.value, expr.body)
    return ()


def own_dims(expr: Expr) -> tuple[Dim, ...]:
    """The index expressions of EXPR itself, without those of its operands."""
    match expr:
        case LoadExpr():
            return expr.index
        case IndexValue():
            return (expr.dim,)
        case Inside():
            return (expr.dim, expr.low, expr.high)
        case ReduceExpr():
            return tuple(extent for _, extent in expr.variables)
    return ()


class Dependences:
    """Finds the index symbols that expressions depend on; visits each shared expression once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Expr, frozenset[str]]] = {}

    def of(self, expr: Expr) -> frozenset[str]:
        """The index symbols that EXPR depends on, without those that it binds itself."""
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
        if isinstance(node, ReduceExpr):
            found -= {name for name, _ in node.variables}
        if isinstance(node, LetIndex):
            found -= {node.name}
        return frozenset(found)


def walk(expr: Expr) -> Iterator[Expr]:
    """All nodes of the expression graph EXPR in postorder: operands first, each shared node once."""
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


def in_groups(shared: Sequence[ReduceExpr]) -> list[list[ReduceExpr]]:
    """SHARED in order, with neighbours grouped that one loop can compute together.

    Those have equal extents, and none needs the result of another.
    """
    groups: list[list[ReduceExpr]] = []
    for reduce in shared:
        extents = [extent for _, extent in reduce.variables]
        alike = bool(groups) and extents == [extent for _, extent in groups[-1][0].variables]
        if alike and not depends(reduce, groups[-1]):
            groups[-1].append(reduce)
        else:
            groups.append([reduce])
    return groups


def depends(reduce: ReduceExpr, others: Sequence[ReduceExpr]) -> bool:
    """True when the elements of REDUCE use the result of one of OTHERS."""
    wanted = {id(other) for other in others}
    return any(id(node) in wanted for node in walk(reduce.body))


def reductions_inside_out(expr: Expr) -> list[ReduceExpr]:
    """Every reduction in EXPR, once each, inner ones before those that contain them."""
    return [node for node in walk(expr) if isinstance(node, ReduceExpr)]


def row_indices(results: Sequence[Expr], rows: Set[str]) -> Iterator[LetIndex]:
    """The indices in RESULTS that are computed from data and depend on the index symbols ROWS alone."""
    dependences, found = Dependences(), set(rows)
    for result in results:
        for node in walk(result):
            if isinstance(node, LetIndex) and {s for s in dependences.of(node.value) if s[0] == "_"} <= found:
                found.add(node.name)
                yield node


def structure(expr: object) -> Hashable:
    """What is equal for expressions that compute the same from the same operands."""
    if isinstance(expr, Expr):
        return (type(expr), *(structure(getattr(expr, own.name)) for own in fields(expr)))  # type: ignore[arg-type]
    return tuple(map(structure, expr)) if isinstance(expr, tuple) else expr  # type: ignore[return-value]


class RowEmitter(Emitter):
    """An emitter that spreads the reductions of a row over several threads, and over several blocks.

    With several lanes a thread has as many adjacent rows, whose reductions do not depend on one another. With
    a `vector` it takes as many adjacent elements of its row at a time, and lanes run along the row.

    rows: rows per block, or vectors of rows; workers: threads per row in a block; across: whether adjacent
    threads are on different rows, for coalesced loads; splits: blocks per row; ranges: bounds of the symbols,
    which decide whether loop counters fit an int; held: the elements of a row that threads keep, if they do;
    weights: the buffers that no kernel writes.
    """

    rows = 1
    workers = 1
    across = False
    splits = 1
    vector = 1
    ranges: Mapping[str, Range] = {}
    held: HeldElements | None = None
    weights: frozenset[str] = frozenset()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._row_indices: set[str] = set()  # those that are computed from data, once for a row

    # ------------------------------------------------------------ rows that are looked up

    def name_row_indices(self, results: Sequence[Expr], section: Section) -> None:
        """Define the indices in RESULTS that are computed from data, once for a row.

        Only those that depend on the row alone; equal ones get one name.
        """
        own = {axis.symbol for axis in self.spaces[0].axes}
        known: dict[Hashable, str] = {}
        for let in row_indices(results, own):
            name = known.get(structure(let.value))
            if name is None:
                self._name_index(let, section)
                known[structure(let.value)] = self.names[let.name]
            else:
                self.names.define(let.name, name)
            self._row_indices.add(let.name)

    def _name_index(self, let: LetIndex, section: Section) -> None:
        if let.name not in self._row_indices:
            super()._name_index(let, section)

    # ------------------------------------------------------------ a thread keeps its elements

    def _load(self, load: LoadExpr, section: Section) -> SectionTerm:
        vector = None if self.held is None else self._held_vector(load, section, self.held)
        return super()._load(load, section) if vector is None else SectionTerm.lane_of(vector)

    def _held_vector(self, load: LoadExpr, section: Section, held: HeldElements) -> str | None:
        """The vector that a thread keeps of what LOAD reads; None where it is to be loaded in its place."""
        offset = linear_offset(load.source.type, load.index)
        own, used = self.lanes.symbol, set() if isinstance(offset, int) else symbols(offset)
        placed = self.lanes.stride(offset) == 1 and self.lanes.aligned(offset)
        # What a loop inside counts is not known where elements are loaded ahead.
        known = {own, *(axis.symbol for axis in self.spaces[0].axes), *self._row_indices}
        if not placed or section.guard().text or not used <= known:
            return None
        if not used.isdisjoint(self._row_indices):  # the same place has the same text along any index
            self.names.define(ALONG, self.names[own])
            offset = substitute(offset, {own: symbol(ALONG)})
        buffer = self.buffers[load.source]
        early = buffer in self.weights and used <= {own}
        return held.hold(self.fresh(f"{buffer}_"), load.dtype, buffer, self.index(offset), early)

    def _accumulate_held(
        self, group: Sequence[ReduceExpr], section: Section, held: HeldElements
    ) -> list[SharedReduction]:
        """As `_accumulate`, over the vectors of a thread."""
        states = [shared_reduction(self.fresh, reduce) for reduce in group]
        for state in states:
            section.lines(state.declare())
        inner = section.child(self.vector)
        for reduce, state in zip(group, states, strict=True):
            symbol = reduce.variables[0][0]
            self.names.define(symbol, COLUMN)
            with self.along(symbol):
                element = computed(self.lower(reduce.body, inner).text, reduce.body.dtype)
            inner.write_all(state.update(element, COLUMN), varying=True)
        section.embed(held.walk.over(inner.finished(self.vector)))
        return states

    # ------------------------------------------------------------ one block has the whole row

    def share(self, group: Sequence[ReduceExpr], section: Section) -> None:
        """Emit GROUP's reductions over all threads of a row; every thread gets the results, in SECTION."""
        states = self._accumulate(group, section)
        self._combine_threads(states, section)
        for reduce, state in zip(group, states, strict=True):
            self._remember(reduce, state, section)

    def _accumulate(self, group: Sequence[ReduceExpr], section: Section) -> list[SharedReduction]:
        """Emit the loop in which each thread reduces its own elements; returns GROUP's per-thread states."""
        if self.held is not None:
            return self._accumulate_held(group, section, self.held)
        states = [shared_reduction(self.fresh, reduce, self.lanes.count) for reduce in group]
        for state in states:
            section.lines(state.declare())
        inner = section.child(self.vector if self.vector > 1 else None)
        count = self.vectors(product(extent for _, extent in group[0].variables))
        first = "worker" if self.splits == 1 else f"share * {self.workers} + worker"
        counter, opened = self._open_shared(section, "k", first, count, self.workers * self.splits)
        if self.vector > 1:
            step, counter = counter, self.fresh("first")
            section.lines([f"const int {counter} = {step} * {self.vector};"])
        spaces = self._element_spaces(group, counter)
        before, self.spaces = self.spaces, (*self.spaces, *spaces)
        for reduce, state in zip(group, states, strict=True):
            with self.along(reduce.variables[-1][0]):
                term = self.lower(reduce.body, inner)
            element = computed(term.text, reduce.body.dtype)
            place = f"{counter} + lane" if self.vector > 1 else counter
            inner.write_all(state.update(element, place), varying=True)
        self.spaces = before
        section.lines(spaces[0].decode(self.names, "int"))
        section.embed(inner.finished(self.lanes.count * self.vector))
        if opened:
            section.close()
        return states

    def vectors(self, count: Dim) -> Dim:
        """How many vectors COUNT elements are; those of a row with vectors are known, and whole vectors."""
        return count // self.vector if isinstance(count, int) else count

    @contextmanager
    def along(self, symbol: str) -> Iterator[None]:
        """A context in which lanes run along SYMBOL, an index of elements of a row, if rows have vectors."""
        outer = self.lanes
        if self.vector > 1:
            self.lanes = Lanes(symbol, self.vector)
        yield
        self.lanes = outer

    def _combine_threads(self, states: Sequence[SharedReduction], section: Section) -> None:
        spread = f"{self.rows}, {self.workers}, {'true' if self.across else 'false'}"
        for state in states:
            section.write_all(state.combine_threads(self.fresh, spread), varying=True)

    def _remember(self, reduce: ReduceExpr, state: SharedReduction, section: Section) -> None:
        varying = self.lanes.count > 1
        section.remember(reduce, SectionTerm(stored(state.result, reduce.dtype), varying))

    # ------------------------------------------------------------ several blocks share the row

    def share_parts(self, groups: Sequence[Sequence[ReduceExpr]], section: Section) -> list[SharedReduction]:
        """Emit the reductions of GROUPS over this block's part of the row; returns the partial states."""
        states = [state for group in groups for state in self._accumulate(group, section)]
        self._combine_threads(states, section)
        return states

    def save_parts(self, states: Sequence[SharedReduction]) -> list[str]:
        """Statements that store the partial results in STATES to the workspace, from `slot` on."""
        words = [as_word(*variable) for state in states for variable in state.variables]
        return [f"store(workspace, {_word(place)}, {word});" for place, word in enumerate(words)]

    def join_parts(
        self, reductions: Sequence[ReduceExpr], states: Sequence[SharedReduction], section: Section
    ) -> None:
        """Emit the final reduction of a row from the partial results of all blocks in the workspace.

        The results of REDUCTIONS are in SECTION. Partial results are assigned to threads by their number, so
        the order of summation does not depend on which block finishes last.
        """
        for state in states:
            section.lines(state.restart())
        words = sum(len(state.variables) for state in states)
        counter, opened = self._open_shared(section, "part", "worker", self.splits, self.workers)
        own = f"i64(row) * {self.splits} + {counter}"
        section.lines([f"const i64 slot = {own};" if words == 1 else f"const i64 slot = ({own}) * {words};"])
        place = 0
        for state in states:
            names = []
            for _, dtype in state.variables:
                names.append(self.fresh("part"))
                word = from_word(f"load(workspace, {_word(place)})", dtype)
                section.lines([f"const {c_type(dtype)} {names[-1]} = {word};"])
                place += 1
            section.lines(state.join(names))
        if opened:
            section.close()
        self._combine_threads(states, section)
        for reduce, state in zip(reductions, states, strict=True):
            self._remember(reduce, state, section)

    # ------------------------------------------------------------ the loop over elements

    def _open_shared(
        self, section: Section, stem: str, first: str, count: Dim, threads: int
    ) -> tuple[str, bool]:
        """Open the block in which each of THREADS has its items of COUNT, from number FIRST on.

        Returns the C text of an item's number, and whether there is a block: threads that have one item each
        need no loop, and no test where there are as many.
        """
        if not isinstance(count, int) or count > threads:
            counter = self.fresh(stem)
            high = bounds(count, self.ranges)[1]
            kind = "int" if high is not None and high < INT_STEPS else "i64"
            end, step = self.fresh("end"), self.fresh("step")
            section.lines([f"const {kind} {end} = {self.index(count)};", f"const int {step} = {threads};"])
            section.open(f"for ({kind} {counter} = {first}; {counter} < {end}; {counter} += {step}) {{")
            return counter, True
        counter = first
        if first != "worker":
            counter = self.fresh(stem)
            section.lines([f"const int {counter} = {first};"])
        if count < threads:
            section.open(f"if ({counter} < {count}) {{" if count > 1 else f"if ({counter} == 0) {{")
        return counter, count < threads

    def _element_spaces(self, group: Sequence[ReduceExpr], counter: str) -> list[Space]:
        """The space of the elements of each reduction of GROUP, which COUNTER enumerates, innermost fastest.

        All have the same C variables.
        """
        extents = [extent for _, extent in group[0].variables]
        names = [counter] if len(extents) == 1 else [self.fresh("r") for _ in extents]
        spaces = []
        for reduce in group:
            own = (symbol for symbol, _ in reduce.variables)
            spaces.append(Space(counter, tuple(map(Axis, own, names, extents))))
            for axis in spaces[-1].axes:
                self.names.define(axis.symbol, axis.variable)
        return spaces


def _word(place: int) -> str:
    """The offset, as C text, of word PLACE of a partial result in the workspace."""
    return f"slot + {place}" if place else "slot"
