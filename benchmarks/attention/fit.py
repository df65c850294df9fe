"""Which constants fit the cost model of persistent attention to timings, and how good are its choices?

    python -m benchmarks.attention.fit attention.json... [--rounds 3000]

The files are what benchmarks.attention.time writes with several candidates of a shape. Prints, before and
after the fit, how much slower the first choice is than the best candidate, and the fitted constants. What is
made small is as in benchmarks.contraction.fit.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.attention.problem import find_attention
from glassrt.codegen.families.attention_persistent.config import PersistentAttentionConfig
from glassrt.codegen.families.attention_persistent.cost import expected, sizes_of

from ..contraction.fit import Expected, Timing, constant_names, fit, report
from .kernels import Shape, request

FAMILY = "attention_persistent"


def shape_of(name: str) -> Shape:
    """The shape with the short name NAME."""
    sizes, heads, *kinds = name.split()
    batch, tokens, count, features = (int(n) for part in (sizes, heads) for n in part.split("x"))
    return Shape(batch, tokens, count, features, causal="causal" in kinds, masked="masked" in kinds)


def timings(path: Path) -> Iterator[Timing]:
    """The candidates of the file at PATH; a shape of another file is another one."""
    for row in json.loads(path.read_text())["results"]:
        entries = row.get(f"{FAMILY}_all", [])
        best = min((entry[4] for entry in entries), default=0.0)
        for groups, keys, stages, query_stages, microseconds, _ in entries:
            config = PersistentAttentionConfig(groups, keys, stages, query_stages)
            weight = math.exp(-4 * min(microseconds / best - 1, 1.0)) + 0.05
            yield Timing(
                f"{path.stem}:{row['shape']}", FAMILY, expects(row["shape"], config), microseconds, weight
            )


def expects(name: str, config: PersistentAttentionConfig) -> Expected:
    """What is expected of the shape NAME under CONFIG, by the constants."""
    asked = request(shape_of(name), "k")
    problem = find_attention(asked)
    assert problem is not None
    sizes = sizes_of(problem, asked)
    return lambda constants: expected(problem, config, sizes, REFERENCE, constants)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=3000)
    options = parser.parse_args()
    table = [timing for file in options.files for timing in timings(file)]
    before = {FAMILY: REFERENCE.fitted.persistent_attention}
    report(table, before, "before")
    after = fit(table, before, options.rounds)
    report(table, after, "after")
    for name in constant_names(after[FAMILY]):
        print(f"  {name} = {getattr(after[FAMILY], name):.4g}")


if __name__ == "__main__":
    main()
