"""Prologues: what a contraction computes on its first operand between loading and staging it.

    matmul(elementwise(x), w)
    matmul(elementwise(gather(table, indices)), w)

One buffer is streamed, element by element; a gather may pick its rows. All other inputs must vary along k
only, or along rows only. Row values, and all that is computed from them alone, are computed once per row of a
tile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from ....dialects.core.ir import Operation, Value
from ....dialects.core.traits import Trait, has
from ....dialects.graph.indexing import Gather
from ....dialects.graph.quantization import Scaling

Inside = Callable[[Operation], bool]


class Varies(Enum):
    """The axes of a contraction's first operand along which a value that is broadcast to it varies."""

    EVERYWHERE = "everywhere"  # it has the operand's shape
    SUMMED = "summed"  # along k only, or not at all
    ROWS = "rows"  # along other axes only
    SEVERAL = "several"  # along k and other axes

    @staticmethod
    def of(value: Value, root: Operation) -> Varies:
        """The axes along which VALUE varies when it is broadcast to the first operand of the contraction
        ROOT."""
        operand = root.inputs[0]
        shape, rank = value.type.shape, operand.type.rank
        if shape == operand.type.shape:
            return Varies.EVERYWHERE
        axes = {axis for axis, size in enumerate(shape, rank - len(shape)) if size != 1}
        if axes <= {summed_axis(root)}:
            return Varies.SUMMED
        return Varies.SEVERAL if summed_axis(root) in axes else Varies.ROWS


@dataclass(frozen=True)
class Prologue:
    """How a contraction's kernel computes its first operand while it loads it.

    operand: the first operand. streamed: the buffer whose elements are loaded; it is the operand itself where
    nothing is computed. gather: the op that picks rows of the buffer, if there is one. rows: the values with
    one element per row, in the order of discovery. indices: the ops that compute the indices of the gather.
    whole: rows are computed whole, since they are reduced: by kernels that keep them, with code of their own.
    """

    operand: Value
    streamed: Value
    gather: Gather | None = None
    rows: tuple[Value, ...] = ()
    indices: frozenset[Operation] = frozenset()
    whole: bool = False

    @property
    def element(self) -> Value:
        """The value that loaded elements belong to: the streamed buffer, or the rows gathered from it."""
        return self.streamed if self.gather is None else self.gather.result

    @property
    def computes(self) -> bool:
        """True when elements are computed where they are loaded, rather than only loaded or gathered."""
        return not self.whole and self.element is not self.operand


@dataclass(frozen=True)
class NoPrologue:
    """Why a contraction cannot have a prologue: the reason, for the ledger, and the figures that decided."""

    reason: str
    figures: Mapping[str, str | int] = field(default_factory=dict)


def is_within(op: Operation) -> bool:
    """True for every op: all ops of a kernel's region are inside the kernel."""
    return True


def summed_axis(root: Operation) -> int:
    """The reduction axis of ROOT's first operand: the channels of a conv, k of a matmul."""
    rank = root.inputs[0].type.rank
    if root.name == "graph.conv":
        return 1
    return rank - 2 if root.attributes.get("transpose_a") else rank - 1


def read_prologue(root: Operation, inside: Inside = is_within) -> Prologue | NoPrologue:
    """The prologue of the contraction ROOT, or the reason why it has none that kernels support.

    INSIDE says which ops belong to the kernel; values of all other ops are read from memory.
    """
    return _Reader(root, inside).read()


