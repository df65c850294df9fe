"""Many random graphs, one after another or side by side: what came of them, and what is wrong made small.

Graphs run in processes of their own. One that dies, or takes too long, is a fault of its graph, and another
process goes on behind it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from queue import Empty, Queue

import numpy as np
import onnx
from onnx import ModelProto

from ..compiler.files.arrays import read_arrays, write_arrays
from ..compiler.reduction.reduce import Reduced, reduced
from ..compiler.reduction.worker import Worker
from ..errors import InputError
from .agreement import FAULTS, ModelVerdict, failed, verdicts
from .draft import Unfit
from .metamorphic import METAMORPHIC
from .oracles import Feeds
from .random_graphs import Graph, seeded

MOST_SECONDS = 300.0  # for one graph
TRIALS = 60  # of smaller models, where a graph is wrong
ATTEMPTS = 20  # at a graph that begins with certain makers
CHEAP = tuple(name for name in METAMORPHIC if name not in ("rules", "block_orders"))


@dataclass(frozen=True)
class Campaign:
    """What to try.

    graphs, first, seed: the graphs FIRST to FIRST + GRAPHS - 1 of SEED, the same in every campaign; most:
    steps of a graph; device: where kernels run, None for the interpreter alone; special: with NaN and
    infinities in the inputs; metamorphic: one such check on each graph, too; save: the folder for models that
    are wrong, None to keep none; modules: to import first, for the node makers in them; must: makers that
    each graph begins with.
    """

    graphs: int = 1000
    first: int = 0
    seed: int = 0
    most: int = 8
    device: str | None = None
    special: bool = False
    metamorphic: bool = False
    save: Path | None = None
    modules: tuple[str, ...] = ()
    must: tuple[str, ...] = ()

    def graph(self, number: int) -> Graph:
        """The graph of a NUMBER; of those that MUST fits, the first that its numbers give."""
        for module in self.modules:
            import_module(module)
        for attempt in range(ATTEMPTS):
            name = f"{self.seed}/{number}" + f"/{attempt}" * bool(attempt)
            try:
                return seeded(name, most=self.most, must=self.must, special=self.special)
            except Unfit:
                continue
        raise InputError(f"no graph of {ATTEMPTS} has a place for {', '.join(self.must)}")

    def command(self, number: int) -> str:
        """The command that tries graph NUMBER alone."""
        options = [f"--seed {self.seed}", f"--first {number}", "--graphs 1", f"--most {self.most}"]
        options += [f"--device {self.device}"] if self.device is not None else []
        options += ["--special"] * self.special + ["--metamorphic"] * self.metamorphic
        options += [f"--import {name}" for name in self.modules] + [f"--must {name}" for name in self.must]
        return f"python -m glassrt.testing {' '.join(options)}"


@dataclass(frozen=True)
class Finding:
    """What came of graph `number`: verdicts, and where one is a fault the path of the model, made small."""

    number: int
    verdicts: tuple[ModelVerdict, ...]
    ops: tuple[str, ...] = ()
    saved: Path | None = None

    @property
    def faults(self) -> list[ModelVerdict]:
        return [verdict for verdict in self.verdicts if verdict.kind in FAULTS]


@dataclass
class Summary:
    """How often each kind of verdict was given at each place, why models were refused, and all faults."""

    graphs: int = 0
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    faults: list[Finding] = field(default_factory=list)

    def note(self, finding: Finding) -> None:
        self.graphs += 1
        for verdict in finding.verdicts:
            self.kinds[verdict.where, verdict.kind] += 1
        self.refusals.update({v.reason for v in finding.verdicts if v.kind == "refused"})
        if finding.faults:
            self.faults.append(finding)

    def __str__(self) -> str:
        lines = [f"{self.graphs} graphs, {len(self.faults)} with faults"]
        lines += [f"  {where}: {kind} {count}" for (where, kind), count in sorted(self.kinds.items())]
        lines += [f"  refused {count}: {reason}" for reason, count in self.refusals.most_common()]
        return "\n".join(lines)


# ---------------------------------------------------------------- one graph


def tried(campaign: Campaign, number: int) -> Finding:
    """What comes of graph NUMBER of CAMPAIGN; a fault is made smaller and saved."""
    try:
        graph = campaign.graph(number)
        found = list(_verdicts(campaign, graph))
        if campaign.metamorphic:
            found.append(_metamorphic(graph, CHEAP[number % len(CHEAP)]))
    except Exception as error:  # of the generator, or of an oracle
        return Finding(number, (failed(error, "harness"),))
    saved = None
    faults = [verdict for verdict in found if verdict.kind in FAULTS]
    if faults and campaign.save is not None:
        small = _smaller(campaign, graph, faults[0])
        saved = save(campaign.save / f"seed{campaign.seed}-{number}", small.model, small.feeds)
    return Finding(number, tuple(found), tuple(graph.ops), saved)


def _verdicts(campaign: Campaign, graph: Graph) -> Iterator[ModelVerdict]:
    precisions = ("fp32", "fp16") if graph.smooth and not campaign.special else ("fp32",)
    also = []
    if graph.shapes and graph.smooth and not campaign.special:  # elsewhere a tie may decide
        also = [graph.feeds_at({name: graph.sizes[name] % 5 + 1 for name in graph.shapes})]
    return verdicts(
        graph.model,
        graph.feeds,
        graph.shapes,
        device=campaign.device,
        precisions=precisions,
        also=also,
    )


def _metamorphic(graph: Graph, name: str) -> ModelVerdict:
    try:
        problem = METAMORPHIC[name](graph)
    except Exception as error:
        return failed(error, name)
    if problem is not None and not graph.smooth:
        return ModelVerdict("unstable", name, problem)
    return ModelVerdict("agreed" if problem is None else "wrong", name, problem or "")


def _smaller(campaign: Campaign, graph: Graph, fault: ModelVerdict) -> Reduced:
    """GRAPH made smaller while it shows FAULT: of the same kind at the same place."""

    def faulty(model: ModelProto, feeds: Feeds) -> bool:
        device = campaign.device if fault.where.partition(",")[0] == campaign.device else None
        precisions = [fault.where.partition(", ")[2]] if device is not None else []
        found = verdicts(model, feeds, graph.shapes_of(model), device=device, precisions=precisions)
        return any(v.kind == fault.kind and v.where == fault.where for v in found)

    if fault.where in METAMORPHIC or not faulty(graph.model, graph.feeds):
        return Reduced(graph.model, graph.feeds)
    return reduced(graph.model, graph.feeds, faulty, TRIALS)


def save(path: Path, model: ModelProto, feeds: Feeds) -> Path:
    """Write MODEL as PATH.onnx and its inputs as PATH.npz; the path of the model."""
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.with_name(f"{path.name}.onnx")
    onnx.save(model, target)
    write_arrays(path.with_name(f"{path.name}.npz"), {name: np.asarray(a) for name, a in feeds.items()})
    return target


def tried_file(model: Path, inputs: Path, device: str | None) -> Summary:
    """What comes of a saved model on the arrays of the .npz file INPUTS."""
    summary = Summary()
    found = verdicts(onnx.load(model), read_arrays(inputs), device=device)
    summary.note(Finding(0, tuple(found), saved=model))
    return summary


# ---------------------------------------------------------------- all of them


def fuzz(
    campaign: Campaign,
    jobs: int = 1,
    seconds: float | None = None,
    told: Callable[[Summary, Finding], None] | None = None,
) -> Summary:
    """Try the graphs of CAMPAIGN, in JOBS processes, for so many SECONDS at most.

    TOLD is called after each with the summary so far.
    """
    numbers: Queue[int] = Queue()
    for number in range(campaign.first, campaign.first + campaign.graphs):
        numbers.put(number)
    end = None if seconds is None else time.monotonic() + seconds
    found: Queue[Finding | None] = Queue()
    summary, running = Summary(), jobs
    with ThreadPoolExecutor(jobs) as pool:
        done = [pool.submit(_drive, campaign, numbers, end, found) for _ in range(jobs)]
        while running:
            finding = found.get()
            if finding is None:
                running -= 1
                continue
            summary.note(finding)
            if told is not None:
                told(summary, finding)
        for each in done:
            each.result()
    return summary


def _drive(campaign: Campaign, numbers: Queue[int], end: float | None, found: Queue[Finding | None]) -> None:
    """Hand NUMBERS to a process, one by one, until END, and what comes of them to FOUND; then None."""
    worker = None
    try:
        while end is None or time.monotonic() < end:
            number = numbers.get_nowait()
            worker = worker or Worker(tried, campaign)
            answer = worker.ask(number, MOST_SECONDS)
            if answer is None:
                verdict, worker = _ended(worker), None
                found.put(Finding(number, (verdict,)))
            else:
                found.put(answer[0])
    except Empty:
        pass
    finally:
        if worker is not None:
            worker.ended()
        found.put(None)


def _ended(worker: Worker) -> ModelVerdict:
    """The verdict on the graph that WORKER was at when it died, or took too long."""
    code = worker.ended()
    text = f"more than {MOST_SECONDS:.0f} s" if code is None else f"the process ended with {code}"
    return ModelVerdict("untyped", "process", text)
