"""A build and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from glassrt import Plan, compile
from glassrt.compiler.building import build_order
from glassrt.compiler.order import order_of

from .cli.support import ADD_RELU, Glassrt


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net.ir"
    path.write_text(ADD_RELU, encoding="utf-8")
    return path


SIZES = "sizes: N from 1 to 16 (tuned for 4)"


def test_the_command_and_python_make_the_same_plan(model: Path, glassrt: Glassrt, tmp_path: Path) -> None:
    shared = ("build", model, "-o", tmp_path / "net.plan", "-t", "host", "--dump-dir", tmp_path / "a")
    told = json.loads(glassrt(*shared, "--json").stdout)
    report = build_order(order_of(model, {"target": "host"}))
    plan = compile(model, target="host", dump_dir=tmp_path / "b")
    assert plan.to_bytes() == report.plan.to_bytes() == (tmp_path / "net.plan").read_bytes()
    assert {path.name for path in (tmp_path / "a").rglob("*")} == {
        path.name for path in (tmp_path / "b").rglob("*")
    }
    unsaved = report.to_json()
    assert unsaved["plan"] is None and {key: told[key] for key in ("launches", "kernels")} == {
        key: unsaved[key] for key in ("launches", "kernels")
    }
    assert "host only, 1 launches of 1 kernels" in repr(report) and report.notes == [SIZES]
    assert isinstance(report.plan, Plan)
