"""Forward data-flow: the facts about every value of a function, from inputs to outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ....dialects.control import ControlOp
from ....dialects.core.affine import Dim
from ....dialects.core.bounds import Range, bounds
from ....dialects.core.builtin import Yield
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Function, Module
from ....dialects.core.traits import Trait, has
from ....dialects.graph.attention import Attention
from ....dialects.graph.constants import Constant, Dims
from ....dialects.graph.indexing import Indexed, OneHot
from ....dialects.graph.indexing import Range as RangeOp
from ....dialects.graph.movement.resize import Resize
from ....dialects.graph.pool import AvgPool, MaxPool
from ....dialects.graph.reduction import ArgReduce, Reduce, Running
from ....dialects.graph.softmax import Softmax
from .arithmetic import elementwise_fact
from .constants import constant_fact
from .facts import UNBOUNDED, Fact, NumberOrigin, integers, joined, of_dtype
from .growth import MODEST

PICKS = (MaxPool, AvgPool, Resize)


def data_operands(op: Operation) -> list[Value]:
    """The operands whose numbers OP returns or computes with; positions and conditions are not among them."""
    if isinstance(op, Indexed):
        return [op.x]
    if isinstance(op, OneHot):
        return [op.values]
    return [value for value in op.inputs if value.type.dtype.name != "bool" or len(op.inputs) == 1]


class ForwardFacts:
    """The facts about the values of one function, at the graph or the fused level."""

    def __init__(self, module: Module, function: Function) -> None:
        self._module = module
        self._ranges: Mapping[str, Range] = module.ranges
        self._found: dict[Value, Fact] = {}
        for argument in function.arguments:
            self._found[argument] = of_dtype(argument.type.dtype)
        self._walk(function.block)

    def __getitem__(self, value: Value) -> Fact:
        return self._found[value]

    def _walk(self, block: Block) -> None:
        for op in block:
            if isinstance(op, ControlOp):
                self._control(op)
            elif op.regions:
                self._region(op)
            else:
                for value in op.results:
                    self._found[value] = self._of(op, value)

    def _region(self, op: Operation) -> None:
        """Propagate facts through a kernel: operands to arguments, yielded values to results."""
        block = op.regions[0].block
        for argument, value in zip(block.arguments, op.inputs, strict=True):
            self._found[argument] = self._found[value]
        self._walk(block)
        end = block.terminator
        assert isinstance(end, Yield)
        for value, given in zip(op.results, end.inputs, strict=True):
            self._found[value] = self._found[given]

    def _control(self, op: ControlOp) -> None:
        """Propagate facts into regions of control flow. Nothing is assumed about values carried across
        iterations."""
        for region in op.regions:
            self._found |= {value: of_dtype(value.type.dtype) for value in region.block.arguments}
        self._found |= {argument: self._found[value] for value, argument in op.passed()}
        for region in op.regions:
            self._walk(region.block)
        self._found |= {value: of_dtype(value.type.dtype) for value in op.results}

    def _most(self, dim: Dim) -> float:
        high = bounds(dim, self._ranges)[1]
        return UNBOUNDED if high is None else float(high)

    def _of(self, op: Operation, value: Value) -> Fact:
        if isinstance(op, Constant):
            return _constant(op, self._module)
        operands = data_operands(op)
        facts = [self._found[each] for each in operands]
        if not facts:
            return self._made(op, value)
        if has(op, Trait.CONTRACTION) or isinstance(op, Attention):
            return _product(op, facts)
        if isinstance(op, (Reduce, Running, ArgReduce)):
            return self._reduced(op, facts[0])
        if has(op, Trait.ELEMENTWISE):
            return elementwise_fact(op, operands, facts)
        return self._other(op, value, facts)

    def _other(self, op: Operation, value: Value, facts: list[Fact]) -> Fact:
        if isinstance(op, RangeOp):
            return self._range(op, facts)
        if isinstance(op, Indexed) and facts[0].origin is NumberOrigin.CONSTANT:
            return replace(facts[0], origin=NumberOrigin.DATA)  # the inputs select among the numbers
        if has(op, Trait.MOVEMENT) or isinstance(op, (*PICKS, OneHot)):
            return _put_together(facts)
        if not value.type.dtype.is_float:
            quantized = value.type.dtype.bits <= 8
            return replace(Fact(), whole=True) if quantized else of_dtype(value.type.dtype)
        low, high = (0.0, 1.0) if isinstance(op, Softmax) else (-UNBOUNDED, UNBOUNDED)
        return joined(facts).absorbed(low, high)

    def _made(self, op: Operation, value: Value) -> Fact:
        """The fact about the result of an op without data operands."""
        if not isinstance(op, Dims):
            return of_dtype(value.type.dtype)
        ends = [bounds(dim, self._ranges) for dim in op.values]
        lows = [-UNBOUNDED if low is None else float(low) for low, _ in ends]
        highs = [UNBOUNDED if high is None else float(high) for _, high in ends]
        return integers(min(lows, default=0.0), max(highs, default=0.0))

    def _range(self, op: RangeOp, facts: list[Fact]) -> Fact:
        start, delta = facts
        steps = max(self._most(op.size) - 1, 0.0)
        far = [0.0 if steps == 0 or end == 0 else steps * end for end in (delta.low, delta.high)]
        low, high = start.low + min(0.0, *far), start.high + max(0.0, *far)
        counted = integers(low, high)
        return replace(counted, whole=start.whole and delta.whole, levels=max(steps, start.levels, 1.0))

    def _reduced(self, op: Reduce | Running | ArgReduce, fact: Fact) -> Fact:
        if isinstance(op, ArgReduce):
            return integers(0, self._most(op.x.type.shape[op.axis]) - 1)
        adds = op.kind == "sum"
        count = op.x.type.shape[op.axis] if isinstance(op, Running) else op.count
        if adds and fact.origin <= NumberOrigin.INTEGERS:
            fact = _repeated(fact, self._most(count))
        elif adds or op.kind == "prod":
            fact = replace(fact, low=-UNBOUNDED, high=UNBOUNDED)
        data = fact.origin >= NumberOrigin.WEIGHTED and op.result.type.dtype.is_float
        running = isinstance(op, Running) or op.kind == "prod"
        mean = isinstance(op, Reduce) and op.kind == "mean"
        return replace(
            fact,
            grows=fact.grows or (data and running),
            statistic=data and isinstance(op, Reduce),
            whole=fact.whole and not mean,
        )


def _constant(op: Constant, module: Module) -> Fact:
    """The fact about a constant. Weights are not examined, tables only for integers, since both may be
    large."""
    readers = set(_readers(op.result))
    if readers and all(has(reader, Trait.CONTRACTION) for reader in readers):
        return Fact(NumberOrigin.CONSTANT)
    tables = all(has(reader, Trait.CONTRACTION) or isinstance(reader, Indexed) for reader in readers)
    return constant_fact(op.array(module), bounded=not tables)


def _readers(value: Value) -> Iterator[Operation]:
    """The consumers of VALUE, inside kernels or outside."""
    for op, index in value.uses:
        if op.regions and not isinstance(op, ControlOp):
            yield from _readers(op.regions[0].block.arguments[index])
        else:
            yield op


def _repeated(fact: Fact, count: float) -> Fact:
    """The fact about a sum of COUNT numbers with FACT."""
    low, high = (0.0 if end == 0 else end * count for end in (min(fact.low, 0.0), max(fact.high, 0.0)))
    return replace(fact.within(low, high), levels=fact.levels * max(count, 1.0))


def _put_together(facts: list[Fact]) -> Fact:
    """The fact about moved elements: those that come from integers keep their precision beside data."""
    found = joined(facts)
    mixed = found.origin is NumberOrigin.DATA and any(fact.counted for fact in facts)
    return replace(found, origin=NumberOrigin.WEIGHTED) if mixed else found


def _product(op: Operation, facts: list[Fact]) -> Fact:
    """The fact about a contraction: weighted integers keep the levels of the integers, and large peaks
    persist."""
    facts = facts[:2]
    far = max((fact.peak for fact in facts if fact.origin is not NumberOrigin.CONSTANT), default=0.0)
    products = max(fact.products for fact in facts) + 1
    found = replace(Fact(), products=products, peak=far if far > MODEST else 0.0)
    dtype = op.inputs[0].type.dtype
    if not dtype.is_float or max(fact.origin for fact in facts) > NumberOrigin.WEIGHTED:
        return found
    levels = max(fact.levels for fact in facts)
    return replace(found, origin=NumberOrigin.WEIGHTED, levels=levels) if levels else found
