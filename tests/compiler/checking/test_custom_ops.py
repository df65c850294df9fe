"""Checks of custom ops: their kernels are held against their own numpy, within what they allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from glassrt import custom
from glassrt.compiler.checking.check import Case, CheckReport, check
from glassrt.compiler.frontend.source import load_module

from ...custom_ops import drawn, model, node
from .small import settings


@pytest.fixture(autouse=True)
def scope() -> Iterator[None]:
    with custom.registered():
        yield


def checked(base: type[custom.CustomOp], **members: Any) -> CheckReport:
    """The check of a model of one op of BASE with x, y and MEMBERS."""
    own = {"__module__": __name__, "x": custom.operand(), "y": custom.result(), **members}
    custom.op("glass.checks::Checked")(type("Checked", (base,), own))
    made = model([node("Checked", ["x"], "y", domain="glass.checks")], domain="glass.checks")
    return check(Case(made, load_module(made), {"x": drawn(3, 24)}), settings(), "host")


def body(self: custom.CudaOp) -> custom.CudaBody:
    """Twice x, and a thousandth more."""
    count = self.x.type.elements  # type: ignore[attr-defined]
    text = "if (block < count) y[block] = x[block] * 2.002f;"
    return custom.CudaBody(text, blocks=count, threads=1, sizes={"count": count})


def twice(self: custom.CustomOp, x: Any) -> Any:
    return 2 * x


def test_a_kernel_that_computes_something_else_is_found() -> None:
    report = checked(custom.CudaOp, compute=twice, cuda=body)
    assert not report.ok
    (launch,) = report.launches
    assert launch.nodes == ("y",)
    assert launch.worst > 10


def test_a_formula_that_computes_something_else_is_found() -> None:
    report = checked(custom.ElementwiseOp, compute=twice, formula=lambda self, x: x * 2.002)
    assert not report.ok
    report = checked(custom.ElementwiseOp, compute=twice, formula=lambda self, x: x + x)
    assert report.ok


def test_an_op_says_what_its_body_may_differ_by() -> None:
    for tolerance, fits in ((2e-3, True), (5e-4, False)):
        report = checked(
            custom.CudaOp, compute=twice, cuda=body, tolerance=lambda self, found=tolerance: found
        )
        assert all(report.fits(launch) for launch in report.launches) is fits
