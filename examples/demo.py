"""The main path on a real network: ONNX in, four levels of IR, CUDA, a plan, outputs.

    python examples/demo.py

compiles `digits.onnx` (a small convolutional network for handwritten digits, see
`train_digits.py`), follows one of its kernels from the ONNX nodes down to the emitted CUDA,
builds a plan for the GPU of this machine - without one it cross-compiles for sm_90a and executes
the same kernels on the `host` device -, runs it on the 360 held-out images, and compares it
with ONNX Runtime. Exit code 1 when they disagree.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import glassrt
import numpy as np
import onnx
import onnxruntime
from glassrt.compiler.checking.measures import network_bound, roundoff
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.runtime.discovery import present_target
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.syntax import Syntax
from rich.table import Table

FOLDER = Path(__file__).resolve().parent
MODEL = FOLDER / "digits.onnx"
IMAGES = FOLDER / "digits_test.npz"
PLAN_FOLDER = FOLDER.parent / ".demo"
FALLBACK_TARGET = "sm_90a"
LEVELS = ("graph", "fused", "precision", "launch")
# The end of the residual block: convolution, batch normalisation, addition, ReLU - one kernel.
FOLLOWED = "conv_6"
# Largest ‖ours − reference‖ / ‖reference‖ by precision, as `glassrt check` has it.
BOUNDS = {name: network_bound(roundoff(dtype)) for name, dtype in (("fp32", F32), ("fp16", F16))}
WIDTH = 110

Array = np.ndarray[Any, Any]


class DemoClock:
    """Seconds by step and precision, in order."""

    def __init__(self) -> None:
        self.seconds: dict[str, dict[str, float]] = {}

    def record(self, step: str, column: str, seconds: float) -> None:
        """Note what STEP took."""
        self.seconds.setdefault(step, {})[column] = seconds

    @contextmanager
    def step(self, step: str, column: str) -> Iterator[None]:
        """Time what is done inside."""
        begin = time.perf_counter()
        yield
        self.record(step, column, time.perf_counter() - begin)


def nodes_with(plan: glassrt.Plan, node: str) -> tuple[str, list[str]]:
    """The kernel that computes an ONNX node, and all nodes that it computes."""
    for launch in plan.manifest["launches"]:
        if node in launch["nodes"]:
            return launch["kernel"], launch["nodes"]
    raise LookupError(node)


def excerpt(text: str, nodes: list[str]) -> str:
    """The operations of an IR text that stem from NODES alone; long constants are cut short, and the
    names of tensors left out."""
    chosen, open_op = [], False
    for line in re.sub(r'( loc\([^)]*") -> [^)]*', r"\1", text).splitlines():
        if open_op:
            chosen.append(line)
            open_op = line != "    }"
        elif re.match(r"    \S", line):
            named = re.findall(r'"([^"]*)"', line.partition(" loc(")[2])
            if named and set(named) <= set(nodes):
                chosen.append(line)
                open_op = line.endswith("{")
    return re.sub(r"(dense<[^:>]*: (?:[^,>]*, ){2})[^>]*>", r"\1...>", "\n".join(line[4:] for line in chosen))


def build(precision: str, target: str, clock: DemoClock, console: Console) -> glassrt.Plan:
    """The plan for all held-out images at once, with a progress bar; its stages are timed."""
    columns = (TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn())
    begin: dict[str, float] = {}
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("")

        def tell(stage: str, done: int, total: int) -> None:
            now = time.perf_counter()
            clock.record(f"compile: {stage}", precision, now - begin.setdefault(stage, now))
            progress.update(task, description=f"{precision}: {stage}", completed=done, total=total)

        return glassrt.compile(
            MODEL, target=target, precision=precision, shapes={"N": (1, 360, 360)}, progress=tell
        )


def coloured(text: str, language: str) -> Syntax:
    """TEXT in the colours of a language."""
    return Syntax(text, language, word_wrap=True, background_color="default")


def show_levels(plan: glassrt.Plan, console: Console) -> None:
    """One kernel of PLAN on its way from ONNX nodes to CUDA."""
    kernel, nodes = nodes_with(plan, FOLLOWED)
    kinds = {node.name: node.op_type for node in onnx.load(MODEL).graph.node}
    console.rule(f"one kernel at every level: {FOLLOWED} and what is fused with it")
    console.print("\nONNX:  " + "  ->  ".join(f"{kinds[node]} {node}" for node in nodes))
    for level in LEVELS:
        console.print(f"\n{level}", style="bold")
        console.print(
            Syntax(excerpt(plan.ir(level), nodes), "llvm", word_wrap=True, background_color="default")
        )
    console.print(f"\nCUDA: {kernel}.cu", style="bold")
    console.print(coloured(plan.sources[kernel], "cuda"))


def reference(images: Array, clock: DemoClock) -> Array:
    """ONNX Runtime's logits on the CPU."""
    with clock.step("load the model", "ONNX Runtime"):
        session = onnxruntime.InferenceSession(str(MODEL), providers=["CPUExecutionProvider"])
    with clock.step(f"first run, {len(images)} images", "ONNX Runtime"):
        return np.asarray(session.run(["logits"], {"image": images})[0])


