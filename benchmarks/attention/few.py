"""How fast is attention of few queries on a GPU beside other kernels, over many lengths, and is it right?

    python -m benchmarks.attention.few [--most 8] [--out FILE]

One query of each of 32 heads, of which four share keys, over a cache of keys and values, as decoding has
it. Each candidate is checked against products in f32, then timed in a CUDA graph over caches that do not
fit the L2 cache, and so are PyTorch's backends. `lengths` is the part of a cache of a fixed size that a
mask keeps. `limit_us` is the time of the keys and values that are kept at the bandwidth of a copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.registry import families
from glassrt.codegen.request.request import Request
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.dtypes import BOOL, F16, F32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.elementwise import Cast
from torch.nn.functional import scaled_dot_product_attention

from ..common.rows import Row, parser, report
from .kernels import AttentionKernel, Shape
from .time import graph_time, launcher

FAMILIES = ("attention_few", "attention_mma", "attention_persistent")
COPY = 4.28e6  # bytes a microsecond
BYTES = 200e6  # of all caches of a case together


@dataclass(frozen=True)
class Cache:
    """A cache of BATCH sequences of KEYS, of which LENGTH are kept; 0: all, without a mask."""

    batch: int
    keys: int
    length: int = 0
    heads: int = 8
    group: int = 4
    features: int = 64

    @property
    def name(self) -> str:
        """A short name."""
        return f"{self.batch}x{self.keys}" + (f" kept {self.length}" if self.length else "")

    @property
    def bytes(self) -> int:
        """Of the keys and values that are kept."""
        return 4 * self.batch * self.heads * (self.length or self.keys) * self.features


CASES = [
    *(Cache(batch, keys) for batch, keys in ((1, 129), (1, 2049), (1, 8193), (16, 129), (16, 2049))),
    *(Cache(1, 8192, length) for length in (128, 2048, 8192)),
    Cache(16, 4096, 129),
]


def request(case: Cache, name: str) -> Request:
    """The kernel NAME of CASE, as families are asked for it."""
    lead = case.batch, case.heads
    shapes = [(*lead, case.group, 1), (*lead, 1, case.keys), (*lead, 1, case.keys)]
    types = [TensorType((*shape, case.features), F16) for shape in shapes]
    types += [TensorType((case.batch, 1, 1, 1, case.keys), BOOL)] if case.length else []
    block = Block(types)
    made = block.append(Attention(*block.arguments, scale=case.features**-0.5, accumulate=F32)).result
    result = block.append(Cast(made, to=F16)).result
    block.append(Yield(result))
    return Request(block, (result.type,), {}, {}, REFERENCE, name)


def kernels(case: Cache, most: int) -> Iterator[AttentionKernel]:
    """The MOST best candidates of each family."""
    for family in FAMILIES:
        for number, candidate in enumerate(families()[family].propose(request(case, "k"))[:most]):
            name = f"{family}_{number}"
            code = families()[family].realize(request(case, name), candidate.config)
            yield AttentionKernel(Shape(case.batch, case.keys, 32, case.features), candidate, name, code)


class FewOperands:
    """What a launch reads and writes, one of several caches."""

    def __init__(self, case: Cache) -> None:
        lead = case.batch, case.heads

        def drawn(*shape: int) -> torch.Tensor:
            return torch.randn(*lead, *shape, case.features, device="cuda", dtype=torch.float16)

        self.q, self.k, self.v = drawn(case.group, 1), drawn(1, case.keys), drawn(1, case.keys)
        self.mask = None
        if case.length:
            self.mask = (
                (torch.arange(case.keys, device="cuda") < case.length)
                .expand(case.batch, 1, 1, 1, -1)
                .contiguous()
            )
        self.inputs = [each for each in (self.q, self.k, self.v, self.mask) if each is not None]
        self.output = torch.zeros_like(self.q)

    def wanted(self) -> torch.Tensor:
        """What it should give, in f32."""
        scores = self.q.float() @ self.k.float().mT * self.q.shape[-1] ** -0.5
        if self.mask is not None:
            scores = scores.masked_fill(~self.mask, float("-inf"))
        return scores.softmax(-1) @ self.v.float()

    def product(self) -> torch.Tensor:
        """PyTorch's attention."""
        heads = [
            each.flatten(1, 2) if each is self.q else each.squeeze(2) for each in (self.q, self.k, self.v)
        ]
        mask = None if self.mask is None else self.mask.squeeze(1)
        return scaled_dot_product_attention(*heads, attn_mask=mask, enable_gqa=True)


def measure(case: Cache, group: list[AttentionKernel]) -> Row:
    """The timings of GROUP, beside PyTorch's."""
    count = min(48, max(2, int(BYTES / (4 * case.batch * case.heads * case.keys * case.features))))
    sets = [FewOperands(case) for _ in range(count)]
    row: Row = {"case": case.name, "limit_us": round(case.bytes / COPY, 2)}
    for kernel in group:
        if kernel.compiled is None:
            continue
        runs = [launcher(kernel, operands) for operands in sets]
        sets[0].output.fill_(float("nan"))
        runs[0]()
        torch.cuda.synchronize()
        error = (sets[0].output.float() - sets[0].wanted()).abs().max().item()
        row["right"] = row.get("right", True) and error <= 0.004
        us = graph_time(lambda runs=runs: [run() for run in runs], 1500.0) / count
        family, config = kernel.candidate.family, list(kernel.candidate.config.values())
        row.setdefault(f"{family}_chosen", round(us, 2))
        row[family] = min(row.get(family, us), round(us, 2))
        row.setdefault(f"{family}_all", []).append(
            [
                *config,
                round(us, 2),
                round(kernel.candidate.microseconds, 2),
                kernel.compiled.registers,
                round(error, 5),
            ]
        )
    sets[0].product()  # which allocates what a capture must not
    torch.cuda.synchronize()
    row["torch"] = round(graph_time(lambda: [each.product() for each in sets], 1500.0) / count, 2)
    return row


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--most", type=int, default=8)
    options = command.parse_args()
    groups: dict[Cache, list[AttentionKernel]] = {case: list(kernels(case, options.most)) for case in CASES}
    with ThreadPoolExecutor() as pool:
        list(pool.map(AttentionKernel.compile, (k for group in groups.values() for k in group)))
    found: list[Any] = report((measure(case, group) for case, group in groups.items()), options.out)
    if not all(row["right"] for row in found):
        raise SystemExit("some kernel is wrong")


if __name__ == "__main__":
    main()
