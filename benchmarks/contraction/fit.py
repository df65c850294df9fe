"""Which constants fit the cost model of the contraction kernels to timings, and how good are its choices?

    python -m benchmarks.contraction.fit contraction.json... [--rounds 1500]

The files are what benchmarks.contraction.time writes, on weights in the cache or not. Prints, before and
after the fit, how much slower the first choice is than the best candidate, and the fitted constants. What is
made small is that ratio, with a choice that is the less certain the closer candidates are; with little
weight, squares of the logarithms of expected over measured, of which candidates far from the best count for
little, and how far constants go from where they were.
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
CERTAIN = 0.03  # by what part candidates must differ for the choice between them to be certain
CLOSENESS, STAYING = 0.15, 0.0005  # weights of errors, and of constants that have moved
UNSEEN = 1e-9  # stands for a constant of zero


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
    """One measured candidate of a layer; a layer of another file is another one."""

    layer: str
    family: str
    expected: Expected
    microseconds: float
    weight: float


def timings(path: Path) -> list[Timing]:
    found = []
    kept = json.loads(path.read_text())
    for entry in kept["results"] if isinstance(kept, dict) else kept:
        layer = LayerCase(**{**entry["layer"], "shape": tuple(entry["layer"]["shape"])})
        rows = [row for row in entry["timings"] if row["ok"] and row["family"] in MODELS]
        best = min((row["us"] for row in rows), default=0.0)
        made = problem(layer)
        for row in rows:
            model = MODELS[row["family"]]
            guess = model.expects(made, model.config(**row["config"]))
            weight = math.exp(-4 * min(row["us"] / best - 1, 1.0)) + 0.05
            found.append(Timing(f"{path.stem}:{layer.name}", row["family"], guess, row["us"], weight))
    return found


def loss(table: Sequence[Timing], constants: Fit) -> float:
    """Weighted mean square of the logarithm of expected over measured."""
    total = sum(t.weight * math.log(t.expected(constants) / t.microseconds) ** 2 for t in table)
    return total / sum(t.weight for t in table)


class Objective:
    """What is made small, for the layers of a TABLE and constants that were START."""

    def __init__(self, table: Sequence[Timing], start: Mapping[str, Fit]) -> None:
        self._start = start
        self._layers: dict[str, list[Timing]] = {}
        for timing in table:
            self._layers.setdefault(timing.layer, []).append(timing)

    def expected(self, family: str, constants: Fit) -> dict[int, float]:
        """The logarithm of what CONSTANTS expect of each timing of FAMILY, by its identity."""
        table = (t for layer in self._layers.values() for t in layer if t.family == family)
        return {id(t): math.log(t.expected(constants)) for t in table}

    def value(self, expected: Mapping[int, float], constants: Mapping[str, Fit]) -> float:
        """The objective of what all families are EXPECTED to take with CONSTANTS."""
        layers = [self._of_layer(layer, expected) for layer in self._layers.values()]
        moved = sum(
            math.log(max(getattr(now, name), UNSEEN) / max(getattr(self._start[family], name), UNSEEN)) ** 2
            for family, now in constants.items()
            for name in constant_names(now)
        )
        return sum(layers) / len(layers) + STAYING * moved

    @staticmethod
    def _of_layer(layer: Sequence[Timing], expected: Mapping[int, float]) -> float:
        best, least = min(t.microseconds for t in layer), min(expected[id(t)] for t in layer)
        chances = [math.exp((least - expected[id(t)]) / CERTAIN) for t in layer]
        choice = sum(p * math.log(t.microseconds / best) for p, t in zip(chances, layer, strict=True))
        errors = sum(t.weight * (expected[id(t)] - math.log(t.microseconds)) ** 2 for t in layer)
        return choice / sum(chances) + CLOSENESS * errors / sum(t.weight for t in layer)


def fit(table: Sequence[Timing], start: Mapping[str, Fit], rounds: int) -> dict[str, Fit]:
    """Random steps along one constant at a time, longer after a success and shorter after a failure."""
    rng, objective = random.Random(1), Objective(table, start)
    best = {family: start[family] for family in sorted({t.family for t in table})}
    steps = {(family, name): 0.25 for family in best for name in constant_names(best[family])}
    parts = {family: objective.expected(family, constants) for family, constants in best.items()}
    least = math.inf
    for _ in range(rounds):
        family, name = rng.choice(list(steps))
        value = getattr(best[family], name) * math.exp(rng.gauss(0, steps[family, name]))
        tried = best | {family: replace(best[family], **{name: value})}
        own = parts | {family: objective.expected(family, tried[family])}
        found = objective.value({key: said for part in own.values() for key, said in part.items()}, tried)
        better = found < least
        steps[family, name] = min(1.0, max(0.02, steps[family, name] * (1.4 if better else 0.92)))
        if better:
            best, parts, least = tried, own, found
    return {**start, **best}


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
    parser.add_argument("--rounds", type=int, default=3500)
    options = parser.parse_args()
    table = [timing for file in options.files for timing in timings(file)]
    if not table:
        raise SystemExit("no timings")
    before = {name: model.constants for name, model in MODELS.items()}
    report(table, before, "before")
    after = fit(table, before, options.rounds)
    report(table, after, "after")
    for family, fitted in after.items():
        print(family)
        for name in constant_names(fitted):
            print(f"  {name} = {getattr(fitted, name):.4g}")


if __name__ == "__main__":
    main()
