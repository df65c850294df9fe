"""The importer of TfIdfVectorizer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...dialects.core.dtypes import BOOL, F32, I64
from ...dialects.graph.binary import Add, Mul
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.indexing import Gather
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.ngrams import NgramCounts
from .call import Call, Outcome
from .problems import Malformed, Refused
from .table import Table
from .tensor import Tensor


@dataclass
class _NgramPool:
    """The n-grams of one length, each with the result column that counts it."""

    length: int
    columns: dict[tuple[int, ...], int]


def _pools(call: Call) -> list[_NgramPool]:
    """The n-grams of the relevant lengths, with their columns; of equal ones the last."""
    if call.stated("pool_strings") is not None:
        raise Refused("n-grams of strings are not supported")
    numbers, starts = call.ints("pool_int64s") or (), call.ints("ngram_counts") or ()
    columns = call.ints("ngram_indexes") or ()
    least, most = call.integer("min_gram_length", 1), call.integer("max_gram_length", 1)
    found: list[_NgramPool] = []
    used = 0
    for length, (begin, end) in enumerate(zip(starts, [*starts[1:], len(numbers)], strict=True), 1):
        count = max(end - begin, 0) // length
        grams = [tuple(numbers[begin + length * i : begin + length * (i + 1)]) for i in range(count)]
        if used + count > len(columns):
            raise Malformed(f"ngram_indexes has {len(columns)} entries, fewer than there are n-grams")
        if least <= length <= most and grams:
            found.append(_NgramPool(length, dict(zip(grams, columns[used : used + count], strict=True))))
        used += count
    if not columns or min(columns) < 0:
        raise Malformed("its ngram_indexes are missing or negative")
    return found


def _counted(call: Call, x: Tensor, pools: list[_NgramPool], width: int) -> Tensor:
    """The counts, in WIDTH columns, of n-grams in the rows of X."""
    skips, parts = call.integer("max_skip_count", 0), []
    for pool in pools:
        grams = call.constant(np.array(list(pool.columns)), I64)
        distances = skips + 1 if pool.length > 1 else 1
        parts.append(call.emit(NgramCounts, x, grams, distances=distances))
    columns = [column for pool in pools for column in pool.columns.values()]
    if not parts:
        return call.emit(Expand, call.constant(0.0, F32), shape=(x.shape[0], width))
    whole = parts[0] if len(parts) == 1 else call.emit(Concat, *parts, axis=1)
    # One more column, of zeros, for columns without an n-gram.
    whole = call.emit(Pad, whole, call.constant(0.0, F32), pads=(0, 0, 0, 1))
    total: Tensor | None = None
    for picks in _rounds(columns, width):
        picked = call.emit(Gather, whole, call.constant(picks, I64), axis=1)
        total = picked if total is None else call.emit(Add, total, picked)
    assert total is not None  # there is a round
    return total


def _rounds(columns: list[int], width: int) -> list[list[int]]:
    """For each round, the n-gram that each of WIDTH columns counts, or len(COLUMNS) where it counts none.

    A column that counts several n-grams takes one of them in each round.
    """
    rounds = [[len(columns)] * width]
    for gram, column in enumerate(columns):
        free = next((picks for picks in rounds if picks[column] == len(columns)), None)
        if free is None:
            rounds.append([len(columns)] * width)
        (free or rounds[-1])[column] = gram
    return rounds


def _tf_idf(call: Call) -> Outcome:
    x = call.input(0)
    if x.rank not in (1, 2):
        raise Malformed(f"its input is {x.type}; rows of numbers are expected")
    rows = x if x.rank == 2 else call.emit(Reshape, x, shape=(1, x.shape[0]))
    width = max(call.ints("ngram_indexes") or (0,)) + 1
    counts = _counted(call, rows, _pools(call), width)
    mode, weights = call.choice("mode", "TF", {m: m for m in ("TF", "IDF", "TFIDF")}), call.floats("weights")
    if mode == "IDF":
        counts = call.emit(Cast, call.emit(Cast, counts, to=BOOL), to=F32)
    if weights is not None and mode != "TF":
        if len(weights) < width:
            raise Malformed(f"it has {len(weights)} weights for {width} columns")
        counts = call.emit(Mul, counts, call.constant(weights[:width], F32))
    return counts if x.rank == 2 else call.emit(Reshape, counts, shape=(width,))


TABLE: Table = {"TfIdfVectorizer": [(9, _tf_idf)]}
