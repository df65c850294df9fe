"""Whether GlassRT agrees with the oracles about a model: interpreted at two levels, and by its kernels.

Results are held to the bounds that `glassrt check` has (`compiler/checking`). Where small errors grow, those
of inputs in ONNX Runtime or those of f32 against f64 in GlassRT itself, the bound grows as much; where they
decide about the result altogether, no verdict is possible.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import ml_dtypes
import numpy as np
from onnx import ModelProto

from ..compiler.checking.check import Case, check
from ..compiler.checking.measures import network_bound, roundoff
from ..compiler.checking.network import OutputReport, compare_outputs, meaning
from ..compiler.driver.build import Settings, brought_to, context_of
from ..compiler.frontend import import_model
from ..compiler.passes.levels import ALL_DIALECTS
from ..compiler.settings.policy import as_policy
from ..dialects.core.clone import clone_module
from ..dialects.core.dtypes import BF16, F16, F32, TF32, DType
from ..dialects.core.interpreter import interpret
from ..dialects.core.module import Module
from ..dialects.core.parser import parse_module
from ..dialects.core.printer import print_module
from ..errors import GlassError, InputError, ModelError, UnsupportedError
from .oracles import ORACLES, Array, Feeds, Oracle

Shapes = Mapping[str, tuple[int, int, int]]

FAULTS = ("wrong", "untyped", "internal")
# By how much more than the error that conditioning explains a result may differ.
SAFETY = 16.0
UNSTABLE = 1e-2  # the relative change of an output by which its conditioning decides nothing any more
STORAGE: Mapping[str, DType] = {"fp32": F32, "tf32": TF32, "fp16": F16, "bf16": BF16}


@dataclass(frozen=True)
class ModelVerdict:
    """What came of a model at one place.

    kind: 'agreed'; 'refused' by a typed error about the model or its inputs; 'unstable', where the model's
    conditioning decides about the result; 'undecided', where no oracle has an answer, or they disagree;
    'wrong'; 'untyped', an error that is no GlassError; 'internal', a typed error about what GlassRT itself
    made, such as IR that does not verify or a kernel that does not compile.
    where: 'graph' or 'launch', interpreted, or 'host, fp16' and the like. text: the difference or the error.
    """

    kind: str
    where: str
    text: str = ""

    @property
    def reason(self) -> str:
        """The text without what differs from model to model: names and numbers."""
        line = (self.text.splitlines() or [""])[0]
        return re.sub(r"\d+", "#", re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", line))[:160]


@dataclass(frozen=True)
class OracleCase:
    """A MODEL on FEEDS, with what the oracles say, and how its outputs react to small errors."""

    model: ModelProto
    feeds: Feeds
    oracles: Sequence[Oracle] = ORACLES

    @cached_property
    def first(self) -> Mapping[str, Array] | None:
        """The outputs that the first oracle with an answer gives; None where all refuse."""
        return next(self._answers(), None)

    def _answers(self) -> Iterator[Mapping[str, Array]]:
        """What the oracles say, one after another; those that refuse are left out."""
        for at, oracle in enumerate(self.oracles):
            if at not in self._asked:
                self._asked[at] = oracle(self.model, self.feeds)
            found = self._asked[at]
            if found is not None:
                yield found

    @cached_property
    def _asked(self) -> dict[int, Mapping[str, Array] | None]:
        return {}

    @cached_property
    def shaken(self) -> Mapping[str, Array] | None:
        """What the first oracle says of inputs that are off by an f32 unit roundoff or so."""
        generator = np.random.default_rng(0)

        def near(array: Array) -> Array:
            if array.dtype.kind != "f":
                return array
            off = generator.uniform(-2, 2, array.shape) * roundoff(F32)
            with np.errstate(all="ignore"):
                return (array * (1 + off)).astype(array.dtype)

        return self.oracles[0](self.model, {name: near(array) for name, array in self.feeds.items()})

    def judge(
        self, got: Mapping[str, Array], where: str, unit: float, noise: Mapping[str, float]
    ) -> ModelVerdict:
        """The verdict on GOT, stored with the unit roundoff UNIT. NOISE is the relative error of each output
        that the rounding of GlassRT's own arithmetic explains."""
        if self.first is None:
            return ModelVerdict("undecided", where, "no oracle has an answer")
        texts, unstable = [], False
        for answer in self._answers():
            faults = [r for r in compare_outputs(got, answer, unit, None) if self.excess(r, unit, noise) > 1]
            if not faults:
                return ModelVerdict("agreed", where)
            texts.append("; ".join(map(_text, faults)))
            unstable |= all(self.noise(r.name, noise) > UNSTABLE and not r.problem for r in faults)
        if unstable or not self._oracles_agree:
            return ModelVerdict("unstable" if unstable else "undecided", where, texts[0])
        return ModelVerdict("wrong", where, texts[0])

    @cached_property
    def _oracles_agree(self) -> bool:
        """Whether all oracles that have an answer have the same, to which NaN and infinities belong."""
        answers = list(self._answers())
        compared = (compare_outputs(each, answers[0], roundoff(F32), UNSTABLE) for each in answers[1:])
        return all(report.ok for reports in compared for report in reports)

    def excess(self, report: OutputReport, unit: float, noise: Mapping[str, float]) -> float:
        """The ratio of an output's error to its bound."""
        if report.problem:
            return np.inf
        grown = self.noise(report.name, noise) * unit / roundoff(F32)
        return report.error.relative_l2 / max(network_bound(unit), SAFETY * grown)

    def noise(self, name: str, noise: Mapping[str, float]) -> float:
        """The relative change of an output that small errors make."""
        change = 0.0
        if self.shaken is not None and self.first is not None and name in self.shaken:
            (report,) = compare_outputs({name: self.shaken[name]}, self.first, roundoff(F32), None)
            change = report.error.relative_l2
        return max(change, noise.get(name, 0.0))


