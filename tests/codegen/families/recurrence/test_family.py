"""Recurrent kernels on the host against the interpreter, and what the family refuses."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.codegen.arch.names import REFERENCE, arch_named
from glassrt.codegen.families.recurrence.config import FOR_BLOCK, FOR_GROUP, IN_PIECES, RecurrenceConfig
from glassrt.codegen.families.recurrence.family import RecurrenceFamily, proposed
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, F8E4M3, F16, F32, I8, DType
from glassrt.dialects.graph.recurrence import Gru, Lstm, Recurrence, Rnn
from glassrt.errors import KernelError

from ...one_kernel import compare
from ..checked_kernels import DEVICES
from .recurrences import assert_agrees, inputs_of, module_of, op_of, under

T, B = symbol("T"), symbol("B")
STATES = ("initial", "memory")
CASES: dict[str, tuple[type[Recurrence], Any, Any, dict[str, Any], RecurrenceConfig, list[int]]] = {
    # Sequences fill two tiles of a cluster and a part of the next, some without steps; warps share k.
    "lstm": (
        *(Lstm, (T, B, 64), (*STATES, "lengths")),
        {"direction": "bidirectional"},
        RecurrenceConfig(4, 2, 2, 2, copies=2),
        [5, 0, 1, 2, 9, *[4] * 14],
    ),
    # The last group of the second block has no units.
    "peepholes": (
        *(Lstm, (T, B, 40), ("peepholes",)),
        {"direction": "reverse", "clip": 0.5, "coupled": True},
        RecurrenceConfig(2, 3, 1, 1),
        [],
    ),
    # States are no whole number of 16 bytes, and four warps share fewer cells than that.
    "gru": (
        *(Gru, (T, B, 110), ("initial", "bias", "lengths")),
        {"direction": "reverse", "clip": 0.9},
        RecurrenceConfig(4, 2, 4, 1, copies=1),
        [3, 5, 1],
    ),
    # A state that is reset before its product; one group has half of its units, the last none.
    "reset": (
        *(Gru, (T, B, 40), ("initial", "lengths")),
        {"direction": "bidirectional", "linear": False},
        RecurrenceConfig(2, 2, 2, 2, copies=1),
        [4, 0, 5],
    ),
    # The same of one block, which stores its states where it reads them.
    "reset alone": (
        *(Gru, (T, B, 40), ("initial", "lengths")),
        {"direction": "bidirectional", "linear": False},
        RecurrenceConfig(1, 3, 2, 2),
        [4, 0, 5],
    ),
    "reset in pieces": (
        *(Gru, (T, B, 64), ()),
        {"direction": "reverse", "linear": False, "clip": 0.9},
        RecurrenceConfig(4, 1, 1, 1),
        [],
    ),
    # One step, of one cell a thread: loops that go once leave no scope of their own.
    "one step": (*(Lstm, (1, B, 64), ()), {}, RecurrenceConfig(8, 1, 2, 1), []),
    "rnn": (*(Rnn, (T, B, 24), ()), {"functions": ["relu"]}, RecurrenceConfig(1, 2, 1, 2), []),
    # In f32 each thread multiplies; a cluster has fewer sequences than rows, and states no whole chunks.
    "lstm, f32": (
        *(Lstm, (T, B, 64), (*STATES, "lengths", "peepholes")),
        {"direction": "bidirectional"},
        RecurrenceConfig(4, 2, 2, 1, width=4),
        [5, 0, 1, 2, 9, *[4] * 6],
    ),
    "gru, f32": (
        *(Gru, (T, B, 44), ("initial", "bias")),
        {"direction": "reverse", "clip": 0.9},
        RecurrenceConfig(2, 2, 2, 1, copies=1, width=4),
        [],
    ),
    "reset, f32": (
        *(Gru, (T, B, 30), ("initial", "lengths")),
        {"direction": "reverse", "linear": False},
        RecurrenceConfig(2, 1, 1, 1, width=4),
        [4, 0, 5],
    ),
    "rnn, f32": (*(Rnn, (T, B, 32), ()), {}, RecurrenceConfig(1, 2, 1, 1, width=4), []),
    # Weights of eight bits: some are in registers, the others in shared memory.
    "lstm, i8": (
        *(Lstm, (T, B, 64), ("initial", "scales", "lengths")),
        {"direction": "bidirectional", "stored": I8},
        RecurrenceConfig(4, 2, 2, 2, copies=2),
        [5, 0, 1, 2, 9, *[4] * 6],
    ),
    "reset, f8": (
        *(Gru, (T, B, 44), ("scales", "initial")),
        {"direction": "reverse", "linear": False, "stored": F8E4M3},
        RecurrenceConfig(2, 2, 1, 1),
        [],
    ),
    "copies, f32": (*(Lstm, (T, B, 32), ()), {}, RecurrenceConfig(2, 2, 1, 1, copies=2, width=4), []),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_kernels_agree_with_the_interpreter(name: str, device: str) -> None:
    dtype = F32 if "f32" in name else BF16 if name == "gru" else F16
    kind, sizes, more, attributes, config, lengths = CASES[name]
    module = module_of(kind, sizes, more, dtype, **attributes)
    given = inputs_of(module, lengths, T=5, B=len(lengths) or 9)
    assert_agrees(module, given, under(config), device)


@pytest.mark.parametrize(("hidden", "able"), [(1024, True), (1280, False)])
def test_clusters_hold_twice_as_many_weights_of_eight_bits(hidden: int, able: bool) -> None:
    op, _ = op_of(Lstm, (8, 4, hidden), ("scales",), stored=I8)
    assert (RecurrenceFamily().recurrence_time(op, F16, REFERENCE, {}) is not None) is able
    assert RecurrenceFamily().recurrence_time(op, F32, REFERENCE, {}) is None


@pytest.mark.parametrize(
    ("target", "hidden", "dtype", "able"),
    [
        ("sm_90a", 512, F16, True),
        ("sm_90a", 512, F32, True),
        ("sm_90a", 768, F32, False),  # of f32 a cluster holds half as many
        ("sm_80", 512, F16, False),  # no clusters
        ("sm_90a", 2048, F16, False),  # more weights than a cluster holds
    ],
)
def test_what_it_has_kernels_for(target: str, hidden: int, dtype: DType, able: bool) -> None:
    op, _ = op_of(Lstm, (8, 4, hidden), dtype=dtype)
    family, arch = RecurrenceFamily(), arch_named(target)
    found = family.recurrence_time(op, dtype, arch, {}) if family.runs_on(arch) else None
    assert (found is not None) is able


def test_illegal_configurations_are_refused() -> None:
    module = module_of(Rnn, (2, 3, 24))
    with pytest.raises(KernelError, match="its groups are not those of the hidden units"):
        compare(module, inputs_of(module), under(RecurrenceConfig(1, 3, 1, 1)))
    assert REFERENCE.limits.largest_cluster == 16


@pytest.mark.parametrize(("hidden", "copies"), [(512, FOR_BLOCK), (40, FOR_GROUP)])
def test_blocks_copy_all_of_their_states_where_they_have_as_many(hidden: int, copies: int) -> None:
    op, _ = op_of(Lstm, (8, 64, hidden))
    found = [own for own in proposed(op, REFERENCE, {}, F16) if own.cluster == 2 or hidden == 512]
    assert {config.copies for config in found} == {IN_PIECES, copies}
