"""For every rewrite rule on branches and loops a generator of nets that it applies to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from glassrt.dialects.control import ITERATION, ControlYield, If, Loop
from glassrt.dialects.core.dtypes import BOOL, F32
from glassrt.dialects.core.ir import Block, Operation, Region, Value
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Less, LessEqual, Mul, Sub
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.unary import Abs, Neg
from glassrt.testing.net import Net
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from .quantization_rule_cases import CASES as CASES
from .quantization_rule_cases import nets_for as nets_for
from .rule_cases import case

Body = Callable[[Block], Sequence[Value]]


def add(block: Block, op: type[Operation], *operands: Value, **attributes: object) -> Value:
    return block.append(op(*operands, **attributes)).result


def region(types: Sequence[TensorType], body: Body) -> Region:
    """A region with arguments of TYPES that yields what BODY gives."""
    block = Block(types)
    block.append(ControlYield(*body(block)))
    return Region(block)


def branches(net: Net, condition: Value, captures: Sequence[Value], then: Body, otherwise: Body) -> Operation:
    types = [value.type for value in captures]
    regions = [region(types, body) for body in (then, otherwise)]
    return net.function.block.append(If(condition, *captures, regions=regions))


def loop(net: Net, initial: Sequence[Value], captures: Sequence[Value], body: Body, count: int) -> Operation:
    types = [ITERATION, *(value.type for value in (*initial, *captures))]
    attributes = {"carried": len(initial), "count": count}
    regions = [region(types, body)]
    return net.function.block.append(Loop(None, None, *initial, *captures, regions=regions, **attributes))


def _x(draw: DrawFn, net: Net, name: str = "x") -> Value:
    return net.input(name, draw(st.integers(1, 3)), dtype=F32)


def _one(draw: DrawFn, *places: int) -> Body:
    """A body that yields a function of one of its arguments at PLACES."""
    op, place = draw(st.sampled_from([Neg, Abs, Relu])), draw(st.sampled_from(places))
    return lambda block: [add(block, op, block.arguments[place])]


@case("known-branch")
def _known_branch(draw: DrawFn, net: Net) -> Value:
    condition = net.const(np.array(draw(st.booleans())))
    return branches(net, condition, [_x(draw, net)], _one(draw, 0), lambda block: block.arguments).result


@case("constant-capture")
def _constant_capture(draw: DrawFn, net: Net) -> Value:
    x, w = _x(draw, net), net.weights(1)
    if draw(st.booleans()):

        def product(block: Block) -> Sequence[Value]:
            return [add(block, draw(st.sampled_from([Add, Mul])), *block.arguments)]

        return branches(net, net.input("c", dtype=BOOL), [x, w], product, _one(draw, 0)).result
    return loop(net, [x], [w], lambda b: [add(b, Sub, *b.arguments[1:])], draw(st.integers(0, 9))).result


@case("unchanged-carried")
def _unchanged_carried(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net)
    w = net.input("w", *x.type.shape)

    def body(block: Block) -> Sequence[Value]:
        _, kept, changed = block.arguments
        return [kept, add(block, Add, changed, kept)]

    made = loop(net, [w, x], [], body, draw(st.integers(0, 9)))
    return net.add(Sub, *made.results)


@case("unread-result")
def _unread_result(draw: DrawFn, net: Net) -> Value:
    x, read = _x(draw, net), draw(st.integers(0, 1))
    if draw(st.booleans()):

        def both(block: Block) -> Sequence[Value]:
            return [add(block, op, block.arguments[0]) for op in (Neg, Abs)]

        return branches(net, net.input("c", dtype=BOOL), [x], both, both).results[read]

    def unread(block: Block) -> Sequence[Value]:
        _, first, second, also = block.arguments
        kept = add(block, Add, (first, second)[read], also)
        other = add(block, Abs, also)
        return [other, kept] if read else [kept, other]

    return loop(net, [x, x], [x], unread, draw(st.integers(0, 9))).results[read]


@case("unread-capture")
def _unread_capture(draw: DrawFn, net: Net) -> Value:
    x, other = _x(draw, net), _x(draw, net, "z")
    if draw(st.booleans()):
        return branches(net, net.input("c", dtype=BOOL), [other, x], _one(draw, 1), _one(draw, 1)).result
    return loop(net, [x], [other], _one(draw, 1), draw(st.integers(0, 9))).result


@case("short-loop")
def _short_loop(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net)

    def body(block: Block) -> Sequence[Value]:
        step, state = block.arguments
        return [add(block, Add, state, add(block, Cast, step, to=F32)), state]

    made = loop(net, [x], [], body, draw(st.integers(0, 9)))
    return made.results[draw(st.integers(0, 1))]


@case("counted-loop")
def _counted_loop(draw: DrawFn, net: Net) -> Value:
    x, count, most = _x(draw, net), net.const(np.array(0)), draw(st.integers(2, 6))
    going = net.const(np.array(True))
    limit, one = net.const(np.array(most)), net.const(np.array(1))

    def body(block: Block) -> Sequence[Value]:
        _, state, at, limit, one = block.arguments
        following = add(block, Add, at, one)
        more = add(block, draw(st.sampled_from([Less, LessEqual])), following, limit)
        return [more, add(block, Neg, state), following]

    types = [ITERATION, x.type, count.type, limit.type, one.type]
    attributes = {"carried": 2, "count": draw(st.integers(1, most))}
    operands = [None, going, x, count, limit, one]
    made = Loop(*operands, regions=[region(types, body)], **attributes)
    return net.function.block.append(made).results[0]


@case("loop-counter")
def _loop_counter(draw: DrawFn, net: Net) -> Value:
    x, start = _x(draw, net), net.const(np.array(draw(st.integers(-2, 2))))
    by, kind = net.const(np.array(draw(st.integers(1, 3)))), draw(st.sampled_from([Add, Sub]))

    def body(block: Block) -> Sequence[Value]:
        _, at, state, by = block.arguments
        seen = add(block, Add, state, add(block, Cast, at, to=F32))
        return [add(block, kind, at, by), seen]

    made = loop(net, [start, x], [by], body, draw(st.integers(0, 9)))
    read = net.add(Cast, made.results[0], to=F32)
    return net.add(Add, made.results[1], read)


@case("invariant-op")
def _invariant_op(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net)
    w = net.input("w", *x.type.shape)

    def body(block: Block) -> Sequence[Value]:
        _, state, factor = block.arguments
        return [add(block, Sub, state, add(block, Abs, factor))]

    return loop(net, [x], [w], body, draw(st.integers(0, 9))).result
