"""Loops in templates: loops where they have several trips, their bodies where they have one."""

from __future__ import annotations

import pytest
from glassrt.codegen.text.loops import folded, loop
from glassrt.codegen.text.render import environment

FOLDED = {
    "x[i]": "x[0]",
    "x[base + i * 16 + lane % 16]": "x[base + lane % 16]",
    "x[i * 16 + lane]": "x[lane]",
    "x[step * 32 + i * 8192]": "x[step * 32]",
    "f(i / WIDTH % 3 * pitch(a, b) + 1)": "f(1)",
    "q + (first + i * 8) * LINE": "q + first * LINE",
    "f((i * 8 + first) * LINE)": "f(first * LINE)",
    "(i * 8 + lane % 4) * LINE": "(lane % 4) * LINE",
    "y * (i * f(g(x)[2]) + z)": "y * z",
    "u32(inside) << i": "u32(inside)",
    "f(first + i)": "f(first)",
    "m_min(i * 8, M - 1)": "m_min(0, M - 1)",
    "own - i + other": "own + other",
    "x[i * 2 - pad]": "x[-pad]",
    "x / (i + 2)": "x / 2",
    "-i + x": "-0 + x",
    "width + half.i_th;  // row i": "width + half.i_th;  // row i",
}


@pytest.mark.parametrize("text", FOLDED)
def test_an_index_that_is_zero_goes_with_the_arithmetic_around_it(text: str) -> None:
    assert folded(text, "i") == FOLDED[text]


def test_other_values() -> None:
    assert folded("tops[i * BLOCK + row] + x[i]", "i", 1) == "tops[BLOCK + row] + x[1]"
    assert folded("item / 4, item % 4", "item", "thread_x()") == "thread_x() / 4, thread_x() % 4"


def written(call: str, body: str) -> str:
    """What a template with BODY in the loop CALL emits."""
    text = "{% call " + call + " %}\n" + body + "\n{% endcall %}"
    return environment().from_string(text).render()


def test_loops_of_several_trips() -> None:
    assert written('unrolled("i", 2, "ROWS")', "        f(i);") == (
        "    GLASS_UNROLL\n    for (int i = 0; i < ROWS; i++) f(i);"
    )
    assert written('unrolled("i", 2, "ROWS", braces=true)', "    f(i);") == (
        "GLASS_UNROLL\nfor (int i = 0; i < ROWS; i++) {\n    f(i);\n}"
    )
    assert written(
        'loop("#pragma unroll 2", "k", 2, "DEPTH", first=1, step="K_STEP")', "    f(k);\n    g();"
    ) == ("#pragma unroll 2\nfor (int k = 1; k < DEPTH; k += K_STEP) {\n    f(k);\n    g();\n}")


def test_a_loop_of_one_trip_is_its_body() -> None:
    assert written(
        'unrolled("i", 1, "ROWS")', "        f(i);\n        if (x) {\n            g(i * 2);\n        }"
    ) == ("    f(0);\n    if (x) {\n        g(0);\n    }")
    assert written('unrolled("share", 1, "SHARES", first=1)', "    f(share * ROWS);") == "f(ROWS);"
    assert written('unrolled("stage", 0, "STAGES")', "    f(stage);") == ""


def test_nested_loops_fold_apart() -> None:
    inner = '{% call unrolled("j", 3, "COLUMNS") %}\n        x[i][j] = 0;\n{% endcall %}'
    assert written('unrolled("i", 1, "ROWS")', inner) == (
        "GLASS_UNROLL\nfor (int j = 0; j < COLUMNS; j++) x[0][j] = 0;"
    )


def test_loops_that_threads_share() -> None:
    call = 'strided("item", "thread_x()", "ITEMS", "THREADS", count=%s, threads=64%s)'
    body = "    f(item);"
    every = "for (int item = thread_x(); item < ITEMS; item += THREADS) f(item);"
    assert written(call % ("65", ""), body) == every
    assert written(call % ("none", ""), body) == every
    assert written(call % ("64", ""), body) == "f(thread_x());"
    assert written(call % ("63", ""), body) == "if (thread_x() < ITEMS) f(thread_x());"
    assert written(call % ("64", ", exact=false"), body) == "if (thread_x() < ITEMS) f(thread_x());"
    assert written(call % ("64", ', kind="i64"'), body) == "f(i64(thread_x()));"
    assert written(call % ("1", ""), body) == "if (thread_x() == 0) f(0);"


def test_trips_that_the_numbers_contradict_are_refused() -> None:
    """A window of one column has no further taps; told of one, a kernel compared it with its neighbour."""

    def body() -> str:
        return "    f(tap);\n"

    assert loop("", "tap", 0, 1, first=1, caller=body) == ""
    with pytest.raises(ValueError, match="from 1 to 1 by 1 has other than 1 trips"):
        loop("", "tap", 1, 1, first=1, caller=body)
