"""Recurrent kernels of cooperative grids on the host against the interpreter, and what the family refuses."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.recurrence_grid.config import GridRecurrenceConfig
from glassrt.codegen.families.recurrence_grid.family import GridRecurrenceFamily
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, F16, F32, I8, DType
from glassrt.dialects.graph.recurrence import Gru, Lstm, Recurrence, Rnn
from glassrt.errors import KernelError

from ..checked_kernels import DEVICES
from ..recurrence.recurrences import assert_agrees, inputs_of, module_of, op_of, under

T, B = symbol("T"), symbol("B")
CASES: dict[
    str, tuple[type[Recurrence], Any, Any, dict[str, Any], GridRecurrenceConfig, list[int], DType]
] = {
    # Sequences follow one another, the last ones fewer than fit; some have no steps.
    "lstm": (
        *(Lstm, (T, B, 64), ("initial", "memory", "lengths", "peepholes")),
        {"direction": "bidirectional"},
        GridRecurrenceConfig(blocks=4, groups=2, splits=2, tiles=1),
        [5, 0, 1, 2, 9, *[4] * 7],
        F16,
    ),
    "gru": (
        *(Gru, (T, B, 96), ("initial", "bias", "lengths")),
        {"direction": "reverse", "clip": 0.9},
        GridRecurrenceConfig(blocks=6, groups=1, splits=2, tiles=2),
        [3, 5, 1],
        BF16,
    ),
    "reset": (
        *(Gru, (T, B, 64), ("initial", "lengths")),
        {"direction": "bidirectional", "linear": False},
        GridRecurrenceConfig(blocks=2, groups=2, splits=2, tiles=1, in_turn=1),
        [5, 0, 1, 2, 9, *[4] * 5],
        F16,
    ),
    "rnn": (
        *(Rnn, (T, B, 32), ()),
        {"functions": ["relu"]},
        GridRecurrenceConfig(blocks=2, groups=1, splits=1, tiles=1),
        [],
        F16,
    ),
    # In f32 each thread multiplies; nine sequences are one and eight.
    "lstm, f32": (
        *(Lstm, (T, B, 32), ("initial", "memory", "lengths")),
        {"direction": "bidirectional"},
        GridRecurrenceConfig(blocks=2, groups=2, splits=2, tiles=1, in_turn=1, width=4),
        [5, 0, 1, 2, 9, *[4] * 4],
        F32,
    ),
    "lstm, i8": (
        *(Lstm, (T, B, 64), ("scales", "lengths")),
        {"direction": "bidirectional", "stored": I8},
        GridRecurrenceConfig(blocks=4, groups=2, splits=1, tiles=2),
        [5, 0, 1, 2, 9, *[4] * 12],
        F16,
    ),
    "reset, f32": (
        *(Gru, (T, B, 32), ()),
        {"direction": "bidirectional", "linear": False},
        GridRecurrenceConfig(blocks=2, groups=1, splits=1, tiles=1, width=4),
        [],
        F32,
    ),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_kernels_agree_with_the_interpreter(name: str, device: str) -> None:
    kind, sizes, more, attributes, config, lengths, dtype = CASES[name]
    module = module_of(kind, sizes, more, dtype, **attributes)
    given = inputs_of(module, lengths, T=5, B=len(lengths) or 9)
    assert_agrees(module, given, under(config, "recurrence_grid"), device)


@pytest.mark.parametrize(
    ("target", "hidden", "direction", "dtype", "able"),
    [
        ("sm_90a", 1024, "bidirectional", F16, True),
        ("sm_90a", 2048, "forward", F16, True),
        ("sm_90a", 2048, "bidirectional", F16, True),  # one direction after the other
        ("sm_90a", 4096, "forward", F16, False),  # more weights than all blocks hold
        ("sm_90a", 1024, "bidirectional", F32, True),
        ("sm_90a", 2048, "forward", F32, False),
        ("sm_90a", 1020, "forward", F16, False),  # no whole groups of units
        ("sm_80", 512, "forward", BF16, True),
    ],
)
def test_what_it_has_kernels_for(target: str, hidden: int, direction: str, dtype: DType, able: bool) -> None:
    op, _ = op_of(Lstm, (8, 4, hidden), dtype=dtype, direction=direction)
    found = GridRecurrenceFamily().recurrence_time(op, dtype, arch_named(target), {})
    assert (found is not None) is able


def test_illegal_configurations_are_refused() -> None:
    module = module_of(Rnn, (2, 3, 32))
    with pytest.raises(KernelError, match="its blocks are not those of the hidden units"):
        assert_agrees(module, inputs_of(module), under(GridRecurrenceConfig(4, 1, 1, 1), "recurrence_grid"))
