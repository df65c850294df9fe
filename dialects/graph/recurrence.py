"""Recurrence over the steps of sequences, after the inputs of all steps have been multiplied: LSTM, GRU, RNN.

Gates are stacked along one axis, in ONNX's order: i, o, f, c of an LSTM; z, r, h of a GRU.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..core.affine import Dim
from ..core.attributes import BOOL as FLAG
from ..core.attributes import FLOATS, STRINGS, EnumKind
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import BF16, F8E4M3, F16, F32, I8, DType
from ..core.interpreter import Evaluation
from ..core.ir import Operation, Value
from ..core.op import attribute, define_op, operand, optional_operand, result
from ..core.parts import AttributeAt
from ..core.types import TensorType
from .base import GraphOp, same_dtype, same_shape
from .elementwise_base import FLOAT, check_kind, parameter
from .gates import FUNCTIONS, GateFunction
from .numeric import Array, compute_dtype, converted

Given = Mapping[str, Array]  # operands by name, those that are absent left out

DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
ROUNDOFF = {F16: 11, BF16: 8, F32: 24}  # bits of the unit roundoff
STATES = (F16, BF16, F32)  # types of states in which there are kernels
EIGHT_BITS = (I8, F8E4M3)  # types of weights that have scales
SLACK = 64.0  # unit roundoffs by which a kernel may differ from numpy: a rounded state is read at every step


class Recurrence(GraphOp):
    """A recurrent op over projected inputs x [steps, batch, directions * gates * hidden].

    weights: of the state, [directions, gates * hidden, hidden]; initial: the state before the first step,
    [directions, batch, hidden], zeros if absent; lengths: of the sequences, [batch]. y: the states after all
    steps, [steps, batch, directions, hidden], zeros beyond the end of a sequence; last: those after the last
    step of each sequence, zeros without one. A backward direction begins at the end of each sequence. Sums of
    gates are bounded by `clip` unless it is 0.

    Arithmetic is in f32 at least. States are rounded to the type of x where they are multiplied or stored.
    Weights of eight bits, i8 or f8e4m3, have `scales`, [directions, gates * hidden], by which the products of
    rows are multiplied.

    functions: the activations, `defaults` if empty; numbers: alpha and beta of each, 0 where it has none.
    gates: their number.
    """

    gates: ClassVar[int]
    defaults: ClassVar[tuple[str, ...]]
    any_order: ClassVar[bool] = False

    x = operand()
    weights = operand()
    initial = optional_operand()
    lengths = optional_operand()
    y = result()
    last = result()
    direction = attribute(EnumKind(tuple(DIRECTIONS)), "forward")
    clip = parameter(0.0)
    functions = attribute(STRINGS, ())
    numbers = attribute(FLOATS, ())

    # ------------------------------------------------------------ sizes

    @property
    def reverse(self) -> tuple[bool, ...]:
        """For each direction, whether it runs backwards."""
        return DIRECTIONS[self.direction]

    @property
    def hidden(self) -> int:
        """The size of a state."""
        size = self.weights.type.shape[2]
        if not isinstance(size, int):
            at = operand_at(self, self.weights)
            raise op_error(self, "the size of its hidden state is symbolic", at=at)
        return size

    @property
    def steps(self) -> Dim:
        return self.x.type.shape[0]

    @property
    def batch(self) -> Dim:
        return self.x.type.shape[1]

    @property
    def state_type(self) -> TensorType:
        """The type of a state of all directions, [directions, batch, hidden]."""
        return TensorType((len(self.reverse), self.batch, self.hidden), self.x.type.dtype)

    @property
    def initial_states(self) -> tuple[Value | None, ...]:
        """The states before the first step; None for zeros."""
        return (self.initial,)

    @property
    def activations(self) -> tuple[GateFunction, ...]:
        """The activation functions."""
        names = tuple(self.functions) or self.defaults
        numbers = tuple(self.numbers) or (0.0,) * (2 * len(names))
        return tuple(map(GateFunction, names, numbers[::2], numbers[1::2]))

    @property
    @abstractmethod
    def factors(self) -> Value | None:
        """The scales of its weights; None of floats that are multiplied as they are."""

    @property
    def floats(self) -> tuple[DType, ...]:
        """The types of states in which there are kernels."""
        return STATES if self.factors is None else (F16,)

    @property
    def exact(self) -> tuple[Value, ...]:
        """The operands that keep their types in every format: weights of eight bits, and their scales."""
        return () if self.factors is None else (self.weights, self.factors)

    def infer(self) -> Sequence[TensorType]:
        self._check_functions()
        if self.x.type.rank != 3 or self.weights.type.rank != 3:
            raise op_error(self, "its inputs and weights do not have 3 dimensions each")
        check_kind(self, self.x, FLOAT)
        count, hidden = len(self.reverse), self.hidden
        rows = self.gates * hidden
        if self.weights.type.shape[0] != count:
            raise op_error(self, f"its weights are not for {self.direction}", at=AttributeAt("direction"))
        self._check_weights((count, rows, hidden))
        self._check(self.x, (self.steps, self.batch, count * rows))
        self._check(self.initial, self.state_type.shape)
        for value, shape in self._extra():
            self._check(value, shape)
        if self.lengths is not None:
            check_kind(self, self.lengths, ("signed", "unsigned"))
            message = f"the lengths {self.lengths.type} do not fit the batch"
            same_shape(self, self.lengths.type.shape, (self.batch,), message)
        y = TensorType((self.steps, self.batch, count, hidden), self.x.type.dtype)
        return [y, *[self.state_type] * (len(self.spec.results) - 1)]

    def _check_weights(self, shape: tuple[Dim, ...]) -> None:
        """Raise a located IRError unless the weights have SHAPE and the type of x, or eight bits and
        scales."""
        dtype, factors = self.weights.type.dtype, self.factors
        at = operand_at(self, self.weights)
        if (factors is not None) != (dtype in EIGHT_BITS):
            needs = "scales" if factors is None else "no scales"
            raise op_error(self, f"its weights are {dtype}, which need {needs}", at=at)
        if factors is None:
            self._check(self.weights, shape)
            return
        same_shape(self, self.weights.type.shape, shape, "its weights have another shape", at)
        at = operand_at(self, factors)
        if factors.type.dtype != F32:
            raise op_error(self, f"its scales are {factors.type.dtype}, f32 is expected", at=at)
        same_shape(self, factors.type.shape, shape[:2], "its scales are not one for each row", at)

    def _check_functions(self) -> None:
        """Raise a located IRError unless there are the functions, and the numbers, that the op needs."""
        expected, numbers = len(self.defaults), len(self.numbers)
        if self.functions and len(self.functions) != expected:
            message = f"it has {len(self.functions)} activation functions, {expected} are expected"
            raise op_error(self, message, at=AttributeAt("functions"))
        if any(name not in FUNCTIONS for name in self.functions):
            known = ", ".join(FUNCTIONS)
            raise op_error(
                self, f"its activation functions are not among {known}", at=AttributeAt("functions")
            )
        if numbers not in (0, 2 * expected):
            message = f"it has {numbers} numbers for {expected} activation functions, two each are expected"
            raise op_error(self, message, at=AttributeAt("numbers"))

    def _extra(self) -> Sequence[tuple[Value | None, tuple[Dim, ...]]]:
        """The operands beyond those of all recurrent ops, and their shapes."""
        return ()

    def _check(self, value: Value | None, shape: tuple[Dim, ...]) -> None:
        """Raise a located IRError unless VALUE is absent, or has SHAPE and the type of x."""
        if value is not None:
            same_dtype(self, [self.x.type, value.type])
            at = operand_at(self, value)
            same_shape(self, value.type.shape, shape, f"its operand {value.type} has another shape", at)

    def flops(self) -> Dim:
        return self.x.type.elements * self.hidden * 2

    def allowed(self) -> float:
        """The largest difference between a kernel and `evaluate`, relative to the largest result."""
        return SLACK * float(2.0 ** -ROUNDOFF[self.x.type.dtype])

    # ------------------------------------------------------------ meaning

    @abstractmethod
    def cell(self, x: Array, product: Array, states: list[Array], given: Given) -> list[Array]:
        """The states after a step, each [batch, hidden], from those before it.

        X and PRODUCT are the projected inputs and the state times the weights, each [batch, gates, hidden];
        GIVEN are the operands of the direction.
        """

    def evaluate(self, evaluation: Evaluation, *inputs: Any) -> tuple[Array, ...]:
        wide = compute_dtype(self.x.type.dtype).numpy
        pairs = zip((field.name for field in self.spec.operands), inputs, strict=False)
        given = {name: array for name, array in pairs if array is not None}
        steps, batch = given["x"].shape[:2]
        lengths = given.pop("lengths", np.full(batch, max(steps, 1))).astype(np.int64)
        found = []
        for at in range(len(self.reverse)):
            columns = slice(at * self.gates * self.hidden, (at + 1) * self.gates * self.hidden)
            own = {name: array[at] for name, array in given.items() if name != "x"}
            own["x"] = given["x"][:, :, columns].reshape(steps, batch, self.gates, self.hidden)
            operands = {name: array.astype(wide) for name, array in own.items()}
            found.append(self._direction(self.reverse[at], lengths, operands))
        y, *last = (np.stack(parts) for parts in zip(*found, strict=True))
        return tuple(converted(array, self.x.type.dtype) for array in (np.moveaxis(y, 0, 2), *last))

    def _direction(self, reverse: bool, lengths: Array, given: Given) -> list[Array]:
        """The results of a direction for sequences of LENGTHS: y [steps, batch, hidden], and the last
        states."""
        x, rows = given["x"], np.arange(len(lengths))
        ends = np.clip(lengths, 0, len(x))
        states = self.first(given)
        y = np.zeros((*x.shape[:2], self.hidden), x.dtype)
        for step in range(len(x)):
            live = step < ends
            place = np.where(live, ends - 1 - step, step) if reverse else np.full(len(ends), step)
            rounded = converted(states[0], self.x.type.dtype).astype(x.dtype)
            with np.errstate(all="ignore"):
                product = np.matmul(rounded, given["weights"].T) * given.get("scales", x.dtype.type(1))
                product = product.reshape(x.shape[1:])
                after = self.cell(x[place, rows], product, states, given)
            states = [np.where(live[:, None], new, old) for new, old in zip(after, states, strict=True)]
            y[place[live], rows[live]] = states[0][live]
        return [y, *(np.where(lengths[:, None] > 0, state, 0) for state in states)]

    def first(self, given: Given) -> list[Array]:
        """The states before the first step."""
        return [self._initial(given, "initial")]

    def _initial(self, given: Given, name: str) -> Array:
        found = given.get(name)
        return np.zeros((given["x"].shape[1], self.hidden), given["x"].dtype) if found is None else found

    def clipped(self, gate: Array) -> Array:
        """The sum of a gate within the bounds of `clip`."""
        return np.clip(gate, -self.clip, self.clip) if self.clip else gate


@define_op()
class Lstm(Recurrence):
    """Long short-term memory (ONNX LSTM; Hochreiter and Schmidhuber, 1997).

    Its functions are those of the gates i, o and f, of the gate c, and of the memory.

    memory: the cell state before the first step; last_memory: that after the last one. peepholes: of the
    gates i, o and f, [directions, 3 * hidden]. coupled: the gate f is 1 - i.
    """

    name = "graph.lstm"
    gates = 4
    defaults = ("sigmoid", "tanh", "tanh")
    memory = optional_operand()
    peepholes = optional_operand()
    scales = optional_operand()
    last_memory = result()
    coupled = attribute(FLAG, False)

    @property
    def factors(self) -> Value | None:
        return self.scales

    @property
    def initial_states(self) -> tuple[Value | None, ...]:
        return self.initial, self.memory

    def _extra(self) -> Sequence[tuple[Value | None, tuple[Dim, ...]]]:
        peepholes = (len(self.reverse), 3 * self.hidden)
        return (self.memory, self.state_type.shape), (self.peepholes, peepholes)

    def first(self, given: Given) -> list[Array]:
        return [self._initial(given, "initial"), self._initial(given, "memory")]

    def cell(self, x: Array, product: Array, states: list[Array], given: Given) -> list[Array]:
        memory, sums = states[1], np.moveaxis(x + product, 1, 0)
        seen = given.get("peepholes")
        weights = np.zeros((3, 1), x.dtype) if seen is None else seen.reshape(3, self.hidden)
        gate, new, out = self.activations
        admitted = gate.of(self.clipped(sums[0] + weights[0] * memory))
        kept = 1 - admitted if self.coupled else gate.of(self.clipped(sums[2] + weights[2] * memory))
        memory = kept * memory + admitted * new.of(self.clipped(sums[3]))
        shown = gate.of(self.clipped(sums[1] + weights[1] * memory))
        return [shown * out.of(memory), memory]


@define_op()
class Gru(Recurrence):
    """The gated recurrent unit (Cho et al., 2014; ONNX GRU).

    Its functions are those of the gates z and r, and of the gate h. linear: the reset gate is applied after
    the product (ONNX linear_before_reset); else the state is reset before it. bias: of a linear one, added to
    the product of the gate h before it is reset, [directions, hidden].
    """

    name = "graph.gru"
    gates = 3
    defaults = ("sigmoid", "tanh")
    bias = optional_operand()
    scales = optional_operand()
    linear = attribute(FLAG, True)

    @property
    def factors(self) -> Value | None:
        return self.scales

    def _extra(self) -> Sequence[tuple[Value | None, tuple[Dim, ...]]]:
        if self.bias is not None and not self.linear:
            raise op_error(self, "it has a bias that nothing resets", at=operand_at(self, self.bias))
        return ((self.bias, (len(self.reverse), self.hidden)),)

    def cell(self, x: Array, product: Array, states: list[Array], given: Given) -> list[Array]:
        gate, function = self.activations
        update, reset = (gate.of(self.clipped(x[:, at] + product[:, at])) for at in range(2))
        if self.linear:
            inner = reset * (product[:, 2] + given.get("bias", x.dtype.type(0)))
        else:
            kept = converted(reset * states[0], self.x.type.dtype).astype(x.dtype)
            scales = given.get("scales", np.ones(3 * self.hidden, x.dtype))[2 * self.hidden :]
            inner = np.matmul(kept, given["weights"][2 * self.hidden :].T) * scales
        new = function.of(self.clipped(x[:, 2] + inner))
        return [(1 - update) * new + update * states[0]]


@define_op()
class Rnn(Recurrence):
    """A recurrent layer (ONNX RNN)."""

    name = "graph.rnn"
    gates = 1
    defaults = ("tanh",)
    scales = optional_operand()

    @property
    def factors(self) -> Value | None:
        return self.scales

    def cell(self, x: Array, product: Array, states: list[Array], given: Given) -> list[Array]:
        return [self.activations[0].of(self.clipped(x[:, 0] + product[:, 0]))]


OPS: tuple[type[Operation], ...] = (Lstm, Gru, Rnn)
