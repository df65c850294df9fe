"""IR text costs time and memory in proportion to its length, and nothing but typed errors comes out of it."""

from __future__ import annotations

import random
import re

import pytest
from glassrt import GlassError
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.verifier import verify
from hypothesis import given, settings
from hypothesis import strategies as st

from ...growth import assert_growth
from ...places import ROOT

TESTS = ROOT / "tests"
TEXTS = [path.read_text() for path in sorted((TESTS / "compiler").rglob("*.ir"))]
HEAD = (
    "module @m {\n  symbol N in [1, 2, 8]\n"
    '  func @main(%x: tensor<Nx8xf32>) -> (tensor<Nx8xf32>) {inputs = ["x"], outputs = ["y"]} {\n'
)
TAIL = "    core.return %0\n  }\n}\n"
RELU = "    %0 = graph.relu %x"
TYPE = " : tensor<Nx8xf32>"
NUMBERS = ("0", "1", "3", "16", "65537", "1099511627776", "9223372036854775807", "9" * 30, "9" * 5000, "N")
WORDS = re.compile(r'"[^"\n]*"|[A-Za-z_@%][\w.@]*|\d+|.', re.DOTALL)


def attempt(text: str) -> None:
    """Read and verify TEXT, which may end in an error of GlassRT of a bounded length."""
    try:
        verify(parse_module(text, ALL_DIALECTS), ALL_DIALECTS)
    except GlassError as error:
        assert len(str(error)) < 3_000


def mutated(text: str, chance: random.Random) -> str:
    """TEXT with one thing changed."""
    at = chance.randrange(len(text))
    end = at + chance.choice((1, 2, 20, 200))
    match chance.randrange(7):
        case 0:
            return text[:at] + chr(ord(text[at]) ^ 1 << chance.randrange(7)) + text[at + 1 :]
        case 1:
            return text[:at] + text[end:]
        case 2:
            return text[:at] + text[at:end] * chance.choice((2, 50)) + text[end:]
        case 3:
            return text[:at] + chance.choice("([{<-") * 1000 + text[at:]
        case 4 | 5:
            number = chance.choice(list(re.finditer(r"\d+", text)))
            return text[: number.start()] + chance.choice(NUMBERS) + text[number.end() :]
        case _:
            one, other = chance.choices(list(WORDS.finditer(text)), k=2)
            return text[: one.start()] + other.group() + text[one.end() :]


@settings(max_examples=300)
@given(st.sampled_from(TEXTS), st.integers(0, 2**32), st.integers(1, 4))
def test_texts_of_all_levels_with_faults_are_read_or_refused(text: str, seed: int, faults: int) -> None:
    chance = random.Random(seed)
    for _ in range(faults):
        text = mutated(text, chance)
    attempt(text)


def repeated(kind: str, size: int) -> str:
    """Text with SIZE things of a KIND."""
    texts = {
        "ops": "".join(f"%r{at} = graph.relu %x{TYPE}\n" for at in range(size)) + RELU + TYPE,
        "integers": "    %0 = graph.reshape %x {shape = [" + "1, " * size + "8]}" + TYPE,
        "elements": f"%c = graph.constant {{value = dense<{size}xf32: {', '.join(['1.5'] * size)}>}}"
        f" : tensor<{size}xf32>\n{RELU}{TYPE}",
        "symbols": "    %0 = graph.reshape %x {shape = ["
        + "+".join(f"S{at}" for at in range(size))
        + "]}"
        + TYPE,
        "sums": "    %0 = graph.reshape %x {shape = [" + "N+M+K+1, " * size + "8]}" + TYPE,
        "products": "    %0 = graph.reshape %x {shape = [" + "(A+B+C)*(A+D+E), " * size + "8]}" + TYPE,
        "names": RELU + TYPE + " loc(" + ", ".join(f'"n{at}"' for at in range(size)) + ")",
        "attributes": RELU + " {" + "".join(f"a{at} = 1, " for at in range(size)) + "b = 1}" + TYPE,
        "unknown names": "".join(f"%r{at} = graph.relu %x{TYPE}\n" for at in range(size))
        + "%0 = graph.relu %z",
    }
    return HEAD + texts[kind] + "\n" + TAIL


@pytest.mark.parametrize(
    "kind",
    ["ops", "integers", "elements", "symbols", "sums", "products", "names", "attributes", "unknown names"],
)
def test_reading_takes_time_in_proportion(kind: str) -> None:
    assert_growth(lambda size: repeated(kind, size), attempt, (1_000, 8_000), most=16)
