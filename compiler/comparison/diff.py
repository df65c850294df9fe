"""`glassrt.diff`: what differs between two plans."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ...errors import InputError
from ...runtime.engine import Engine
from ...runtime.plan import Plan
from ..checking.plan_check import plan_inputs
from ..driver.build import present_arch
from ..files.arrays import Array
from ..files.inputs import symbols_of
from ..passes.ledger import Verdict
from ..report.facts import Facts
from ..report.launches import buffers_of
from ..report.presented import Block, Report
from .numbers import Numbers, compare_numbers
from .structure import Change, Fusion, Spot, changes_of, fusions_of, spots_of
from .tables import blocks_of
from .times import PlanTimes, measure_times
from .weights import other_weights


@dataclass(frozen=True, repr=False)
class PlanDiff(Report):
    """What differs between the plans A and B.

    names: of both; nodes: those that only A, and only B, has, of the model before any pass; interface: the
    inputs, outputs, symbols and targets that differ; spots: the launches of the same nodes; fusions: where
    nodes run together in other ways; weights: the nodes that read other constants; changes: kernels,
    configurations, formats and types of launches of the same nodes; rules: how often each decided, where that
    differs; figures: counts and bytes, all of them; sizes: the values of the symbols for these and what was
    run; times: None without a GPU; numbers: None where nothing was run.
    """

    names: tuple[str, str]
    nodes: tuple[tuple[str, ...], tuple[str, ...]]
    interface: list[Change]
    spots: list[Spot]
    fusions: list[Fusion]
    weights: list[tuple[str, ...]]
    changes: list[Change]
    rules: list[Change]
    figures: list[tuple[str, int, int]]
    sizes: Mapping[str, int]
    device: str | None = None
    times: PlanTimes | None = None
    numbers: Numbers | None = None

    @property
    def same(self) -> bool:
        """Whether both plans do the same work: nothing but times may differ."""
        structure = any((*self.nodes, self.interface, self.fusions, self.weights, self.changes))
        return not structure and all(one == other for name, one, other in self.figures if name == "launches")

    def to_json(self) -> dict[str, Any]:
        """Everything; times and numbers are null where they were not measured."""
        return {
            "a": self.names[0],
            "b": self.names[1],
            "same": self.same,
            "nodes": {"only_a": list(self.nodes[0]), "only_b": list(self.nodes[1])},
            "interface": [asdict(each) for each in self.interface],
            "fusions": [asdict(each) for each in self.fusions],
            "weights": [list(nodes) for nodes in self.weights],
            "changes": [asdict(each) for each in self.changes],
            "rules": [asdict(each) for each in self.rules],
            "figures": {name: {"a": one, "b": other} for name, one, other in self.figures},
            "sizes": dict(self.sizes),
            "device": self.device,
            "times": None if self.times is None else _times(self.times, self.spots),
            "numbers": None if self.numbers is None else asdict(self.numbers),
        }

    def blocks(self) -> Iterable[Block]:
        """Only what differs, but for the figures."""
        return blocks_of(self)


def _times(times: PlanTimes, spots: Sequence[Spot]) -> dict[str, Any]:
    launches = [
        {"nodes": list(s.nodes), "a_us": times.spent(0, s.a), "b_us": times.spent(1, s.b)} for s in spots
    ]
    return {"a_ms": times.runs[0], "b_ms": times.runs[1], "launches": launches}


@dataclass(frozen=True)
class DiffRun:
    """How two plans are run for their difference: see `diff`.

    names: of both, for the report; note: told of arrays that are no inputs.
    """

    inputs: Mapping[str, Array] | str | os.PathLike[str] | None = None
    seed: int | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    device: str | None = None
    time: bool | None = None
    names: tuple[str, str] = ("A", "B")
    note: Callable[[str], object] = warnings.warn


def diff(
    a: Plan | str | os.PathLike[str],
    b: Plan | str | os.PathLike[str],
    *,
    inputs: Mapping[str, Array] | str | os.PathLike[str] | None = None,
    seed: int | None = None,
    sizes: Mapping[str, int] | None = None,
    device: str | None = None,
    time: bool | None = None,
) -> PlanDiff:
    """What differs between the plans A and B, or the plans in these files; of a plan with several parts, the
    part for this machine's GPU, else the first.

    inputs: arrays by name, or an .npz file, on which both run and are compared, every tensor that both keep;
    with a seed instead, random ones; with neither, no numbers are compared. sizes: the values of symbols,
    by default those that A is tuned for. device: where they run, by default a GPU if there is one that both
    have code for. time: whether they are timed, by default if that is a GPU.

    Raises PlanError, InputError for inputs that do not fit, DeviceError where time or inputs are asked for
    and the device cannot run the plans.
    """
    names = tuple(each.spec.name if isinstance(each, Plan) else str(each) for each in (a, b))
    plans = [each if isinstance(each, Plan) else Plan.load(each) for each in (a, b)]
    how = DiffRun(inputs, seed, sizes or {}, device, time, (names[0], names[1]))
    return compared(plans[0], plans[1], how)


def compared(a: Plan, b: Plan, how: DiffRun) -> PlanDiff:
    """The difference of the plans A and B, which are run as HOW says."""
    one, other = _part(a), _part(b)
    facts = Facts.of(one), Facts.of(other)
    spots = spots_of(*facts)
    only = [tuple(n for n in facts[at].origins if n not in facts[1 - at].origins) for at in (0, 1)]
    symbols = symbols_of(one.spec, how.sizes)
    found = PlanDiff(
        names=how.names,
        nodes=(only[0], only[1]),
        interface=_interface(one, other),
        spots=spots,
        fusions=fusions_of(*facts, spots),
        weights=other_weights(one, other),
        changes=changes_of(*facts, spots),
        rules=_rules(*facts),
        figures=_figures(one, other, symbols),
        sizes=symbols,
    )
    return _run(found, one, other, how)


def _part(plan: Plan) -> Plan:
    present = present_arch()
    return next((part for part in plan.parts if present and present.name in part.spec.targets), plan.parts[0])


def _run(found: PlanDiff, a: Plan, b: Plan, how: DiffRun) -> PlanDiff:
    """FOUND with what a run shows, as far as one is asked for or a GPU is there."""
    present = present_arch()
    ready = present is not None and all(present.name in plan.spec.targets for plan in (a, b))
    on_gpu = ready if how.device is None else how.device.startswith("cuda")
    timed = on_gpu if how.time is None else how.time
    asked = how.inputs is not None or how.seed is not None
    if not timed and not asked:
        return found
    _check_same_inputs(a, b)
    arrays = plan_inputs(a, how.inputs, how.sizes, how.seed or 0, how.note)
    where = how.device or ("cuda" if on_gpu else "host")
    with ExitStack() as stack:
        one, other = (stack.enter_context(Engine(plan, where)) for plan in (a, b))
        numbers = compare_numbers(one, other, arrays) if asked else None
        times = measure_times(one, other, arrays) if timed else None
        return replace(found, device=one.device, times=times, numbers=numbers)


def _check_same_inputs(a: Plan, b: Plan) -> None:
    """Raise InputError where the plans do not take the same inputs."""
    lacking = {each.name for each in a.spec.asked} ^ {each.name for each in b.spec.asked}
    if lacking:
        raise InputError(
            f"only one of the plans has the input '{min(lacking)}'", "so they cannot be run alike"
        )


# ---------------------------------------------------------------- interface, rules, figures


def _interface(a: Plan, b: Plan) -> list[Change]:
    found = [Change("plan", trait, one, other) for trait, one, other in _heads(a, b) if one != other]
    for what in ("inputs", "outputs"):
        one, other = ({t.name: t for t in getattr(plan.spec, what)} for plan in (a, b))
        for name in dict.fromkeys((*one, *other)):
            texts = [f"{t.dtype}{list(t.shape)}" if t else "-" for t in (one.get(name), other.get(name))]
            if texts[0] != texts[1]:
                found.append(Change(name, what[:-1], texts[0], texts[1]))
    for name in dict.fromkeys((*a.spec.symbols, *b.spec.symbols)):
        ranges = [_range(plan, name) for plan in (a, b)]
        if ranges[0] != ranges[1]:
            found.append(Change(name, "range", ranges[0], ranges[1]))
    return found


def _heads(a: Plan, b: Plan) -> Iterable[tuple[str, str, str]]:
    yield "name", a.spec.name, b.spec.name
    yield "made by", a.spec.generator, b.spec.generator
    one, other = (", ".join(plan.spec.targets) or "the host" for plan in (a, b))
    yield "for", one, other


def _range(plan: Plan, name: str) -> str:
    known = plan.spec.symbols.get(name)
    return "-" if known is None else f"{known.minimum} to {known.maximum}, tuned for {known.optimum}"


def _rules(a: Facts, b: Facts) -> list[Change]:
    """The rules that were applied, or refused, another number of times."""
    counts = [Counter((r.rule, str(r.verdict)) for r in facts.records) for facts in (a, b)]
    names = dict.fromkeys(rule for each in counts for rule, _ in each)
    found = []
    for rule in names:
        texts = [
            ", ".join(f"{each[rule, str(v)]} {v}" for v in Verdict if each[rule, str(v)]) for each in counts
        ]
        if texts[0] != texts[1]:
            found.append(Change(rule, "decisions", texts[0] or "-", texts[1] or "-"))
    return found


def _figures(a: Plan, b: Plan, symbols: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Counts and bytes of both; those that depend on sizes are at SYMBOLS."""
    one, other = (_measured(plan, symbols) for plan in (a, b))
    shared = sum(name in b.sources and a.sources[name] == b.sources[name] for name in a.sources)
    return [*((name, one[name], other[name]) for name in one), ("kernels of both", shared, shared)]


def _measured(plan: Plan, symbols: Mapping[str, int]) -> dict[str, int]:
    spec = plan.spec
    known = {n: min(max(symbols.get(n, r.optimum), r.minimum), r.maximum) for n, r in spec.symbols.items()}
    buffers = buffers_of(
        plan, spec.sizes.complete({n: v for n, v in known.items() if n not in spec.sizes.derived})
    )
    moved = [each for each in buffers if each.space == "arena"]
    return {
        "nodes": len({entry["node"] for entry in plan.ledger if "node" in entry}),
        "launches": len(spec.launches),
        "kernels": len(spec.kernels),
        "streams": len({launch.stream for launch in spec.launches}),
        "arena bytes": spec.arena_bytes,
        "tensors between launches, bytes": sum(each.bytes for each in moved),
        "weights, bytes": spec.weights_bytes,
        "machine code, bytes": sum(len(code) for each in plan.cubins.values() for code in each.values()),
        "CUDA source, bytes": sum(map(len, plan.sources.values())),
    }
