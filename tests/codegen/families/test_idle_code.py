"""What kernels do not hold: arithmetic that changes nothing, loops of one trip, numbers that are not read."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest
from glassrt.dialects.core.dtypes import F16, F32

from ..attention_cases import module_of
from ..one_kernel import kernel_module, plan_of
from ..prologue_cases import SYMBOLS
from .attention.checked import CASES as ATTENTION
from .attention.checked import SYMBOLS as ATTENTION_SYMBOLS
from .contraction import test_spec
from .contraction.test_prologue import CASES as PROLOGUES

IDLE = re.compile(
    r"[*/%] 1\b(?!\.)|[+-] 0\b(?![.x])|= 0 \+|\bout_image = index\b"
    r"|for \(int (\w+) = 0; \1 < 1;|for \(int (\w+) = 0; \2 < (\d+); \2 \+= \3\)"
)
DEFINED = re.compile(r"\b(?:const int|,) (\w+) = ")


def idle(source: str) -> list[str]:
    """The lines of SOURCE that say nothing."""
    return [line for line in source.split("\n") if IDLE.search(line) and not line.startswith("//")]


def unread(source: str) -> list[str]:
    """The ints that SOURCE defines and never names again."""
    code = re.sub(r"//.*", "", source)
    named = Counter(re.findall(r"\w+", code))
    return [name for name in DEFINED.findall(code) if named[name] == 1]


ROWS = [
    *test_spec.mma_rows(),
    *test_spec.simt_rows(),
    *test_spec.view_rows(),
    *test_spec.prologue_rows(),
    *test_spec.eight_bit_rows(),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_contractions(row: test_spec.Row) -> None:
    # The epilogue of these cases is written by hand.
    above = row.kernel.source.split("accumulator[VECTOR]")[0]
    assert not idle(above)
    assert set(unread(row.kernel.source)) <= {"channel"}, "a prologue may ask for its channel"


@pytest.mark.parametrize("dtype", [F16, F32], ids=str)
@pytest.mark.parametrize("name", PROLOGUES)
def test_prologues(name: str, dtype: object) -> None:
    body, inputs, outputs, _ = PROLOGUES[name](dtype)  # type: ignore[arg-type]
    for source in plan_of(kernel_module(body, inputs, outputs, SYMBOLS)).sources.values():
        assert not idle(source)


@pytest.mark.parametrize("dtype", [F16, F32], ids=str)
@pytest.mark.parametrize("name", ATTENTION)
def test_attention_kernels(name: str, dtype: object) -> None:
    shape = replace(ATTENTION[name], dtype=dtype)  # type: ignore[arg-type]
    symbols = ATTENTION_SYMBOLS if name == "symbols" else None
    for source in plan_of(module_of(shape, symbols)).sources.values():
        assert not idle(source)


def test_what_is_idle() -> None:
    lines = [
        "x * 1;",
        "y + 0;",
        "for (int i = 0; i < 1; i++)",
        "for (int p = 0; p < 8; p += 8)",
        "warp_id() % 1",
    ]
    assert [line for line in lines if idle(line)] == lines
    fine = ["x * 16;", "y + 0x1p+0f;", "1.0f + 0.5f", "for (int p = 0; p < 8; p += 4)"]
    assert not [line for line in fine if idle(line)]


def test_what_is_unread() -> None:
    assert unread("const int lane = 1, used = 2;  // lane\nconst int batch = 0;\nf(used);") == [
        "lane",
        "batch",
    ]
