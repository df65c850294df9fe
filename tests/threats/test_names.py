"""T1: names of the model reach one comment of a source, no file name and no level of what is computed."""

from __future__ import annotations

import re
from collections.abc import Callable

import glassrt
import numpy as np
import pytest
from glassrt.codegen.text.provenance import without_provenance
from glassrt.codegen.text.source_check import check_source
from glassrt.compiler.api import compile as compile_model
from glassrt.runtime.plan import Plan
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper

from ..e2e.networks import NETWORKS, feeds

NASTY = [
    "*/ int x; /*",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "\n#include </etc/passwd>\n",
    "\0",
    "../../../tmp/evil",
    '"); abort(); ("',
    "\\",
    "%0",
    "\u202egnp.cu",
    "\U0001f600",
    "x0",
    "s0",
    "S1",
    "element",
    "\x1b[2J",
    "a" * 5000,
    "asm",
    "/__asm__/",
    "_Pragma",
]
NAMES = st.one_of(st.text(min_size=1, max_size=20), st.sampled_from(NASTY))
PLAIN = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,20}", fullmatch=True)


def renamed(made: ModelProto, rename: Callable[[str], str], dims: Callable[[str], str]) -> ModelProto:
    """MADE under other names for everything that has one; no two get the same."""
    copy = ModelProto()
    copy.CopyFrom(made)
    graph = copy.graph
    graph.name = rename(graph.name)
    copy.producer_name = copy.doc_string = graph.doc_string = rename("anything")
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = rename(value.name)
    for value in graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = dims(dim.dim_param)
    for node in graph.node:
        node.name = rename(node.name)
        node.input[:] = [rename(name) if name else "" for name in node.input]
        node.output[:] = [rename(name) if name else "" for name in node.output]
    return copy


def by_table(fresh: list[str]) -> Callable[[str], str]:
    """A renaming that takes names from FRESH, each with a number behind it."""
    table: dict[str, str] = {}
    return lambda name: table.setdefault(name, f"{fresh[len(table) % len(fresh)]}{len(table)}")


def two_symbols() -> ModelProto:
    """Sums and products of two symbolic sizes, whose order must not depend on what they are called."""
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "M", 3]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["M", 4]),
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="product"),
        helper.make_node("Softmax", ["h"], ["s"], name="row", axis=-1),
        helper.make_node("Add", ["s", "y"], ["a"], name="sum"),
        helper.make_node("Concat", ["a", "h"], ["c"], name="join", axis=1),
        helper.make_node("Transpose", ["c"], ["t"], name="turn", perm=[1, 2, 0]),
        helper.make_node("Flatten", ["t"], ["z"], name="flat", axis=1),
    ]
    weights = [numpy_helper.from_array(np.arange(12, dtype=np.float32).reshape(3, 4), "w")]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_empty_tensor_value_info("z")], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


MODELS = {"transformer": NETWORKS["transformer"]("N"), "inception": NETWORKS["inception"]("N"),
          "two symbols": two_symbols()}  # fmt: skip


@pytest.fixture(scope="module", params=MODELS)
def original(request: pytest.FixtureRequest) -> tuple[ModelProto, Plan]:
    made = MODELS[request.param]
    return made, compile_model(made, target="host", precision="fp16")


def nameless(plan: Plan) -> dict[str, str]:
    """The sources less the comment that names their nodes, which is printable and short."""
    for name, source in plan.sources.items():
        check_source(name, source)
        assert len(source.split("\n")[1]) < 2500
    return {name: without_provenance(source) for name, source in plan.sources.items()}


def without_names(text: str) -> str:
    """Launch text less the names of nodes, inputs and outputs."""
    return re.sub(r" loc\(.*\)|\{inputs = \[.*\], outputs = \[.*\]\}", "", text)


