"""A plan that would launch out of bounds, or is inconsistent in any way, is refused when it is made."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from glassrt.errors import PlanError
from glassrt.runtime import Plan
from glassrt.runtime.manifest import parse_target
from glassrt.runtime.plan_format import decode, encode
from glassrt.runtime.program import resolve
from hypothesis import given, settings
from hypothesis import strategies as st

from .bad_manifests import BAD, Manifest, put, with_column, with_map
from .tiny_plans import AFFINE, affine_manifest, affine_plan, buffer, launch

GOOD: dict[str, Callable[[Manifest], None]] = {
    "as it is": lambda manifest: None,
    "tensor map": with_map(),
    "swizzled tensor map": with_map(box=[4, 8], swizzle="32B"),
    "zeroed bytes": put("zeroed_bytes", 1024),
    "extra field": put("note", "free"),
    "output used in place": put("launches", 1, "arguments", 0, buffer("out0")),
    "tensor map with steps": with_map(box=[4, 8], steps=[1, 8]),
    "tensor map filled with NaN": with_map(fill="nan"),
    "interleaved tensor map": with_map(
        dims=[4, 1, 1], strides=[32, 32], box=[4, 1, 1], interleave="32B", swizzle="32B", dtype="f16"
    ),
    "im2col map": with_column(),
    "im2col map of rank 3": with_column(
        dims=[4, 1, "N"], strides=[16, 16], box=[4, 1024], lower=[-32768], upper=[32767]
    ),
    "cluster": lambda manifest: manifest["launches"][0].update(grid=[8, 1, 1], cluster=[8, 1, 1]),
    "cooperative": put("launches", 0, "cooperative", True),
    "empty batch": put("symbols", "N", [0, 0, 32]),
    "two streams": lambda manifest: manifest["launches"].append(
        launch("k0_double", [buffer("in0"), buffer("b0"), {"scalar": 1}], stream=1, waits=[1])
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    plan = affine_plan(GOOD[name])
    assert Plan.from_bytes(plan.to_bytes()) == plan


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str) -> None:
    with pytest.raises(PlanError):
        affine_plan(BAD[name])


def test_an_old_plan_is_told_how_to_be_made_new() -> None:
    with pytest.raises(PlanError, match="has format 1; this version reads format 4") as refused:
        affine_plan(BAD["format of old"])
    assert refused.value.hint == "build the plan again with this version"


def test_buffer_errors_name_buffer_and_size() -> None:
    with pytest.raises(PlanError, match=r"'b0' covers bytes 256 to 768, but its space \(arena\) has 767"):
        affine_plan(BAD["arena too small"])


def test_targets() -> None:
    assert parse_target("sm_90a") == (9, 0, "a")
    assert parse_target("sm_120") == (12, 0, "")
    assert parse_target("sm_100f") == (10, 0, "f")


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every value in a JSON document."""
    entries: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        entries = list(value.items())
    if isinstance(value, list):
        entries = list(enumerate(value))
    return [prefix, *(path for key, entry in entries for path in paths(entry, (*prefix, key)))]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 1, 2**31, 2**32, 2**62, 2**63, 2**64, 10**30]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["N", "b0", "in0", "arena", "output", "i32", "f32", "128B"]),
    st.just([]),
    st.just({}),
    st.lists(st.integers(), max_size=4),
    st.sampled_from([["*", "N", 2**62], ["floordiv", "N", 0], ["-", 0, "N"], ["+", "N"], ["N"]]),
)


@st.composite
def mutated_manifests(draw: st.DrawFn) -> Manifest:
    """The good manifest with one to three values replaced, removed or repeated."""
    good = [GOOD[name] for name in ("as it is", "tensor map", "im2col map", "cluster")]
    manifest = affine_manifest(draw(st.sampled_from(good)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([path for path in paths(manifest) if path]))
        place: Any = manifest
        for step in path[:-1]:
            place = place[step]
        action = draw(st.sampled_from(["replace", "replace", "remove", "repeat"]))
        if action == "replace":
            place[path[-1]] = copy.deepcopy(draw(VALUES))
        elif action == "remove":
            del place[path[-1]]
        elif isinstance(place, list):
            place.append(copy.deepcopy(place[path[-1]]))
    return manifest


@settings(max_examples=600)
@given(mutated_manifests())
def test_mutated_manifests_with_a_fitting_checksum(plan: Plan, manifest: Manifest) -> None:
    """Only ever a PlanError, or a plan within its bounds for every batch in its range."""
    text = json.dumps(manifest).encode()
    data = b"".join(encode(dict(decode(memoryview(plan.to_bytes()))) | {"manifest.json": text}))
    try:
        accepted = Plan.from_bytes(data)
    except PlanError:
        return
    spec = accepted.spec
    for corner in ("minimum", "optimum", "maximum"):
        program = resolve(spec, {name: getattr(span, corner) for name, span in spec.symbols.items()})
        for bound in program.launches:
            for argument in bound.arguments:
                if getattr(argument, "space", None) == "arena":
                    assert 0 <= argument.offset <= argument.offset + argument.bytes <= spec.arena_bytes


def test_the_good_manifest_is_untouched() -> None:
    assert affine_manifest() == AFFINE
