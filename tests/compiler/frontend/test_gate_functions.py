"""The activation functions of gates: their parameters, and the bounds of their operands."""

from __future__ import annotations

from glassrt.compiler.frontend import import_model
from glassrt.compiler.frontend.gate_functions import FUNCTIONS, Activation
from glassrt.dialects.graph.elementwise import Clip
from glassrt.dialects.graph.recurrence import Gru

from .recurrent import recurrent


def test_a_function_without_parameters_has_those_of_its_op() -> None:
    given = recurrent("GRU", activations=["Sigmoid", "ThresholdedRelu"], direction="forward")
    (op,) = (op for op in import_model(given.model(14)).walk() if isinstance(op, Gru))
    assert op.functions == ("sigmoid", "thresholdedrelu") and op.numbers == (0.0, 0.0, 1.0, 0.0)


def test_only_the_sums_of_gates_are_clipped() -> None:
    functions = ["Sigmoid", "Tanh", "Relu", "Sigmoid", "Tanh", "Tanh"]  # no op has them, but a loop
    given = recurrent("LSTM", clip=0.5, activations=functions, direction="bidirectional")
    module = import_model(given.model(14))
    assert sum(isinstance(op, Clip) for op in module.walk()) == 4
    assert Activation("tanh", ()) == Activation("tanh", (), 0.0)


def test_the_functions_of_onnx() -> None:
    assert len(FUNCTIONS) == 11
