"""Where does the time of a network go, launch by launch, beside what memory and tensor cores allow?

    python -m benchmarks.account --cases resnet50:128:int8,mobilenet_v2:128:int8 --out FILE

Networks are those of `benchmarks.peers`. A launch's limit is the larger of two quotients: its bytes, each
buffer once, by the measured bandwidth of a copy, and its operations by the rate that wgmma sustains. Rows are
the launches in order, each with its kind, then the sums of each kind, then the network's median time as a
graph. Profiles of launches have gaps between them, so that their sum is more than that time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import glassrt
import torch
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.report.launches import launches_of
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.launch import Kernel, kernels_in

from .common.peer_builds import built
from .common.rows import Row, median_ms, parser, print_columns, report

COPY, PRODUCTS = 4.28e12, {"int8": 1.6e15, "fp16": 7.5e14}  # of an H200: bytes and operations a second
REPEATS = 50


def kind_of(kernel: Kernel) -> str:
    """What KERNEL is, by its contraction, the window of that, and whether a residual is added."""
    ops = [inner for outer in kernel.body.block for inner in outer.walk()]
    convs = [op for op in ops if isinstance(op, Conv)]
    if any(conv.groups > 1 for conv in convs[:2]) and len(convs) > 1:
        return "inverted residual"
    if len(convs) > 1:  # chains are of plain matrix products
        return "bottleneck" if any(size != 1 for size in convs[0].w.type.shape[2:]) else "1x1, chained"
    conv = convs[0] if convs else None
    if conv is None:
        names = [op.name.partition(".")[2] for op in ops if not isinstance(op, (Cast, Constant))]
        return "product" if any(isinstance(op, Matmul) for op in ops) else names[0]
    if conv.groups > 1:
        return "depthwise"
    if conv.x.type.shape[1] == 3:
        return "first convolution"
    taps = "x".join(str(size) for size in conv.w.type.shape[2:])
    shape = conv.result.type.shape
    beside = [value for value in kernel.body.block.arguments if value.type.shape == shape and value != conv.x]
    return taps + (", residual" if beside else "")


def measure(name: str, batch: int, precision: str) -> Iterator[Row]:
    """The rows of the network NAME."""
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        plan, inputs = built(name, batch, precision, folder)
    launched = parse_module(plan.ir("launch"), ALL_DIALECTS)
    kinds = [kind_of(kernel) for function in launched.functions for kernel in kernels_in(function.block)]
    given: dict[str, Any] = {f"input{index}": x.contiguous() for index, x in enumerate(inputs)}
    with glassrt.load(plan, device="cuda:0") as engine:
        ms, records = median_ms(engine, given, 200, 20), engine.profile(given, repeats=REPEATS)
    case: Row = {"model": name, "batch": batch, "precision": precision}
    sums: dict[str, list[float]] = {}
    for record, facts, kind in zip(records, launches_of(plan, {}), kinds, strict=True):
        limit = max(facts.bytes / COPY, (facts.flops or 0) / PRODUCTS[precision]) * 1e6
        known = {"node": facts.bound.nodes[0], "kind": kind, "bytes": facts.bytes, "flops": facts.flops}
        yield case | known | {"us": round(record.microseconds, 2), "limit_us": round(limit, 2)}
        count, us, least = sums.get(kind, (0, 0.0, 0.0))
        sums[kind] = [count + 1, us + record.microseconds, least + limit]
    lines = [(kind, int(count), f"{us:.0f}", f"{limit:.0f}") for kind, (count, us, limit) in sums.items()]
    print_columns((f"{name} {batch} {precision}: {ms} ms", "launches", "us", "limit"), lines)
    for kind, (count, us, limit) in sums.items():
        yield case | {"sum": kind, "launches": int(count), "us": round(us, 1), "limit_us": round(limit, 1)}
    yield case | {"ms": ms}


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--cases", default="resnet50:128:int8", help="model:batch:precision, several")
    arguments = command.parse_args()
    cases = [case.split(":") for case in arguments.cases.split(",")]
    unknown = {precision for *_, precision in cases} - PRODUCTS.keys()
    if unknown:
        command.error(f"no rate of products is known for {', '.join(sorted(unknown))}")
    rows = (row for name, batch, precision in cases for row in measure(name, int(batch), precision))
    report(rows, arguments.out)


if __name__ == "__main__":
    main()