@settings(max_examples=15)
@given(fresh=st.lists(NAMES, min_size=1, max_size=6))
@example(fresh=NASTY)
def test_renaming_leaves_the_emitted_code_as_it_is(
    original: tuple[ModelProto, Plan], fresh: list[str]
) -> None:
    made, plan = original
    other = compile_model(renamed(made, by_table(fresh), lambda name: name), target="host", precision="fp16")
    assert nameless(other) == nameless(plan)
    assert other.headers == plan.headers
    assert bytes(other.weights) == bytes(plan.weights)
    for level in ("fused", "precision", "launch"):
        assert without_names(other.ir(level)) == without_names(plan.ir(level))


@settings(max_examples=15)
@given(names=st.lists(st.one_of(NAMES, PLAIN), min_size=2, max_size=2, unique=True))
@example(names=["Z", "A"])
@example(names=["i0", "x0"])
@example(names=["floordiv", "symbol"])
@example(names=["D0", "D1"])
def test_renaming_symbolic_sizes_leaves_the_emitted_code_as_it_is(names: list[str]) -> None:
    made = two_symbols()
    table = dict(zip(("N", "M"), names, strict=True))
    plan = compile_model(made, target="host")
    other = compile_model(renamed(made, lambda name: name, table.__getitem__), target="host")
    assert other.sources == plan.sources


def test_a_model_of_hostile_names_runs_under_them() -> None:
    made = MODELS["two symbols"]
    other = renamed(made, by_table(NASTY), lambda name: f"*/{{{{{name}}}}}\n")
    inputs = {"x": np.ones((2, 3, 3), np.float32), "y": np.ones((3, 4), np.float32)}
    (expected,) = glassrt.load(compile_model(made, target="host"), device="host").run(inputs).values()
    plan = Plan.from_bytes(compile_model(other, target="host").to_bytes())
    mine = {spec.name: array for spec, array in zip(plan.spec.inputs, inputs.values(), strict=True)}
    assert mine.keys() == {value.name for value in other.graph.input}
    results = glassrt.load(plan, device="host").run(mine)
    assert list(results) == [value.name for value in other.graph.output]
    np.testing.assert_array_equal(next(iter(results.values())), expected)


def test_names_reach_no_file_name() -> None:
    plan = compile_model(renamed(MODELS["inception"], by_table(NASTY), lambda name: name), target="host")
    for name in plan.sources:
        assert re.fullmatch(r"k_[a-z0-9_]+_[0-9a-f]{8}", name)
    assert plan.manifest["name"] == "model"


def test_a_name_of_a_megabyte_builds() -> None:
    made = renamed(MODELS["two symbols"], lambda name: name + "*/\n" * 350_000, lambda name: name)
    plan = compile_model(made, target="host")
    assert nameless(plan) == nameless(compile_model(MODELS["two symbols"], target="host"))


def test_feeds_follow_the_names() -> None:
    """The inputs of the renamed model are found by the names that it has."""
    made = renamed(MODELS["transformer"], by_table(["\0", "\n"]), lambda name: name)
    engine = glassrt.load(compile_model(made, target="host"), device="host")
    ours, theirs = engine.run(feeds(made, 2)), MODELS["transformer"]
    want = glassrt.load(compile_model(theirs, target="host"), device="host").run(feeds(theirs, 2))
    for ours_array, want_array in zip(ours.values(), want.values(), strict=True):
        np.testing.assert_array_equal(ours_array, want_array)


def test_every_kernel_of_a_network_names_itself_its_ops_and_its_nodes() -> None:
    """Of every family, loop and row kernels too."""
    model = MODELS["transformer"]
    nodes = {node.name for node in model.graph.node}
    plan = compile_model(model, target="host", precision="fp16")
    assert plan.sources
    for name, source in plan.sources.items():
        first, second = source.split("\n")[:2]
        assert first.startswith(f"// {name}: ")
        assert second.startswith("// from ONNX nodes ")
        assert second.removeprefix("// from ONNX nodes ").replace(";", ",").split(", ")[0] in nodes
