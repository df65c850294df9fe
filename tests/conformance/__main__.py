"""Runs the whole suite, and says what is not as expected.

    python -m glassrt.tests.conformance [--device DEVICE] [--jobs N] [--only PATTERN] [--list FILE]

Exit code 1 for a surprise. --list writes what is not right, with its reason, for a review of expected.toml.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from pathlib import Path

from .backends import DEVICES
from .cases import cases
from .expected import reasons
from .running import Found, run
from .surprises import surprises


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=DEVICES, default="host", help="interpret: in numpy, no kernels")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", metavar="PATTERN", help="cases whose names match")
    parser.add_argument("--list", type=Path, metavar="FILE")
    options = parser.parse_args()
    start = time.perf_counter()
    names = [name for name in cases() if re.search(options.only, name)]
    expected = reasons(names, kernels=options.device != "interpret")
    found: Found = {}
    odd = 0
    for piece in run(names, options.device, options.jobs):
        found |= piece
        # As they come: a run that is cut short has said what it found.
        for each in surprises(piece, expected):
            odd += 1
            print(each, flush=True)
        elapsed = time.perf_counter() - start
        print(f"\r{len(found)} cases, {elapsed:.0f} s", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    counts = Counter(outcome.status for outcome in found.values())
    print(f"{len(found)} cases in {time.perf_counter() - start:.0f} s: {dict(counts)}")
    if options.list:
        listed = {name: [one.status, one.reason] for name, one in found.items() if one.status != "right"}
        options.list.write_text(json.dumps(listed, indent=1), encoding="utf-8")
    return 1 if odd else 0


if __name__ == "__main__":
    sys.exit(main())
