"""The order in which blocks take the tiles of queries of causal attention, which differ in length.

Every other round of the blocks goes the other way. Where bands of entries begin with their longest and with
their shortest tiles by turns, and are as many rounds as to turn with them, each block would get tiles of one
length; so whether they do is decided by counting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..attention.problem import AttentionProblem
from .config import PersistentAttentionConfig

SHARERS = 4  # blocks that read the keys and values of an entry of the batch at a time, at least


@dataclass(frozen=True)
class Order:
    """An order of tiles of queries. `band`: how many entries of the batch are attended to side by side, 0 for
    all; `turns`: whether every other band begins with the shortest tiles."""

    band: int = 0
    turns: bool = False


def order_of(
    problem: AttentionProblem,
    config: PersistentAttentionConfig,
    sizes: tuple[int, int, int],
    multiprocessors: int,
) -> Order:
    """The order for PROBLEM under CONFIG, at SIZES: entries of the batch, queries, keys.

    Blocks take tiles of queries with as many keys of all entries of a band at a time. With as many entries as
    blocks no keys and values would be read from the L2 cache a second time before the next tiles of queries.
    """
    band = multiprocessors // SHARERS
    if not problem.causal or band >= sizes[0]:
        return Order()
    slots = multiprocessors * config.resident
    return min(
        (Order(band, turns) for turns in (True, False)),
        key=lambda order: longest(lengths(config, sizes, order), slots),
    )


def lengths(config: PersistentAttentionConfig, sizes: tuple[int, int, int], order: Order) -> Any:
    """The tiles of keys of each tile of queries of causal attention, in ORDER."""
    entries, queries, keys = sizes
    count = -(-queries // config.block_s)
    last = np.arange(count, 0, -1) * config.block_s
    own = -(-np.minimum(keys, last) // config.keys)
    band = order.band or entries
    bands = -(-entries // band)
    parts = []
    for number in range(bands):
        turned = order.turns and (number - bands + 1) % 2
        side = min(band, entries - number * band)
        parts.append(np.repeat(own[::-1] if turned else own, side))
    return np.concatenate(parts)


def longest(work: Any, slots: int) -> float:
    """The WORK of the block with the most of it, of SLOTS; every other round goes the other way."""
    rounds = -(-len(work) // slots)
    row = np.zeros(rounds * slots)
    row[: len(work)] = work
    table = row.reshape(rounds, slots)
    table[1::2] = table[1::2, ::-1]
    return float(table.sum(0).max())
