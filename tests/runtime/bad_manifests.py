"""Changes of the manifest of a tiny plan, and those that make it wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from .tiny_plans import buffer

Manifest = dict[str, Any]


def put(*path: Any) -> Callable[[Manifest], None]:
    """A change that stores the last argument at the place that the others name."""

    def change(manifest: Manifest) -> None:
        *steps, key, value = path
        place: Any = manifest
        for step in steps:
            place = place[step]
        place[key] = value

    return change


HUGE = 2**62


TENSOR_MAP = {
    "buffer": "b0",
    "dims": [4, "N"],
    "strides": [16],
    "box": [4, 8],
    "swizzle": "none",
}


def with_map(dtype: str = "f32", **fields: Any) -> Callable[[Manifest], None]:
    """A change after which the first kernel also takes a tensor map."""

    def change(manifest: Manifest) -> None:
        manifest["kernels"]["k0_double"]["parameters"].append({"tensor_map": dtype})
        manifest["launches"][0]["arguments"].append({"tensor_map": copy.deepcopy(TENSOR_MAP | fields)})

    return change


def with_column(**fields: Any) -> Callable[[Manifest], None]:
    """The same with an im2col map, of N images of one pixel."""
    shape = {"dims": [4, 1, 1, "N"], "strides": [16, 16, 16], "box": [4, 8]}
    return with_map(**shape | {"lower": [-1, 0], "upper": [0, 0]} | fields)


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
    "format of old": put("format", 1),
    "format to come": put("format", 5),
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
    "kernel name with a path": put("kernels", "../k", {"entry": "k", "module": "k", "parameters": []}),
    "functions of one name in two modules": put(
        "kernels", "k9", {"entry": "k0_double", "module": "other", "parameters": []}
    ),
    "entry with a quote": put("kernels", "k0_double", "entry", 'k"'),
    "module with a path": put("kernels", "k0_double", "module", "../k"),
    "unknown parameter": put("kernels", "k0_double", "parameters", 0, {"pointer": "f32"}),
    "parameter of two kinds": put("kernels", "k0_double", "parameters", 0, {"read": "f32", "write": "f32"}),
    "parameter of no kind": put("kernels", "k0_double", "parameters", 0, {}),
    "parameter that is no object": put("kernels", "k0_double", "parameters", 0, "read"),
    "buffer of an unknown dtype": put("kernels", "k0_double", "parameters", 0, {"read": "f31"}),
    "scalar of a float": put("kernels", "k0_double", "parameters", 2, {"scalar": "f32"}),
    "too few arguments": put("launches", 0, "arguments", [buffer("in0"), buffer("b0")]),
    "arguments of other kinds": put("launches", 0, "arguments", 2, buffer("b0")),
    "argument of two kinds": put("launches", 0, "arguments", 2, {"scalar": 1, "buffer": "b0"}),
    "argument of no kind": put("launches", 0, "arguments", 2, {}),
    "unknown buffer": put("launches", 0, "arguments", 0, buffer("b9")),
    "buffer without a name": put("launches", 0, "arguments", 1, buffer("")),
    "i32 that does not fit": put("launches", 0, "arguments", 2, {"scalar": ["*", "N", 2**27]}),
    "grid of two": put("launches", 0, "grid", [1, 1]),
    "negative grid": put("launches", 0, "grid", [-1, 1, 1]),
    "grid past the limit": put("launches", 0, "grid", [1, 65_536, 1]),
    "grid past the limit at the maximum": put("launches", 0, "grid", [1, ["*", "N", 2048], 1]),
    "empty grid that should write": put("launches", 0, "grid", [0, 1, 1]),
    "empty grid at the minimum that should write": put("launches", 0, "grid", [["+", "N", -1], 1, 1]),
    "block too large": put("launches", 0, "block", [1024, 2, 1]),
    "block too deep": put("launches", 0, "block", [1, 1, 128]),
    "empty block": put("launches", 0, "block", [0, 1, 1]),
    "cluster too long": lambda manifest: manifest["launches"][0].update(grid=[32, 1, 1], cluster=[32, 1, 1]),
    "cluster too large": lambda manifest: manifest["launches"][0].update(grid=[8, 4, 1], cluster=[8, 4, 1]),
    "cooperative as a number": put("launches", 0, "cooperative", 1),
    "cluster that does not divide the grid": put("launches", 0, "cluster", [2, 1, 1]),
    "too much shared memory": put("launches", 0, "shared_bytes", 232_449),
    "wait for itself": put("launches", 1, "waits", [1]),
    "wait for one launch twice": put("launches", 1, "waits", [0, 0]),
    "wait for a later launch": put("launches", 0, "waits", [1]),
    "negative wait": put("launches", 1, "waits", [-1]),
    "negative stream": put("launches", 0, "stream", -1),
    "pdl as a number": put("launches", 0, "pdl", 1),
    "writes to an input": put("launches", 0, "arguments", 1, buffer("in0")),
    "writes to weights": put("kernels", "k1_add", "parameters", 1, {"write": "f32"}),
    "scratch in weights": put("kernels", "k1_add", "parameters", 1, {"scratch": "f32"}),
    "output nobody writes": put("kernels", "k1_add", "parameters", 2, {"read": "f32"}),
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
    "map of rank six": with_map(dims=[1] * 6, strides=[16] * 5, box=[4] * 6),
    "map of rank zero": with_map(dims=[], strides=[], box=[]),
    "map with a box of another rank": with_map(box=[4]),
    "map with steps of another rank": with_map(steps=[1]),
    "map with a step too large": with_map(steps=[1, 9]),
    "map with a step of zero": with_map(steps=[1, 0]),
    "map with a step along the innermost dimension": with_map(box=[8, 8], steps=[2, 1]),
    "map with an unknown interleave": with_map(interleave="8B"),
    "map with an interleave and another swizzle": with_map(
        dims=[4, 1, "N"], strides=[32, 32], box=[4, 1, 1], interleave="32B", dtype="f16"
    ),
    "interleaved map of rank two": with_map(interleave="16B"),
    "interleaved map with unaligned strides": with_map(
        dims=[4, 1, "N"], strides=[16, 16], box=[4, 1, 1], interleave="32B", swizzle="32B", dtype="f16"
    ),
    "map with an unknown fill": with_map(fill="one"),
    "map with an unknown rounding": with_map(rounding="bf16"),
    "halves rounded to tf32": with_map(dtype="f16", rounding="tf32"),
    "integers filled with NaN": with_map(dtype="i32", fill="nan"),
    "map of an unaligned buffer": lambda manifest: (
        with_map(dims=[4, 1])(manifest),
        manifest["buffers"][2].update(offset=264),
    ),
    "map with a stride too large": with_map(dims=[4, 1], strides=[2**40]),
    "map with a dimension too large": with_map(dims=[2**32 + 1, 1]),
    "im2col map of rank two": with_column(dims=[4, "N"], strides=[16], lower=[], upper=[0]),
    "im2col map with one corner": with_column(upper=[]),
    "im2col map with short corners": with_column(lower=[0], upper=[0]),
    "im2col map with a corner too far": with_column(lower=[-129, 0]),
    "im2col map with too many channels": with_column(box=[260, 8]),
    "im2col map with too many pixels": with_column(box=[4, 1025]),
    "im2col map with a box of its rank": with_column(box=[4, 1, 1, 8]),
    "im2col map without pixels": with_column(upper=[-2, 0]),
}
