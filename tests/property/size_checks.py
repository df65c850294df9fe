"""Whether a model is right, or refused with a typed error, at every choice of small sizes.

What is *right* is what ONNX Runtime says with its optimisations off, or else onnx.reference.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import glassrt
import numpy as np
import onnxruntime
from glassrt.compiler.build import Settings, build
from glassrt.compiler.dialects import ALL_DIALECTS
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.clone import clone_module
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.errors import GlassError, InputError, ModelError, UnsupportedError
from onnx import ModelProto
from onnx.reference import ReferenceEvaluator

Array = np.ndarray[Any, Any]
Feeds = dict[str, Array]
Run = Callable[[Feeds], Mapping[str, Array]]
MOST_TUPLES = 40
TOLERANCE = 1e-4
ORDERS = ("forward", "reverse")

FAULTS = ("wrong", "accepted", "untyped", "misclassed")
KINDS = ("agreed", "refused", "needless", "unsupported", *FAULTS)


@dataclass
class Verdict:
    """What came of one choice of sizes: one of KINDS, and where it was seen."""

    kind: str
    where: str
    sizes: tuple[tuple[str, int], ...]
    text: str = ""

    def __str__(self) -> str:
        sizes = ", ".join(f"{name}={size}" for name, size in self.sizes)
        return f"{self.kind} ({self.where}) at {sizes}: {self.text}"


# ---------------------------------------------------------------- sizes and inputs


@dataclass
class Case:
    """A model's free dimensions, and feeds for any choice of them."""

    model: ModelProto
    seed: int = 0
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.shapes = {value.name: self._shape(value) for value in self.model.graph.input}
        free = [dim for shape in self.shapes.values() for dim in shape if isinstance(dim, str)]
        self.names = list(dict.fromkeys(free))

    @staticmethod
    def _shape(value: Any) -> list[int | str]:
        dims = value.type.tensor_type.shape.dim
        return [d.dim_value or d.dim_param or f"{value.name}[{axis}]" for axis, d in enumerate(dims)]

    def choices(self, least: int, most: int, also: Sequence[Mapping[str, int]] = ()) -> list[dict[str, int]]:
        """Every choice of sizes, or MOST_TUPLES of them, and those of ALSO."""
        spans = [range(least, most + 1)] * len(self.names)
        every = [dict(zip(self.names, sizes, strict=True)) for sizes in itertools.product(*spans)]
        if len(every) > MOST_TUPLES:
            every = Random(self.seed).sample(every, MOST_TUPLES)
        known = [{name: sizes[name] for name in self.names} for sizes in also if self.names <= [*sizes]]
        return every + [sizes for sizes in known if sizes not in every]

    def feeds(self, sizes: Mapping[str, int]) -> Feeds:
        numbers = np.random.default_rng(self.seed)
        return {
            name: numbers.standard_normal([d if isinstance(d, int) else sizes[d] for d in shape]).astype(
                np.float32
            )
            for name, shape in self.shapes.items()
        }


class Oracle:
    """ONNX Runtime without optimisations."""

    def __init__(self, model: ModelProto) -> None:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        self._model = model
        self._session: Any = None
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception:  # of ONNX Runtime, which has no class for them
            return
        self.names = [value.name for value in self._session.get_outputs()]

    def run(self, feeds: Feeds) -> dict[str, Array] | None:
        """The outputs; None where it refuses."""
        if self._session is None:
            return None
        try:
            return dict(zip(self.names, self._session.run(self.names, feeds), strict=True))
        except Exception:
            return None

    def reference(self, feeds: Feeds) -> dict[str, Array] | None:
        """The outputs of onnx.reference; None where it refuses."""
        try:
            with np.errstate(all="ignore"):
                found = ReferenceEvaluator(self._model).run(None, feeds)
        except Exception:
            return None
        return dict(zip((value.name for value in self._model.graph.output), found, strict=True))

    def accepts(self, feeds: Feeds, want: Mapping[str, Array] | None) -> bool:
        """Whether there is an answer: WANT, unless onnx.reference has one of another shape.

        Where a window is larger than its input, ONNX Runtime takes a part of one if the stride is above 1.
        """
        if want is None:
            return False
        other = self.reference(feeds)
        return other is None or all(other[name].shape == array.shape for name, array in want.items())


def differs(got: Mapping[str, Array], want: Mapping[str, Array]) -> str | None:
    """How GOT is unlike WANT."""
    for name, value in want.items():
        a, b = np.asarray(got[name]), np.asarray(value)
        if a.shape != b.shape:
            return f"{name} has the shape {a.shape}, not {b.shape}"
        if not np.array_equal(np.isnan(a), np.isnan(b)) or not np.array_equal(np.isinf(a), np.isinf(b)):
            return f"{name} has NaN or infinity in other places"
        finite = np.isfinite(b)
        worst = np.max(np.abs(a - b, where=finite, out=np.zeros(b.shape)), initial=0.0)
        if worst > TOLERANCE * max(1.0, float(np.max(np.abs(b), where=finite, initial=0.0))):
            return f"{name} is off by {worst:.2g}"
    return None


# ---------------------------------------------------------------- the check


def check(
    model: ModelProto,
    choices: Sequence[dict[str, int]],
    *,
    ranges: Mapping[str, tuple[int, int, int]] | None = None,
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


def _runs(
    model: ModelProto, ranges: Mapping[str, tuple[int, int, int]] | None, host: bool
) -> Iterator[tuple[str, Run]]:
    """The ways to run MODEL: interpreted at two levels, and on the host device in two orders of blocks."""
    module = import_model(model, shapes=None if ranges is None else dict(ranges))
    yield "graph", interpreted(clone_module(module))
    plan = build(module, Settings(cache=None)).plan
    yield "launch", interpreted(parse_module(plan.ir("launch"), ALL_DIALECTS, module.resources))
    if host:
        for order in ORDERS:
            yield order, on_host(plan, order)


def interpreted(module: Module) -> Run:
    """A run of MODULE in the interpreter."""

    def run(feeds: Feeds) -> Mapping[str, Array]:
        with np.errstate(all="ignore"):
            return interpret(module, feeds)

    return run


def on_host(plan: glassrt.Plan, order: str) -> Run:
    """A run of PLAN on the host device, with its blocks in ORDER."""
    engine = glassrt.load(plan, device="host")
    return engine.run


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


def _unbuilt(
    error: Exception, cases: Sequence[tuple[Any, Feeds, Any]], oracle: Oracle
) -> Iterator[Verdict]:
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
