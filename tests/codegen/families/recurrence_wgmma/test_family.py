"""Recurrent kernels by wgmma on the host against the interpreter, and what the family refuses."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.recurrence_wgmma.config import WgmmaRecurrenceConfig
from glassrt.codegen.families.recurrence_wgmma.family import WgmmaRecurrenceFamily
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, F16, F32, DType
from glassrt.dialects.graph.recurrence import Gru, Lstm, Recurrence
from glassrt.errors import KernelError

from ..checked_kernels import DEVICES
from ..recurrence.recurrences import assert_agrees, inputs_of, module_of, op_of, under

T, B = symbol("T"), symbol("B")
Case = tuple[type[Recurrence], Any, Any, dict[str, Any], WgmmaRecurrenceConfig, list[int], DType]
CASES: dict[str, Case] = {
    # Sequences fill two clusters and a part of the next one, some without steps.
    "lengths": (
        *(Lstm, (T, B, 64), ("initial", "memory", "lengths")),
        {"direction": "bidirectional"},
        WgmmaRecurrenceConfig(cluster=2, warpgroups=2, tiles=1),
        [5, 0, 1, 2, 9, *[4] * 14],
        F16,
    ),
    "peepholes": (
        *(Lstm, (T, B, 32), ("peepholes",)),
        {"direction": "reverse", "clip": 0.5, "coupled": True},
        WgmmaRecurrenceConfig(cluster=2, warpgroups=1, tiles=2),
        [],
        BF16,
    ),
    # Each piece of a state is of two blocks.
    "pieces": (
        *(Lstm, (T, B, 128), ("memory",)),
        {},
        WgmmaRecurrenceConfig(cluster=8, warpgroups=1, tiles=1),
        [],
        F16,
    ),
    # One block, and one product along k.
    "functions": (
        *(Lstm, (T, B, 16), ()),
        {"functions": ["hardsigmoid", "softsign", "relu"], "numbers": [0.2, 0.5, 0, 0, 0, 0]},
        WgmmaRecurrenceConfig(cluster=1, warpgroups=1, tiles=1),
        [],
        F16,
    ),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_kernels_agree_with_the_interpreter(name: str, device: str) -> None:
    kind, sizes, more, attributes, config, lengths, dtype = CASES[name]
    module = module_of(kind, sizes, more, dtype, **attributes)
    given = inputs_of(module, lengths, T=5, B=len(lengths) or 9)
    assert_agrees(module, given, under(config, "recurrence_wgmma"), device)


@pytest.mark.parametrize(
    ("kind", "target", "hidden", "dtype", "able"),
    [
        (Lstm, "sm_90a", 512, F16, True),
        (Lstm, "sm_90", 512, F16, False),  # no wgmma
        (Lstm, "sm_90a", 512, F32, False),
        (Lstm, "sm_90a", 500, F16, False),  # no whole warpgroups
        (Lstm, "sm_90a", 1024, F16, False),  # more weights than the registers of a cluster hold
        (Gru, "sm_90a", 512, F16, False),  # three gates do not fill the rows of a warp
    ],
)
def test_what_it_has_kernels_for(
    kind: type[Recurrence], target: str, hidden: int, dtype: DType, able: bool
) -> None:
    op, _ = op_of(kind, (8, 32, hidden), dtype=dtype)
    family, arch = WgmmaRecurrenceFamily(), arch_named(target)
    found = family.recurrence_time(op, dtype, arch, {}) if family.runs_on(arch) else None
    assert (found is not None) is able


def test_illegal_configurations_are_refused() -> None:
    module = module_of(Lstm, (2, 3, 32))
    config = WgmmaRecurrenceConfig(cluster=1, warpgroups=1, tiles=1)
    with pytest.raises(KernelError, match="its warpgroups are not those of the hidden units"):
        assert_agrees(module, inputs_of(module), under(config, "recurrence_wgmma"))
