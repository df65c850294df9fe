"""What LSTM, GRU and RNN nodes state: activation functions with their parameters, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt import ModelError, UnsupportedError
from glassrt.compiler.frontend import import_model
from glassrt.compiler.frontend.recurrent_node import Activation
from glassrt.dialects.graph.activations import ThresholdedRelu
from glassrt.dialects.graph.elementwise import Clip

from .recurrent import recurrent


def test_a_function_without_parameters_has_those_of_its_op() -> None:
    given = recurrent("GRU", activations=["Sigmoid", "ThresholdedRelu"], direction="forward")
    module = import_model(given.model(14))
    assert [op.alpha for op in module.walk() if isinstance(op, ThresholdedRelu)] == [1.0]


def test_only_the_sums_of_gates_are_clipped() -> None:
    module = import_model(recurrent("LSTM", clip=0.5).model(14))
    assert sum(isinstance(op, Clip) for op in module.walk()) == 4
    assert Activation("tanh", ()) == Activation("tanh", (), 0.0)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"activations": ["Tanh", "Gelu", "Tanh"]}, ModelError, "'Gelu' is no activation function"),
        ({"activations": ["Tanh"]}, ModelError, "it has 1 activation functions, 3 are expected"),
        ({"hidden_size": 5}, ModelError, "the attribute 'hidden_size' is not 6"),
        ({"direction": "backward"}, ModelError, "the attribute 'direction' is 'backward'"),
        ({"layout": 2}, UnsupportedError, "the attribute 'layout' is 2"),
        ({"lengths": (5, 5)}, ModelError, "its sequence lengths are not one for each sequence"),
    ],
)
def test_nodes_that_are_refused(change: dict[str, Any], kind: type[Exception], message: str) -> None:
    options = {key: value for key, value in change.items() if key == "lengths"}
    given = recurrent("LSTM", **options)
    given.attributes.update({key: value for key, value in change.items() if key != "lengths"})
    with pytest.raises(kind) as caught:
        import_model(given.model(14))
    assert message in str(caught.value)