def verdicts(
    model: ModelProto,
    feeds: Feeds,
    shapes: Shapes | None = None,
    *,
    device: str | None = None,
    precisions: Sequence[str] = ("fp32",),
    oracles: Sequence[Oracle] = ORACLES,
    also: Sequence[Feeds] = (),
) -> Iterator[ModelVerdict]:
    """The verdicts on MODEL with FEEDS, and on feeds of other sizes in ALSO.

    Interpreted as imported and at the launch level; with a DEVICE, such as 'host' or 'cuda', also by its
    kernels in each of PRECISIONS, where every launch is held to its own bound. SHAPES: see `glassrt.compile`.
    """
    trials = [OracleCase(model, each, oracles) for each in (feeds, *also)]
    try:
        module = import_model(model, shapes=None if shapes is None else dict(shapes))
    except Exception as error:
        yield failed(error, "import")
        return
    noises: list[dict[str, float]] = []
    for trial in trials:
        noises.append({})
        yield _interpreted(trial, module, "graph", noises[-1])
    try:
        launched = launch_level(module)
    except Exception as error:
        yield failed(error, "launch")
        return
    for trial, noise in zip(trials, noises, strict=True):
        yield _interpreted(trial, launched, "launch", noise)
    if device is not None:
        for precision in precisions:
            yield _on_device(trials[0], module, device, precision, noises[0])


def failed(error: Exception, where: str) -> ModelVerdict:
    """The verdict on what ended in ERROR."""
    kind = "internal" if isinstance(error, GlassError) else "untyped"
    if isinstance(error, (UnsupportedError, InputError, ModelError)):
        kind = "refused"
    message = error.message if isinstance(error, GlassError) else str(error)
    if isinstance(error, GlassError) and error.cases:
        message = f"{message}: {error.cases[0].message}"
    return ModelVerdict(kind, where, f"{type(error).__name__}: {message}")


def launch_level(module: Module, settings: Settings | None = None) -> Module:
    """A copy of MODULE at the launch level, printed and parsed again."""
    chosen = settings or Settings(cache=None)
    launched = brought_to("launch", clone_module(module), chosen, context_of(chosen))
    return parse_module(print_module(launched), ALL_DIALECTS, launched.resources)


def _interpreted(trial: OracleCase, module: Module, where: str, noise: dict[str, float]) -> ModelVerdict:
    """The verdict on MODULE in the interpreter; at the graph level NOISE gets what its rounding explains."""
    try:
        with np.errstate(all="ignore"):
            got = interpret(module, trial.feeds)
            exact = meaning(module, trial.feeds) if where == "graph" else {}
    except Exception as error:
        found = failed(error, where)
        no_answer = found.kind == "refused" and trial.first is None
        return ModelVerdict("undecided", where, found.text) if no_answer else found
    for report in compare_outputs(exact, got, roundoff(F32), None):
        noise[report.name] = report.error.relative_l2
    return trial.judge(got, where, roundoff(F32), noise)


def _on_device(
    trial: OracleCase, module: Module, device: str, precision: str, noise: Mapping[str, float]
) -> ModelVerdict:
    """The verdict on the kernels of MODULE on DEVICE: each launch by its own bound, then the outputs."""
    where, storage = f"{device}, {precision}", STORAGE[precision]
    unit = roundoff(storage)
    settings = Settings(precision=as_policy(precision))
    try:
        report = check(Case(trial.model, clone_module(module), trial.feeds), settings, device)
    except Exception as error:
        return failed(error, where)
    for launch in report.launches:
        if not report.fits(launch):
            return ModelVerdict("wrong", where, f"launch {launch.kernel} ({launch.op}): {launch.local}")
    wrong = [each for each in (*report.outputs, *report.rewrites) if not each.ok and not _lost(each, storage)]
    if not wrong:
        return ModelVerdict("agreed", where)
    worst = max(wrong, key=lambda each: trial.excess(each, unit, noise))
    if trial.excess(worst, unit, noise) <= 1:
        return ModelVerdict("agreed", where)
    unstable = trial.noise(worst.name, noise) * unit / roundoff(F32) > UNSTABLE and not worst.problem
    return ModelVerdict("unstable" if unstable else "wrong", where, _text(worst))


def _lost(report: OutputReport, storage: DType) -> bool:
    """Whether an output is off by no more than what STORAGE loses of numbers below its range."""
    least = float(ml_dtypes.finfo(storage.numpy).smallest_subnormal)
    return not report.problem and report.error.max_abs <= SAFETY * least


def _text(report: OutputReport) -> str:
    return report.problem or f"output {report.name!r} is off by {report.error.relative_l2:.2g}"
