"""assign-streams: independent launches go to different streams where that is expected to save time.

Launches are put in the order in which they should start, and wait by events for their dependencies on
other streams. Memory is placed anew, so that buffers that are live at the same time share no bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from ....codegen.interface import ArchSpec, expected, request_of
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.module import Function, Module
from ....dialects.launch import Kernel, kernels_in
from ....dialects.launch_control import LaunchControl
from ...kernels.members import nodes_by_launch
from ...memory.concurrent_placement import place_concurrent
from ...memory.dependences import dependences
from ...memory.stream_order import StreamOrder, order_on_streams
from ...passes.ledger import Verdict
from ...passes.manager import PassContext
from ..reorder import reorder
from .schedule import Schedule, Task, schedule

CONCURRENCY = "concurrency"
MOST_STREAMS = 4


@dataclass(frozen=True)
class AssignStreams:
    """Assigns launches to as many streams as the options say: 0 lets the cost model decide, 1 means one."""

    target: ArchSpec
    name: ClassVar[str] = "assign-streams"

    def run(self, module: Module, context: PassContext) -> Module:
        wanted = context.options.streams
        if wanted == 1:
            return module
        kernels = list(kernels_in(module.main.block))
        nodes = tuple(dict.fromkeys(node for found in nodes_by_launch(kernels) for node in found))
        if CONCURRENCY in context.disabled:
            off = f"the rule {CONCURRENCY} is switched off"
            context.ledger.add(CONCURRENCY, Verdict.DISABLED, off, nodes=nodes)
            return module
        if any(isinstance(op, LaunchControl) for op in module.main.block):
            reason = "branches and loops begin when all launches before them have ended"
            context.ledger.add(CONCURRENCY, Verdict.REFUSED, reason, nodes=nodes)
            return module
        needs = dependences(module.main, module.ranges)
        if all(index - 1 in needs[index] for index in range(1, len(needs))):
            reason = "every launch depends on the one before it"
            context.ledger.add(CONCURRENCY, Verdict.REFUSED, reason, nodes=nodes)
            return module
        tasks = self._tasks(module)
        counts = (wanted,) if wanted else range(2, MOST_STREAMS + 1)
        found = (schedule(tasks, needs, count, self.target) for count in counts)
        best = min(found, key=lambda each: each.microseconds)
        if self._decide(tasks, best, nodes, context):
            _apply(module, best, needs)
        return module

    def _tasks(self, module: Module) -> list[Task]:
        """Every launch as a task, with expected time and share of the GPU; equal kernels are timed once."""
        sizes = module.values_at("optimum")
        times: dict[str, float] = {}
        tasks = []
        for op in module.main.block:
            if isinstance(op, Kernel):
                if op.kernel not in times:
                    request = request_of(module, op, self.target)
                    times[op.kernel] = expected(request, op.family, op.config)
                blocks = prod(evaluate(size, sizes) for size in op.grid)
                tasks.append(Task(times[op.kernel], min(1.0, blocks / self.target.multiprocessors)))
        return tasks

    def _decide(
        self, tasks: Sequence[Task], best: Schedule, nodes: tuple[str, ...], context: PassContext
    ) -> bool:
        """Decide whether to use BEST, and record it; NODES are the nodes of all launches."""
        alone = sum(task.microseconds for task in tasks)
        saved = 1 - best.microseconds / alone if alone else 0.0
        streams = 1 + max(best.streams, default=0)
        asked = context.options.streams > 1
        least = self.target.fitted.schedule.streams_saving
        taken = asked or saved >= least
        reason = f"{best.microseconds:.1f} microseconds on {streams} streams, {alone:.1f} on one"
        if not taken:
            reason += f": less than {least:.0%} is saved"
        context.ledger.add(
            CONCURRENCY,
            Verdict.TAKEN if taken else Verdict.REFUSED,
            reason + (", as requested" if asked else ""),
            nodes=nodes,
            streams=streams,
            microseconds_concurrent=round(best.microseconds, 3),
            microseconds_serial=round(alone, 3),
        )
        if taken:
            context.decide()
        return taken


def _apply(module: Module, best: Schedule, needs: Sequence[set[int]]) -> None:
    """Reorder the launches of MODULE as in BEST, give them streams and waits, and place memory anew."""
    place = {old: new for new, old in enumerate(best.order)}
    moved = [{place[other] for other in needs[old]} for old in best.order]
    order = order_on_streams(moved, [best.streams[old] for old in best.order])
    kernels = [op for op in module.main.block if isinstance(op, Kernel)]
    reorder(module.main.block, [kernels[old] for old in best.order])
    _annotate(module.main, order)
    place_concurrent(module, order)


def _annotate(function: Function, order: StreamOrder) -> None:
    """Set streams and waits as attributes; a launch with an event wait cannot overlap its predecessor."""
    kernels = [op for op in function.block if isinstance(op, Kernel)]
    for op, stream, waits in zip(kernels, order.streams, order.waits, strict=True):
        op.stream, op.waits = stream, waits
        op.pdl = op.pdl and not waits
