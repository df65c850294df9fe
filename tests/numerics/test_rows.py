"""Every row of docs/numerics.md on every device, alone and where other kernels compute it too."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import gcd

import numpy as np
import pytest
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.families.loop import WIDEST, LoopFamily
from glassrt.codegen.request.request import Request
from glassrt.compiler.driver.build import Settings, build, present_arch
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.runtime import Engine
from glassrt.runtime.plan import Plan

from ..models import Array
from .row import Row, together
from .rows import ROWS
from .spellings import SETTINGS, Spelt

# The first two are levels of the IR, executed in numpy.
DEVICES = ["graph", "launch", "host", pytest.param("cuda", marks=pytest.mark.gpu)]


@lru_cache
def spelt(setting: str, opset: int | None = None) -> dict[str, Spelt]:
    """The rows (of an OPSET) that SETTING has a spelling for, by name."""
    wanted = [row for row in ROWS if opset in (None, row.opset)]
    found = {row.name: SETTINGS[setting].spelling(row) for row in wanted}
    return {name: spelling for name, spelling in found.items() if spelling is not None}


@lru_cache
def built(setting: str, opset: int, target: ArchSpec | None) -> tuple[Plan, Module]:
    """One plan for all rows of an opset, and the module with its weights."""
    module = load_module(together([one.graph for one in spelt(setting, opset).values()], opset))
    settings = Settings(precision=as_policy(SETTINGS[setting].precision), targets=(target,) if target else ())
    with pytest.MonkeyPatch.context() as patch:
        if SETTINGS[setting].vectors:
            patch.setattr(LoopFamily, "_lanes", widest_lanes)
        return build(module, settings).plan, module


def widest_lanes(family: LoopFamily, request: Request) -> int:
    """As many as one access takes, although so few elements do not fill a GPU that way."""
    inner = request.writes[0].shape[-1] if request.writes[0].rank else 1
    return gcd(inner, WIDEST // min(type.dtype.bytes for type in request.writes))


@lru_cache
def outcome(setting: str, device: str, opset: int) -> Mapping[str, Array] | Exception:
    """The outputs of all rows of an opset, or why there are none: that is found out once."""
    spellings = spelt(setting, opset).values()
    inputs = {f"r{place}_{name}": a for place, one in enumerate(spellings) for name, a in one.inputs.items()}
    try:
        plan, module = built(setting, opset, present_arch() if device == "cuda" else None)
        if device in ("host", "cuda"):
            with Engine(plan, device) as engine:
                return engine.run(inputs)
        return interpret(parse_module(plan.ir(device), ALL_DIALECTS, module.resources, file=device), inputs)
    except Exception as error:
        return error


def result(setting: str, device: str, row: Row) -> Array:
    found = outcome(setting, device, row.opset)
    if isinstance(found, Exception):
        raise found
    return found[f"r{list(spelt(setting, row.opset)).index(row.name)}_y"]


def assert_same(actual: Array, expected: Array) -> None:
    """Equal in type, shape and bits, whichever NaN a NaN is."""
    assert actual.dtype == expected.dtype and actual.shape == expected.shape
    if expected.dtype.kind in "biu":
        np.testing.assert_array_equal(actual, expected)
        return
    have, want = actual.astype(np.float64), expected.astype(np.float64)
    np.testing.assert_array_equal(have, want)
    numbers = ~np.isnan(want)
    np.testing.assert_array_equal(np.signbit(have[numbers]), np.signbit(want[numbers]), "the sign of zero")


# Rows of a setting share a plan, so with `--dist loadgroup` one process builds it, and not each of them.
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("setting", "row"),
    [
        pytest.param(s, row, id=f"{s}-{row.name}", marks=pytest.mark.xdist_group(f"rows {s}"))
        for s in SETTINGS
        for row in ROWS
        if row.name in spelt(s)
    ],
)
def test_a_row_holds(setting: str, row: Row, device: str) -> None:
    assert_same(result(setting, device, row), spelt(setting)[row.name].expected)


def test_each_row_has_a_name_of_its_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_the_settings_are_what_they_say() -> None:
    """Vectors, several ops in a kernel, and storage of 16 bits are really there."""
    plan, _ = built("wide", 21, None)
    assert sum(source.count("load_wide<") for source in plan.sources.values()) > 100
    fused = built("chain", 21, None)[0].ir("fused")
    assert fused.count("fused.kernel") < fused.count("graph.where") < fused.count("graph.")
    for policy, kind in (("fp16", "f16"), ("bf16", "bf16")):
        assert f"{kind}>" in built(policy, 21, None)[0].ir("precision")
