"""Activation functions of recurrent kernels: all of them on the host, beside numpy."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.families.recurrence.config import RecurrenceConfig
from glassrt.codegen.families.recurrence.functions import activations
from glassrt.dialects.graph.gates import FUNCTIONS, GateFunction
from glassrt.dialects.graph.recurrence import Gru, Lstm, Recurrence

from ...one_kernel import compare
from .recurrences import inputs_of, module_of, under


def test_equal_functions_are_defined_once() -> None:
    names = ("sigmoid", "affine", "affine", "relu", "tanh")
    made = activations(tuple(GateFunction(name, 2.0, 1.0) for name in names))
    assert made.names == ("m_short_sigmoid", "activation0", "activation0", "activation1", "m_short_tanh")
    assert [text for _, text in made.own] == ["0x1p+1f * x + 0x1p+0f", "m_max(x, 0.0f)"]


@pytest.mark.parametrize(
    "names", [list(FUNCTIONS)[at : at + 3] for at in range(0, 9, 3)] + [list(FUNCTIONS)[9:]]
)
def test_kernels_agree_with_the_interpreter(names: list[str]) -> None:
    kind: type[Recurrence] = Lstm if len(names) == 3 else Gru
    numbers = [value for _ in names for value in (0.3, 0.4)]
    module = module_of(kind, (4, 3, 24), functions=names, numbers=numbers)
    for have, want in compare(module, inputs_of(module), under(config(kind))):
        difference = np.abs(have.astype(np.float64) - want.astype(np.float64)).max()
        assert difference <= 4e-3 * max(1.0, np.abs(want.astype(np.float64)).max())


def config(kind: type[Recurrence]) -> RecurrenceConfig:
    return RecurrenceConfig(2, 2 if kind is Lstm else 1, 1, 1)


def test_units_that_pad_a_chunk_stay_zero() -> None:
    # Sums of zero make a memory grow without bound; those of the units that there are, are -4, which give 0.
    numbers = [1.0, 4.0, 1.0, 4.0, 1.0, 0.0]
    module = module_of(Lstm, (40, 3, 20), functions=["affine"] * 3, numbers=numbers)
    given = inputs_of(module)
    given["x"][:] = -4
    for have, want in compare(module, given, under(RecurrenceConfig(1, 3, 1, 1))):
        assert not want.any() and np.array_equal(have, want)
