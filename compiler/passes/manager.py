"""The pass manager: runs passes in order, with verification, dumps and timing after each of them.

A pipeline as text is a list of pass names: `canonicalize,fold-constants,graph-to-fused`.
"""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from ...dialects.core.dialect import DialectSet
from ...dialects.core.module import Module
from ...dialects.core.printer import print_module
from ...dialects.core.verifier import VerifiedOps, verify
from ...errors import InputError, IRError
from ...errors.diagnostic import Diagnostic
from ...errors.option import option_error
from ...runtime.whole_files import WholeFolder, content
from ..patterns.rewrite import Applied
from ..settings.options import Options
from ..settings.policy import PrecisionPolicy
from ..settings.tactics import Tactics
from .debug import DebugLog, Sink
from .eight_bits import EightBitProducts
from .ledger import Ledger, Verdict
from .semantics import SemanticsCheck
from .spilled import Spilled

DUMPED_WEIGHTS = "model.weights"  # beside the numbered files, for all of them


@dataclass
class PassContext:
    """What passes share: the known ops, the ledger, the policy, limits, and switches.

    disabled: names of rules that must not be applied; barriers: pairs of ONNX nodes that must not share a
    kernel; keep: ONNX nodes whose results must be stored; clips: the largest magnitudes of tensors by name,
    from calibration, which 8-bit policies take scales from; limit: how many decisions may be made before
    everything optional is switched off (bisection varies it); debug: receives the output that GLASSRT_DEBUG
    requests; eight_bits: decisions about 8-bit contractions, for later passes; spilled: kernels that spilled
    registers in an earlier attempt at the build; tactics: measured choices of kernels, by the name of the
    target; in_place: by output the input whose memory it takes; unpadded: the mask of tokens in
    padded batches, whose padding is left out. No pass reads the ledger, which is for
    people.

    A decision is an applied rewrite, or a candidate for fusion that may be considered. Decisions are
    counted in the order in which they are made, so that builds of the same model with different limits
    agree up to the smaller one.
    """

    dialects: DialectSet
    policy: PrecisionPolicy = field(default_factory=lambda: PrecisionPolicy.named("fp32"))
    ledger: Ledger = field(default_factory=Ledger)
    options: Options = field(default_factory=Options)
    disabled: frozenset[str] = frozenset()
    barriers: frozenset[tuple[str, str]] = frozenset()
    keep: frozenset[str] = frozenset()
    clips: Mapping[str, float] | None = None
    smoothing: Mapping[str, Any] = field(default_factory=dict, repr=False)
    limit: int | None = None
    debug: DebugLog = field(default_factory=DebugLog)
    spilled: Spilled = field(default_factory=Spilled, repr=False)
    tactics: Mapping[str, Tactics] = field(default_factory=dict, repr=False)
    in_place: Mapping[str, str] = field(default_factory=dict, repr=False)
    unpadded: str | None = None
    decisions: int = field(default=0, init=False)
    eight_bits: EightBitProducts = field(default_factory=EightBitProducts, init=False, repr=False)
    verified: VerifiedOps = field(default_factory=VerifiedOps, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.limit is not None:
            self.disabled = _UpToLimit(self.disabled, self)

    def fork(self, spilled: Spilled | None = None) -> PassContext:
        """An independent copy of the context as it is now, which also avoids the kernels in SPILLED."""
        ledger = Ledger(self.ledger, self.ledger.origins, self.ledger.estimated_from)
        fork = replace(self, ledger=ledger, spilled=spilled or self.spilled)
        fork.decisions, fork.eight_bits = self.decisions, deepcopy(self.eight_bits)
        return fork

    @property
    def exhausted(self) -> bool:
        """True when the limit on decisions is reached, so that nothing optional may be done."""
        return self.limit is not None and self.decisions >= self.limit

    def decide(self) -> None:
        """Count a decision."""
        self.decisions += 1

    @property
    def keeps_apart(self) -> bool:
        """True when there are switches that may keep two ops out of one kernel."""
        return bool(self.barriers or self.keep)

    def fusion_barrier(self, producer: Sequence[str], consumer: Sequence[str]) -> str | None:
        """Why an op of the nodes PRODUCER and a later one of CONSUMER must not share a kernel.

        None when no switch keeps them apart.
        """
        barred = self.barred(producer, consumer)
        if barred is not None:
            return barred
        if not self.keep:
            return None
        kept = next((node for node in producer if node in self.keep and node not in consumer), None)
        return None if kept is None else f"the result of {kept} is to be kept"

    def barred(self, nodes: Sequence[str], others: Sequence[str]) -> str | None:
        """Why an op of NODES and one of OTHERS must not share a launch; None when no switch forbids it."""
        for one, other in self.barriers:
            if (one in nodes and other in others) or (other in nodes and one in others):
                return f"fusing {one} with {other} is switched off"
        return None

    def note(
        self, rule: str, reason: str, op: str, nodes: tuple[str, ...], read: tuple[str, ...] = ()
    ) -> None:
        """Record that RULE rewrote OP, of NODES, whose operands the nodes READ produce."""
        self.decide()
        own = tuple(node for node in nodes if node not in read)
        about, split = ((*read, *own), len(read)) if own else (nodes, 0)
        self.ledger.add(rule, Verdict.TAKEN, reason, ops=(op,), nodes=about, split=split)
        self.debug.rewrite(rule, op, nodes)

    def note_rewrite(self, applied: Applied) -> bool:
        """Record the rewrite APPLIED by a pattern; False when it was the last that may be made."""
        self.note(applied.rule, applied.before_after, applied.op, applied.nodes, applied.read)
        return not self.exhausted


class _UpToLimit(frozenset[str]):
    """The disabled rules: those given, and every rule once the limit on decisions is reached."""

    _context: PassContext

    def __new__(cls, rules: frozenset[str], context: PassContext) -> _UpToLimit:
        switched_off = super().__new__(cls, rules)
        switched_off._context = context
        return switched_off

    def __contains__(self, rule: object) -> bool:
        return self._context.exhausted or super().__contains__(rule)


class Pass(Protocol):
    """One step of a pipeline. It may change MODULE in place or return another one."""

    @property
    def name(self) -> str: ...

    def run(self, module: Module, context: PassContext) -> Module: ...


class PassError(IRError):
    """A pass failed or left an invalid module: `pass_name` is its name, `ir` the module's text then."""

    def __init__(self, pass_name: str, problem: Diagnostic, ir: str) -> None:
        super().__init__(problem.message)
        self.diagnostic = problem.within(f"pass {pass_name}")
        self.pass_name = pass_name
        self.ir = ir


@dataclass(frozen=True)
class PassTime:
    """The time of a pass, and of the checks after it, in seconds."""

    name: str
    seconds: float
    checking: float


def parse_pipeline(text: str, passes: Iterable[Pass]) -> list[Pass]:
    """The passes whose names, separated by commas, are in TEXT. Raises InputError for one not in PASSES."""
    known = {step.name: step for step in passes}
    chosen = []
    for found in re.finditer(r"[^,\s](?:[^,]*[^,\s])?", text):
        name = found[0]
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"is {close[0]} meant?" if close else f"these exist: {', '.join(known)}"
            message = f"there is no pass '{name}'"
            raise option_error(InputError, "passes", text, message, hint, at=found.span())
        chosen.append(known[name])
    return chosen


@dataclass
class PassManager:
    """Runs passes in order.

    print_ir_after_all: receives the module's text after every pass; dump_dir: a folder for numbered files
    (`03-graph-to-fused.ir`) and one weights sidecar; verify_each: 'ir' verifies the module after every
    pass that changed it, 'semantics' also interprets it before and after; first_number: the number of
    passes that ran before, for file numbers; label: a suffix of file names where several modules are dumped.
    """

    passes: Sequence[Pass]
    context: PassContext
    print_ir_after_all: Sink | None = None
    dump_dir: Path | WholeFolder | None = None
    verify_each: Literal["ir", "semantics"] = "ir"
    first_number: int = 0
    times: list[PassTime] = field(default_factory=list)
    label: str = ""
    _dumps: WholeFolder | None = field(init=False)

    def __post_init__(self) -> None:
        self._dumps = WholeFolder.of(self.dump_dir)

    def run(self, module: Module) -> Module:
        """MODULE after all passes. Raises PassError with the name of the pass that failed or broke it."""
        for _, after in self.stages(module):
            module = after
        return module

    def stages(self, module: Module) -> Iterator[tuple[str, Module]]:
        """Run the pipeline lazily: yields each pass's name with the module after it. Raises PassError."""
        self._verify("input", module)
        if self.first_number == 0:
            self._dump(0, "input", module)
        for number, step in enumerate(self.passes, self.first_number + 1):
            module = self._step(number, step, module)
            yield step.name, module
        self._dump_weights(module)
        self.context.debug.kernels(module)

    def _step(self, number: int, step: Pass, module: Module) -> Module:
        checked = self.verify_each == "semantics"
        before = SemanticsCheck(module, mask=self.context.unpadded) if checked else None
        started = time.perf_counter()
        with self._restartable(module):
            module = self._result_of(step, module)
        finished = time.perf_counter()
        self._show(step.name, module)
        self._dump(number, step.name, module)
        with self._restartable(module):
            self._verify(step.name, module)
            self._check_semantics(step.name, module, before)
        self._account(PassTime(step.name, finished - started, time.perf_counter() - finished))
        return module

    def _result_of(self, step: Pass, module: Module) -> Module:
        try:
            return step.run(module, self.context)
        except IRError as error:
            raise PassError(step.name, error.diagnostic, _text_or_reason(module)) from error
        except Exception as error:
            error.add_note(f"while running the pass {step.name}")
            raise

    @contextmanager
    def _restartable(self, module: Module) -> Iterator[None]:
        """If the body fails, dump MODULE's weights, so that the pipeline can be restarted from the dumps."""
        try:
            yield
        except Exception:
            self._dump_weights(module)
            raise

    def _account(self, spent: PassTime) -> None:
        self.times.append(spent)
        self.context.debug.finished(spent.name, spent.seconds, spent.checking)

    def _verify(self, name: str, module: Module) -> None:
        if self.context.verified.settled(module):
            return
        try:
            verify(module, self.context.dialects, self.context.verified)
        except (IRError, ValueError) as error:
            broken = error.diagnostic if isinstance(error, IRError) else Diagnostic(str(error))
            raise PassError(name, broken.within("left an invalid module"), _text_or_reason(module)) from error

    def _check_semantics(self, name: str, module: Module, before: SemanticsCheck | None) -> None:
        problem = before.against(module) if before is not None else None
        if problem is not None:
            changed = Diagnostic(f"changed the meaning of the module: {problem}")
            raise PassError(name, changed, print_module(module))

    def _show(self, name: str, module: Module) -> None:
        if self.print_ir_after_all is not None:
            self.print_ir_after_all(f"// after {name}\n{print_module(module)}")
        self.context.debug.module(name, module)

    def _dump(self, number: int, name: str, module: Module) -> None:
        if self._dumps is not None:
            label = f".{self.label}" if self.label else ""
            self._dumps.write(f"{number:02d}-{name}{label}.ir", content(print_module(module).encode()))

    def _dump_weights(self, module: Module) -> None:
        # Resources are only ever added, so those of the last module serve every dump.
        if self._dumps is not None:
            self._dumps.write(DUMPED_WEIGHTS, module.resources.write)


def _text_or_reason(module: Module) -> str:
    """The module's text or, if the module is too broken to print, the reason."""
    try:
        return print_module(module)
    except Exception as error:  # the module is invalid in an unknown way, so that anything may fail
        return f"// the module cannot be printed: {error}\n"
