"""Importers of LSTM, GRU and RNN: one product for the inputs of all steps, then the steps.

These are one op where a kernel may have them, a loop else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...dialects.core.dtypes import BF16, F16, F32
from ...dialects.graph.binary import Sub
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.reshape import Transpose
from ...dialects.graph.movement.slicing import Slice
from ...dialects.graph.recurrence import DIRECTIONS, Gru, Lstm, Recurrence, Rnn
from .call import Call, Outcome
from .recurrent_node import Recurrent, read_recurrent
from .recurrent_steps import Steps, gru_steps, lstm_steps, rnn_steps
from .table import Table
from .tensor import Tensor

LSTM_FUNCTIONS = ("Sigmoid", "Tanh", "Tanh")
GRU_FUNCTIONS = ("Sigmoid", "Tanh")
RNN_FUNCTIONS = ("Tanh",)


def _rnn(call: Call) -> Outcome:
    node = read_recurrent(call, 1, RNN_FUNCTIONS)
    steps = node.steps_from(node.total_bias(), (node.state(5),))
    return _outputs(node, _op(steps, Rnn) if _is_op(node) else rnn_steps(steps))


def _lstm(call: Call) -> Outcome:
    return lstm_outputs(read_recurrent(call, 4, LSTM_FUNCTIONS))


def lstm_outputs(node: Recurrent) -> list[Tensor | None]:
    """The outputs of the LSTM NODE."""
    coupled = node.call.flag("input_forget")
    steps = node.steps_from(node.total_bias(), (node.state(5), node.state(6)))
    steps = replace(steps, peepholes=_peepholes(node), coupled=coupled)
    if _is_op(node):
        return _outputs(node, _op(steps, Lstm, steps.states[1], steps.peepholes, coupled=coupled))
    return _outputs(node, lstm_steps(steps))


def _gru(call: Call) -> Outcome:
    node = read_recurrent(call, 3, GRU_FUNCTIONS)
    linear = call.integer("linear_before_reset", 0) != 0
    hidden_bias = _hidden_bias(node) if linear else None
    bias = node.total_bias()
    if bias is not None and hidden_bias is not None:  # its product is reset before it is added
        zeros = call.constant(np.zeros((len(node.reverse), 2 * node.hidden)), node.x.dtype)
        bias = call.emit(Sub, bias, call.emit(Concat, zeros, hidden_bias, axis=1))
    steps = replace(node.steps_from(bias, (node.state(5),)), hidden_bias=hidden_bias, linear=linear)
    if _is_op(node):
        return _outputs(node, _op(steps, Gru, hidden_bias, linear=linear))
    return _outputs(node, gru_steps(steps))


def _peepholes(node: Recurrent) -> Tensor | None:
    """The peepholes of the gates i, o and f, [directions, 3 * hidden]; None if there are none."""
    given = node.call.optional(7)
    if given is not None:
        shape = (len(node.reverse), 3 * node.hidden)
        node.call.require_shape(given.shape, shape, "its peepholes have another shape")
    return given


def _hidden_bias(node: Recurrent) -> Tensor | None:
    """The bias of the state's product in the last gate of a GRU, [directions, hidden]."""
    if node.biases is None:
        return None
    starts, sizes = (0, 2 * node.hidden), (len(node.reverse), node.hidden)
    return node.call.emit(Slice, node.biases[1], starts=starts, sizes=sizes)


def _is_op(node: Recurrent) -> bool:
    """Whether the steps of NODE are an op: all directions have the same activation functions."""
    return len(set(node.functions)) == 1 and node.rounds_nothing and node.x.dtype in (F32, F16, BF16)


def _op(steps: Steps, kind: type[Recurrence], *more: Tensor | None, **attributes: Any) -> list[Tensor | None]:
    """The states of STEPS by an op of KIND with MORE operands, as `recurrent_steps` gives them."""
    (direction,) = (name for name, reverse in DIRECTIONS.items() if reverse == steps.reverse)
    operands = (steps.inputs, steps.recurrence, steps.states[0], steps.lengths, *more)
    functions = steps.functions[0]
    names = tuple(each.name for each in functions)
    if names != kind.defaults:
        numbers = [dict(each.numbers).get(key, 0.0) for each in functions for key in ("alpha", "beta")]
        attributes |= {"functions": names, "numbers": numbers}
    found = steps.builder.emit_all(kind, *operands, direction=direction, clip=functions[0].clip, **attributes)
    return [steps.builder.emit(Transpose, found[0], perm=(0, 2, 1, 3)), *found[1:]]


def _outputs(node: Recurrent, found: list[Tensor | None]) -> list[Tensor | None]:
    """The outputs of NODE from the states FOUND: those after all steps, and the last ones."""
    y, *last = found
    if y is not None and node.batch_first:
        y = node.call.emit(Transpose, y, perm=(2, 0, 1, 3))
    return [
        y if node.call.wants(0) else None,
        *(node.batch_outside(each) for each in last if each is not None),
    ]


TABLE: Table = {"GRU": [(7, _gru)], "LSTM": [(7, _lstm)], "RNN": [(7, _rnn)]}
