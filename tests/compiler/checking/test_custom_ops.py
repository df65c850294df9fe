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
    outputs = [name for name in ("y", "z") if name in own]
    nodes = [node("Checked", ["x"], *outputs, domain="glass.checks")]
    made = model(nodes, outputs=outputs, domain="glass.checks")
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


def test_every_result_is_compared() -> None:
    """Of two results, the second is wrong."""
    text = "y[block] = x[block] * 2.0f; z[block] = x[block] * 3.003f;"

    def both(self: custom.CudaOp) -> custom.CudaBody:
        return custom.CudaBody(text, blocks=self.x.type.elements, threads=1)  # type: ignore[attr-defined]

    report = checked(custom.CudaOp, z=custom.result(), compute=lambda self, x: (2 * x, 3 * x), cuda=both)
    assert not report.ok
    first, second = sorted(report.launches, key=lambda launch: launch.position)
    assert first.worst < 1 and second.worst > 10
    text = text.replace("3.003f", "3.0f")
    assert checked(custom.CudaOp, z=custom.result(), compute=lambda self, x: (2 * x, 3 * x), cuda=both).ok


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
