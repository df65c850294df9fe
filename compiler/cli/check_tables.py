"""The report of `glassrt check` as tables: launches, ranges, outputs, quantization."""

from __future__ import annotations

import shlex

from ..checking.accuracy import LaunchReport
from ..checking.check import CheckReport
from ..checking.network import OutputReport
from ..checking.quantization import Quantization
from .check_json import proposed
from .console import out, print_table, printable, say, share

SHOWN_NODES = 2


def show(report: CheckReport) -> None:
    """Print REPORT: launches worst first, ranges, quantization, outputs, and the verdict."""
    at = "".join(f", {name} = {value}" for name, value in report.symbols.items())
    console = out()
    console.print(printable(f"{report.device}{at}"), soft_wrap=True)
    columns = (
        ">#", "kernel", "ops", "nodes", ">local max", ">of bound", ">local L2", ">roundoffs",
        ">unrounded", ">inherited", ">total", "",
    )  # fmt: skip
    print_table("launches, worst first", columns, [_row(report, launch) for launch in report.launches])
    _show_ranges(report)
    if report.quantization is not None:
        _show_quantization(report.quantization, report.witness.name)
    _show_outputs(f"outputs against {report.witness.name}", report.outputs)
    if report.witness.note:
        say(report.witness.note)
    if report.rewrites:
        chosen = report.quantization is not None and report.quantization.chosen
        at = " before quantization" if chosen else ""
        _show_outputs(f"graph level{at}, unfused in f64, against the model", report.rewrites)
    console.print("within bounds" if report.ok else "NOT within bounds")


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


def _show_ranges(report: CheckReport) -> None:
    """Print the tensors with values outside the range of their storage type, and overrides that help."""
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
        print_table("values outside the range of their storage type", columns, rows)
    overrides = proposed(report)
    if overrides:
        texts = " ".join(f"--override {shlex.quote(text)}" for text in overrides)
        out().print(printable(f"to avoid this: {texts}"), soft_wrap=True)


def _nodes(nodes: tuple[str, ...]) -> str:
    more = len(nodes) - SHOWN_NODES
    return ", ".join(nodes[:SHOWN_NODES]) + (f" and {more} more" if more > 0 else "")


def short(value: float) -> str:
    """VALUE with two digits."""
    return f"{value:.2g}"


def _show_outputs(title: str, reports: list[OutputReport]) -> None:
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
    print_table(title, columns, rows)
    for problem in (report.problem for report in reports if report.problem):
        out().print(printable(problem), soft_wrap=True)


def _show_quantization(found: Quantization, witness: str) -> None:
    """Print the errors of kernels and passes, and separately the quantization loss."""
    title = "compiler error: outputs against the precision level in the interpreter"
    _show_outputs(title, found.compiler)
    title = "lowering error: the precision level against the Q/DQ graph in floats"
    _show_outputs(title, found.lowering)
    columns = ("output", ">SQNR, dB", ">relative L2", ">max")
    rows = [
        (each.name, f"{each.sqnr:.1f}", short(each.error.relative_l2), short(each.error.max_abs))
        for each in found.loss
    ]
    print_table(f"quantization loss: the Q/DQ graph in floats against {witness}", columns, rows)
