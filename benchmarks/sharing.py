"""What does it cost in time on a GPU that kernels which differ in sizes alone share their code?

    python -m benchmarks.sharing --out benchmarks/results/sharing.json

Each network is built twice, with the rule share-kernels and without it, and both are timed in turn, so that
clocks and temperature are the same. `ms` is the best of the medians of a round, `own_ms` that of kernels of
their own; `worst_launch` is the launch that lost most, in microseconds, by the same engine's profile.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import glassrt
import numpy as np
from glassrt import Engine
from glassrt.codegen.interface import SHARE_KERNELS, arch_named
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.settings.policy import as_policy

from .common.rows import Row, median_ms, parser, report
from .common.vision_models import MODELS


def measure(name: str, precision: str, target: str, rounds: int) -> Row:
    """The row of the model NAME."""
    engines = [_engine(name, precision, target, disabled) for disabled in ((), (SHARE_KERNELS,))]
    (tensor,) = engines[0].inputs
    image = np.random.default_rng(0).standard_normal(tensor.shape, np.float32)
    feeds = {tensor.name: image}
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for engine, found in zip(engines, times, strict=True):
            found.append(median_ms(engine, feeds, 300, 50))
    shared, own = (min(found) for found in times)
    same = all(
        np.array_equal(a, b) for a, b in zip(*(_results(each, feeds) for each in engines), strict=True)
    )
    launches = [_launches(engine, feeds) for engine in engines]
    lost, worst = max((a - b, label) for (label, a), (_, b) in zip(*launches, strict=True))
    return {
        "model": name,
        "precision": precision,
        "ms": shared,
        "own_ms": own,
        "ratio": round(shared / own, 4),
        "same_bits": same,
        "worst_launch": [worst, round(lost, 2)],
    }


def _engine(name: str, precision: str, target: str, disabled: tuple[str, ...]) -> Engine:
    settings = Settings((arch_named(target),), as_policy(precision), disabled=frozenset(disabled))
    return glassrt.load(build(MODELS[name](), settings).plan, device="cuda:0")


def _results(engine: Engine, feeds: dict[str, Any]) -> list[Any]:
    return list(engine.run(feeds).values())


def _launches(engine: Engine, feeds: dict[str, Any]) -> list[tuple[str, float]]:
    """The kernel of every launch, and its microseconds."""
    return [(each.name, each.microseconds) for each in engine.profile(feeds, repeats=50)]


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    command.add_argument("--precisions", nargs="+", default=["fp16", "fp32"])
    command.add_argument("--target", default="sm_90a")
    command.add_argument("--rounds", type=int, default=5)
    options = command.parse_args()

    def rows() -> Iterator[Row]:
        for name in options.models:
            for precision in options.precisions:
                yield measure(name, precision, options.target, options.rounds)

    report(rows(), options.out)


if __name__ == "__main__":
    main()
