"""Sensitivity: the noise at the network's outputs when a single fused op runs in eight bits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...codegen.interface import KernelCache
from ...errors import InputError
from ...runtime.arguments import checked_but, expect_each
from ..calibration.calibrate import run as run_calibration
from ..calibration.calibrate import warn_of_odd
from ..calibration.data import Batches, CalibrationSet
from ..calibration.observe import Network
from ..driver.build import Settings, chosen_targets, present_arch
from ..driver.clock import Progress
from ..frontend.source import InputShapes, Shapes, Source
from ..precision.scales.calibrators import check_calibrator
from ..precision.scales.names import model_hash
from ..precision.scales.table import CalibrationTable
from ..report.presented import Block, Report
from ..settings.formats import EIGHT_BITS
from ..settings.names import HOST
from ..settings.policy import PrecisionPolicy
from .candidates import MixtureCandidate, contraction_kernels, with_formats, with_refusals
from .quality import Reference, sqnr
from .sensitivity_tables import blocks_of
from .trials import HeldBatches, MixtureTrials, load_model

STAGE = "sensitivity"
FUSED_AS = PrecisionPolicy("fp16")  # the candidates are the kernels of the network as fused for fp16
WIDE = PrecisionPolicy("fp32")


@dataclass(frozen=True)
class OpSensitivity:
    """A candidate and, by format, the relative noise power at each output when it alone runs in it."""

    candidate: MixtureCandidate
    noise: Mapping[str, Mapping[str, float]]

    def sqnr(self, format: str) -> float | None:
        """The SQNR of the worst output in dB; None where the candidate cannot run in FORMAT."""
        return sqnr(self.noise[format]) if format in self.noise else None

    @property
    def rank(self) -> float:
        """The SQNR in dB in the first format that the candidate can run in; infinite where there is none."""
        return next((sqnr(noise) for noise in self.noise.values()), math.inf)


@dataclass(frozen=True, repr=False)
class Sensitivity(Report):
    """The sensitivity of every fused op with a contraction.

    formats: the formats measured; batches: how many were run; outputs: names of the outputs measured.
    """

    formats: tuple[str, ...]
    batches: int
    outputs: tuple[str, ...]
    ops: tuple[OpSensitivity, ...]

    @property
    def worst_first(self) -> list[OpSensitivity]:
        """The ops by ascending SQNR in their first format; those that run in no format come last."""
        return sorted(self.ops, key=lambda op: (not op.noise, op.rank))

    def blocks(self) -> Iterable[Block]:
        return blocks_of(self)

    def to_json(self) -> dict[str, Any]:
        """The sensitivity as JSON data, worst op first; null stands for an infinite SQNR."""
        return {
            "batches": self.batches,
            "outputs": list(self.outputs),
            "ops": [_op_data(op) for op in self.worst_first],
        }


def _op_data(op: OpSensitivity) -> dict[str, Any]:
    found = {format: sqnr(noise) for format, noise in op.noise.items()}
    return {
        "nodes": list(op.candidate.nodes),
        "ops": list(op.candidate.ops),
        "sqnr": {format: value if math.isfinite(value) else None for format, value in found.items()},
        "refused": dict(op.candidate.refusals),
    }


@checked_but("model", "batches", "shapes", "inputs")
@np.errstate(all="ignore")
def sensitivity(
    model: Source,
    batches: Batches,
    *,
    formats: Sequence[str] = ("int8",),
    calibration: CalibrationTable | None = None,
    calibrator: str = "entropy",
    device: str | None = None,
    shapes: Shapes | None = None,
    inputs: InputShapes | None = None,
    limit: int | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> Sensitivity:
    """Measure the SQNR at MODEL's outputs, in dB against fp32, when each fused op alone runs in eight bits.

    formats: 'int8', 'fp8' or both; calibration: the scales, None to choose them on BATCHES by CALIBRATOR;
    progress: called with ('sensitivity', done, total); all else as for `calibrate`, except that all batches
    are held in memory. The network is run once for each op and format.

    Raises InputError for bad arguments or batches, CalibrationError for a table of another model, and what
    `compile` raises.
    """
    check_calibrator(calibrator)
    check_formats(formats)
    module = load_model(model, inputs, shapes)
    held = HeldBatches.of(batches, module, limit).batches
    settings = run_settings(device, cache)
    table = calibration or calibrated(MixtureTrials(module, settings, held, device), calibrator, progress)
    table.check(model_hash(module))
    trials = MixtureTrials(module, replace(settings, calibration=table), held, device)
    return measured(trials, Reference(list(trials.outputs(WIDE))), FUSED_AS, formats, progress)


def check_formats(formats: Sequence[str]) -> None:
    """Raise InputError unless FORMATS is a non-empty sequence of eight-bit formats."""
    expect_each("formats", formats, str)
    odd = [name for name in formats if name not in EIGHT_BITS]
    if odd or not formats or isinstance(formats, str):
        hint = f"eight-bit formats: {', '.join(EIGHT_BITS)}"
        raise InputError(f"{formats!r} is not a sequence of eight-bit formats", hint)


def run_settings(device: str | None, cache: bool) -> Settings:
    """The settings for trials that run on DEVICE; CACHE: whether to use the kernel cache."""
    host = device == HOST
    targets = chosen_targets(HOST if host else None, None if host else present_arch())
    return Settings(targets=targets, cache=KernelCache() if cache else None)


def calibrated(trials: MixtureTrials, calibrator: str, progress: Progress | None) -> CalibrationTable:
    """The table that CALIBRATOR makes from the batches of TRIALS. Warns and raises as `calibrate` does."""
    network = Network.of(trials.copy())
    data = CalibrationSet(trials.batches, len(trials.batches))
    cache = trials.settings.cache is not None
    table = run_calibration(network, data, calibrator, trials.device, None, cache, progress)
    warn_of_odd(table)
    return table


def measured(
    trials: MixtureTrials,
    reference: Reference,
    base: PrecisionPolicy,
    formats: Sequence[str],
    progress: Progress | None = None,
) -> Sensitivity:
    """Measure the sensitivity of every candidate of the fused graph under BASE, against REFERENCE."""
    tell = progress or (lambda stage, done, total: None)
    found = candidates(trials, base, formats)
    total = sum(one.offers(format) for one in found for format in formats)
    done, ops = 0, []
    tell(STAGE, done, total)
    for one in found:
        noise = {}
        for format in formats:
            if one.offers(format):
                noise[format] = reference.quality(trials.outputs(with_formats(WIDE, [one], [format]))).noise
                done += 1
                tell(STAGE, done, total)
        ops.append(OpSensitivity(one, noise))
    return Sensitivity(tuple(formats), len(trials.batches), reference.names, tuple(ops))


def unmeasured(
    trials: MixtureTrials,
    reference: Reference,
    base: PrecisionPolicy,
    formats: Sequence[str],
    progress: Progress | None = None,
) -> Sensitivity:
    """The candidates as from `measured`, but without running anything: no op has noise figures."""
    ops = tuple(OpSensitivity(one, {}) for one in candidates(trials, base, formats))
    return Sensitivity(tuple(formats), len(trials.batches), reference.names, ops)


def candidates(
    trials: MixtureTrials, base: PrecisionPolicy, formats: Sequence[str]
) -> list[MixtureCandidate]:
    """The candidates of the fused graph under BASE, each with its reasons against any of FORMATS."""
    found = contraction_kernels(trials.brought_to("fused", base)[0], base)
    for format in formats:
        asked = with_formats(base, found, [format if one.offers(format) else None for one in found])
        decided = trials.brought_to("graph", asked)[1].eight_bits
        found = list(with_refusals(found, format, decided))
    return found
