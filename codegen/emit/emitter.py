"""Turns scalar expressions into CUDA statements.

The emitter walks expression graphs with shared nodes and writes one named constant per operation, so the
result reads like hand-written code. With several lanes a thread computes a short vector: vectorized loads
come first, arithmetic goes into a loop over the lanes. `lanes.py` decides what can be vectorized,
`sections.py` where statements go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...dialects.core.affine import Dim, symbol
from ...dialects.core.affine_traversal import substitute
from ...dialects.core.dtypes import BOOL, F16, F32, DType
from ...dialects.core.expr import (
    Apply,
    BitCastExpr,
    CastExpr,
    Const,
    Expr,
    IndexValue,
    Inside,
    LetIndex,
    LoadExpr,
    ReduceExpr,
    Select,
)
from ...dialects.core.ir import Value
from ...dialects.graph.numeric import compute_dtype
from ..text.literals import c_type, computed, literal, stored
from ..text.operators import spelled
from .early_reads import EarlyReads
from .lanes import Lanes
from .narrow_types import narrowing, widened_at_once
from .offsets import linear_offset
from .quotients import Quotient
from .sections import Guard, Section, SectionTerm
from .serial_reductions import serial_reduce
from .short_floats import SHORTER, packed_in_f16, shortened
from .spaces import NameTable, Space, space_to_c


@dataclass(frozen=True)
class Given(Expr):
    """A value that the surrounding kernel has computed, such as an accumulator or a staged element.

    `text` is its C expression; `varying` says that it differs from lane to lane. vector: the C name of the
    `Vec` of all lanes, when it is an element of one.
    """

    text: str
    dtype: DType
    varying: bool = False
    vector: str | None = None

    __hash__ = object.__hash__
    __eq__ = object.__eq__


class Emitter:
    """Emits the statements of one kernel body.

    buffers: the C parameter of every value that the region reads; names: the C variable of every symbol of
    the model; spaces: the kernel's own index spaces; lanes: the vector that a thread computes; early: the
    loads to prefetch are added to it, where a kernel prefetches.
    """

    def __init__(
        self,
        buffers: Mapping[Value, str],
        names: Mapping[str, str],
        spaces: tuple[Space, ...],
        lanes: Lanes,
        early: EarlyReads | None = None,
    ) -> None:
        self.buffers = buffers
        self._early = early
        axes = {axis.symbol: axis.variable for space in spaces for axis in space.axes}
        self.names = NameTable({**names, **axes})
        self.spaces = spaces
        self.lanes = lanes
        self._shortened: dict[int, tuple[Expr, Expr]] = {}
        self._count = 0

    def fresh(self, stem: str) -> str:
        """A C name that is not used yet: STEM and a number."""
        self._count += 1
        return f"{stem}{self._count}"

    # ------------------------------------------------------------ index expressions

    def index(self, dim: Dim) -> str:
        """DIM as C text, at the first lane."""
        return space_to_c(dim, self.spaces, self.names)

    def lane_index(self, dim: Dim) -> str:
        """DIM as C text, at the current `lane` of the lane loop."""
        stride = self.lanes.stride(dim)
        if stride == 0:
            return self.index(dim)
        if stride is not None:
            step = "lane" if stride == 1 else f"lane*{stride}"
            return f"{self.index(dim)} + {step}"
        # Not linear in the lane: the index of the lane itself must go into the divisions.
        own = "_own_lane"
        self.names.define(own, f"({self.names[self.lanes.symbol]} + lane)")
        return space_to_c(substitute(dim, {self.lanes.symbol: symbol(own)}), self.spaces, self.names)

    # ------------------------------------------------------------ expressions

    def lower(self, expr: Expr, section: Section) -> SectionTerm:
        """The C name or literal that holds EXPR; the statements that compute it go to SECTION."""
        known = section.find(expr)
        if known is not None:
            return known
        term = self._lower_new(expr, section)
        section.remember(expr, term)
        return term

    def _lower_new(self, expr: Expr, section: Section) -> SectionTerm:
        match expr:
            case Const():
                return SectionTerm(literal(expr.value, expr.dtype))
            case Given():
                return SectionTerm(expr.text, expr.varying, expr.vector)
            case LoadExpr():
                return self._load(expr, section)
            case CastExpr():
                return self._cast(expr, section)
            case BitCastExpr():
                return self._bit_cast(expr, section)
            case Apply():
                return self._apply(expr, section)
            case Quotient():
                return self._quotient(expr, section)
            case Select():
                return self._select(expr, section)
            case IndexValue():
                return self._index_value(expr)
            case Inside():
                return self._inside(expr, section)
            case ReduceExpr():
                return serial_reduce(self, expr, section)
            case LetIndex():
                return self._let(expr, section)
        raise TypeError(f"no emission for {type(expr).__name__}")

    def _define(self, section: Section, stem: str, dtype: DType, text: str, varying: bool) -> SectionTerm:
        name = self.fresh(stem)
        section.write(f"const {c_type(dtype)} {name} = {text};", varying)
        return SectionTerm(name, varying)

    def _load(self, load: LoadExpr, section: Section) -> SectionTerm:
        buffer = self.buffers[load.source]
        offset = linear_offset(load.source.type, load.index)
        guard = section.guard()
        stride = self.lanes.stride(offset)
        name = self.fresh(f"{buffer}_")
        kind = c_type(load.dtype)
        if stride == 0 and not guard.varying:
            read = guard.applied(f"load({buffer}, {self.index(offset)})", f"{kind}{{}}")
            section.write(f"const {kind} {name} = {read};", varying=False)
            return SectionTerm(name)
        if stride == 1 and self.lanes.aligned(offset) and not guard.varying:
            early = None if self._early is None or guard.text else self._early.place(offset)
            if early is not None:
                field = early.read(name, load.dtype, self.lanes.count, buffer, offset)
                return SectionTerm.lane_of(field)
            vector = f"Vec<{kind}, {self.lanes.count}>"
            read = guard.applied(
                f"load_wide<{self.lanes.count}>({buffer}, {self.index(offset)})", f"{vector}{{}}"
            )
            section.write(f"const {vector} {name} = {read};", varying=False)
            return SectionTerm.lane_of(name)
        read = guard.applied(f"load({buffer}, {self.lane_index(offset)})", f"{kind}{{}}")
        section.write(f"const {kind} {name} = {read};", varying=True)
        return SectionTerm(name, varying=True)

    def _cast(self, cast: CastExpr, section: Section) -> SectionTerm:
        packed = packed_in_f16(self, cast, section)
        if packed is not None:
            return packed
        narrow = narrowing(cast)
        if narrow is not None and narrow.rounds:
            term = self.lower(narrow.operand, section)
            return self._define(section, "cast", cast.dtype, narrow.of_one(term.text), term.varying)
        term = self.lower(self._short(cast.operand) if cast.dtype == F16 else cast.operand, section)
        kind = c_type(cast.dtype)
        if term.vector is not None and widened_at_once(cast):
            name = self.fresh("cast")
            line = f"const Vec<{kind}, {self.lanes.count}> {name} = convert_all<{kind}>({term.vector});"
            section.write(line, varying=False)
            return SectionTerm.lane_of(name)
        return self._define(section, "cast", cast.dtype, f"convert<{kind}>({term.text})", term.varying)

    def _short(self, expr: Expr) -> Expr:
        """EXPR as it may be computed where it is rounded to f16; the same expression every time."""
        if id(expr) not in self._shortened:
            # The expression is kept, too, so that its identity is not reused.
            self._shortened[id(expr)] = (expr, shortened(expr))
        return self._shortened[id(expr)][1]

    def _bit_cast(self, cast: BitCastExpr, section: Section) -> SectionTerm:
        term = self.lower(cast.operand, section)
        text = f"bit_cast<{c_type(cast.dtype)}>({term.text})"
        return self._define(section, "bits", cast.dtype, text, term.varying)

    def _apply(self, apply: Apply, section: Section) -> SectionTerm:
        packed = packed_in_f16(self, apply, section)
        if packed is not None:
            return packed
        terms = [self.lower(operand, section) for operand in apply.operands]
        varying = any(term.varying for term in terms)
        dtype = apply.operands[0].dtype
        texts = [term.text for term in terms]
        texts = [computed(text, dtype) for text in texts]
        function = SHORTER.get(apply.function, apply.function) if dtype == F16 else apply.function
        text = spelled(function, texts, compute_dtype(dtype))
        text = stored(text, apply.dtype)
        return self._define(section, apply.function + "_", apply.dtype, text, varying)

    def _quotient(self, quotient: Quotient, section: Section) -> SectionTerm:
        term = self.lower(quotient.dividend, section)
        parts = [literal(part, F32) for part in (quotient.divisor, quotient.high, quotient.low)]
        text = f"quotient_to_round({', '.join([term.text, *parts])})"
        return self._define(section, "div_", F32, text, term.varying)

    def _select(self, select: Select, section: Section) -> SectionTerm:
        condition = self.lower(select.condition, section)
        with section.guarded(Guard(condition.text, condition.varying)):
            chosen = self.lower(select.chosen, section)
        with section.guarded(Guard(f"!{condition.text}", condition.varying)):
            other = self.lower(select.other, section)
        varying = condition.varying or chosen.varying or other.varying
        text = f"{condition.text} ? {chosen.text} : {other.text}"
        return self._define(section, "select", select.dtype, text, varying)

    def _index_value(self, value: IndexValue) -> SectionTerm:
        if self.lanes.uniform(value.dim):
            return SectionTerm(f"i64({self.index(value.dim)})")
        return SectionTerm(f"i64({self.lane_index(value.dim)})", varying=True)

    def _inside(self, inside: Inside, section: Section) -> SectionTerm:
        block = self.lanes.block_of(inside.low, inside.dim, inside.high)
        at = self.index if block else self.lane_index
        tests = []
        if inside.low != 0 or not _never_negative(inside.dim):
            tests.append(f"{at(inside.dim)} >= {at(inside.low)}")
        tests.append(f"{at(inside.dim)} < {at(inside.high)}")
        return self._define(section, "inside", BOOL, " && ".join(tests), varying=not block)

    def _let(self, let: LetIndex, section: Section) -> SectionTerm:
        self._name_index(let, section)
        return self.lower(let.body, section)

    def _name_index(self, let: LetIndex, section: Section) -> None:
        """Define a C variable for the index that LET computes from data, for use in index expressions."""
        value = self.lower(let.value, section)
        name = self.fresh("j")
        section.write(f"const i64 {name} = i64({value.text});", value.varying)
        self.names.define(let.name, name)
        if value.varying:
            raise ValueError("an index computed from data must be the same in all lanes")

    def address(self, expr: Expr, section: Section) -> str:
        """The element offset, as C text, at which EXPR would load; TypeError when EXPR is not a load.

        The index of the load may itself be computed from data, as in a gather.
        """
        while isinstance(expr, LetIndex):
            self._name_index(expr, section)
            expr = expr.body
        if not isinstance(expr, LoadExpr):
            raise TypeError(f"a {type(expr).__name__} has no address")
        return self.index(linear_offset(expr.source.type, expr.index))


def _never_negative(dim: Dim) -> bool:
    return (isinstance(dim, int) and dim >= 0) or (
        not isinstance(dim, int) and all(value > 0 for _, value in dim.terms)
    )
