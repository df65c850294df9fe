"""`glassrt.verify`: whether a plan is what its own text says.

A plan is checked when it is loaded, but numbers such as a scalar argument, a block or the order of two
launches cannot be proved by themselves. The launch level in the plan can: it is read and verified, its use of
memory is proved, and everything else is made again from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..codegen.interface import BuildOptions, arch_named, differences, other_code, remade
from ..dialects.core.module import Module
from ..errors import CompileError, IRError, PlanError
from ..runtime.arguments import checked
from ..runtime.expressions import clip
from ..runtime.plan import Plan
from .driver.clock import BuildClock, Progress
from .memory.proofs.check_launch import faults
from .report.expected import priced_for
from .report.modules import launch_module
from .report.presented import Block, Report, Table

LEVEL, MEMORY, MANIFEST, SOURCES = "launch level", "memory", "manifest", "sources"
HEADERS, WEIGHTS, CODE = "headers", "weights", "machine code"
ASPECTS = (LEVEL, MEMORY, MANIFEST, SOURCES, HEADERS, WEIGHTS, CODE)


@dataclass(frozen=True)
class PlanFault:
    """Something in a plan that is not what its launch level says: `aspect` is one of ASPECTS, `place` names
    the field, kernel or module. proved: whether it is wrong, not just out of reach."""

    aspect: str
    place: str
    text: str
    proved: bool = True


@dataclass(frozen=True, repr=False)
class VerifyReport(Report):
    """The result for the plan `name`: what was found, by aspects of which `checked` were looked at."""

    name: str
    checked: Sequence[str]
    findings: Sequence[PlanFault]

    @property
    def ok(self) -> bool:
        """Whether nothing was found to be wrong."""
        return not any(each.proved for each in self.findings)

    def to_json(self) -> Any:
        return {
            "plan": self.name,
            "ok": self.ok,
            "checked": list(self.checked),
            "findings": [vars(each) for each in self.findings],
        }

    def blocks(self) -> Iterable[Block]:
        wrong = sum(each.proved for each in self.findings)
        said = f"is not what its launch level says: {wrong} fault{'s' * (wrong > 1)}"
        said = "is what its launch level says" if self.ok else said
        yield f"{self.name} {said} ({', '.join(self.checked)})"
        if self.findings:
            rows = [
                (each.aspect, each.place, each.text if each.proved else f"not known: {each.text}")
                for each in self.findings
            ]
            yield Table("findings", ("aspect", "place", "what"), rows)


@checked
def verify(plan: Plan, *, code: bool = True, progress: Progress | None = None) -> VerifyReport:
    """Make PLAN again from the launch level in it, and compare.

    With CODE its kernels are compiled, too, and the machine code is compared byte by byte; what another
    version of NVRTC compiled cannot be. Whether the launch level does what the model says is for
    `glassrt.check(plan, reference=model)`.
    """
    found = [each for part in plan.parts for each in _of_part(part, code, progress)]
    aspects = ASPECTS if code and plan.targets else ASPECTS[:-1]
    return VerifyReport(plan.spec.name, aspects, found)


def _of_part(plan: Plan, code: bool, progress: Progress | None) -> Iterator[PlanFault]:
    try:
        module = launch_module(plan)
    except PlanError as error:
        yield PlanFault(LEVEL, "launch.ir", error.message)
        return
    for fault in faults(module):
        yield PlanFault(MEMORY, "launch.ir", fault.message)
    try:
        made = remade(module, plan, priced_for(plan))
    except IRError as error:
        yield PlanFault(LEVEL, "launch.ir", error.message)
        return
    for place, have, want in differences(plan.manifest, made.manifest):
        yield PlanFault(MANIFEST, place, f"it is {clip(have)}, {clip(want)} is expected")
    for aspect, texts, wanted in (
        (SOURCES, plan.sources, made.sources),
        (HEADERS, plan.headers, made.headers),
    ):
        for place, _, _ in differences(texts, wanted):
            yield PlanFault(aspect, place, "its text is another")
    if plan.weights != made.weights:
        yield PlanFault(WEIGHTS, "weights", "their bytes are others")
    if code:
        yield from _of_code(module, plan, progress)


def _of_code(module: Module, plan: Plan, progress: Progress | None) -> Iterator[PlanFault]:
    for target in plan.spec.targets:
        options = BuildOptions((arch_named(target),), progress=BuildClock(progress).kernels)
        try:
            for other in other_code(module, plan, target, options):
                text = "it is not what the source compiles to"
                if other.by is not None:
                    text = "NVRTC {} compiled it, {} is here".format(*other.by)
                yield PlanFault(CODE, f"{target} {other.module}", text, proved=other.by is None)
        except CompileError as error:
            # The sources are those of the launch level, or that has been said: it is this machine's compiler.
            yield PlanFault(CODE, target, error.message, proved=False)
