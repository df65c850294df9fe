"""The kernel family of sums of rows: threads look up the rows of a bag, several at once, and add them up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ....dialects.core.affine_traversal import evaluate
from ....dialects.graph.embedding import EmbeddingBag
from ...request.request import Candidate, Config, Geometry, KernelCode, Request
from ...request.signature import make_signature
from ..kernel_family import ConfiguredFamily, Rank
from .layout import (
    ACCESS_BYTES,
    MOST_UNROLLED,
    PARTS,
    THREADS,
    BagConfig,
    bags_of,
    blocks_of,
    gathered,
    items_of,
    lanes_of,
    longest,
    width_of,
)
from .spec import TEMPLATE, bag_spec


@dataclass(frozen=True, kw_only=True)
class EmbeddingBagFamily(ConfiguredFamily[BagConfig]):
    """Sums and means of rows of tables, by 16 bytes of a row a thread."""

    name: str = "bag_sums"
    rank: Rank = Rank.SPECIAL_CASE
    groupable: bool = True
    config_type: Callable[..., BagConfig] = BagConfig

    def candidates(self, request: Request) -> list[Candidate]:
        return self.resized(request, {}, THREADS)

    def resized(self, request: Request, config: Config, threads: int) -> list[Candidate]:
        op = bags_of(request)
        if op is None:
            return []
        found = [
            self.candidate(own, microseconds(request, op, own)) for own in _configs(request, op, threads)
        ]
        return sorted(found, key=lambda candidate: candidate.microseconds)

    def realize(self, request: Request, config: Config) -> KernelCode:
        op, made = bags_of(request), self.configured(config)
        if op is None:
            raise ValueError("not one sum of rows of dense tables")
        shared = made.parts in PARTS and made.threads % made.parts == 0 and made.items > 1
        if not shared or not 1 <= made.unroll <= MOST_UNROLLED:
            raise ValueError("a sharing of rows that there is no kernel for")
        signature = make_signature(request)
        spec = bag_spec(request, op, made, signature)
        room = (made.parts - 1) * made.items * lanes_of(request, op) * 4
        geometry = Geometry((blocks_of(request, op, made) * op.count, 1, 1), (made.threads, 1, 1), room)
        return KernelCode(TEMPLATE, spec, geometry, signature.typed)


def _configs(request: Request, op: EmbeddingBag, threads: int) -> Iterator[BagConfig]:
    """The configurations in blocks of THREADS: a bag's rows are shared by no more threads than it has."""
    rows = max(1, longest(request, op))
    for parts in PARTS:
        if threads % parts == 0 and threads > parts and (parts == 1 or parts <= rows):
            yield BagConfig(threads, parts, min(-(-rows // parts), MOST_UNROLLED))


def microseconds(request: Request, op: EmbeddingBag, config: BagConfig) -> float:
    """Expected microseconds of OP under CONFIG: its latencies one after the other, and its bytes."""
    target, fit = request.target, request.target.fitted.embedding_bag
    table, width = op.bags[0].table.type.dtype, width_of(op)
    blocks = max(evaluate(blocks_of(request, op, config), request.optimum) * op.count, 1)
    waves = math.ceil(blocks * config.threads / (target.multiprocessors * fit.resident))
    rounds = math.ceil(longest(request, op) / (config.parts * config.unroll))
    shared = fit.shared * math.log2(config.parts)
    # A row that is narrower than what memory delivers at a time takes as long as one that is not.
    row = max(width * table.bytes, fit.sector)
    results = (
        evaluate(items_of(request, op), request.optimum) * op.count * lanes_of(request, op) * op.to.bytes
    )
    moved = gathered(request, op) * (row + op.bags[0].indices.type.dtype.bytes) + results
    access = ACCESS_BYTES / (lanes_of(request, op) * table.bytes)
    bandwidth = moved * access / (target.bytes_per_second * fit.share) * 1e6
    waiting = (fit.latency * max(rounds, 1) + shared) * waves
    return float(fit.launch + fit.start + waiting + bandwidth)
