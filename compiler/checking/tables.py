"""How the report of a check is shown: launches, ranges, outputs, quantization."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..report.presented import Block, Table
from ..report.words import share, short
from .accuracy import LaunchReport
from .described import proposed
from .network import OutputReport
from .quantization import Quantization

if TYPE_CHECKING:
    from .check import CheckReport

SHOWN_NODES = 2


def blocks_of(report: CheckReport) -> Iterator[Block]:
    """What is shown of REPORT: launches worst first, ranges, quantization, outputs, and the verdict."""
    at = "".join(f", {name} = {value}" for name, value in report.symbols.items())
    yield f"{report.device}{at}"
    columns = (
        ">#", "kernel", "ops", "nodes", ">local max", ">of bound", ">local L2", ">roundoffs",
        ">unrounded", ">inherited", ">total", "",
    )  # fmt: skip
    yield Table("launches, worst first", columns, [_row(report, launch) for launch in report.launches])
    yield from _ranges(report)
    if report.quantization is not None:
        yield from _quantization(report.quantization, report.witness.name)
    yield from _outputs(f"outputs against {report.witness.name}", report.outputs)
    if report.witness.note:
        yield report.witness.note
    if report.rewrites:
        chosen = report.quantization is not None and report.quantization.chosen
        at = " before quantization" if chosen else ""
        yield from _outputs(f"graph level{at}, unfused in f64, against the model", report.rewrites)
    if report.unjudged:
        names = ", ".join(report.unjudged)
        yield f"not judged: {names}, since in eight bits outputs have no bound; a tolerance is one"
    yield "within bounds" if report.ok else "NOT within bounds"


def _row(report: CheckReport, launch: LaunchReport) -> list[object]:
    return [
        launch.index,
        launch.kernel,
        launch.op,
        _nodes(launch.nodes),
        short(launch.local.max_abs),
        share(launch.excess(report.tolerance)),
        short(launch.local.relative_l2),
        f"{launch.local.roundoffs:.1f}" if launch.stored.is_float else "-",
        short(launch.unrounded.relative_l2),
        short(launch.inherited),
        "unknown" if launch.total is None else short(launch.total),
        "" if report.fits(launch) else "BEYOND",
    ]


def _ranges(report: CheckReport) -> Iterator[Block]:
    """The tensors with values outside the range of their storage type, and overrides that help."""
    rows = [
        (
            loss.index,
            loss.kernel,
            loss.tensor,
            _nodes(loss.nodes),
            loss.stored,
            loss.range.nonzero,
            short(loss.range.largest),
            loss.range.overflows,
            loss.range.subnormals,
            loss.range.vanished,
        )
        for loss in report.ranges
    ]
    if rows:
        columns = (
            ">#", "kernel", "tensor", "nodes", "stored as", ">nonzero", ">largest",
            ">overflow", ">lose bits", ">become zero",
        )  # fmt: skip
        yield Table("values outside the range of their storage type", columns, rows)
    overrides = proposed(report)
    if overrides:
        texts = " ".join(f"--override {shlex.quote(text)}" for text in overrides)
        yield f"to avoid this: {texts}"


def _nodes(nodes: tuple[str, ...]) -> str:
    more = len(nodes) - SHOWN_NODES
    return ", ".join(nodes[:SHOWN_NODES]) + (f" and {more} more" if more > 0 else "")


def _outputs(title: str, reports: Sequence[OutputReport]) -> Iterator[Block]:
    columns = ("output", ">relative L2", ">max", ">bound", "")
    rows = [
        (
            report.name,
            short(report.error.relative_l2),
            short(report.error.max_abs),
            "-" if report.bound is None else short(report.bound),
            "" if report.ok else "BEYOND",
        )
        for report in reports
    ]
    yield Table(title, columns, rows)
    yield from (report.problem for report in reports if report.problem)


def _quantization(found: Quantization, witness: str) -> Iterator[Block]:
    """The errors of kernels and passes, and separately the quantization loss."""
    title = "compiler error: outputs against the precision level in the interpreter"
    yield from _outputs(title, found.compiler)
    title = "lowering error: the precision level against the Q/DQ graph in floats"
    yield from _outputs(title, found.lowering)
    columns = ("output", ">SQNR, dB", ">relative L2", ">max")
    rows = [
        (each.name, f"{each.sqnr:.1f}", short(each.error.relative_l2), short(each.error.max_abs))
        for each in found.loss
    ]
    yield Table(f"quantization loss: the Q/DQ graph in floats against {witness}", columns, rows)