class _Reader:
    """Walks from the first operand of a contraction back to the buffers that it is computed from."""

    def __init__(self, root: Operation, inside: Inside) -> None:
        self._root = root
        self._inside = inside
        self._operand = root.inputs[0]
        self._streamed: list[Value] = []
        self._gather: Gather | None = None
        self._rows: list[Value] = []
        self._indices: set[Operation] = set()

    def read(self) -> Prologue | NoPrologue:
        unfit = self._walk([self._operand], self._visit)
        if unfit is not None:
            return unfit
        if len(self._streamed) != 1:
            figures = {"tensors": len(self._streamed)}
            return NoPrologue("a prologue reads one tensor of the operand's shape", figures)
        rows, indices = tuple(self._rows), frozenset(self._indices)
        return Prologue(self._operand, self._streamed[0], self._gather, rows, indices)

    def _walk(
        self, start: Iterable[Value], visit: Callable[[Value], Iterable[Value] | NoPrologue]
    ) -> NoPrologue | None:
        """Call VISIT once for START and for all values that it returns; stop at the first refusal."""
        pending = list(start)
        seen = set(pending)
        while pending:
            found = visit(pending.pop())
            if isinstance(found, NoPrologue):
                return found
            new = [value for value in found if value not in seen]
            seen.update(new)
            pending += new
        return None

    def _computing(self, value: Value) -> Operation | None:
        """The op inside the kernel that produces VALUE; None when VALUE is read from memory."""
        op = value.producer
        return op if op is not None and self._inside(op) else None

    # ------------------------------------------------------------ elements

    def _visit(self, value: Value) -> Iterable[Value] | NoPrologue:
        op = self._computing(value)
        if op is not None and has(op, Trait.CONSTANT):
            return ()
        kind = Varies.of(value, self._root)
        if kind is Varies.ROWS:
            return self._row_value(value)
        if op is None:
            return self._leaf(value, kind)
        if isinstance(op, Gather):
            return self._gathered(op)
        if isinstance(op, Scaling) and not op.per_tensor:
            return self._scaled(op)
        if has(op, Trait.ELEMENTWISE):
            return op.inputs
        return NoPrologue(f"{op.name} is neither elementwise nor a gather of rows")

    def _scaled(self, op: Scaling) -> Iterable[Value] | NoPrologue:
        """A scaling with several scales: they do not broadcast like other operands; `axis` says where they
        vary."""
        if op.axis != summed_axis(self._root) or op.block:
            return NoPrologue("it reads scales that vary along another axis than K")
        return (op.x,)

    def _leaf(self, value: Value, kind: Varies) -> Iterable[Value] | NoPrologue:
        if kind is Varies.EVERYWHERE:
            self._streamed.append(value)
        elif kind is Varies.SEVERAL:
            shape = "x".join(map(str, value.type.shape))
            return NoPrologue("it reads a value that varies along both rows and K", {"shape": shape})
        return ()

    # ------------------------------------------------------------ rows

    def _row_value(self, value: Value) -> Iterable[Value] | NoPrologue:
        """A value with one element per row; for a convolution, whose windows overlap, one per image."""
        shape = value.type.shape
        ahead = self._operand.type.rank - len(shape)
        if self._root.name == "graph.conv" and any(
            size != 1 for axis, size in enumerate(shape, ahead) if axis > 0
        ):
            return NoPrologue(
                "it reads a value that varies with the spatial position", {"shape": "x".join(map(str, shape))}
            )
        self._rows.append(value)
        return self._walk([value], self._behind_row) or ()

    def _behind_row(self, value: Value) -> Iterable[Value] | NoPrologue:
        return self._elementwise_only(value, None)

    def _elementwise_only(self, value: Value, seen: set[Operation] | None) -> Iterable[Value] | NoPrologue:
        op = self._computing(value)
        if op is None:
            return ()
        if not has(op, Trait.ELEMENTWISE) and not has(op, Trait.CONSTANT):
            return NoPrologue(f"{op.name} is not elementwise")
        if isinstance(op, Scaling) and not op.per_tensor:
            return NoPrologue("it reads scales that vary along a row")
        if seen is not None:
            seen.add(op)
        return op.inputs

    # ------------------------------------------------------------ gather

    def _gathered(self, op: Gather) -> Iterable[Value] | NoPrologue:
        """Rows gathered from a table in memory; k must stay whole and innermost."""
        axis = op.axis % op.x.type.rank
        if self._root.name != "graph.matmul" or self._root.attributes["transpose_a"]:
            return NoPrologue("only the rows of a matrix product's first operand may be gathered")
        if op.result.type.shape != self._operand.type.shape:
            shape = "x".join(map(str, op.result.type.shape))
            return NoPrologue("it has another shape than the operand", {"shape": shape})
        if axis == op.x.type.rank - 1:
            return NoPrologue("it gathers along K", {"axis": axis})
        if self._computing(op.x) is not None:
            return NoPrologue("a gather in a prologue reads its table from memory")
        self._gather = op
        self._streamed.append(op.x)
        return self._walk([op.indices], self._behind_index) or ()

    def _behind_index(self, value: Value) -> Iterable[Value] | NoPrologue:
        return self._elementwise_only(value, self._indices)
