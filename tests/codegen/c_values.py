"""Runs the few forms of C statements that reductions are made of, in Python."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

Scope = dict[str, Any]
FUNCTIONS: Scope = {
    "m_isnan": math.isnan,
    "m_max": np.maximum,
    "m_min": np.minimum,
    "m_add": lambda a, b: a + b,
    "m_mul": lambda a, b: a * b,
}
WORDS = (("||", " or "), ("&&", " and "), ("true", "True"), ("false", "False"))


def value_of(text: str, scope: Scope) -> Any:
    """The value of a C expression over the variables of SCOPE."""
    chosen = re.fullmatch(r"(.+) \? (.+) : (.+)", text)
    if chosen:
        condition, first, second = chosen.groups()
        return value_of(first if value_of(condition, scope) else second, scope)
    text = re.sub(r"bit_cast<f32>\((0x[0-9a-f]+)u\)", _of_bits, text)
    text = re.sub(r"(0x[0-9a-f.]+p[+-]\d+)f", lambda found: repr(float.fromhex(found[1])), text)
    text = re.sub(r"\b(0x[0-9a-f]+|\d+)ll\b", r"\1", text)
    text = re.sub(r"!(?!=)", " not ", text)
    for c, python in WORDS:
        text = text.replace(c, python)
    with np.errstate(all="ignore"):
        return eval(text, {**FUNCTIONS, "inf": math.inf, "nan": math.nan, **scope})


def _of_bits(found: re.Match[str]) -> str:
    return repr(struct.unpack("<f", int(found[1], 16).to_bytes(4, "little"))[0])


def run(lines: Sequence[str], scope: Scope) -> None:
    """Run definitions, assignments, increments, and conditionals with assignments in them, in SCOPE."""
    for line in lines:
        guarded = re.fullmatch(r"if \((.*)\) \{ (.*) \}", line)
        if guarded:
            if value_of(guarded[1], scope):
                run([f"{each};" for each in guarded[2].rstrip(";").split("; ")], scope)
        elif line.startswith("++"):
            scope[line[2:-1]] += 1
        else:
            made = re.fullmatch(r"(?:(?:const )?\w+ )?(\w+) = (.*);", line)
            assert made is not None, line
            scope[made[1]] = value_of(made[2], scope)
