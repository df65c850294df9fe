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

from .tiny_plans import AFFINE, affine_manifest, affine_plan, buffer, launch

Manifest = dict[str, Any]
HUGE = 2**62


def put(*path: Any) -> Callable[[Manifest], None]:
    """A change that stores the last argument at the place that the others name."""

    def change(manifest: Manifest) -> None:
        *steps, key, value = path
        place: Any = manifest
        for step in steps:
            place = place[step]
        place[key] = value

    return change


TENSOR_MAP = {
    "buffer": "b0",
    "dtype": "f32",
    "dims": [4, "N"],
    "strides": [16],
    "box": [4, 8],
    "swizzle": "none",
}


def with_map(**fields: Any) -> Callable[[Manifest], None]:
    """A change after which the first kernel also takes a tensor map."""

    def change(manifest: Manifest) -> None:
        manifest["kernels"]["k0_double"]["parameters"].append("tensor_map")
        manifest["launches"][0]["arguments"].append({"tensor_map": copy.deepcopy(TENSOR_MAP | fields)})

    return change


GOOD: dict[str, Callable[[Manifest], None]] = {
    "as it is": lambda manifest: None,
    "tensor map": with_map(),
    "swizzled tensor map": with_map(box=[4, 8], swizzle="32B"),
    "zeroed bytes": put("zeroed_bytes", 1024),
    "extra field": put("note", "free"),
    "output used in place": put("launches", 1, "reads", ["b0", "w0", "out0"]),
    "empty batch": put("symbols", "N", [0, 0, 32]),
    "two streams": lambda manifest: manifest["launches"].append(
        launch("k0_double", [buffer("in0"), buffer("b0"), {"i32": 1}], ["in0"], ["b0"], stream=1, waits=[1])
    ),
}


def constrained(left: Any) -> Callable[[Manifest], None]:
    """A change that adds the constraint LEFT >= 1."""
    facts = {"relation": ">=", "right": 1, "text": "", "why": "", "nodes": []}
    return put("constraints", [{"left": left, **facts}])


