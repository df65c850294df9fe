"""How long do products with packed weights take on a GPU, under each configuration?

    python -m benchmarks.packed [--batches 1,16] [--bits 4] [--most 40] [--out FILE]

They are those of a layer of a Llama-shaped decoder, with the norms, gates and residuals that are part of
their kernels. Launches follow each other in one graph, with programmatic dependent launch, on weights in turn
from more memory than the L2 cache has. The cost model's first --most candidates are measured.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from glassrt import PrecisionPolicy
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.families.packed.config import PackedConfig, shapes
from glassrt.codegen.families.packed.cost import microseconds
from glassrt.codegen.families.packed.family import packed_problem
from glassrt.codegen.families.packed.problem import PackedProblem
from glassrt.codegen.interface import (
    BuildOptions,
    Candidate,
    KernelCache,
    UnfitError,
    request_of,
    request_signature,
)
from glassrt.compiler.driver.build import Settings, context_of, launch_level, present_arch
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.search.tuning.bench import DeviceBench
from glassrt.compiler.search.tuning.jobs import TuningJob
from glassrt.compiler.search.tuning.trial import TrialPlans
from glassrt.compiler.search.tuning.tune import EVICT
from glassrt.dialects.launch import kernels_in
from glassrt.runtime.discovery import open_backend
from glassrt.runtime.plan import Plan

from .common.decoder_model import decoder_model, saved
from .common.decoder_nodes import Spelling
from .common.decoder_weights import LLAMA_1B, Weights
from .common.rows import Row, parser, report, rounded

SHAPE = replace(LLAMA_1B, layers=1, vocabulary=32768)
PLACES = 256  # of the cache


@dataclass(frozen=True)
class PackedCase:
    """A product of a decoder for `batch` sequences: how it is measured, and what makes plans for that."""

    batch: int
    packed: PackedProblem
    job: TuningJob
    plans: TrialPlans

    @property
    def row(self) -> Row:
        """What it is."""
        problem, form = self.packed.problem, self.packed.format
        sizes: Row = {"rows": problem.m, "columns": problem.n * (2 if problem.halves else 1), "k": problem.k}
        parts = {"norm": problem.a_computed, "halves": problem.halves}
        return {"batch": self.batch, "bits": form.bits, "block": form.block} | sizes | parts


def cases_of(batch: int, bits: int, most: int, target: ArchSpec) -> Iterator[PackedCase]:
    """The products of a decoder with weights of BITS for BATCH sequences, with MOST candidates each."""
    settings = Settings(targets=(target,), precision=PrecisionPolicy("fp16"))
    with tempfile.TemporaryDirectory() as scratch:
        model = decoder_model(Weights(SHAPE, bits=bits), Spelling("tensor_scatter"), batch, PLACES)
        module = load_module(str(saved(model, Path(scratch))))
        launch = launch_level(module, settings, context_of(settings))
    options = BuildOptions(targets=(target,), cache=KernelCache())
    plans = TrialPlans(launch, target, EVICT * target.card.l2_bytes, options)
    for kernel in kernels_in(launch.main.block):
        request = request_of(launch, kernel, target)
        packed = packed_problem(request)
        if not isinstance(packed, str):
            found = _candidates(packed, kernel.family, target)[:most]
            weights = request.region.arguments.index(packed.root.w)
            job = TuningJob(request_signature(request), kernel, request, found, 1, (weights,))
            yield PackedCase(batch, packed, job, plans)


def _candidates(packed: PackedProblem, family: str, target: ArchSpec) -> tuple[Candidate, ...]:
    """Those of FAMILY for PACKED, the fastest by the cost model first."""

    def made(config: PackedConfig) -> Candidate:
        return Candidate(family, asdict(config), microseconds(packed.problem, packed.format, config, target))

    found = map(made, shapes(packed.problem, packed.format, target))
    return tuple(sorted(found, key=lambda candidate: candidate.microseconds))


def measured(cases: Sequence[PackedCase], target: ArchSpec) -> Iterator[Row]:
    """The rows of CASES; all kernels are compiled before the first is measured."""

    def planned(pair: tuple[PackedCase, Candidate]) -> Plan | None:
        with suppress(UnfitError):
            return pair[0].plans.plan(pair[0].job, pair[1])
        return None

    pairs = [(case, candidate) for case in cases for candidate in case.job.candidates]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        plans = list(pool.map(planned, pairs))
    bench = DeviceBench(open_backend(None), {}, target.card.l2_bytes)
    for (case, candidate), plan in zip(pairs, plans, strict=True):
        if plan is None:
            continue
        trial = bench.load(case.job, candidate, plan)
        try:
            us = trial.microseconds()
        finally:
            trial.close()
        times = {"us": rounded(us), "expected_us": rounded(candidate.microseconds)}
        yield case.row | dict(candidate.config) | times


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--batches", default="1,16")
    command.add_argument("--bits", type=int, choices=(4, 8), default=4)
    command.add_argument("--most", type=int, default=40, help="candidates of each product")
    options = command.parse_args()
    target = present_arch()
    if target is None:
        raise SystemExit("there is no GPU")
    batches = [int(batch) for batch in options.batches.split(",")]
    cases = [case for batch in batches for case in cases_of(batch, options.bits, options.most, target)]
    report(measured(cases, target), options.out)


if __name__ == "__main__":
    main()