def execute(plan: glassrt.Plan, device: str, images: Array, clock: DemoClock, precision: str) -> Array:
    """The logits of all images, from the plan as it was saved; the steps are timed."""
    path = PLAN_FOLDER / f"digits-{precision}.plan"
    PLAN_FOLDER.mkdir(exist_ok=True)
    with clock.step("save the plan", precision):
        plan.save(path)
    with clock.step(f"load it on {device}", precision):
        engine = glassrt.load(path, device=device)
    with engine:
        with clock.step(f"first run, {len(images)} images", precision):
            logits = np.asarray(engine.run({"image": images})["logits"])
        for count in (1, len(images)):
            times = engine.time({"image": images[:count]}, repeats=3, warmup=1)
            clock.record(
                f"one run, {count} image{'s' * (count > 1)}", precision, float(np.median(times)) / 1e3
            )
    return logits


def accuracy(logits: Array, labels: Array) -> str:
    """How many digits are recognised."""
    return f"{100 * float((logits.argmax(1) == labels).mean()):.2f} %"


def compare(precision: str, logits: Array, wanted: Array, labels: Array) -> list[str]:
    """A row of the table of results."""
    error = float(np.linalg.norm(logits - wanted) / np.linalg.norm(wanted))
    same = int((logits.argmax(1) == wanted.argmax(1)).sum())
    within = f"{'yes' if error <= BOUNDS[precision] else 'no'} ({BOUNDS[precision]:.0e})"
    return [precision, f"{error:.1e}", within, f"{same} of {len(labels)}", accuracy(logits, labels)]


def table(console: Console, title: str, columns: Sequence[str], rows: list[list[str]]) -> None:
    """Print a table whose first column is text and whose others are numbers."""
    result = Table(box=None, pad_edge=False)
    for index, name in enumerate((title, *columns)):
        result.add_column(name, justify="right" if index else "left")
    for row in rows:
        result.add_row(*row)
    console.print(result)
    console.print()


def show_times(clock: DemoClock, console: Console) -> None:
    """The time of every step by precision."""
    columns = (*BOUNDS, "ONNX Runtime")
    rows = [
        [step, *(f"{1e3 * times[name]:.2f} ms" if name in times else "" for name in columns)]
        for step, times in clock.seconds.items()
    ]
    table(console, "time", columns, rows)


def main() -> int:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    clock = DemoClock()
    gpu = present_target()
    target, device = gpu or FALLBACK_TARGET, "cuda" if gpu else "host"
    where = f"for the GPU here, {gpu}" if gpu else f"no GPU here: cubins for {target}, execution on the host"
    console.print(f"{MODEL.name}: {where}\n")
    data = np.load(IMAGES)
    images, labels = data["image"], data["label"]
    results = {}
    for precision in BOUNDS:
        plan = build(precision, target, clock, console)
        if precision == "fp16":
            show_levels(plan, console)
        results[precision] = execute(plan, device, images, clock, precision)
    wanted = reference(images, clock)
    console.rule("results")
    rows = [compare(name, logits, wanted, labels) for name, logits in results.items()]
    rows.append(["ONNX Runtime", "", "", "", accuracy(wanted, labels)])
    table(console, "", ("relative error", "within bound", "same digit", "top-1 accuracy"), rows)
    show_times(clock, console)
    console.print(f"Look inside with: glassrt inspect {PLAN_FOLDER.name}/digits-fp16.plan")
    return 0 if not any(row[2].startswith("no") for row in rows) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except glassrt.GlassError as problem:
        sys.exit(f"error: {problem}")
