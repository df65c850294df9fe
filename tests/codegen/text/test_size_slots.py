"""Which numbers in the text of a kernel may be parameters, and which it is compiled by."""

from __future__ import annotations

import pytest
from glassrt.codegen.text.size_slots import cut_at_sizes


@pytest.mark.parametrize(
    ("line", "sizes"),
    [
        ("    const int M = 49;\n", (49,)),
        ("    const Offset origin = Offset(tile * BLOCK + line) * 704;\n", (704,)),
        ("    cp_async<16>(tile + slot(line, chunk), x3, first + i64(pass * 8) * 608, inside);\n", (8, 608)),
        ("    const bool inside = u32(in_y + tap_y) < u32(28);\n", (28,)),
        ("    store_wide<8>(y0, n + m*1152, y0_7);\n", (1152,)),
        ("    const int row = wanted < 672 ? wanted : 672 - 1;\n", (672, 672, 1)),
        ("    if (line * 28 + out_x >= 784) return;\n", (28, 784)),
        ("    for (int t = 0; t < 3; t++) if (u32(in_y + t) < u32(28)) bits |= 1u << t;\n", (28,)),
        ("    for (int i = at(3); i < 96; i += of(2) * 8) sum += i * 7;\n", (7,)),
    ],
)
def test_operands_at_run_time_are_slots(line: str, sizes: tuple[int, ...]) -> None:
    assert cut_at_sizes(line).sizes == sizes


@pytest.mark.parametrize(
    "line",
    [
        "    constexpr int TAPS = 9;\n",
        "    for (int tap = 0; tap < 25; tap++) sum += value[tap];\n",
        "    while (rest >= 32) rest = next(rest);\n",
        "    #pragma unroll 8\n",
        "    const int y = rest % 56;\n",
        "    rest /= 56;\n",
        "    const int y = rest / 56;\n",
        "    const int bank = slot ^ (slot >> 3 & 4);\n",
        "    const Vec<f16, 8> value = load_vec<8>(x0, i);\n",
        "    const f32 scaled = value[3];\n",
        "    const f32 scaled = value * 0x1p-3f;\n",
        "    const f32 scaled = value * 12.5f;\n",
        "    const f64 scaled = value * 0x1.8p+10;\n",
        "    copy_a(stage, k_first, 0, 1);\n",
        "    const i64 far = i64(row) * 4294967296;\n",
        "    return row;  // 2 * 4 rows\n",
    ],
)
def test_what_a_kernel_is_compiled_by_is_no_slot(line: str) -> None:
    assert cut_at_sizes(line).sizes == ()


def test_names_take_the_place_of_some_numbers() -> None:
    text = cut_at_sizes("const int M = 49;\nreturn m*128 + n*64;\n")
    assert text.sizes == (49, 128, 64)
    assert text.with_names({}) == "const int M = 49;\nreturn m*128 + n*64;\n"
    assert text.with_names({0: "size0", 2: "size1"}) == "const int M = size0;\nreturn m*128 + n*size1;\n"
