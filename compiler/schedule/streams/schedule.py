"""List scheduling of launches on streams, by critical path, on a simple model of the GPU.

Concurrent launches share the multiprocessors: each runs at full speed while together they need no more
multiprocessors than there are; beyond that, all slow down in proportion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from ....codegen.interface import ArchSpec


@dataclass(frozen=True)
class Task:
    """A launch that takes `microseconds` alone, on `share` of the multiprocessors (0 to 1)."""

    microseconds: float
    share: float


@dataclass(frozen=True)
class Schedule:
    """Tasks in start order, the stream of each (by task number), and the total microseconds."""

    order: tuple[int, ...]
    streams: tuple[int, ...]
    microseconds: float


def critical_paths(tasks: Sequence[Task], needs: Sequence[set[int]]) -> list[float]:
    """The critical path of each task, in microseconds: from its start to the end of all its dependents."""
    paths = [task.microseconds for task in tasks]
    for index in reversed(range(len(tasks))):
        for other in needs[index]:
            paths[other] = max(paths[other], tasks[other].microseconds + paths[index])
    return paths


def schedule(tasks: Sequence[Task], needs: Sequence[set[int]], streams: int, target: ArchSpec) -> Schedule:
    """A schedule of TASKS on at most STREAMS streams; NEEDS are the dependencies, earlier tasks by number.

    TARGET has the cost of an event wait.
    """
    return _Simulation(tasks, needs, streams, target).run()


@dataclass
class _Stream:
    """A stream: the running task (None: idle), its microseconds left, and the last task that started."""

    task: int | None = None
    left: float = 0.0
    last: int | None = None


@dataclass
class _Simulation:
    """The simulation of `tasks` on `count` streams; `order` collects tasks as they start."""

    tasks: Sequence[Task]
    needs: Sequence[set[int]]
    count: int
    target: ArchSpec
    order: list[int] = field(default_factory=list)

    def run(self) -> Schedule:
        paths = critical_paths(self.tasks, self.needs)
        followers: list[list[int]] = [[] for _ in self.tasks]
        for index, wanted in enumerate(self.needs):
            for other in wanted:
                followers[other].append(index)
        missing = [len(wanted) for wanted in self.needs]
        # The most urgent first: by critical path, then by number.
        ready = [(-paths[index], index) for index, number in enumerate(missing) if not number]
        heapify(ready)
        lanes = [_Stream() for _ in range(self.count)]
        chosen = [0] * len(self.tasks)
        now = 0.0
        while len(self.order) < len(self.tasks) or any(lane.task is not None for lane in lanes):
            self._start(ready, lanes, chosen)
            step, done = self._advance(lanes)
            now += step
            for index in done:
                for other in followers[index]:
                    missing[other] -= 1
                    if not missing[other]:
                        heappush(ready, (-paths[other], other))
        return Schedule(tuple(self.order), tuple(chosen), now)

    def _start(self, ready: list[tuple[float, int]], lanes: list[_Stream], chosen: list[int]) -> None:
        """Start READY tasks, the most urgent first, while a stream is idle and the GPU has room."""
        while ready:
            idle = [number for number, lane in enumerate(lanes) if lane.task is None]
            busy = [self.tasks[lane.task].share for lane in lanes if lane.task is not None]
            if not idle or (busy and sum(busy) >= self.target.fitted.schedule.full):
                return
            _, index = heappop(ready)
            number = min(idle, key=lambda n: (lanes[n].last not in self.needs[index], n))
            lane = lanes[number]
            crossing = any(chosen[other] != number for other in self.needs[index])
            lane.task, lane.left = (
                index,
                self.tasks[index].microseconds + crossing * self.target.fitted.schedule.crossing,
            )
            lane.last = index
            chosen[index] = number
            self.order.append(index)

    def _advance(self, lanes: list[_Stream]) -> tuple[float, list[int]]:
        """Advance to the next end of a task: the microseconds passed, and the tasks that ended."""
        running = [lane for lane in lanes if lane.task is not None]
        demand = sum(self.tasks[lane.task].share for lane in running if lane.task is not None)
        slowdown = max(1.0, demand)
        least = min(lane.left for lane in running)
        done = []
        for lane in running:
            lane.left -= least
            if lane.left <= 1e-9 and lane.task is not None:
                done.append(lane.task)
                lane.task = None
        return least * slowdown, done
