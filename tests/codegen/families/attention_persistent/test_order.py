"""The order of tiles of queries: bands of entries, and how even blocks' work is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.attention_persistent.config import PersistentAttentionConfig
from glassrt.codegen.families.attention_persistent.order import Order, lengths, longest, order_of

from ...attention_cases import Shape
from .checked import problem_of

CONFIG = PersistentAttentionConfig(2, 128, 2, 2)
CAUSAL = Shape(batch=4, heads=12, queries=300, keys=300, attributes={"causal": True})


def test_causal_attention_goes_by_bands_of_the_batch() -> None:
    causal = problem_of(CAUSAL)
    assert order_of(causal, CONFIG, (48, 300, 300), 132).band == 33
    assert order_of(causal, CONFIG, (33, 300, 300), 132) == Order()
    plain = problem_of(replace(CAUSAL, attributes={}))
    assert order_of(plain, CONFIG, (48, 300, 300), 132) == Order()  # items are of one length


def test_lengths_by_hand() -> None:
    assert lengths(CONFIG, (3, 300, 300), Order()).tolist() == [3, 3, 3, 2, 2, 2, 1, 1, 1]
    assert lengths(CONFIG, (3, 300, 300), Order(2, True)).tolist() == [1, 1, 2, 2, 3, 3, 3, 2, 1]
    assert lengths(CONFIG, (3, 300, 300), Order(2)).tolist() == [3, 3, 2, 2, 1, 1, 3, 2, 1]
    assert lengths(CONFIG, (1, 300, 200), Order()).tolist() == [2, 2, 1]  # no keys behind the last
    assert longest(lengths(CONFIG, (3, 300, 300), Order()), 2) == 9  # 3, and 3 2, then 2 1, and 1
    assert longest(lengths(CONFIG, (3, 300, 300), Order()), 9) == 3


@pytest.mark.parametrize("entries", [256, 512, 1024, 2048])
@pytest.mark.parametrize("queries", [512, 1024, 2048, 4096])
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_no_block_has_much_more_than_the_others(entries: int, queries: int, groups: int) -> None:
    """Bands of 33 entries of 512 queries are one round of 132 blocks: turned with the rounds, a block would
    have the longest tiles of each band."""
    config, sizes = replace(CONFIG, groups=groups), (entries, queries, queries)
    slots = 132 * config.resident
    order = order_of(problem_of(replace(CAUSAL, queries=queries, keys=queries)), config, sizes, 132)
    own = lengths(config, sizes, order)
    assert longest(own, slots) <= 1.08 * own.sum() / slots


def test_turns_with_the_rounds_are_left_out() -> None:
    sizes = (1024, 512, 512)
    turned = lengths(CONFIG, sizes, Order(33, True))
    assert longest(turned, 132) > 1.4 * turned.sum() / 132
    causal = problem_of(replace(CAUSAL, queries=512, keys=512))
    assert order_of(causal, CONFIG, sizes, 132) == Order(33, False)
