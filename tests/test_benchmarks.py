"""Benchmarks without a GPU: each answers a question that their page lists, and what they import is there."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from glassrt.codegen.interface import arch_named
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.runtime import Engine
from glassrt.runtime.cuda import open_backend
from glassrt.runtime.cuda_driver import Driver

from benchmarks import overhead, readme_table
from benchmarks.common import device_arrays, merging, rows
from benchmarks.common.contraction_jobs import jobs_of_model
from benchmarks.common.merging import Earlier, completed, earlier
from benchmarks.common.product_models import Product
from benchmarks.common.rows import read, report
from benchmarks.common.turns import in_processes

from .places import ROOT
from .runtime.fake_driver import FakeDriver
from .runtime.tiny_engines import batch
from .runtime.tiny_plans import affine_plan

FOLDER = ROOT / "benchmarks"
FILES = sorted(path for path in FOLDER.rglob("*.py"))
ROW = re.compile(r"^\| ([^|]+\?) \| `(python [^`]+)` \| (?:`([^`]+)`)? ?\|$", re.MULTILINE)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def defined(module: ast.Module) -> set[str]:
    """The names that MODULE binds at its top."""
    names: set[str] = set()
    for node in module.body:
        for each in ast.walk(node) if isinstance(node, (ast.Assign, ast.AnnAssign)) else [node]:
            if isinstance(each, (ast.FunctionDef, ast.ClassDef)):
                names.add(each.name)
            elif isinstance(each, ast.Name):
                names.add(each.id)
    return names


def own_imports(path: Path) -> Iterator[tuple[str, int, str]]:
    """(module, level, name) of everything that the file at PATH takes from this repository."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("glassrt")):
            yield from ((node.module or "", node.level, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_what_a_benchmark_imports_exists(path: Path) -> None:
    for module, level, name in own_imports(path):
        if level == 0:
            owner = importlib.import_module(module)
            assert hasattr(owner, name) or find_spec(f"{module}.{name}"), f"{module}.{name}"
        else:
            file = path.parents[level - 1].joinpath(*module.split(".")).with_suffix(".py")
            assert name in defined(parsed(file)), f"{file.relative_to(ROOT)}: {name}"


def test_the_page_lists_every_question_with_its_command_and_results() -> None:
    rows = {command: (question, kept) for question, command, kept in ROW.findall(_page())}
    programs = [path for path in FILES if "main" in defined(parsed(path))]
    listed = {}
    for path in programs:
        lines = (ast.get_docstring(parsed(path)) or "").splitlines()
        words = lines[2].split()
        (command,) = (each for each in rows if words[: len(each.split())] == each.split())
        listed[command] = lines[0]
    assert listed == {command: question for command, (question, _) in rows.items()}
    for _, kept in rows.values():
        assert not kept or (FOLDER / kept).exists() or (ROOT / kept).exists(), kept


RESULTS: dict[str, Any] = {
    "environment": {"gpu": "GPU", "driver": "1", "date": "today", "versions": {"torch": "2", "numpy": "3"}},
    "results": [
        {"model": "a", "batch": 8, "precision": "fp16", "glassrt_ms": 0.5, "eager_ms": 2.0,
         "inductor_ms": 1.25, "autotune_ms": 1.0, "ratio": 2.0},
        {"model": "b", "batch": 1, "precision": "int8", "failed": "out of memory"},
        {"model": "c", "batch": 1, "precision": "int8", "glassrt_ms": 0.25, "ort_failed": "none"},
        {"model": "a", "batch": 8, "precision": "int8", "glassrt_ms": 0.4},
    ],
}  # fmt: skip


def test_the_table_of_the_readme_is_made_from_results() -> None:
    made = readme_table.table(RESULTS).splitlines()
    assert made[0].startswith("Milliseconds on one GPU (driver 1, PyTorch 2, today); ")
    assert made[0].endswith("peers of a network in int8 run it in fp16:")
    assert made[4:] == [
        "| a | 8 | fp16 | 0.500 | 2.000 | 1.000 | - | 2.00 |",
        "| c | 1 | int8 | 0.250 | - | - | - | - |",
        "| a | 8 | int8 | 0.400 | 2.000 | 1.000 | - | 2.50 |",
    ]
    readme = readme_table.README.read_text(encoding="utf-8")
    content = ""
    if readme_table.RESULTS.exists():
        content = readme_table.table(json.loads(readme_table.RESULTS.read_text(encoding="utf-8")))
    assert re.sub("\n+", "\n", readme_table.with_table(readme, content)) == re.sub("\n+", "\n", readme)


def test_what_a_call_costs_is_measured_on_any_driver(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    driver = Driver(FakeDriver())
    monkeypatch.setattr(device_arrays, "process_driver", lambda: driver)
    monkeypatch.setattr(overhead, "CALLS", 22)
    monkeypatch.setattr(overhead, "RUNS", 4)
    with Engine(affine_plan(), open_backend(0, False, driver)) as engine:
        row = overhead.ours(engine, {"x": batch(1)}, device_arrays.DeviceArray)
    overhead.show([{"model": "affine"} | row])
    assert row["gpu"] == 500 and len(row["contexts"]) == 3
    assert capsys.readouterr().out.splitlines()[1].startswith("affine  500.0")


def test_rows_are_kept_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    assert read(file) == []
    report(iter([{"a": 1}]), file)
    report(iter([{"a": 2}]), file, read(file))
    assert read(file) == [{"a": 1}, {"a": 2}]


def test_rows_of_another_state_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rows.json"
    assert earlier(file) == Earlier()
    monkeypatch.setattr(
        rows, "environment", lambda: {"gpu": "G", "driver": "1", "state": "old", "versions": {}}
    )
    report(iter([{"a": 1}, {"a": 2, "state": "older"}]), file)
    now = {"gpu": "G", "driver": "1", "state": "new", "versions": {"torch": "2"}}
    monkeypatch.setattr(merging, "environment", lambda: now)
    kept = earlier(file)
    assert kept.rows == [{"state": "old", "a": 1}, {"a": 2, "state": "older"}]
    assert kept.same("numpy") and not kept.same("torch")
    monkeypatch.setattr(merging, "environment", lambda: now | {"state": "old"})
    assert earlier(file).rows[0] == {"a": 1}


def test_times_of_peers_are_kept_where_their_software_is_the_same() -> None:
    before = {"eager_ms": 2.0, "ort_ms": 0.5, "autotune_ms": 0.8, "glassrt_ms": 9.0}
    row = {"glassrt_ms": 1.0, "eager_ms": 3.0, "ort_failed": "none", "eager_error": 0.1}
    assert completed(row, before, same=True) == row | {"autotune_ms": 0.8, "ratio": 0.8}
    assert completed(row, before, same=False) == row | {"ratio": 3.0}
    alone = {"glassrt_ms": 1.0, "eager_error": 0.1}
    assert completed(alone, before, same=True)["eager_ms"] == 2.0
    assert completed({"failed": "x"}, None, same=True) == {"failed": "x"}


PROGRAM = """
import json, sys
from glassrt.benchmarks.common.turns import Turns
turns, out, name = Turns.parse(sys.argv[1][8:]), sys.argv[3][6:], sys.argv[2]
if name == "dies":
    raise SystemExit(1)
with turns.turn(name):
    json.dump({"results": [{"name": name, "note": turns.note.read_text()}]}, open(out, "w"))
"""


def test_processes_prepare_together_and_one_that_dies_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "measures.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    cases = {name: [name] for name in ("one", "dies", "two")}
    found = list(in_processes("measures", cases, [], 3, lambda: "noted"))
    assert sorted(row["name"] for row in found) == ["one", "two"]
    assert all(row["note"] == "noted" for row in found)


@pytest.mark.parametrize("precision", ["int8", "tf32"])
def test_contractions_of_a_product_are_one_launch_with_a_cold_weight(precision: str) -> None:
    product = Product(256, 128, 64, precision)
    policy = PrecisionPolicy("fp32" if precision == "int8" else precision)
    (made,) = jobs_of_model(product.model(), None, policy, arch_named("sm_90a"))
    assert made.flops == 2 * 256 * 128 * 64 and made.job.cold == (1,)
    assert made.described() == "256 x 128 x 64" and not made.inside


def _page() -> str:
    return (FOLDER / "README.md").read_text(encoding="utf-8")
