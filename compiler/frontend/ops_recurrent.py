"""Importers of LSTM, GRU and RNN: one product for the inputs of all steps, then a loop over the steps.

All directions run in one loop, side by side. A backward direction gets its inputs reversed up to the end of
each sequence, and its outputs are reversed again. A sequence shorter than the others keeps its state beyond
its end, where its outputs are zeros.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...dialects.core.dtypes import I64
from ...dialects.graph.binary import Add, Less, Mul, Sub
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.elementwise import Where
from ...dialects.graph.indexing import Gather
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from ...dialects.graph.sequences import ReverseSequence
from .call import Call, Outcome
from .loops import Step, loop, reversed_steps
from .ops_elementwise import cast_to
from .recurrent_node import Recurrent, read_recurrent
from .table import Table
from .tensor import Tensor

Cell = Callable[[Tensor, list[Tensor]], list[Tensor]]
"""From the projected input of a step, [directions, batch, gates * hidden], and the states before it to the
states after it, each [directions, batch, hidden]; the first is the output."""


def _rnn(call: Call) -> Outcome:
    node = read_recurrent(call, 1, ("Tanh",))

    def cell(x: Tensor, states: list[Tensor]) -> list[Tensor]:
        return [_activated(node, 0, call.emit(Add, x, _product(node, states[0], node.recurrence)))]

    return _sequence(node, _total_bias(node), [node.state(5)], cell)


LSTM_FUNCTIONS = ("Sigmoid", "Tanh", "Tanh")


def _lstm(call: Call) -> Outcome:
    return lstm_outputs(read_recurrent(call, 4, LSTM_FUNCTIONS))


def lstm_outputs(node: Recurrent) -> list[Tensor | None]:
    """The outputs of the LSTM NODE."""
    call = node.call
    coupled = call.flag("input_forget")
    peepholes = _peepholes(node)

    def cell(x: Tensor, states: list[Tensor]) -> list[Tensor]:
        hidden, memory = states
        gates = call.emit(Add, x, _product(node, hidden, node.recurrence))
        i, o, f, c = (_gate(node, gates, index) for index in range(4))

        def opened(gate: Tensor, peephole: int, seen: Tensor) -> Tensor:
            if peepholes:
                gate = call.emit(Add, gate, call.emit(Mul, peepholes[peephole], seen))
            return _activated(node, 0, gate)

        admitted = opened(i, 0, memory)
        one = call.constant(1, x.dtype)
        kept = call.emit(Sub, one, admitted) if coupled else opened(f, 2, memory)
        new = call.emit(Mul, admitted, _activated(node, 1, c))
        memory = call.emit(Add, call.emit(Mul, kept, memory), new)
        return [call.emit(Mul, opened(o, 1, memory), _activated(node, 2, memory)), memory]

    return _sequence(node, _total_bias(node), [node.state(5), node.state(6)], cell)


def _gru(call: Call) -> Outcome:
    node = read_recurrent(call, 3, ("Sigmoid", "Tanh"))
    linear = call.integer("linear_before_reset", 0) != 0
    both, last = (_rows(node, node.recurrence, start, count) for start, count in ((0, 2), (2, 1)))
    hidden_bias = _gate(node, _beside(node, node.biases[1]), 2) if node.biases and linear else None

    def cell(x: Tensor, states: list[Tensor]) -> list[Tensor]:
        (hidden,) = states
        gates = call.emit(Add, _columns(node, x, 0, 2), _product(node, hidden, both))
        update, reset = (_activated(node, 0, _gate(node, gates, index)) for index in range(2))
        if linear:
            inner = _product(node, hidden, last)
            biased = inner if hidden_bias is None else call.emit(Add, inner, hidden_bias)
            inner = call.emit(Mul, reset, biased)
        else:
            inner = _product(node, call.emit(Mul, reset, hidden), last)
        new = _activated(node, 1, call.emit(Add, _columns(node, x, 2, 1), inner))
        fresh = call.emit(Mul, call.emit(Sub, call.constant(1, x.dtype), update), new)
        return [call.emit(Add, fresh, call.emit(Mul, update, hidden))]

    bias = _total_bias(node)
    if bias is not None and hidden_bias is not None:  # its product is reset before it is added
        kept = np.zeros((len(node.reverse), 1, 2 * node.hidden))
        zeros = call.constant(kept, node.dtype)
        taken = call.emit(Reshape, call.emit(Concat, zeros, hidden_bias, axis=2), shape=bias.shape)
        bias = call.emit(Sub, bias, taken)
    return _sequence(node, bias, [node.state(5)], cell)


def _peepholes(node: Recurrent) -> list[Tensor]:
    """The peepholes of the gates i, o and f, each [directions, 1, hidden]; empty if there are none."""
    given = node.call.optional(7)
    if given is None:
        return []
    shape = (len(node.reverse), 3 * node.hidden)
    node.call.require_shape(given.shape, shape, "its peepholes have another shape")
    return [_gate(node, _beside(node, given), index) for index in range(3)]


# ---------------------------------------------------------------- gates


def _beside(node: Recurrent, rows: Tensor) -> Tensor:
    """ROWS, one per direction, in a shape that broadcasts over the batch."""
    return node.call.emit(Reshape, rows, shape=(rows.shape[0], 1, rows.shape[1]))


def _total_bias(node: Recurrent) -> Tensor | None:
    """The sum of both biases: [directions, gates * hidden]."""
    return None if node.biases is None else node.call.emit(Add, *node.biases)


def _product(node: Recurrent, state: Tensor, weights: Tensor) -> Tensor:
    """STATE [directions, batch, hidden] times WEIGHTS [directions, rows, hidden], transposed.

    Each direction is rounded separately.
    """
    call, count = node.call, len(node.reverse)
    parts = [node.rounded(call, _cut(call, state, 0, at, 1)) for at in range(count)] if count > 1 else []
    state = call.emit(Concat, *parts, axis=0) if parts else node.rounded(call, state)
    return call.emit(Matmul, state, weights, transpose_b=True)


def _columns(node: Recurrent, x: Tensor, first: int, count: int) -> Tensor:
    """COUNT gates of X from the gate FIRST on, along its last axis."""
    return _cut(node.call, x, x.rank - 1, first * node.hidden, count * node.hidden)


def _rows(node: Recurrent, x: Tensor, first: int, count: int) -> Tensor:
    """COUNT gates of X from the gate FIRST on, along axis 1."""
    return _cut(node.call, x, 1, first * node.hidden, count * node.hidden)


def _gate(node: Recurrent, x: Tensor, index: int) -> Tensor:
    return _columns(node, x, index, 1)


def _activated(node: Recurrent, place: int, x: Tensor) -> Tensor:
    """X under the activation function at PLACE of each direction."""
    functions = [each[place] for each in node.functions]
    if functions.count(functions[0]) == len(functions):
        return functions[0].apply(node.call, x)
    parts = [each.apply(node.call, _cut(node.call, x, 0, at, 1)) for at, each in enumerate(functions)]
    return node.call.emit(Concat, *parts, axis=0)


def _cut(call: Call, x: Tensor, axis: int, start: int, size: int) -> Tensor:
    """SIZE elements of X from START on, along AXIS."""
    starts = [start if each == axis else 0 for each in range(x.rank)]
    sizes = [size if each == axis else dim for each, dim in enumerate(x.shape)]
    return call.emit(Slice, x, starts=starts, sizes=sizes)


# ---------------------------------------------------------------- the loop


def _sequence(node: Recurrent, bias: Tensor | None, states: list[Tensor], cell: Cell) -> list[Tensor | None]:
    """The outputs of NODE, whose CELL starts with STATES; BIAS is added to the projected inputs."""
    call = node.call
    inputs = _turned(node, _projected(node, bias))
    wanted = call.wants(0)

    def step(iteration: Tensor, before: list[Tensor]) -> Step:
        zero, read = call.constant(0, node.dtype), before
        if node.lengths is not None and node.forgets:
            last_lived = _live(node, node.lengths, iteration, 1)
            read = [call.emit(Where, last_lived, before[0], zero), *before[1:]]
        after = cell(call.emit(Gather, inputs, iteration, axis=0), read)
        output = after[0]
        if node.lengths is not None:
            live = _live(node, node.lengths, iteration)
            output = call.emit(Where, live, output, zero)
            pairs = zip(after, before, strict=True)
            after = [call.emit(Where, live, new, old) for new, old in pairs]
        return Step(after, [output] if wanted else [])

    results = loop(call.builder, node.steps, None, states, step)
    last = [node.batch_outside(_ended(node, state)) for state in results[: len(states)]]
    if not wanted:
        return [None, *last]
    outputs = _turned(node, results[-1])
    return [call.emit(Transpose, outputs, perm=(2, 0, 1, 3)) if node.batch_first else outputs, *last]


def _ended(node: Recurrent, state: Tensor) -> Tensor:
    """The last STATE of each sequence; zeros for a sequence without steps, as in ONNX Runtime."""
    if node.lengths is None:
        return state
    call, zero = node.call, node.call.constant(0, node.lengths.dtype)
    some = call.emit(Reshape, call.emit(Less, zero, node.lengths), shape=(1, node.batch, 1))
    return call.emit(Where, some, state, call.constant(0, node.dtype))


def _projected(node: Recurrent, bias: Tensor | None) -> Tensor:
    """The inputs of all steps times the weights of all directions, in one product, plus BIAS.

    Shape: [steps, directions, batch, gates * hidden].
    """
    call, count, rows = node.call, len(node.reverse), node.gates * node.hidden
    size = node.x.shape[2]
    flat = call.emit(Reshape, node.rounded(call, node.x), shape=(node.steps * node.batch, size))
    weights = call.emit(Reshape, node.weights, shape=(count * rows, size))
    product = call.emit(Matmul, flat, weights, transpose_b=True)
    if bias is not None:
        product = call.emit(Add, product, call.emit(Reshape, bias, shape=(count * rows,)))
    if count == 1:
        return call.emit(Reshape, product, shape=(node.steps, 1, node.batch, rows))
    split = call.emit(Reshape, product, shape=(node.steps, node.batch, count, rows))
    return call.emit(Transpose, split, perm=(0, 2, 1, 3))


def _turned(node: Recurrent, x: Tensor) -> Tensor:
    """X [steps, directions, batch, ...] with the steps of backward directions in reverse order, up to the end
    of each sequence."""
    call, parts = node.call, []
    if not any(node.reverse):
        return x
    for index, reverse in enumerate(node.reverse):
        part = x if len(node.reverse) == 1 else _cut(call, x, 1, index, 1)
        parts.append(_backwards(node, part) if reverse else part)
    return parts[0] if len(parts) == 1 else call.emit(Concat, *parts, axis=1)


def _backwards(node: Recurrent, x: Tensor) -> Tensor:
    """X [steps, 1, batch, ...] with its steps in reverse order, up to the end of each sequence."""
    if node.lengths is None:
        return reversed_steps(node.call.builder, x)
    return node.call.emit(ReverseSequence, x, node.lengths, time_axis=0, batch_axis=2)


def _live(node: Recurrent, lengths: Tensor, iteration: Tensor, beyond: int = 0) -> Tensor:
    """Whether ITERATION is within the sequence, or less than BEYOND after its end: [1, batch, 1]."""
    call = node.call
    ends = call.emit(Reshape, cast_to(call, lengths, I64), shape=(1, node.batch, 1))
    if beyond:
        ends = call.emit(Add, ends, call.constant(beyond, I64))
    return call.emit(Less, iteration, ends)


TABLE: Table = {"GRU": [(7, _gru)], "LSTM": [(7, _lstm)], "RNN": [(7, _rnn)]}
