"""Checks many random models at every choice of small sizes and prints what came of it.

    python -m glassrt.tests.property.sizes [COUNT] [--first N] [--least N] [--no-host] [--jobs N]

Ends with 1 where something was wrong, was not refused though ONNX Runtime refuses it, or ended in an
error that says nothing of sizes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from .models import random_model, random_ranges
from .verdicts import FAULTS, KINDS, Verdict, check_all

Found = tuple[int, Counter[str], dict[str, Verdict]]


def one(seed: int, least: int, host: bool) -> Found:
    """How often each kind of verdict was given on the model of SEED, and the first of each."""
    model, sizes = random_model(seed)
    ranges = random_ranges(seed, model, least)
    verdicts = list(check_all(model, sizes, ranges=ranges, least=least, host=host, seed=seed))
    first: dict[str, Verdict] = {}
    for verdict in verdicts:
        first.setdefault(verdict.kind, verdict)
    return seed, Counter(verdict.kind for verdict in verdicts), first


def run(seeds: range, least: int, host: bool, jobs: int) -> Counter[str]:
    """Verdicts on all models by kind; faults and needless refusals are printed as they come."""
    total: Counter[str] = Counter()
    with ProcessPoolExecutor(jobs) as pool:
        for seed, counts, first in pool.map(partial(one, least=least, host=host), seeds, chunksize=4):
            total += counts
            for kind in ("needless", "unsupported", *FAULTS):
                if kind in first:
                    text = str(first[kind]).splitlines()[0][:300]
                    print(f"{seed}: {counts[kind]} of {counts.total()} {text}", flush=True)
    return total


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("count", type=int, nargs="?", default=2000)
    parser.add_argument("--first", type=int, default=0, help="the first model's number")
    parser.add_argument("--least", type=int, default=0, help="the least size")
    parser.add_argument("--no-host", action="store_true", help="interpret only: compile nothing")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.count)
    total = run(seeds, arguments.least, not arguments.no_host, arguments.jobs)
    print(f"{len(seeds)} models: " + ", ".join(f"{total[kind]} {kind}" for kind in KINDS))
    return int(any(total[kind] for kind in FAULTS))


if __name__ == "__main__":
    sys.exit(main())
