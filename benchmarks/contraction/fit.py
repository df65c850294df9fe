"""Which constants fit the cost model of the contraction kernels to timings, and how good are its choices?

    python -m benchmarks.contraction.fit contraction.json... [--rounds 1500]

The files are what benchmarks.contraction.time writes, on weights in the cache or not. Prints, before and
after the fit, how much slower the first choice is than the best candidate, and the fitted constants. Least
squares of the logarithms; candidates far from the best count for little.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from glassrt.codegen.arch.fitted import Fit
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.contraction.cost import expected
from glassrt.codegen.families.contraction.mma import MMA
from glassrt.codegen.families.contraction.problem import Problem
from glassrt.codegen.families.contraction.wgmma import WGMMA
from glassrt.codegen.families.contraction.work import ContractionLoad
from glassrt.codegen.families.gemv import cost as gemv
from glassrt.codegen.families.gemv.config import GemvConfig
from glassrt.codegen.families.persistent import cost as persistent
from glassrt.codegen.families.persistent.config import PersistentConfig

from .layers import LayerCase, problem

TARGET = REFERENCE


Expected = Callable[[Any], float]  # microseconds of a candidate, by the constants


@dataclass(frozen=True)
class FittedModel:
    """A cost model: the class of its configurations, its constants, and what it expects of a problem under a
    configuration with others."""

    config: Callable[..., Any]
    constants: Fit
    expects: Callable[[Problem, Any], Expected]


def _of_product(product: Any) -> FittedModel:
    def expects(problem: Problem, config: Any) -> Expected:
        work = product.work(problem, config, TARGET)
        load = ContractionLoad.of(problem, work)
        return lambda constants: expected(load, work, TARGET, constants)

    return FittedModel(product.config_type, product.constants(TARGET), expects)


MODELS = {  # by the class of their configurations
    "MmaConfig": _of_product(MMA),
    "WgmmaConfig": _of_product(WGMMA),
    "PersistentConfig": FittedModel(
        PersistentConfig,
        TARGET.fitted.persistent,
        lambda problem, config: lambda constants: persistent.expected(problem, config, TARGET, constants),
    ),
    "GemvConfig": FittedModel(
        GemvConfig,
        TARGET.fitted.gemv,
        lambda problem, config: lambda constants: gemv.expected(problem, config, TARGET, constants),
    ),
}


def constant_names(constants: Fit) -> list[str]:
    """The names of the constants to fit."""
    return [field.name for field in fields(constants) if field.name != "card"]


@dataclass(frozen=True)
class Timing:
    """One measured candidate of a layer."""

    layer: str
    family: str
    expected: Expected
    microseconds: float
    weight: float


def timings(path: Path) -> list[Timing]:
    found = []
    for entry in json.loads(path.read_text()):
        layer = LayerCase(**{**entry["layer"], "shape": tuple(entry["layer"]["shape"])})
        rows = [row for row in entry["timings"] if row["ok"] and row["family"] in MODELS]
        best = min((row["us"] for row in rows), default=0.0)
        made = problem(layer)
        for row in rows:
            model = MODELS[row["family"]]
            guess = model.expects(made, model.config(**row["config"]))
            weight = math.exp(-4 * min(row["us"] / best - 1, 1.0)) + 0.05
            found.append(Timing(layer.name, row["family"], guess, row["us"], weight))
    return found


def loss(table: Sequence[Timing], constants: Fit) -> float:
    """Weighted mean square of the logarithm of expected over measured."""
    total = sum(t.weight * math.log(t.expected(constants) / t.microseconds) ** 2 for t in table)
    return total / sum(t.weight for t in table)


def fit(table: Sequence[Timing], start: Fit, rounds: int) -> Fit:
    """Random steps along one constant at a time, longer after a success and shorter after a failure."""
    rng = random.Random(1)
    names = constant_names(start)
    steps = dict.fromkeys(names, 0.3)
    best, least = start, loss(table, start)
    for _ in range(rounds):
        name = rng.choice(names)
        value = getattr(best, name) * math.exp(rng.gauss(0, steps[name]))
        tried = replace(best, **{name: value})
        found = loss(table, tried)
        better = found < least
        steps[name] = min(1.0, max(0.01, steps[name] * (1.4 if better else 0.9)))
        if better:
            best, least = tried, found
    return best


def report(table: Sequence[Timing], constants: Mapping[str, Fit], title: str) -> None:
    """What the first choice among all products costs, with the CONSTANTS of each."""
    chosen: dict[str, tuple[float, float]] = {}
    best: dict[str, float] = {}
    for t in table:
        said = t.expected(constants[t.family])
        if t.layer not in chosen or said < chosen[t.layer][0]:
            chosen[t.layer] = (said, t.microseconds)
        best[t.layer] = min(best.get(t.layer, math.inf), t.microseconds)
    ratios = sorted(((chosen[name][1] / best[name], name) for name in best), reverse=True)
    mean = math.exp(sum(math.log(ratio) for ratio, _ in ratios) / len(ratios))
    worst = ", ".join(f"{name} {ratio:.2f}" for ratio, name in ratios[:6])
    print(f"{title}: the first choice takes {mean:.3f} of the best in geometric mean; worst: {worst}")
    for family in sorted({t.family for t in table}):
        error = math.sqrt(loss([t for t in table if t.family == family], constants[family]))
        print(f"  {family}: root mean square error of the logarithm {error:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=1500)
    options = parser.parse_args()
    table = [timing for file in options.files for timing in timings(file)]
    if not table:
        raise SystemExit("no timings")
    before = {name: model.constants for name, model in MODELS.items()}
    report(table, before, "before")
    after = dict(before)
    for family in sorted({t.family for t in table}):
        own = [t for t in table if t.family == family]
        after[family] = fit(own, before[family], options.rounds)
    report(table, after, "after")
    for family, fitted in after.items():
        print(family)
        for name in constant_names(fitted):
            print(f"  {name} = {getattr(fitted, name):.4g}")


if __name__ == "__main__":
    main()
