"""What is each fusion worth to whole networks, off and on, on one GPU, in one run?

    python -m benchmarks.fusions --out benchmarks/results/fusions.json

The networks are the light Inception v1 and ResNet-50 with random weights, in fp16 at batch 1. Every
variant must agree with the one that has everything on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import glassrt
import numpy as np
import onnx
from glassrt.codegen.interface import ArchSpec
from glassrt.compiler.driver.build import Settings, build, chosen_targets, present_arch
from glassrt.compiler.driver.rules import RULES
from glassrt.compiler.settings.options import Options
from glassrt.compiler.settings.policy import as_policy

from tests.models import light_models, random_inputs, reseed

from .common.rows import Row, median_ms, parser, relative_error, report, rounded

BOUND = 64 * 2.0**-11

GROUPS = frozenset({"group-launches"})

# Variant: rules that are switched off in it.
VARIANTS: dict[str, frozenset[str]] = {
    "everything on": frozenset(),
    "no contraction epilogue": frozenset({"contraction-epilogue"}),
    "no contraction prologue": frozenset({"contraction-prologue"}),
    "no horizontal fusion": frozenset({"horizontal-contraction"}),
    "no concat elision": frozenset({"elide-concat", "widen-concat"}),
    "no slices as views": frozenset({"view-slice"}),
    "no grouped launches": GROUPS,
    "no batch norm folding": frozenset({"batch-norm-into-contraction", "scale-into-contraction"}),
    "no loop fusion": frozenset({"loop-elementwise", "loop-movement", "loop-reshape", "window-epilogue"}),
    "nothing fused": frozenset(r.name for r in RULES.values() if r.switchable and r.level != "graph")
    | {"horizontal-contraction", "batch-norm-into-contraction", "scale-into-contraction"},
}
# Where launches are grouped, few are left for streams.
STREAMS = {"one stream, no groups": 1, "two streams, no groups": 2, "four streams, no groups": 4}


Variant = tuple[str, str, frozenset[str], int | None]  # model, label, rules that are off, streams


def variants(names: Sequence[str]) -> list[Variant]:
    """Every variant of the models called NAMES; streams as the compiler decides unless they are given."""
    found: list[Variant] = []
    for name in names:
        found += [(name, label, disabled, None) for label, disabled in VARIANTS.items()]
        found += [(name, label, GROUPS, count) for label, count in STREAMS.items()]
        found += [(name, "one stream", frozenset(), 1)]
    return found


def network(name: str) -> onnx.ModelProto:
    """The light network NAME with random weights."""
    return reseed(onnx.load(light_models()[name]), np.random.default_rng(0))


def plan_of(variant: Variant, targets: tuple[ArchSpec, ...]) -> bytes:
    """The plan of VARIANT for TARGETS, as bytes: it is built in another process."""
    name, _, disabled, streams = variant
    options = Options() if streams is None else Options(streams=streams)
    settings = Settings(targets, as_policy("fp16"), options=options, disabled=disabled)
    return build(network(name), settings).plan.to_bytes()


def measure(plan: glassrt.Plan, inputs: dict[str, np.ndarray]) -> tuple[Row, np.ndarray]:
    with glassrt.load(plan, device="cuda:0") as engine:
        output = np.concatenate([a.astype(np.float64).reshape(-1) for a in engine.run(inputs).values()])
        ms = median_ms(engine, inputs, 200, 20)
    return {"ms": ms, "launches": len(plan.manifest["launches"])}, output


def run(cases: list[Variant], plans: Iterable[bytes]) -> Iterator[Row]:
    """A row per variant; the first of each model is what the others are compared with."""
    references: dict[str, np.ndarray] = {}
    inputs: dict[str, dict[str, np.ndarray]] = {}
    for (name, label, _, _), plan in zip(cases, plans, strict=True):
        if name not in inputs:
            inputs[name] = random_inputs(network(name), np.random.default_rng(1))
        row, output = measure(glassrt.Plan.from_bytes(plan), inputs[name])
        difference = relative_error(output, references.setdefault(name, output))
        row |= {"difference": rounded(difference), "agrees": difference <= BOUND}
        yield {"model": name, "variant": label, **row}


def main() -> int:
    command = parser(__doc__)
    command.add_argument("--models", default="inception_v1,resnet50")
    command.add_argument("--jobs", type=int, default=4, help="plans that are built at a time")
    arguments = command.parse_args()
    cases = variants(arguments.models.split(","))
    targets = chosen_targets(None, present_arch())
    with ProcessPoolExecutor(arguments.jobs, get_context("spawn")) as pool:
        plans = list(pool.map(partial(plan_of, targets=targets), cases))
    rows = report(run(cases, plans), arguments.out)
    return 0 if all(row["agrees"] for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
