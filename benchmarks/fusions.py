"""What each fusion is worth: whole networks with a fusion off and on, on one GPU, in one run.

    python -m benchmarks.fusions --out benchmarks/results/fusions.json

The networks are the light Inception v1 and ResNet-50 with random weights, in fp16 at batch 1. Every
variant must agree with the one that has everything on.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

import glassrt
import numpy as np
import onnx
from glassrt.compiler.build import Settings, build
from glassrt.compiler.passes import Options
from glassrt.compiler.policy import as_policy
from glassrt.compiler.rules import RULES
from glassrt.runtime.discovery import present_target

from tests.models import light_models, random_inputs, reseed

from . import record

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


def plan_of(model: onnx.ModelProto, disabled: frozenset[str], streams: int | None = None) -> glassrt.Plan:
    """The plan of MODEL without the DISABLED rules; streams as the compiler decides unless given."""
    options = Options() if streams is None else Options(streams=streams)
    settings = Settings((present_target(),), as_policy("fp16"), options=options, disabled=disabled)
    return build(model, settings).plan


def measure(plan: glassrt.Plan, inputs: dict[str, np.ndarray]) -> tuple[dict[str, Any], np.ndarray]:
    with glassrt.load(plan, device="cuda:0") as engine:
        output = np.concatenate([a.astype(np.float64).reshape(-1) for a in engine.run(inputs).values()])
        ms = statistics.median(engine.time(inputs, repeats=200, warmup=20))
    return {"ms": round(ms, 4), "launches": len(plan.manifest["launches"])}, output


def run_model(name: str) -> list[dict[str, Any]]:
    model = reseed(onnx.load(light_models()[name]), np.random.default_rng(0))
    inputs = random_inputs(model, np.random.default_rng(1))
    cases: dict[str, tuple[frozenset[str], int | None]] = {k: (v, None) for k, v in VARIANTS.items()}
    cases |= {label: (GROUPS, count) for label, count in STREAMS.items()}
    rows: list[dict[str, Any]] = []
    reference: np.ndarray | None = None
    for label, (disabled, streams) in cases.items():
        row, output = measure(plan_of(model, disabled, streams), inputs)
        reference = output if reference is None else reference
        difference = float(np.linalg.norm(output - reference) / np.linalg.norm(reference))
        row |= {"difference": float(f"{difference:.3g}"), "agrees": difference <= BOUND}
        rows.append({"model": name, "variant": label, **row})
        print(rows[-1], flush=True)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default="inception_v1,resnet50")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows = [row for name in arguments.models.split(",") for row in run_model(name)]
    if arguments.out:
        record.write(arguments.out, rows)
    return 0 if all(row["agrees"] for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
