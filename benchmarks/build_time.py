"""Where do the processor seconds of a cold build go, for networks with many different kernels?

    python -m benchmarks.build_time --out benchmarks/results/build_time.json

No GPU is needed. Every build has a process and a processor of its own and no kernel cache. `seconds` is user
and system time from the model in memory to the plan; `python` is what NVRTC did not take of it. NVRTC's is
split into `front_end`, `optimizer` (NVVM, down to PTX) and `machine_code` (ptxas) in proportion to the times
that it reports. Another checkout's package on PYTHONPATH is measured side by side.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from time import process_time, thread_time
from typing import Any

from glassrt.codegen.interface import arch_named
from glassrt.codegen.nvrtc import parallel
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.settings.policy import as_policy

from .common.rows import Row, parser, report
from .common.vision_models import MODELS

TARGET = "sm_90a"
PHASES = {"CUDA C++ Frontend": "front_end", "NVVM Optimizer": "optimizer", "PTX Translation": "machine_code"}


def measure(name: str, precision: str, disabled: list[str]) -> Row:
    """One cold build of the model NAME without the DISABLED rules, in this process, on one processor."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    model = MODELS[name]()
    targets = (arch_named(TARGET),)
    settings = Settings(targets, as_policy(precision), disabled=frozenset(disabled), cache=None)
    with tempfile.NamedTemporaryFile("r", suffix=".csv") as times:
        compiling = _watch(times.name)
        begin = process_time()
        made = build(model, settings)
        seconds = process_time() - begin
        shares = _shares(times.read())
    kernels = made.plan.manifest["kernels"]
    sources = {kernels[key]["entry"]: text for key, text in made.plan.sources.items()}
    return {
        "model": name,
        "precision": precision,
        "disabled": disabled,
        "seconds": round(seconds, 2),
        "python": round(seconds - sum(compiling), 2),
        **{phase: round(share * sum(compiling), 2) for phase, share in shares.items()},
        "kernels": len(kernels),
        "compiled": len(sources),
        "source_bytes": sum(map(len, sources.values())),
    }


def _watch(path: str) -> list[float]:
    """The processor seconds of every compilation from now on, in this process; NVRTC's phases go to PATH."""
    seconds: list[float] = []
    run = parallel.run

    def timed(program: Any, stop: Any) -> Any:
        begin = thread_time()
        try:
            return run(program, stop)
        finally:
            seconds.append(thread_time() - begin)

    parallel.OPTIONS = (*parallel.OPTIONS, f"--time={path}")
    parallel.run = timed
    return seconds


def _shares(table: str) -> dict[str, float]:
    """Each phase's share of NVRTC's table: `file, phase, milliseconds, unit`, repeated for every kernel."""
    spent: dict[str, float] = defaultdict(float)
    for line in table.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == 4 and fields[1] in PHASES:
            spent[PHASES[fields[1]]] += float(fields[2])
    return {name: milliseconds / sum(spent.values()) for name, milliseconds in spent.items()}


def _apart(arguments: list[str]) -> Row:
    """The row of a build in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, "--row", *arguments]
    row: Row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return row


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    command.add_argument("--precision", default="fp16")
    command.add_argument("--disable-rule", nargs="*", default=[], help="rules to build without")
    command.add_argument("--row", action="store_true", help="measure the first model here, and print its row")
    options = command.parse_args()
    if options.row:
        print(json.dumps(measure(options.models[0], options.precision, options.disable_rule)))
        return
    more = ["--precision", options.precision, "--disable-rule", *options.disable_rule]
    report((_apart(["--models", name, *more]) for name in options.models), options.out)


if __name__ == "__main__":
    main()
