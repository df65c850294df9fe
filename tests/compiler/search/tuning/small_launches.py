"""Small launch modules to tune, benches of given times, and a kernel family whose kernels are wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.contraction.simt import SIMT
from glassrt.codegen.families.kernel_family import KernelFamily
from glassrt.codegen.families.registry import BUILT_IN
from glassrt.codegen.interface import Candidate, Config, KernelCode, Request
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.search.tuning.bench import Outputs
from glassrt.compiler.search.tuning.jobs import TuningJob, jobs_of
from glassrt.dialects.core.module import Module
from glassrt.errors import DeviceError
from glassrt.runtime.plan import Plan

from ..networks import chain

SHAPES = {"N": (1, 4, 8)}
L2 = 1 << 16  # bytes
PLAIN = str(SIMT.traits()["name"])  # the family of the products of these modules, without tensor cores


def small(count: int = 2, width: int = 32) -> Any:
    """A chain of COUNT products, of which the last one differs, since it has no ReLU."""
    return chain(count, width=width)


def settings() -> Settings:
    return Settings(targets=())


def launched(count: int = 2, width: int = 32) -> Module:
    """Its launch level for the host."""
    module = load_module(small(count, width), None, SHAPES)
    return launch_level(module, settings(), context_of(settings()))


def some_jobs(most: int = 3, l2_bytes: int = 0) -> list[TuningJob]:
    return jobs_of(launched(), REFERENCE, most, l2_bytes)


@dataclass
class TableTrial:
    """A trial with a given time; its output is right, or all zeros."""

    time: float
    wrong: bool
    log: list[str]

    def microseconds(self) -> float:
        return self.time

    def outputs(self) -> Outputs:
        self.log.append("outputs")
        return [np.full(64, 0.0 if self.wrong else 1.0, np.float32).view(np.uint8)]

    def close(self) -> None:
        self.log.append("close")


@dataclass
class TableBench:
    """Trials by the number of the candidate within its job: their times, which are wrong, and which fail."""

    times: Mapping[int, float]
    wrong: Collection[int] = ()
    failing: Collection[int] = ()
    log: list[str] = field(default_factory=list)

    def load(self, job: TuningJob, candidate: Candidate, plan: Plan) -> TableTrial:
        at = job.candidates.index(candidate)
        if at in self.failing:
            raise DeviceError("it cannot be loaded")
        self.log.append(f"load {at}")
        return TableTrial(self.times[at], at in self.wrong, self.log)


@dataclass(frozen=True, kw_only=True)
class Planted(KernelFamily):
    """The kernels of another family, launched with too few blocks: some of their results are not written."""

    like: str

    def candidates(self, request: Request) -> list[Candidate]:
        found = sorted(BUILT_IN[self.like].candidates(request), key=lambda each: each.microseconds)
        return [replace(each, family=self.name, microseconds=1.001 * each.microseconds) for each in found[:1]]

    def realize(self, request: Request, config: Config) -> KernelCode:
        code = BUILT_IN[self.like].realize(request, config)
        return replace(code, geometry=replace(code.geometry, grid=(1, 1, 1)))


def planted(like: str = PLAIN) -> Planted:
    """A wrong family that competes with the family LIKE."""
    return Planted(name="planted", rank=BUILT_IN[like].rank, like=like)
