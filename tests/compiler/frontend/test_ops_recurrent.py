"""LSTM, GRU and RNN, imported and interpreted, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.control import Loop
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.graph.recurrence import Gru, Lstm, Recurrence, Rnn

from ...models import Array
from .nodes import Case, check, label
from .recurrent import DIRECTIONS, GATES, recurrent

CASES = [
    *(recurrent(op, direction=direction) for op in GATES for direction in DIRECTIONS),
    *(recurrent(op, direction=way, lengths=(5, 2, 1), states=True) for op in GATES for way in DIRECTIONS),
    *(recurrent(op, direction="bidirectional", lengths=(3, 0, 5), states=True) for op in GATES),
    *(recurrent(op, bias=False, states=True, opset=7) for op in GATES),
    *(recurrent(op, clip=0.7, direction="bidirectional") for op in GATES),
    recurrent("LSTM", peepholes=True, direction="bidirectional", states=True),
    recurrent("LSTM", peepholes=True, lengths=(1, 5, 3)),
    recurrent("LSTM", input_forget=1),
    recurrent("LSTM", input_forget=1, peepholes=True, clip=0.5, direction="reverse"),
    recurrent("GRU", linear_before_reset=1, direction="bidirectional", lengths=(5, 4, 2)),
    recurrent("GRU", linear_before_reset=1, bias=False, states=True),
    recurrent("GRU", linear_before_reset=1, clip=0.6),
    recurrent("LSTM", activations=["HardSigmoid", "Softsign", "Relu"],
              activation_alpha=[0.3], activation_beta=[0.4]),
    recurrent("LSTM", activations=["Sigmoid", "Tanh", "Tanh", "HardSigmoid", "Elu", "ScaledTanh"],
              activation_alpha=[0.25, 0.5, 0.75], activation_beta=[0.45, 0.6], direction="bidirectional"),
    recurrent("GRU", activations=["sigmoid", "ThresholdedRelu", "HardSigmoid", "LeakyRelu"],
              activation_alpha=[0.1, 0.2, 0.3], activation_beta=[0.5], direction="bidirectional"),
    recurrent("RNN", activations=["Softplus"]),
    recurrent("RNN", activations=["Affine"], activation_alpha=[0.5], activation_beta=[0.1]),
    recurrent("RNN", activations=["ThresholdedRelu", "Elu"], activation_alpha=[0.2, 0.3],
              direction="bidirectional"),
    recurrent("LSTM", activations=["HardSigmoid", "LeakyRelu", "Elu"]),
]  # fmt: skip


@pytest.mark.parametrize("given", CASES, ids=label)
def test_recurrent_nodes(given: Case) -> None:
    check(given, given.opsets[0])


def by_time(case: Case, opset: int) -> dict[str, Array]:
    module = import_model(case.model(opset).SerializeToString())
    return interpret(module, case.inputs)


@pytest.mark.parametrize("lengths", [None, (4, 5, 2)])
@pytest.mark.parametrize("op", GATES)
def test_the_batch_may_come_first(op: str, lengths: tuple[int, ...] | None) -> None:
    """ONNX Runtime takes no `layout` on the CPU: the same node with the steps first says what it means."""
    given = recurrent(op, direction="bidirectional", layout=1, lengths=lengths, states=True)
    arrays = list(given.arrays)
    for index in (0, *range(5, len(arrays))):
        array = arrays[index]
        assert array is not None
        arrays[index] = array.transpose(1, 0, 2)
    plain = {name: value for name, value in given.attributes.items() if name != "layout"}
    other = Case(op, (14,), arrays, plain, constant=given.constant, outputs=given.outputs)
    have, want = by_time(given, 14), by_time(other, 14)
    check(other, 14)
    np.testing.assert_array_equal(have.pop("y0"), want.pop("y0").transpose(2, 0, 1, 3))
    for name, array in want.items():
        np.testing.assert_array_equal(have[name], array.transpose(1, 0, 2))


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (recurrent("LSTM", peepholes=True, lengths=(1, 5, 3), clip=0.5, input_forget=1), Lstm),
        (recurrent("GRU", linear_before_reset=1, direction="bidirectional"), Gru),
        (recurrent("RNN", activations=["Relu"]), Rnn),
        (recurrent("GRU"), Gru),
        (recurrent("RNN", activations=["Tanh", "Relu"], direction="bidirectional"), Loop),
        (recurrent("LSTM", activations=["HardSigmoid", "Tanh", "Affine"], activation_alpha=[0.1]), Lstm),
    ],
    ids=label,
)
def test_steps_are_an_op_where_there_may_be_a_kernel(given: Case, kind: type[Operation]) -> None:
    module = import_model(given.model(14).SerializeToString())
    (found,) = (op for op in module.walk() if isinstance(op, (Loop, Recurrence)))
    assert type(found) is kind
