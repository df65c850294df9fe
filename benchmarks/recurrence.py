"""How fast are recurrent layers, beside cuDNN through PyTorch, on one GPU, in one run?

    python -m benchmarks.recurrence --out benchmarks/results/recurrence.json

A network has bidirectional layers over sequences of 100 steps of 160 features, and a classifier of each
step. Both are CUDA graphs with weights and inputs on the device, in --precision. `error` is ours against
PyTorch in f64, `cudnn_error` that of cuDNN; a row is wrong where ours is beyond twice that. `kernels_us` has
the times of the recurrent kernels, one for each layer. With --loops, `loop_ms` is the time where every step
is launches.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from multiprocessing import get_context
from typing import Any

import glassrt
import torch
from glassrt.compiler.driver.build import Settings, build, chosen_targets, present_arch
from glassrt.compiler.settings.policy import PrecisionPolicy
from torch import nn

from .common.peer_timing import device_ms, eager
from .common.recurrent_model import FEATURES, STEPS, as_onnx, weights_of
from .common.recurrent_module import as_module
from .common.rows import Row, median_ms, parser, report, rounded

RULE = "recurrence-kernel"
REPEATS, CUDNN_SECONDS = 20, 0.05
TYPES = {"fp16": torch.half, "fp32": torch.float}
Case = tuple[str, int, int, str]  # kind, hidden, batch, precision


def plan_of(case: Case, layers: int, targets: tuple[Any, ...], disabled: frozenset[str]) -> bytes:
    """The plan of CASE, as bytes: it is built in another process."""
    kind, hidden, batch, precision = case
    model = as_onnx(kind, weights_of(kind, hidden, layers), batch)
    policy = PrecisionPolicy(precision, io=precision)
    return build(model, Settings(targets, policy, disabled=disabled)).plan.to_bytes()


@torch.inference_mode()
def measure(case: Case, layers: int, plan: bytes, loop: bytes | None) -> Row:
    """A row: ours checked and timed, then cuDNN, then the plan LOOP, if there is one."""
    kind, hidden, batch, precision = case
    torch.manual_seed(0)
    module = as_module(kind, weights_of(kind, hidden, layers)).cuda()
    x = torch.randn(batch, STEPS, FEATURES, device="cuda").to(TYPES[precision])
    want = module.double()(x.double())
    module.to(TYPES[precision])
    row: Row = {"kind": kind, "hidden": hidden, "batch": batch, "precision": precision, "layers": layers}
    row["cudnn_error"] = rounded(_error(module(x), want))
    given = {"x": x}
    with glassrt.load(glassrt.Plan.from_bytes(plan), device="cuda:0") as engine:
        row["error"] = rounded(_error(torch.from_dlpack(engine.run(given)["y"]), want))
        row["wrong"] = not row["error"] <= 2 * row["cudnn_error"]
        row["glassrt_ms"] = median_ms(engine, given, REPEATS, 10)
        kernels = [each for each in engine.profile(given, repeats=10) if kind.lower() in each.name]
        row["kernels_us"] = [round(each.microseconds, 1) for each in kernels]
    row["cudnn_ms"] = _cudnn_ms(module, x)
    if loop is not None:
        with glassrt.load(glassrt.Plan.from_bytes(loop), device="cuda:0") as engine:
            row["loop_ms"] = median_ms(engine, given, 20, 3)
    return row | {"ratio": rounded(row["cudnn_ms"] / row["glassrt_ms"])}


def _cudnn_ms(module: nn.Module, x: torch.Tensor) -> float:
    for each in module.modules():
        if isinstance(each, nn.RNNBase):
            each.flatten_parameters()
    return device_ms(eager(module, (x,)), CUDNN_SECONDS)


def _error(have: torch.Tensor, want: torch.Tensor) -> float:
    return ((have.double() - want).norm() / want.norm()).item()


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """A row for each case."""
    numbers = [[int(each) for each in text.split(",")] for text in (options.hidden, options.batches)]
    cases: list[Case] = list(product(options.kinds.split(","), *numbers, options.precisions.split(",")))
    targets = chosen_targets(None, present_arch())
    make = partial(plan_of, layers=options.layers, targets=targets)
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        plans = list(pool.map(partial(make, disabled=frozenset()), cases))
        slow = list(pool.map(partial(make, disabled=frozenset({RULE})), cases)) if options.loops else []
    for case, plan, loop in zip(cases, plans, slow or [None] * len(cases), strict=True):
        yield measure(case, options.layers, plan, loop)


def main() -> int:
    command = parser(__doc__)
    command.add_argument("--kinds", default="LSTM,GRU")
    command.add_argument("--hidden", default="128,256,512,1024,2048")
    command.add_argument("--batches", default="1,32,256")
    command.add_argument("--precisions", default="fp16,fp32")
    command.add_argument("--layers", type=int, default=3)
    command.add_argument("--loops", action="store_true", help="time loops of launches, too")
    command.add_argument("--jobs", type=int, default=8, help="plans that are built at a time")
    arguments = command.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    found = report(rows(arguments), arguments.out)
    return 1 if any(row["wrong"] for row in found) else 0


if __name__ == "__main__":
    raise SystemExit(main())
