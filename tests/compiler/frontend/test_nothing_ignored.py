"""No attribute and no input is ignored: what a node states has its effect, or the node is refused.

The definitions of all supported ops are walked, at all their versions. Every attribute and every optional
input is set to a value that matters; the result is that of ONNX Runtime or of ONNX's reference, or an
UnsupportedError names the node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.compiler.frontend.contributed.registry import CONTRIBUTED, IN_STANDARD_DOMAIN
from glassrt.compiler.frontend.reading import NEWEST_OPSET, OLDEST_OPSET
from glassrt.compiler.frontend.registry import IMPORTERS
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError, UnsupportedError
from onnx import helper
from onnx.reference import ReferenceEvaluator
from onnxruntime.capi import onnxruntime_pybind11_state

from ...models import run_onnxruntime
from .graphs import model
from .nodes import Array, Case, case, real
from .stated import BASES, CHANGES, MICROSOFT, Change, right

Results = list[Array]
Run = Callable[[onnx.ModelProto, dict[str, Array]], dict[str, Array]]


def contributed_definitions() -> Iterator[tuple[Any, int]]:
    """What ONNX Runtime says about its own ops, as far as they are supported."""
    for schema in onnxruntime_pybind11_state.get_all_operator_schema():
        if schema.domain == MICROSOFT and schema.name in CONTRIBUTED:
            yield schema, 18
        elif not schema.domain and schema.name in IN_STANDARD_DOMAIN and schema.since_version == 1:
            yield schema, 16


def key(schema: Any) -> str:
    """What BASES and CHANGES call an op."""
    return f"{schema.domain}.{schema.name}" if schema.domain else schema.name


@cache
def standard_definitions() -> list[tuple[Any, int]]:
    """Every definition of a supported op that a readable opset has, with the first of these opsets."""
    found = []
    for op in IMPORTERS:
        seen = set()
        for opset in range(OLDEST_OPSET, NEWEST_OPSET + 1):
            try:
                schema = onnx.defs.get_schema(op, opset, "")
            except onnx.defs.SchemaError:
                continue
            if schema.since_version not in seen and not schema.deprecated:
                seen.add(schema.since_version)
                found.append((schema, opset))
    return found


DEFINITIONS = [*standard_definitions(), *contributed_definitions()]


def optional_parts(schema: Any) -> list[str]:
    """The attributes and the optional inputs of an op."""
    optional = [part.name for part in schema.inputs if part.option.name == "Optional"]
    return [*schema.attributes, *optional]


def changed(base: Case, schema: Any, values: dict[str, Any]) -> Case:
    """BASE with VALUES by name, those that the op has at this version."""
    arrays, attributes = list(base.arrays), dict(base.attributes)
    places = {part.name: place for place, part in enumerate(schema.inputs)}
    for name, value in values.items():
        if name in places:
            arrays += [None] * (places[name] + 1 - len(arrays))
            arrays[places[name]] = None if value is None else as_array(value)
        elif name in schema.attributes:
            attributes.pop(name, None)
            attributes |= {} if value is None else {name: value}
    constant = base.constant if base.constant and base.constant[0] == 0 else range(1, len(arrays))
    outputs = values.get("outputs", base.outputs)
    return replace(base, arrays=arrays, attributes=attributes, constant=constant, outputs=outputs)


def as_array(value: Any) -> Array:
    """VALUE as the input that it is where it was an attribute before."""
    return np.asarray(value, np.float32 if isinstance(value, float) else None)


def answers(given: Case, opset: int) -> list[Results | None]:
    """What ONNX Runtime and ONNX's reference give; None from one that does not take the node."""
    made = given.model(opset)
    return [_answer(run, made, given.inputs) for run in (run_onnxruntime, by_reference)]


def _answer(run: Run, made: onnx.ModelProto, inputs: dict[str, Array]) -> Results | None:
    try:
        return list(run(made, inputs).values())
    except Exception:  # each has errors of its own
        return None


def by_reference(made: onnx.ModelProto, inputs: dict[str, Array]) -> dict[str, Array]:
    with np.errstate(all="ignore"):
        results = ReferenceEvaluator(made).run(None, inputs)
    return {str(place): np.asarray(result) for place, result in enumerate(results)}


