"""What LSTM, GRU and RNN nodes state, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt import ModelError, UnsupportedError
from glassrt.compiler.frontend import import_model

from .recurrent import recurrent


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
