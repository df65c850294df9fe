"""What a user sees at a prompt: completion of names, and results that are a line or a page."""

from __future__ import annotations

from pathlib import Path

import glassrt
import numpy as np
import pytest
from glassrt import CalibrationTable

from ..compiler.cli.support import ADD_RELU
from ..places import DIGITS

PAGE = 80  # lines


def test_completion_shows_the_interface_and_nothing_else() -> None:
    names = dir(glassrt)
    assert set(glassrt.__all__) < set(names) and not {"annotations", "load_part", "Any", "runtime"} & set(
        names
    )
    for name in names:
        assert getattr(glassrt, name) is not None
    with pytest.raises(AttributeError, match="is compile meant"):
        glassrt.complie


def test_everything_that_is_given_back_is_short(tmp_path: Path) -> None:
    path = tmp_path / "net.ir"
    path.write_text(ADD_RELU, encoding="utf-8")
    plan = glassrt.compile(path, target="host")
    digits = glassrt.compile(DIGITS, target="sm_90a")
    engine = glassrt.load(plan, device="host")
    context = engine.context()
    table = glassrt.calibrate(DIGITS, DIGITS.with_name("digits_test.npz"), device="interpret", limit=1)
    bound = context.bind({"x": np.zeros((2, 4), np.float32)})
    lines = [plan, digits, engine, context, bound, table, glassrt.PrecisionPolicy("fp16")]
    pages = [
        plan.inspect(), digits.inspect(), digits.explain(), digits.explain("conv_3"),
        digits.explain("conv_3", "conv_17"), glassrt.check(path, device="host"),
        glassrt.bench(plan, device="host", repeats=2, warmup=0), glassrt.bisect(path, interpret=True),
    ]  # fmt: skip
    assert isinstance(table, CalibrationTable)
    for each in lines:
        assert "\n" not in repr(each) and len(repr(each)) < 1000, repr(each)
    for each in pages:
        assert 0 < len(repr(each).splitlines()) < PAGE, type(each)
        html = each._repr_html_()
        assert html.count("<table>") == html.count("</table>") and "\x1b" not in html
    engine.close()


def test_a_plan_is_timed_from_python(tmp_path: Path) -> None:
    path = tmp_path / "net.ir"
    path.write_text(ADD_RELU, encoding="utf-8")
    found = glassrt.bench(path, device="host", sizes={"N": 3}, repeats=4, warmup=0, profile_repeats=1)
    assert found.symbols == {"N": 3} and len(found.times_ms) == 4 and len(found.kernels) == 1
    assert found.to_json()["runs"] == 4 and "k_add_relu" in str(found)
    with pytest.raises(glassrt.InputError, match="precision has no effect on a plan"):
        glassrt.bench(glassrt.compile(path, target="host"), precision="fp16")