BAD: dict[str, Callable[[Manifest], None]] = {
    "constraint of an unknown operator": constrained(["power", "N", 2]),
    "constraint of an unknown symbol": constrained("Q"),
    "constraint that divides by zero": constrained(["floordiv", "N", 0]),
    "derived symbol that is not declared": put("derived", {"S0": ["min", "N", 3]}),
    "symbol derived from itself": put("derived", {"N": ["min", "N", 3]}),
    "format": put("format", 2),
    "missing field": lambda manifest: manifest.pop("arena_bytes"),
    "negative arena": put("arena_bytes", -1),
    "more zeroed than there is": put("zeroed_bytes", 1025),
    "negative zeroed bytes": put("zeroed_bytes", -1),
    "arena too small": put("arena_bytes", 767),
    "offset past the arena": put("buffers", 2, "offset", 1024),
    "negative offset": put("buffers", 2, "offset", -256),
    "wrapping offset": put("buffers", 2, "offset", 2**63 - 256),
    "wrapping size": put("buffers", 2, "bytes", ["*", "N", HUGE]),
    "negative size": put("buffers", 2, "bytes", ["-", 0, "N"]),
    "input buffer larger than the input": put("buffers", 0, "bytes", ["*", "N", 20]),
    "output buffer larger than the output": put("buffers", 1, "offset", 4),
    "index past the inputs": put("buffers", 0, "index", 1),
    "weights past their end": put("buffers", 3, "offset", 4),
    "unknown space": put("buffers", 0, "space", "shared"),
    "two buffers of one name": put("buffers", 0, "name", "b0"),
    "buffers that are no list": put("buffers", {}),
    "two inputs of one name": lambda manifest: manifest["inputs"].append(manifest["inputs"][0]),
    "unknown dtype": put("inputs", 0, "dtype", "f128"),
    "negative dimension": put("outputs", 0, "shape", [-1, 4]),
    "shape that overflows": put("outputs", 0, "shape", [2**31, 2**31, 2**31]),
    "shape that overflows in bytes": put("outputs", 0, "shape", [2**62, 1]),
    "float dimension": put("inputs", 0, "shape", ["N", 4.0]),
    "unknown symbol": put("inputs", 0, "shape", ["N", "M"]),
    "symbol that no input binds": put("symbols", "M", [1, 1, 1]),
    "range out of order": put("symbols", "N", [8, 1, 32]),
    "negative range": put("symbols", "N", [-1, 1, 32]),
    "range of two": put("symbols", "N", [1, 32]),
    "target": put("targets", ["sm_90a; rm"]),
    "unknown kernel": put("launches", 0, "kernel", "k9"),
    "kernel name with a path": put("kernels", "../k", {"entry": "k", "parameters": []}),
    "entry with a quote": put("kernels", "k0_double", "entry", 'k"'),
    "unknown parameter": put("kernels", "k0_double", "parameters", ["buffer", "buffer", "f32"]),
    "too few arguments": put("launches", 0, "arguments", [buffer("in0"), buffer("b0")]),
    "arguments of other kinds": put("launches", 0, "arguments", 2, {"i64": 1}),
    "argument of two kinds": put("launches", 0, "arguments", 2, {"i32": 1, "i64": 1}),
    "unknown buffer": put("launches", 0, "arguments", 0, buffer("b9")),
    "i32 that does not fit": put("launches", 0, "arguments", 2, {"i32": ["*", "N", 2**27]}),
    "grid of two": put("launches", 0, "grid", [1, 1]),
    "negative grid": put("launches", 0, "grid", [-1, 1, 1]),
    "grid past the limit": put("launches", 0, "grid", [1, 65_536, 1]),
    "grid past the limit at the maximum": put("launches", 0, "grid", [1, ["*", "N", 2048], 1]),
    "empty grid that should write": put("launches", 0, "grid", [0, 1, 1]),
    "empty grid at the minimum that should write": put("launches", 0, "grid", [["+", "N", -1], 1, 1]),
    "block too large": put("launches", 0, "block", [1024, 2, 1]),
    "block too deep": put("launches", 0, "block", [1, 1, 128]),
    "empty block": put("launches", 0, "block", [0, 1, 1]),
    "cluster too large": put("launches", 0, "cluster", [16, 2, 1]),
    "cluster that does not divide the grid": put("launches", 0, "cluster", [2, 1, 1]),
    "too much shared memory": put("launches", 0, "shared_bytes", 232_449),
    "wait for itself": put("launches", 1, "waits", [1]),
    "wait for a later launch": put("launches", 0, "waits", [1]),
    "negative wait": put("launches", 1, "waits", [-1]),
    "negative stream": put("launches", 0, "stream", -1),
    "pdl as a number": put("launches", 0, "pdl", 1),
    "writes to an input": put("launches", 0, "writes", ["in0"]),
    "writes to weights": put("launches", 1, "writes", ["w0", "out0"]),
    "reads what is no argument": put("launches", 0, "reads", ["w0"]),
    "output nobody writes": put("launches", 1, "writes", []),
    "map past its buffer": with_map(dims=[4, ["+", "N", 17]]),
    "map with a row too wide": with_map(dims=[5, "N"]),
    "map with unaligned strides": with_map(strides=[8]),
    "map with negative strides": with_map(strides=[-16]),
    "map without strides": with_map(strides=[]),
    "map with an empty dimension": with_map(dims=[4, 0]),
    "map with a box too large": with_map(box=[4, 257]),
    "map with an unaligned box": with_map(box=[1, 8]),
    "map with a box wider than its swizzle": with_map(box=[16, 8], swizzle="32B"),
    "map with an unknown swizzle": with_map(swizzle="256B"),
    "map with an unknown dtype": with_map(dtype="f31"),
    "map over an unknown buffer": with_map(buffer="b9"),
    "map of rank six": with_map(dims=[1] * 6, strides=[16] * 5, box=[1] * 6),
}


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    plan = affine_plan(GOOD[name])
    assert Plan.from_bytes(plan.to_bytes()) == plan


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str) -> None:
    with pytest.raises(PlanError):
        affine_plan(BAD[name])


def test_buffer_errors_name_buffer_and_size() -> None:
    with pytest.raises(PlanError, match=r"'b0' covers bytes 256 to 768, but its space \(arena\) has 767"):
        affine_plan(BAD["arena too small"])


def test_resolve_checks_shapes_between_the_corners() -> None:
    """A size that is wrong only between min, opt and max is found when that shape is asked for."""
    bump = ["*", ["max", 0, ["-", 1, ["max", ["-", "N", 16], ["-", 16, "N"]]]], 4096]
    plan = affine_plan(put("buffers", 2, "bytes", ["+", ["*", "N", 16], bump]))
    assert resolve(plan.spec, {"N": 15}).launches
    with pytest.raises(PlanError, match="'N' = 16"):
        resolve(plan.spec, {"N": 16})


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
    st.sampled_from(["N", "b0", "in0", "arena", "output", "i32"]),
    st.just([]),
    st.just({}),
    st.lists(st.integers(), max_size=4),
    st.sampled_from([["*", "N", 2**62], ["floordiv", "N", 0], ["-", 0, "N"], ["+", "N"], ["N"]]),
)


@st.composite
def mutated_manifests(draw: st.DrawFn) -> Manifest:
    """The good manifest with one to three values replaced, removed or repeated."""
    manifest = affine_manifest(draw(st.sampled_from([GOOD["as it is"], GOOD["tensor map"]])))
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