def ours(given: Case, opset: int) -> Results:
    return list(interpret(import_model(given.model(opset).SerializeToString()), given.inputs).values())


def same(have: Results, want: Results) -> bool:
    return len(have) == len(want) and all(map(_same, have, want))


def _same(have: Array, want: Array) -> bool:
    if have.shape != want.shape or have.dtype != want.dtype:
        return False
    if have.dtype.kind in "biu":
        return np.array_equal(have, want)
    close = 2e-3 if have.dtype.itemsize < 4 else 2e-5
    return np.allclose(have, want, rtol=close, atol=close, equal_nan=True)


def changes(before: list[Results | None], after: list[Results | None]) -> bool:
    """True when the first that takes the node both times gives another result, or when there is none."""
    pairs = zip(before, after, strict=True)
    return next((not same(b, a) for b, a in pairs if a is not None and b is not None), True)


def walk() -> Iterator[Any]:
    for schema, opset in DEFINITIONS:
        for name in optional_parts(schema):
            for number, change in enumerate(CHANGES.get(key(schema), {}).get(name, ())):
                label = f"{key(schema)}-{schema.since_version}-{name}-{number}"
                yield pytest.param(schema, opset, name, change, id=label)


def test_every_attribute_and_optional_input_is_walked() -> None:
    missing = [
        (key(schema), schema.since_version, name)
        for schema, _ in DEFINITIONS
        for name in optional_parts(schema)
        if not CHANGES.get(key(schema), {}).get(name)
    ]
    assert missing == []


@pytest.mark.parametrize(("schema", "opset", "name", "change"), list(walk()))
def test_what_a_node_states(schema: Any, opset: int, name: str, change: Change) -> None:
    base = BASES[key(schema)](schema.since_version)
    given = changed(base, schema, change.values)
    if change.refused:
        with pytest.raises(UnsupportedError, match=f"{schema.name} node 'the node'"):
            ours(given, opset)
        return
    without = changed(base, schema, {key: value for key, value in change.values.items() if key != name})
    wanted, before = answers(given, opset), answers(without, opset)
    if (
        wanted == [None, None] and not schema.domain
    ):  # some runtimes are behind: new versions of an op may only add types
        wanted, before = answers(given, opset - 1), answers(without, opset - 1)
    assert wanted != [None, None], "neither ONNX Runtime nor the reference takes this node"
    assert changes(before, wanted) != change.inert
    have = ours(given, opset)
    assert any(want is not None and same(have, want) for want in wanted)


@pytest.mark.parametrize("op", IMPORTERS)
def test_an_attribute_that_the_op_does_not_have(op: str) -> None:
    schema, opset = [pair for pair in standard_definitions() if pair[0].name == op][-1]
    outputs = [f"y{place}" for place in range(schema.min_output)]
    stated = helper.make_node(op, ["x"] * schema.min_input, outputs, name="n", no_such_thing=1)
    with pytest.raises(ModelError, match=f"{op} node 'n': the op has no attribute 'no_such_thing'"):
        import_model(model([stated], outputs=outputs, opset=opset))


def test_contributed_ops_have_the_attributes_and_inputs_that_onnx_runtime_gives_them() -> None:
    known = {schema.name: schema for schema, _ in contributed_definitions()}
    supported = {**CONTRIBUTED, **IN_STANDARD_DOMAIN}
    assert set(known) == set(supported)
    for op, ours in supported.items():
        schema = known[op]
        assert ours.attributes == set(schema.attributes), op
        assert (ours.least, ours.most) == (schema.min_input, schema.max_input), op
        assert ours.outputs == schema.max_output, op


def test_a_case_has_the_same_numbers_wherever_it_stands() -> None:
    case("Relu", 7, real(5))
    first, second = case("Relu", 7, real(3)), case("Relu", 7, real(3))
    assert first.arrays[0] is not None
    np.testing.assert_array_equal(first.arrays[0], second.arrays[0])
    right(x=real(5))
    change, other = right(x=real(3)), right(x=real(3))
    np.testing.assert_array_equal(change.values["x"], other.values["x"])
    assert not np.array_equal(change.values["x"], first.arrays[0]), "a base and a change differ"
    assert not np.array_equal(real(3), real(3)), "so do the inputs of one case"
