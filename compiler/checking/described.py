"""The report of `glassrt check` as JSON data; null stands for what is not finite or unknown."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..report.words import number
from .accuracy import LaunchReport
from .measures import Error
from .network import OutputReport
from .quantization import Quantization
from .range_watch import TensorLoss

if TYPE_CHECKING:
    from .check import CheckReport


def describe(report: CheckReport) -> dict[str, Any]:
    """REPORT as JSON data; null stands for a number that is not finite or a total error that is unknown."""
    return {
        "ok": report.ok,
        "device": report.device,
        "symbols": dict(report.symbols),
        "tolerance": report.tolerance,
        "witness": report.witness.name,
        "witness_note": report.witness.note,
        "outputs": [_output(output) for output in report.outputs],
        "rewrites": [_output(output) for output in report.rewrites],
        "launches": [_launch(report, launch) for launch in report.launches],
        "ranges": [_loss(loss) for loss in report.ranges],
        "overrides": proposed(report),
        "quantization": None if report.quantization is None else _quantization(report.quantization),
    }


def _quantization(found: Quantization) -> dict[str, Any]:
    """FOUND as JSON data; an SQNR of null is infinite, because there is no noise or an output is infinite."""
    loss = [
        {"name": each.name, "sqnr_db": number(each.sqnr), "error": _error(each.error)} for each in found.loss
    ]
    return {
        "compiler_error": [_output(output) for output in found.compiler],
        "lowering_error": [_output(output) for output in found.lowering],
        "loss": loss,
    }


def proposed(report: CheckReport) -> list[str]:
    """The overrides that would store tensors in a wider type where values do not fit, for `--override`."""
    return list(dict.fromkeys(text for loss in report.ranges for text in loss.overrides))


def _loss(loss: TensorLoss) -> dict[str, Any]:
    return {
        "index": loss.index,
        "kernel": loss.kernel,
        "tensor": loss.tensor,
        "nodes": list(loss.nodes),
        "stored": loss.stored.name,
        **asdict(loss.range),
        "overrides": list(loss.overrides),
    }


def _launch(report: CheckReport, launch: LaunchReport) -> dict[str, Any]:
    return {
        "index": launch.index,
        "kernel": launch.kernel,
        "op": launch.op,
        "nodes": list(launch.nodes),
        "stored": launch.stored.name,
        "ok": report.fits(launch),
        "local": _error(launch.local),
        "allowed": number(launch.allowed),
        "unrounded": _error(launch.unrounded),
        "inherited": number(launch.inherited),
        "total": None if launch.total is None else number(launch.total),
        "overflows": launch.range.overflows,
        "subnormals": launch.range.subnormals,
    }


def _output(report: OutputReport) -> dict[str, Any]:
    facts = {"name": report.name, "ok": report.ok, "bound": report.bound, "error": _error(report.error)}
    return facts | {"problem": report.problem}


def _error(error: Error) -> dict[str, float | None]:
    return {name: number(value) for name, value in asdict(error).items()}
