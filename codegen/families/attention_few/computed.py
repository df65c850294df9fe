"""The statements by which blocks of attention compute their queries, and what is new in the caches."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.affine import Dim, symbol
from ....dialects.core.bounds import Range, bounds
from ....dialects.core.expr import Scalars
from ....dialects.core.ir import Value
from ....dialects.graph.sequences import WriteCache
from ...emit.emitter import Emitter
from ...emit.inline import RegionExpressions
from ...emit.lanes import Lanes
from ...emit.offsets import linear_offset
from ...emit.sections import Section
from ...emit.spaces import Space, make_space
from ...request.request import Request
from ...request.signature import Signature
from ...text.render import Code
from ..attention.problem import AttentionProblem
from .cached import AttendedCaches
from .rows import Rows

PLACE = "_place"  # the symbol of the new element's position in the caches


@dataclass(frozen=True)
class NewElementSpec:
    """A feature of the new key or value: the statements that compute it as `value`, and the one that puts it
    into the cache; `features` is how many there are."""

    body: tuple[Code, ...]
    value: Code
    store: Code
    features: int


@dataclass(frozen=True)
class ComputedSpec:
    """What a block computes before the keys.

    query: the statements for a feature of a query, whose number among those of all rows is `element`, as
    `query_value`; place: those that find where the new element lies, as `start`; early: keys and values
    before that one are read while earlier kernels still run.
    """

    query: tuple[Code, ...]
    query_value: Code
    place: tuple[Code, ...]
    start: Code
    key: NewElementSpec
    value: NewElementSpec
    early: bool


def computed_spec(
    request: Request, cached: AttendedCaches, problem: AttentionProblem, rows: Rows, signature: Signature
) -> ComputedSpec:
    """The spec of what kernels of REQUEST, which is CACHED, compute for PROBLEM with ROWS."""
    return _Statements(request, cached, problem, rows, signature).spec()


class _Statements:
    """The statements of one kernel."""

    def __init__(
        self,
        request: Request,
        cached: AttendedCaches,
        problem: AttentionProblem,
        rows: Rows,
        signature: Signature,
    ) -> None:
        self._request, self._cached, self._problem = request, cached, problem
        self._rows, self._signature = rows, signature
        self._entries = {f"_entry{number}": problem.extents[axis] for number, axis in enumerate(rows.kept)}

    def spec(self) -> ComputedSpec:
        """All of them."""
        query, query_value = self._query()
        place, start = self._place()
        keys, values = self._cached.keys, self._cached.values
        names = self._signature.outputs[1:]
        new = self._new(keys, names[0]), self._new(values, names[1])
        return ComputedSpec(query, query_value, place, start, *new, self._cached.early)

    def _query(self) -> tuple[tuple[Code, ...], Code]:
        """A feature of a query."""
        sizes = (*self._rows.sizes, self._problem.depth)
        space = make_space("element", "i", list(enumerate(sizes)))
        along = space.index(range(len(sizes)))
        q, y = self._cached.op.q, self._cached.op.y
        leading = [axis for axis in range(y.type.rank - 2) if y.type.shape[axis] != 1]
        index: list[Dim] = []
        for axis in range(q.type.rank - 2):
            place = axis + y.type.rank - q.type.rank
            extent = leading.index(place) if place in leading and q.type.shape[axis] != 1 else None
            index.append(0 if extent is None else self._along(extent, along))
        return self._element(q, (*index, along[len(sizes) - 2], along[len(sizes) - 1]), space)

    def _along(self, extent: int, along: dict[int, Dim]) -> Dim:
        """The index of a batch dimension, number EXTENT of the problem's."""
        if extent in self._rows.kept:
            return symbol(f"_entry{self._rows.kept.index(extent)}")
        return along[self._rows.axes.index(extent)]

    def _place(self) -> tuple[tuple[Code, ...], Code]:
        """Where the new element lies, in the order of the cache."""
        write = self._cached.keys
        expressions, emitter, section = self._emission(())
        index = (*self._sequence(write), 0, 0)
        found = emitter.lower(write.place(Scalars(loader=expressions.element), index), section)
        return tuple(Code(line) for line in section.finished(1)), Code(found.text)

    def _new(self, write: WriteCache, name: str) -> NewElementSpec:
        """A feature of the new element that WRITE puts into the cache NAME."""
        features = write.update.type.shape[-1]
        assert isinstance(features, int)
        space = make_space("feature", "f", [(0, features)])
        (feature,) = space.index([0]).values()
        entry = self._sequence(write)
        body, value = self._element(write.update, (*entry, 0, feature), space)
        _, emitter, _ = self._emission((space,))
        emitter.names.define(PLACE, "new_place")
        offset = linear_offset(write.cache.type, (*entry, symbol(PLACE), feature))
        return NewElementSpec(
            body, value, Code(f"store({name}, {emitter.index(offset)}, {value});"), features
        )

    def _sequence(self, write: WriteCache) -> tuple[Dim, ...]:
        """The index of the block's sequence and head along the leading dimensions of the cache of WRITE."""
        kept = iter(self._entries)
        return tuple(0 if size == 1 else symbol(next(kept)) for size in write.cache.type.shape[:-2])

    def _element(self, value: Value, index: tuple[Dim, ...], space: Space) -> tuple[tuple[Code, ...], Code]:
        """The statements that compute element INDEX of VALUE, whose place in SPACE is known; and its name."""
        expressions, emitter, section = self._emission((space,))
        term = emitter.lower(expressions.element(value, index), section)
        lines = section.finished(1)
        decoded = space.decode(emitter.names, self._signature.index_type)
        return tuple(Code(line) for line in [*decoded, *lines]), Code(term.text)

    def _emission(self, spaces: tuple[Space, ...]) -> tuple[RegionExpressions, Emitter, Section]:
        """What emits statements over SPACES, for the batch entry of the block."""
        request, signature = self._request, self._signature
        ranges: dict[str, Range] = dict(request.ranges)
        for name, size in self._entries.items():
            high = bounds(size, request.ranges)[1]
            ranges[name] = (0, None if high is None else max(high - 1, 0))
        for space in spaces:
            ranges |= space.ranges(request.ranges)
        names = {**signature.symbols, **{f"_entry{at}": f"b{at}" for at in range(len(self._entries))}}
        innermost = next((space.innermost for space in spaces if space.innermost), None)
        lanes = Lanes(innermost.symbol if innermost else "", 1)
        emitter = Emitter(signature.buffers(request), names, spaces, lanes)
        return RegionExpressions(ranges), emitter, Section(1)
