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


def test_a_mask_is_waited_for_in_each_tile() -> None:
    """By the sum of its keys it would cost as much under few keys a tile."""
    plain = Shape(batch=32, heads=12, queries=384, keys=384, depth=64, width=64)
    masked = replace(plain, mask=(32, 1, 1, 384))
    few, many = (
        expected(masked, config) - expected(plain, config) for config in (replace(WIDE, keys=64), WIDE)
    )
    assert few > 1.3 * many


def test_short_causal_attention_takes_as_long_as_its_busiest_block() -> None:
    short = Shape(batch=32, heads=32, queries=512, keys=512, depth=64, width=64)
    full, causal = (expected(replace(short, attributes={"causal": each}), WIDE) for each in (False, True))
    assert 0.6 < causal / full < 0.8  # ten of sixteen tiles, and their results
