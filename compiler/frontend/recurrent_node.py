"""Reads LSTM, GRU and RNN nodes: their attributes, and operands in one form for all directions.

Gates are stacked along one axis, in ONNX's order: i, o, f, c of an LSTM; z, r, h of a GRU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ...dialects.core.affine import Dim
from ...dialects.graph.binary import Add
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from ...dialects.graph.recurrence import DIRECTIONS
from .call import Call
from .gate_functions import FUNCTIONS, Activation
from .problems import Malformed, Refused, shown
from .recurrent_steps import Steps
from .tensor import Tensor


def _functions(call: Call, count: int, defaults: tuple[str, ...]) -> Iterator[tuple[Activation, ...]]:
    """The activation functions of each of COUNT directions.

    Functions take their parameters from the node's lists, in order, while there are any.
    """
    names = call.strings("activations") or defaults * count
    if len(names) != count * len(defaults):
        raise Malformed(f"it has {len(names)} activation functions, {count * len(defaults)} are expected")
    given = {key: iter(call.floats(f"activation_{key}") or ()) for key in ("alpha", "beta")}
    clip = call.number("clip", 0.0)
    made = [_function(name, given) for name in names]
    for start in range(0, len(made), len(defaults)):
        *gates, last = made[start : start + len(defaults)]
        yield (
            *(replace(gate, clip=clip) for gate in gates),
            last if len(gates) == 2 else replace(last, clip=clip),
        )


def _function(name: str, given: dict[str, Iterator[float]]) -> Activation:
    if name.lower() not in FUNCTIONS:
        raise Malformed(f"{shown(name)} is no activation function")
    defaults = FUNCTIONS[name.lower()][1]
    numbers = tuple((key, next(given[key], default)) for key, default in defaults.items())
    return Activation(name.lower(), numbers)


# ---------------------------------------------------------------- the node

Rounded = Callable[[Call, Tensor], Tensor]


def _as_it_is(call: Call, x: Tensor) -> Tensor:
    return x


@dataclass(frozen=True)
class Recurrent:
    """A recurrent node, with sequences along axis 0: x [steps, batch, inputs].

    reverse: whether each direction runs backwards; weights: [directions, gates * hidden, inputs]; recurrence:
    [directions, gates * hidden, hidden]; biases: of inputs and recurrence, each [directions, gates * hidden];
    lengths: of the sequences, [batch]; functions: the activations of each direction; rounded: how inputs and
    states are rounded before products; forgets: as in `Steps`.
    """

    call: Call
    x: Tensor
    reverse: tuple[bool, ...]
    hidden: int
    gates: int
    weights: Tensor
    recurrence: Tensor
    biases: tuple[Tensor, Tensor] | None
    lengths: Tensor | None
    functions: tuple[tuple[Activation, ...], ...]
    batch_first: bool
    rounded: Rounded = _as_it_is
    forgets: bool = False

    @property
    def steps(self) -> Dim:
        return self.x.shape[0]

    @property
    def batch(self) -> Dim:
        return self.x.shape[1]

    @property
    def rounds_nothing(self) -> bool:
        """Whether inputs and states are multiplied as they are."""
        return self.rounded is _as_it_is

    def state(self, index: int) -> Tensor | None:
        """The initial state at input INDEX, [directions, batch, hidden]; None if it is absent."""
        given = self.call.optional(index)
        if given is None:
            return None
        state, shape = self.batch_outside(given), (len(self.reverse), self.batch, self.hidden)
        self.call.require_shape(state.shape, shape, f"its input {index} has another shape")
        return state if state.shape == shape else self.call.emit(Reshape, state, shape=shape)

    def batch_outside(self, state: Tensor) -> Tensor:
        """STATE with its first two dimensions, directions and batch, swapped if the node's layout has it
        so."""
        if self.batch_first and state.rank != 3:
            raise Malformed("a state does not have 3 dimensions")
        return self.call.emit(Transpose, state, perm=(1, 0, 2)) if self.batch_first else state

    def total_bias(self) -> Tensor | None:
        """The sum of both biases: [directions, gates * hidden]."""
        return None if self.biases is None else self.call.emit(Add, *self.biases)

    def projected(self, bias: Tensor | None) -> Tensor:
        """The inputs of all steps times the weights of all directions, in one product, plus BIAS.

        Shape: [steps, batch, directions * gates * hidden].
        """
        call, rows, size = self.call, len(self.reverse) * self.gates * self.hidden, self.x.shape[2]
        flat = call.emit(Reshape, self.rounded(call, self.x), shape=(self.steps * self.batch, size))
        weights = call.emit(Reshape, self.weights, shape=(rows, size))
        product = call.emit(Matmul, flat, weights, transpose_b=True)
        if bias is not None:
            product = call.emit(Add, product, call.emit(Reshape, bias, shape=(rows,)))
        return call.emit(Reshape, product, shape=(self.steps, self.batch, rows))

    def steps_from(self, bias: Tensor | None, states: tuple[Tensor | None, ...]) -> Steps:
        """The steps of the node from the initial STATES; BIAS is added to the projected inputs."""
        return Steps(
            self.call.builder,
            self.projected(bias),
            self.reverse,
            self.hidden,
            self.gates,
            self.recurrence,
            self.lengths,
            self.functions,
            states,
            wanted=self.call.wants(0),
            rounded=lambda x: self.rounded(self.call, x),
            forgets=self.forgets,
        )


def read_recurrent(
    call: Call,
    gates: int,
    defaults: tuple[str, ...],
    operands: tuple[Tensor, Tensor] | None = None,
    rounded: Rounded = _as_it_is,
) -> Recurrent:
    """The node of CALL, with GATES gates; DEFAULTS are the activation functions of one direction.

    OPERANDS are its weights and recurrence weights if these are not inputs 1 and 2; ROUNDED as in
    `Recurrent`.
    """
    reverse, batch_first = _directions(call), call.flag("layout")
    x = call.input(0)
    weights, recurrence = (call.input(1), call.input(2)) if operands is None else operands
    if any(each.rank != 3 for each in (x, weights, recurrence)):
        raise Malformed("its input, weights and recurrence weights do not all have 3 dimensions")
    x = call.emit(Transpose, x, perm=(1, 0, 2)) if batch_first else x
    hidden = _hidden_size(call, recurrence)
    count, rows = len(reverse), gates * hidden
    call.require_shape(weights.shape, (count, rows, x.shape[2]), "its weights have another shape")
    call.require_shape(recurrence.shape, (count, rows, hidden), "its recurrence weights have another shape")
    return Recurrent(
        call,
        x,
        reverse,
        hidden,
        gates,
        weights,
        recurrence,
        _biases(call, count, rows),
        _lengths(call, x.shape[0], x.shape[1]),
        tuple(_functions(call, count, defaults)),
        batch_first,
        rounded,
    )


def _directions(call: Call) -> tuple[bool, ...]:
    """For each direction of the node, whether it runs backwards."""
    direction = call.string("direction", "forward")
    if direction not in DIRECTIONS:
        raise Malformed(f"the attribute 'direction' is {shown(direction)}")
    return DIRECTIONS[direction]


def _hidden_size(call: Call, recurrence: Tensor) -> int:
    hidden = recurrence.shape[2]
    if not isinstance(hidden, int):
        raise Refused("the size of its hidden state is symbolic")
    if call.integer("hidden_size", hidden) != hidden:
        raise Malformed(f"the attribute 'hidden_size' is not {hidden}, the size that its weights are for")
    return hidden


def _biases(call: Call, count: int, rows: int) -> tuple[Tensor, Tensor] | None:
    given = call.optional(3)
    if given is None:
        return None
    call.require_shape(given.shape, (count, 2 * rows), "its bias has another shape")
    first, second = (call.emit(Slice, given, starts=(0, start), sizes=(count, rows)) for start in (0, rows))
    return first, second


def _lengths(call: Call, steps: Dim, batch: Dim) -> Tensor | None:
    """The lengths of the sequences; None if all have all STEPS."""
    given = call.optional(4)
    if given is None:
        return None
    call.require_shape(given.shape, (batch,), "its sequence lengths are not one for each sequence")
    whole = given.data is not None and isinstance(steps, int) and bool((given.data >= steps).all())
    return None if whole else given
