"""The cost model of persistent attention: what it tells apart."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.families.attention.problem import find_attention
from glassrt.codegen.families.attention_persistent.config import PersistentAttentionConfig
from glassrt.codegen.families.attention_persistent.cost import microseconds
from glassrt.codegen.families.registry import candidates

from ...attention_cases import Shape
from .checked import request_of

LONG = Shape(batch=4, heads=16, queries=4096, keys=4096, depth=128, width=128)
WIDE = PersistentAttentionConfig(2, 128, 2, 2)


def expected(shape: Shape, config: PersistentAttentionConfig) -> float:
    request = request_of(shape)
    problem = find_attention(request)
    assert problem is not None
    return microseconds(problem, config, request)


def test_causal_attention_takes_about_half_as_long() -> None:
    full, causal = (expected(replace(LONG, attributes={"causal": each}), WIDE) for each in (False, True))
    assert 0.5 < causal / full < 0.6


def test_tiles_beyond_the_last_key_cost_time() -> None:
    vision = Shape(batch=32, heads=12, queries=197, keys=197, depth=64, width=64)
    assert expected(vision, replace(WIDE, keys=208)) < expected(vision, replace(WIDE, keys=128))
    assert expected(vision, WIDE) < expected(vision, replace(WIDE, groups=3))  # 197 queries are four times 64


def test_long_attention_is_faster_than_by_mma() -> None:
    assert candidates(request_of(LONG))[0].family == "attention_persistent"
    rate = 4.0 * 64 * 4096**2 * 128 / candidates(request_of(LONG))[0].microseconds / 1e6
    assert 400 < rate < 989  # TFLOP/s
