"""Recurrent ops: what they refuse, and sequences of special lengths. Their numbers are those of ONNX Runtime:
see the importers' tests."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import IRError
from glassrt.dialects.core.dtypes import F16, F32, I8, I32
from glassrt.dialects.core.interpreter import Evaluation
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.recurrence import Gru, Lstm, Rnn

STEPS, BATCH, HIDDEN = 4, 3, 5
X, WEIGHTS = (STEPS, BATCH, 4 * HIDDEN), (1, 4 * HIDDEN, HIDDEN)


def tensor(*shape: int) -> TensorType:
    return TensorType(shape, F32)


BYTES, SCALES = TensorType(WEIGHTS, I8), tensor(1, 4 * HIDDEN)


@pytest.mark.parametrize(
    ("types", "attributes", "message"),
    [
        ([tensor(*X), tensor(*WEIGHTS[1:])], {}, "do not have 3 dimensions each"),
        ([tensor(*X), tensor(*WEIGHTS)], {"direction": "bidirectional"}, "are not for bidirectional"),
        ([tensor(STEPS, BATCH, 7), tensor(*WEIGHTS)], {}, "has another shape"),
        ([tensor(*X), TensorType(WEIGHTS, F16)], {}, "different element types: f16, f32"),
        ([tensor(*X), tensor(*WEIGHTS), tensor(1, 2, HIDDEN)], {}, "has another shape"),
        ([tensor(*X), tensor(*WEIGHTS), None, tensor(BATCH)], {}, "takes signed or unsigned elements"),
        ([tensor(*X), tensor(*WEIGHTS), None, TensorType((2,), I32)], {}, "do not fit the batch"),
        ([tensor(*X), tensor(*WEIGHTS), *[None] * 3, tensor(1, 4 * HIDDEN)], {}, "has another shape"),
        ([tensor(*X), BYTES], {}, "are i8, which need scales"),
        ([tensor(*X), tensor(*WEIGHTS), *[None] * 4, SCALES], {}, "are f32, which need no scales"),
        ([tensor(*X), BYTES, *[None] * 4, TensorType(SCALES.shape, F16)], {}, "f32 is expected"),
        ([tensor(*X), BYTES, *[None] * 4, tensor(1, HIDDEN)], {}, "not one for each row"),
    ],
)
def test_what_an_lstm_refuses(
    types: list[TensorType | None], attributes: dict[str, str], message: str
) -> None:
    block = Block([each for each in types if each is not None])
    values = iter(block.arguments)
    with pytest.raises(IRError, match=message):
        Lstm(*(None if each is None else next(values) for each in types), **attributes)


def test_a_bias_that_nothing_resets_is_refused() -> None:
    block = Block([tensor(STEPS, BATCH, 3 * HIDDEN), tensor(1, 3 * HIDDEN, HIDDEN), tensor(1, HIDDEN)])
    with pytest.raises(IRError, match="a bias that nothing resets"):
        Gru(*block.arguments[:2], None, None, block.arguments[2], linear=False)


def test_the_types_of_results() -> None:
    block = Block([TensorType((STEPS, BATCH, 6 * HIDDEN), F16), TensorType((2, 3 * HIDDEN, HIDDEN), F16)])
    op = Gru(*block.arguments, direction="bidirectional")
    assert [value.type.shape for value in op.results] == [(STEPS, BATCH, 2, HIDDEN), (2, BATCH, HIDDEN)]
    assert {value.type.dtype for value in op.results} == {F16}
    assert op.flops() == STEPS * BATCH * 6 * HIDDEN * HIDDEN * 2


def test_a_sequence_without_steps_ends_in_zeros_and_one_that_is_too_long_at_the_last_step() -> None:
    rng = np.random.default_rng(0)
    types = [tensor(STEPS, BATCH, HIDDEN), tensor(1, HIDDEN, HIDDEN), tensor(1, BATCH, HIDDEN)]
    block = Block([*types, TensorType((BATCH,), I32)])
    op = Rnn(*block.arguments, direction="reverse")
    x, weights, initial = (rng.standard_normal(type.shape).astype(np.float32) for type in types)
    lengths = np.array([0, STEPS + 3, 2], np.int32)
    y, last = op.evaluate(Evaluation(Module("m"), {}), x, weights, initial, lengths)
    assert not y[:, 0].any() and not last[0, 0].any()
    np.testing.assert_array_equal(y[0, 1:, 0], last[0, 1:])  # a backward direction ends at the first step
    assert not y[2:, 2].any() and y[3, 1].all()
