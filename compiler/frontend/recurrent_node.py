"""Reads LSTM, GRU and RNN nodes: their attributes, and operands in one form for all directions.

Gates are stacked along one axis, in ONNX's order: i, o, f, c of an LSTM; z, r, h of a GRU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...dialects.core.affine import Dim
from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Operation
from ...dialects.graph import activations, trigonometric, unary
from ...dialects.graph.binary import Add, Mul
from ...dialects.graph.elementwise import Clip
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from .call import Call
from .problems import Malformed, Refused, shown
from .tensor import Tensor

DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


# ---------------------------------------------------------------- activation functions

# By name in lower case: the op, and its parameters with the defaults of ONNX's ops. (ONNX Runtime's are 0 for
# Affine, ScaledTanh and ThresholdedRelu.)
_OPS: dict[str, tuple[type[Operation] | None, dict[str, float]]] = {
    "affine": (None, {"alpha": 1.0, "beta": 0.0}),
    "elu": (activations.Elu, {"alpha": 1.0}),
    "hardsigmoid": (activations.HardSigmoid, {"alpha": 0.2, "beta": 0.5}),
    "leakyrelu": (activations.LeakyRelu, {"alpha": 0.01}),
    "relu": (activations.Relu, {}),
    "scaledtanh": (None, {"alpha": 1.0, "beta": 1.0}),
    "sigmoid": (unary.Sigmoid, {}),
    "softplus": (activations.Softplus, {}),
    "softsign": (activations.Softsign, {}),
    "tanh": (trigonometric.Tanh, {}),
    "thresholdedrelu": (activations.ThresholdedRelu, {"alpha": 1.0}),
}


@dataclass(frozen=True)
class Activation:
    """An activation function with its parameters. Its operand, the sum of a gate, is clipped to -clip..clip
    unless that is 0.

    An LSTM's function of the cell state reads no sum, and clips nothing, as in ONNX Runtime.
    """

    name: str
    numbers: tuple[tuple[str, float], ...]
    clip: float = 0.0

    def apply(self, call: Call, x: Tensor) -> Tensor:
        if self.clip:
            x = call.emit(Clip, x, call.constant(-self.clip, x.dtype), call.constant(self.clip, x.dtype))
        op, numbers = _OPS[self.name][0], dict(self.numbers)
        if op is not None:
            return call.emit(op, x, **numbers)
        alpha, beta = (call.constant(numbers[key], x.dtype) for key in ("alpha", "beta"))
        if self.name == "affine":
            return call.emit(Add, call.emit(Mul, x, alpha), beta)
        return call.emit(Mul, call.emit(trigonometric.Tanh, call.emit(Mul, x, beta)), alpha)


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
    if name.lower() not in _OPS:
        raise Malformed(f"{shown(name)} is no activation function")
    defaults = _OPS[name.lower()][1]
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
    states are rounded before products; forgets: whether products read zeros as the state of a sequence that
    ended before the last step, so that it affects no range.
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
    def dtype(self) -> DType:
        return self.x.dtype

    @property
    def state_shape(self) -> tuple[Dim, ...]:
        """The shape of a carried state: [directions, batch, hidden]."""
        return (len(self.reverse), self.batch, self.hidden)

    def state(self, index: int) -> Tensor:
        """The initial state at input INDEX; zeros if it is absent."""
        given = self.call.optional(index)
        if given is None:
            zero = self.call.constant(np.zeros((1, 1, 1)), self.dtype)
            return self.call.emit(Expand, zero, shape=self.state_shape)
        state = self.batch_outside(given)
        self.call.require_shape(state.shape, self.state_shape, f"its input {index} has another shape")
        same = state.shape == self.state_shape
        return state if same else self.call.emit(Reshape, state, shape=self.state_shape)

    def batch_outside(self, state: Tensor) -> Tensor:
        """STATE with its first two dimensions, directions and batch, swapped if the node's layout has it
        so."""
        if self.batch_first and state.rank != 3:
            raise Malformed("a state does not have 3 dimensions")
        return self.call.emit(Transpose, state, perm=(1, 0, 2)) if self.batch_first else state


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
