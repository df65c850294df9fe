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
from .running import run
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
    found = run(names, options.device, options.jobs)
    counts = Counter(outcome.status for outcome in found.values())
    print(f"{len(found)} cases in {time.perf_counter() - start:.0f} s: {dict(counts)}")
    odd = list(surprises(found, reasons(names, kernels=options.device != "interpret")))
    print("\n".join(odd))
    if options.list:
        listed = {name: [one.status, one.reason] for name, one in found.items() if one.status != "right"}
        options.list.write_text(json.dumps(listed, indent=1), encoding="utf-8")
    return 1 if odd else 0


if __name__ == "__main__":
    sys.exit(main())
