"""Whether a model is right, or refused with a typed error, at every choice of small sizes.

What is *right* is what ONNX Runtime says with its optimisations off, or else onnx.reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.clone import clone_module
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.errors import GlassError, InputError, ModelError, UnsupportedError
from glassrt.runtime.engine import Engine
from glassrt.runtime.host import Order
from glassrt.runtime.host_backend import HostBackend
from glassrt.runtime.plan import Plan
from onnx import ModelProto

from .cases import Array, Case, Feeds, Oracle, differs

Run = Callable[[Feeds], Mapping[str, Array]]
Ranges = Mapping[str, tuple[int, int, int]]
MOST_SIZE = 4
ORDERS: tuple[Order, ...] = ("forward", ("seeded", 3))

# accepted: it ran where the oracle refuses; misclassed: another error than sizes that do not fit deserve.
FAULTS = ("wrong", "accepted", "untyped", "misclassed")
KINDS = ("agreed", "refused", "needless", "unsupported", *FAULTS)


@dataclass(frozen=True)
class Verdict:
    """What came of one choice of sizes: one of KINDS, and where it was seen."""

    kind: str
    where: str
    sizes: tuple[tuple[str, int], ...]
    text: str = ""

    def __str__(self) -> str:
        sizes = ", ".join(f"{name}={size}" for name, size in self.sizes)
        return f"{self.kind} ({self.where}) at {sizes}: {self.text}"


def check(
    model: ModelProto,
    choices: Sequence[dict[str, int]],
    *,
    ranges: Ranges | None = None,
    host: bool = False,
    seed: int = 0,
) -> Iterator[Verdict]:
    """A verdict for each of CHOICES at the graph and launch levels, and with HOST on the host device."""
    case, oracle = Case(model, seed), Oracle(model)
    cases = []
    for sizes in choices:
        feeds = case.feeds(sizes)
        cases.append((tuple(sizes.items()), feeds, oracle.run(feeds)))
    try:
        runs = list(_runs(model, ranges, host))
    except Exception as error:
        yield from _unbuilt(error, cases, oracle)
        return
    for where, run in runs:
        for sizes, feeds, want in cases:
            yield _verdict(run, where, sizes, feeds, want, oracle)


def check_all(
    model: ModelProto,
    known: Mapping[str, int],
    *,
    ranges: Ranges | None = None,
    least: int = 1,
    host: bool = False,
    seed: int = 0,
) -> Iterator[Verdict]:
    """As `check`, at every choice of sizes from LEAST to 4, and at the KNOWN one."""
    choices = Case(model, seed).choices(least, MOST_SIZE, [known])
    return check(model, choices, ranges=ranges, host=host, seed=seed)


def _runs(model: ModelProto, ranges: Ranges | None, host: bool) -> Iterator[tuple[str, Run]]:
    """The ways to run MODEL: interpreted at two levels, and on the host device in two orders of blocks."""
    module = import_model(model, shapes=None if ranges is None else dict(ranges))
    yield "graph", interpreted(clone_module(module))
    plan = build(module, Settings(cache=None)).plan
    yield "launch", interpreted(parse_module(plan.ir("launch"), ALL_DIALECTS, module.resources))
    if host:
        for order in ORDERS:
            yield f"host, {order}", on_host(plan, order)


def interpreted(module: Module) -> Run:
    """A run of MODULE in the interpreter."""

    def run(feeds: Feeds) -> Mapping[str, Array]:
        with np.errstate(all="ignore"):
            return interpret(module, feeds)

    return run


def on_host(plan: Plan, order: Order) -> Run:
    """A run of PLAN on the host device, with its blocks in ORDER."""
    return Engine(plan, HostBackend(order)).run


def _verdict(
    run: Run,
    where: str,
    sizes: tuple[tuple[str, int], ...],
    feeds: Feeds,
    want: Mapping[str, Array] | None,
    oracle: Oracle,
) -> Verdict:
    try:
        got = run(feeds)
    except InputError as error:
        kind = "needless" if oracle.accepts(feeds, want) else "refused"
        return Verdict(kind, where, sizes, error.message)
    except Exception as error:
        return Verdict("untyped", where, sizes, f"{type(error).__name__}: {error}")
    problem = "it ran, where ONNX Runtime refuses" if want is None else differs(got, want)
    if problem is None:
        return Verdict("agreed", where, sizes)
    other = oracle.reference(feeds)
    if other is not None and differs(got, other) is None:
        return Verdict("agreed", where, sizes, "with onnx.reference alone")
    return Verdict("accepted" if want is None else "wrong", where, sizes, problem)


def _unbuilt(error: Exception, cases: Sequence[tuple[Any, Feeds, Any]], oracle: Oracle) -> Iterator[Verdict]:
    """Verdicts where there is no plan."""
    text = f"{type(error).__name__}: {error}"
    for sizes, feeds, want in cases:
        if isinstance(error, UnsupportedError):
            kind = "unsupported"
        elif not isinstance(error, GlassError):
            kind = "untyped"
        elif not isinstance(error, (ModelError, InputError)):
            kind = "misclassed"
        elif not oracle.accepts(feeds, want):
            kind = "refused"
        else:
            kind = "misclassed" if isinstance(error, ModelError) else "needless"
        yield Verdict(kind, "build", sizes, text)
