"""LSTM, GRU and RNN as a loop over the steps, after the inputs of all steps have been multiplied.

All directions run in one loop, side by side. A backward direction gets its inputs reversed up to the end of
each sequence, and its outputs are reversed again. A sequence shorter than the others keeps its state beyond
its end, where its outputs are zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...dialects.core.affine import Dim
from ...dialects.core.dtypes import I64, DType
from ...dialects.graph.binary import Add, Less, Mul, Sub
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.elementwise import Cast, Where
from ...dialects.graph.indexing import Gather
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from ...dialects.graph.sequences import ReverseSequence
from .builder import Builder
from .gate_functions import Activation
from .loops import Step, loop, reversed_steps
from .tensor import Tensor

Cell = Callable[[Tensor, list[Tensor]], list[Tensor]]
"""From the projected input of a step, [directions, batch, gates * hidden], and the states before it to the
states after it, each [directions, batch, hidden]; the first is the output."""
Rounded = Callable[[Tensor], Tensor]


def as_it_is(x: Tensor) -> Tensor:
    return x


@dataclass(frozen=True)
class Steps:
    """The steps of a recurrent op.

    inputs: projected, [steps, batch, directions * gates * hidden]; reverse: whether each direction runs
    backwards; recurrence: weights of the state, [directions, gates * hidden, hidden]; lengths: of the
    sequences, [batch]; functions: the activations of each direction; states: the initial ones, each
    [directions, batch, hidden], zeros if None. peepholes: [directions, 3 * hidden]; hidden_bias: of the last
    gate of a GRU, [directions, hidden]; coupled: the forget gate is 1 - the input gate; linear: a GRU resets
    its product; wanted: whether the states of all steps are read. rounded: how states are rounded before
    products; forgets: whether products read zeros as the state of a sequence that ended before the last step,
    so that it affects no range.
    """

    builder: Builder
    inputs: Tensor
    reverse: tuple[bool, ...]
    hidden: int
    gates: int
    recurrence: Tensor
    lengths: Tensor | None
    functions: tuple[tuple[Activation, ...], ...]
    states: tuple[Tensor | None, ...]
    peepholes: Tensor | None = None
    hidden_bias: Tensor | None = None
    coupled: bool = False
    linear: bool = False
    wanted: bool = True
    rounded: Rounded = as_it_is
    forgets: bool = False

    @property
    def steps(self) -> Dim:
        return self.inputs.shape[0]

    @property
    def batch(self) -> Dim:
        return self.inputs.shape[1]

    @property
    def dtype(self) -> DType:
        return self.inputs.dtype

    @property
    def state_shape(self) -> tuple[Dim, ...]:
        """The shape of a carried state: [directions, batch, hidden]."""
        return (len(self.reverse), self.batch, self.hidden)


def rnn_steps(node: Steps) -> list[Tensor | None]:
    """The states of an RNN after all steps, [steps, directions, batch, hidden], and the last ones."""

    def cell(x: Tensor, states: list[Tensor]) -> list[Tensor]:
        return [_activated(node, 0, node.builder.emit(Add, x, _product(node, states[0], node.recurrence)))]

    return _sequence(node, cell)


def lstm_steps(node: Steps) -> list[Tensor | None]:
    """The states of an LSTM after all steps, [steps, directions, batch, hidden], and the last ones."""
    builder = node.builder
    peepholes = _peepholes(node)

    def cell(x: Tensor, states: list[Tensor]) -> list[Tensor]:
        hidden, memory = states
        gates = builder.emit(Add, x, _product(node, hidden, node.recurrence))
        i, o, f, c = (_gate(node, gates, index) for index in range(4))

        def opened(gate: Tensor, peephole: int, seen: Tensor) -> Tensor:
            if peepholes:
                gate = builder.emit(Add, gate, builder.emit(Mul, peepholes[peephole], seen))
            return _activated(node, 0, gate)

        admitted = opened(i, 0, memory)
        one = builder.constant(1, x.dtype)
        kept = builder.emit(Sub, one, admitted) if node.coupled else opened(f, 2, memory)
        new = builder.emit(Mul, admitted, _activated(node, 1, c))
        memory = builder.emit(Add, builder.emit(Mul, kept, memory), new)
        return [builder.emit(Mul, opened(o, 1, memory), _activated(node, 2, memory)), memory]

    return _sequence(node, cell)


def gru_steps(node: Steps) -> list[Tensor | None]:
    """The states of a GRU after all steps, [steps, directions, batch, hidden], and the last ones."""
    builder = node.builder
    both, last = (_rows(node, node.recurrence, start, count) for start, count in ((0, 2), (2, 1)))
    hidden_bias = None if node.hidden_bias is None else _beside(node, node.hidden_bias)

    def cell(x: Tensor, states: list[Tensor]) -> list[Tensor]:
        (hidden,) = states
        gates = builder.emit(Add, _columns(node, x, 0, 2), _product(node, hidden, both))
        update, reset = (_activated(node, 0, _gate(node, gates, index)) for index in range(2))
        if node.linear:
            inner = _product(node, hidden, last)
            biased = inner if hidden_bias is None else builder.emit(Add, inner, hidden_bias)
            inner = builder.emit(Mul, reset, biased)
        else:
            inner = _product(node, builder.emit(Mul, reset, hidden), last)
        new = _activated(node, 1, builder.emit(Add, _columns(node, x, 2, 1), inner))
        fresh = builder.emit(Mul, builder.emit(Sub, builder.constant(1, x.dtype), update), new)
        return [builder.emit(Add, fresh, builder.emit(Mul, update, hidden))]

    return _sequence(node, cell)


def _peepholes(node: Steps) -> list[Tensor]:
    """The peepholes of the gates i, o and f, each [directions, 1, hidden]; empty if there are none."""
    if node.peepholes is None:
        return []
    return [_gate(node, _beside(node, node.peepholes), index) for index in range(3)]


# ---------------------------------------------------------------- gates


def _beside(node: Steps, rows: Tensor) -> Tensor:
    """ROWS, one per direction, in a shape that broadcasts over the batch."""
    return node.builder.emit(Reshape, rows, shape=(rows.shape[0], 1, rows.shape[1]))


def _product(node: Steps, state: Tensor, weights: Tensor) -> Tensor:
    """STATE [directions, batch, hidden] times WEIGHTS [directions, rows, hidden], transposed.

    Each direction is rounded separately.
    """
    count = len(node.reverse)
    parts = [node.rounded(_cut(node, state, 0, at, 1)) for at in range(count)] if count > 1 else []
    state = node.builder.emit(Concat, *parts, axis=0) if parts else node.rounded(state)
    return node.builder.emit(Matmul, state, weights, transpose_b=True)


def _columns(node: Steps, x: Tensor, first: int, count: int) -> Tensor:
    """COUNT gates of X from the gate FIRST on, along its last axis."""
    return _cut(node, x, x.rank - 1, first * node.hidden, count * node.hidden)


def _rows(node: Steps, x: Tensor, first: int, count: int) -> Tensor:
    """COUNT gates of X from the gate FIRST on, along axis 1."""
    return _cut(node, x, 1, first * node.hidden, count * node.hidden)


def _gate(node: Steps, x: Tensor, index: int) -> Tensor:
    return _columns(node, x, index, 1)


def _activated(node: Steps, place: int, x: Tensor) -> Tensor:
    """X under the activation function at PLACE of each direction."""
    functions = [each[place] for each in node.functions]
    if functions.count(functions[0]) == len(functions):
        return functions[0].apply(node.builder, x)
    parts = [each.apply(node.builder, _cut(node, x, 0, at, 1)) for at, each in enumerate(functions)]
    return node.builder.emit(Concat, *parts, axis=0)


def _cut(node: Steps, x: Tensor, axis: int, start: int, size: int) -> Tensor:
    """SIZE elements of X from START on, along AXIS."""
    starts = [start if each == axis else 0 for each in range(x.rank)]
    sizes = [size if each == axis else dim for each, dim in enumerate(x.shape)]
    return node.builder.emit(Slice, x, starts=starts, sizes=sizes)


# ---------------------------------------------------------------- the loop


def _sequence(node: Steps, cell: Cell) -> list[Tensor | None]:
    """The states of NODE with the given CELL."""
    builder = node.builder
    inputs = _turned(node, _by_direction(node))

    def step(iteration: Tensor, before: list[Tensor]) -> Step:
        zero, read = builder.constant(0, node.dtype), before
        if node.lengths is not None and node.forgets:
            last_lived = _live(node, node.lengths, iteration, 1)
            read = [builder.emit(Where, last_lived, before[0], zero), *before[1:]]
        after = cell(builder.emit(Gather, inputs, iteration, axis=0), read)
        output = after[0]
        if node.lengths is not None:
            live = _live(node, node.lengths, iteration)
            output = builder.emit(Where, live, output, zero)
            pairs = zip(after, before, strict=True)
            after = [builder.emit(Where, live, new, old) for new, old in pairs]
        return Step(after, [output] if node.wanted else [])

    states = [_initial(node, state) for state in node.states]
    results = loop(builder, node.steps, None, states, step)
    last = [_ended(node, state) for state in results[: len(states)]]
    return [_turned(node, results[-1]) if node.wanted else None, *last]


def _initial(node: Steps, given: Tensor | None) -> Tensor:
    """The initial state; zeros if none is GIVEN."""
    if given is not None:
        return given
    zero = node.builder.constant([[[0]]], node.dtype)
    return node.builder.emit(Expand, zero, shape=node.state_shape)


def _ended(node: Steps, state: Tensor) -> Tensor:
    """The last STATE of each sequence; zeros for a sequence without steps, as in ONNX Runtime."""
    if node.lengths is None:
        return state
    builder, zero = node.builder, node.builder.constant(0, node.lengths.dtype)
    some = builder.emit(Reshape, builder.emit(Less, zero, node.lengths), shape=(1, node.batch, 1))
    return builder.emit(Where, some, state, builder.constant(0, node.dtype))


def _by_direction(node: Steps) -> Tensor:
    """The inputs of NODE as [steps, directions, batch, gates * hidden]."""
    builder, count, rows = node.builder, len(node.reverse), node.gates * node.hidden
    if count == 1:
        return builder.emit(Reshape, node.inputs, shape=(node.steps, 1, node.batch, rows))
    split = builder.emit(Reshape, node.inputs, shape=(node.steps, node.batch, count, rows))
    return builder.emit(Transpose, split, perm=(0, 2, 1, 3))


def _turned(node: Steps, x: Tensor) -> Tensor:
    """X [steps, directions, batch, ...] with the steps of backward directions in reverse order, up to the end
    of each sequence."""
    parts = []
    if not any(node.reverse):
        return x
    for index, reverse in enumerate(node.reverse):
        part = x if len(node.reverse) == 1 else _cut(node, x, 1, index, 1)
        parts.append(_backwards(node, part) if reverse else part)
    return parts[0] if len(parts) == 1 else node.builder.emit(Concat, *parts, axis=1)


def _backwards(node: Steps, x: Tensor) -> Tensor:
    """X [steps, 1, batch, ...] with its steps in reverse order, up to the end of each sequence."""
    if node.lengths is None:
        return reversed_steps(node.builder, x)
    return node.builder.emit(ReverseSequence, x, node.lengths, time_axis=0, batch_axis=2)


def _live(node: Steps, lengths: Tensor, iteration: Tensor, beyond: int = 0) -> Tensor:
    """Whether ITERATION is within the sequence, or less than BEYOND after its end: [1, batch, 1]."""
    builder = node.builder
    wide = lengths if lengths.dtype == I64 else builder.emit(Cast, lengths, to=I64)
    ends = builder.emit(Reshape, wide, shape=(1, node.batch, 1))
    if beyond:
        ends = builder.emit(Add, ends, builder.constant(beyond, I64))
    return builder.emit(Less, iteration, ends)
