"""T5 to T8: small files that ask for the impossible, end to end, under limits of memory and time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import glassrt
import numpy as np
import pytest
from glassrt.codegen.text.source_check import MAX_STATEMENTS
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.frontend.importer import import_model
from glassrt.compiler.frontend.limits import MAX_FOLDED_BYTES
from glassrt.compiler.settings.options import Options
from glassrt.dialects.graph.reduction import Reduce
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from .limited import run_limited

BUILD = """
for path in sys.argv[1:]:
    attempt(lambda: glassrt.compile(path, target="host"))
"""
HUGE = np.array([2**20, 2**20])


def model(nodes: Sequence[NodeProto], shape: Sequence[int | str] = (4,), **stored: np.ndarray) -> ModelProto:
    """A model of NODES from the float input x to y."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def chain(kinds: Sequence[str], length: int, shape: Sequence[int | str] = (2, 3)) -> ModelProto:
    """LENGTH unary nodes one after the other, of KINDS in turn."""
    names = ["x", *(f"t{i}" for i in range(1, length)), "y"]
    kind = itertools.cycle(kinds)
    return model([helper.make_node(next(kind), [a], [b]) for a, b in itertools.pairwise(names)], shape)


def doubled(kind: str, times: int, first: str, **attributes: int) -> list[NodeProto]:
    """Nodes that join FIRST with itself, over and over; the last gives `last`."""
    names = [first, *(f"d{i}" for i in range(1, times)), "last"]
    return [helper.make_node(kind, [a, a], [b], **attributes) for a, b in itertools.pairwise(names)]


def used(*nodes: NodeProto) -> list[NodeProto]:
    """NODES, whose `last` is added to x."""
    return [
        *nodes,
        helper.make_node("Cast", ["last"], ["f"], to=1),
        helper.make_node("Add", ["x", "f"], ["y"]),
    ]


def chain_of_sizes(count: int) -> ModelProto:
    """COUNT additions of inputs that have two sizes of their own each."""
    names = ["x", *(f"t{i}" for i in range(1, count)), "y"]
    pairs = enumerate(itertools.pairwise(names))
    made = model([helper.make_node("Add", [a, f"i{k}"], [b]) for k, (a, b) in pairs], ("N", "M"))
    made.graph.input.extend(
        helper.make_tensor_value_info(f"i{k}", TensorProto.FLOAT, [f"N{k}", f"M{k}"]) for k in range(count)
    )
    return made


def branches(depth: int) -> ModelProto:
    """If in If, DEPTH times; the innermost is relu(x), the others are -x where the sum of x is 0."""
    nodes = [helper.make_node("Relu", ["x"], ["o0"])]
    for level in range(depth):
        results = [helper.make_tensor_value_info(f"o{level}", TensorProto.FLOAT, None)]
        other = helper.make_node("Neg", ["x"], [f"o{level}"])
        nodes = [
            helper.make_node(
                "If", ["any"], [f"o{level + 1}"],
                then_branch=helper.make_graph(nodes, f"then{level}", [], results),
                else_branch=helper.make_graph([other], f"else{level}", [], results),
            )
        ]  # fmt: skip
    total = helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0)
    condition = helper.make_node("Cast", ["total"], ["any"], to=TensorProto.BOOL)
    return model([total, condition, *nodes, helper.make_node("Identity", [f"o{depth}"], ["y"])])


def calls(depth: int, times: int) -> ModelProto:
    """Functions that each call the one before it so many TIMES, DEPTH of them."""
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("f", 1)]
    made = model([helper.make_node(f"F{depth - 1}", ["x"], ["y"], domain="f")])
    made.opset_import.append(opsets[1])
    for level in range(depth):
        names = ["a", *(f"t{i}" for i in range(1, times)), "b"] if level else ["a", "b"]
        called, domain = (f"F{level - 1}", "f") if level else ("Relu", "")
        body = [helper.make_node(called, [a], [b], domain=domain) for a, b in itertools.pairwise(names)]
        made.functions.append(helper.make_function("f", f"F{level}", ["a"], ["b"], body, opsets))
    return made


BOMBS: dict[str, ModelProto] = {
    "self-Concat of sizes": model(
        [
            helper.make_node("Shape", ["x"], ["s"]),
            *doubled("Concat", 40, "s", axis=0),
            helper.make_node("Reshape", ["x", "last"], ["y"]),
        ],
        ("N", 3),
    ),
    "self-Concat of a constant": model(used(*doubled("Concat", 40, "w", axis=0)), w=np.ones(1024, np.int64)),
    "self-Concat of an input": model(
        [*doubled("Concat", 40, "x", axis=0), helper.make_node("Relu", ["last"], ["y"])]
    ),
    "squares of a size": model(
        [
            helper.make_node("Shape", ["x"], ["s"]),
            *doubled("Mul", 40, "s"),
            helper.make_node("Expand", ["x", "last"], ["y"]),
        ],
        ("N",),
    ),
    "ConstantOfShape": model(used(helper.make_node("ConstantOfShape", ["s"], ["last"])), s=HUGE),
    "ConstantOfShape that overflows": model(
        used(helper.make_node("ConstantOfShape", ["s"], ["last"])), s=np.array([2**62] * 4)
    ),
    "Tile": model(used(helper.make_node("Tile", ["w", "s"], ["last"])), w=np.ones(1), s=np.array([2**40])),
    "Expand": model(used(helper.make_node("Expand", ["w", "s"], ["last"])), w=np.ones(1), s=HUGE),
    "Range": model(
        used(helper.make_node("Range", ["a", "b", "c"], ["last"])),
        a=np.array(0), b=np.array(2**40), c=np.array(1),
    ),
    "Pad": model(
        used(helper.make_node("Pad", ["w", "p"], ["last"])), w=np.ones(1), p=np.array([2**40, 2**40])
    ),
    "Tile of an input": model([helper.make_node("Tile", ["x", "s"], ["y"])], s=np.array([2**40])),
    "a Fourier transform": model(
        [helper.make_node("Expand", ["x", "s"], ["e"]), helper.make_node("DFT", ["e"], ["y"])],
        (1, 1, 1),
        s=np.array([1, 2**17, 1]),
    ),
    "a Fourier transform of a prime length": model(
        [helper.make_node("Expand", ["x", "s"], ["e"]), helper.make_node("DFT", ["e"], ["y"])],
        (1, 1, 1),
        s=np.array([1, 2**31 - 1, 1]),
    ),
    "OneHot": model(
        used(helper.make_node("OneHot", ["i", "d", "v"], ["last"])),
        i=np.array([1, 2]), d=np.array(2**40), v=np.array([0, 1], np.float32),
    ),
    "a window": model(used(helper.make_node("HannWindow", ["n"], ["last"])), n=np.array(2**40)),
    "a filter bank": model(
        used(helper.make_node("MelWeightMatrix", ["a", "a", "c", "d", "e"], ["last"])),
        a=np.array(2**20), c=np.array(8000), d=np.float32(0), e=np.float32(4000),
    ),
    "constants that broadcast": model(
        used(helper.make_node("Einsum", ["w"] * 8, ["last"], equation="a,b,c,d,e,f,g,h->abcdefgh")),
        w=np.ones(64, np.float32),
    ),
    "a transposed convolution": model(
        [helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2**20, 2**20])],
        (1, 1, 4, 4), w=np.ones((1, 1, 1, 1), np.float32),
    ),
    "regions of interest": model(
        [helper.make_node("RoiAlign", ["x", "r", "b"], ["y"], output_height=2**20, output_width=2**20)],
        (1, 1, 4, 4), r=np.ones((1, 4), np.float32), b=np.zeros(1, np.int64),
    ),
    "more dimensions than there are": model(
        [helper.make_node("Unsqueeze", ["x", "a"], ["y"])], a=np.arange(1, 2000)
    ),
    "functions that double": calls(21, 2),
    "functions in functions": calls(200, 1),
    "branches in branches": branches(17),
    "sizes that broadcast to one another": chain_of_sizes(100),
    "more sizes than can be told apart": chain_of_sizes(400),
}  # fmt: skip


def sums_of_one(count: int, elements: int) -> ModelProto:
    """COUNT sums of one constant of so many ELEMENTS, which the file does not hold: each is cheap to fold."""
    made = helper.make_node(
        "ConstantOfShape", ["s"], ["w"], value=numpy_helper.from_array(np.ones(1, np.float32))
    )
    names = [f"t{i}" for i in range(count)]
    sums = [helper.make_node("ReduceSum", ["w"], [name], keepdims=0) for name in names]
    return model([made, *sums, helper.make_node("Sum", ["x", *names], ["y"])], s=np.array([elements]))


def test_folding_reads_only_so_much_of_constants() -> None:
    """What comes later is left to a run: by the bytes of their results alone, all would be folded."""
    elements = 2**26
    folded = MAX_FOLDED_BYTES // (4 * elements) - 1  # the size of the constant has been read, too
    module = import_model(sums_of_one(folded + 9, elements))
    assert sum(isinstance(op, Reduce) for op in module.main.block) == 9
    few = import_model(sums_of_one(folded + 9, 1024))
    assert not any(isinstance(op, Reduce) for op in few.main.block)


def test_bombs_end_in_typed_errors_in_little_memory_and_time(tmp_path: Path) -> None:
    paths = []
    for number, made in enumerate(BOMBS.values()):
        paths.append(tmp_path / f"{number}.onnx")
        paths[-1].write_bytes(made.SerializeToString())
        assert paths[-1].stat().st_size < 32_000
    outcome = run_limited(BUILD, *map(str, paths), gigabytes=1, seconds=10 + len(paths))
    for name, line in zip(BOMBS, outcome.lines, strict=True):
        assert line.startswith(("ModelError", "UnsupportedError")), f"{name}: {line}"
    assert outcome.peak < 2**30


# ---------------------------------------------------------------- long and deep (T7)


def test_a_chain_of_twenty_thousand_nodes_builds(tmp_path: Path) -> None:
    path = tmp_path / "chain.onnx"
    path.write_bytes(chain(["Exp", "Neg", "Sin"], 20_000).SerializeToString())
    outcome = run_limited(BUILD, str(path), gigabytes=1, seconds=60)
    assert outcome.lines == ["fine"]


def test_a_long_chain_computes_what_it_says() -> None:
    plan = glassrt.compile(chain(["Neg", "Cos", "Sin"], 2_000), target="host")
    x = np.linspace(-2, 2, 6, dtype=np.float32).reshape(2, 3)
    expected = x.astype(np.float64)
    for kind in itertools.islice(itertools.cycle((np.negative, np.cos, np.sin)), 2_000):
        expected = kind(expected)
    (y,) = glassrt.load(plan, device="host").run({"x": x}).values()
    np.testing.assert_allclose(y, expected, rtol=1e-4)


@pytest.mark.parametrize("fan", ["in", "out", "concat", "sum"])
def test_hundreds_of_branches_build(fan: str) -> None:
    count = 400
    branches = [helper.make_node("Add", ["x", f"c{i}"], [f"b{i}"]) for i in range(count)]
    stored = {f"c{i}": np.float32(i) for i in range(count)}
    names = [f"b{i}" for i in range(count)]
    if fan == "concat":
        made = model([*branches, helper.make_node("Concat", names, ["y"], axis=0)], **stored)
    elif fan == "sum":
        made = model([*branches, helper.make_node("Sum", names, ["y"])], **stored)
    elif fan == "out":
        made = model([*branches, helper.make_node("Relu", ["x"], ["y"])], **stored)
        made.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    else:
        made = model([helper.make_node("Sum", ["x", *names], ["y"])])
        made.graph.input.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in names)
    plan = glassrt.compile(made, target="host")
    assert len(plan.spec.launches) <= 2 * count


def test_ir_text_of_ten_thousand_levels_is_a_typed_error(tmp_path: Path) -> None:
    head = (
        "module @m {\n  func @main(%x: tensor<2xf32>) -> (tensor<2xf32>) "
        '{inputs = ["x"], outputs = ["y"]} {\n'
    )
    region = "%0 = fused.kernel %x : tensor<2xf32> {\n^(%a: tensor<2xf32>):\n"
    bodies = {
        "regions": head + region * 10_000,
        "closed regions": head + region * 10_000 + "}" * 10_002,
        "brackets": head + "%0 = graph.relu %x {a = " + "[" * 10_000,
        "dimensions": "module @m { func @main(%x: tensor<"
        + "(" * 10_000
        + "N"
        + ")" * 10_000
        + "xf32>) -> () {} }",
        "divisions": head + "%0 = graph.reshape %x {shape = [" + "floordiv(" * 10_000 + "1",
        "minus signs": head + "%0 = graph.reshape %x {shape = [" + "-" * 10_000 + "1]}",
        "a sum": head + "%0 = graph.reshape %x {shape = [" + "N+" * 10_000 + "1]}",
    }
    paths = []
    for name, text in bodies.items():
        paths.append(tmp_path / f"{name}.ir")
        paths[-1].write_text(text)
    outcome = run_limited(BUILD, *map(str, paths), gigabytes=1, seconds=60)
    for name, line in zip(bodies, outcome.lines, strict=True):
        assert line.startswith(("IRError", "ModelError")), f"{name}: {line}"


def test_ir_text_of_long_strings_takes_little_memory(tmp_path: Path) -> None:
    head = (
        "module @m {\n  func @main(%x: tensor<2xf32>) -> (tensor<2xf32>) "
        '{inputs = ["x"], outputs = ["y"]} {\n    %0 = graph.relu %x : tensor<2xf32> loc("'
    )
    tail = '")\n    core.return %0\n  }\n}\n'
    bodies = {"long": "a" * 5_000_000 + tail, "open": "a" * 5_000_000, "escapes": "\\n" * 2_500_000}
    paths = []
    for name, text in bodies.items():
        paths.append(tmp_path / f"{name}.ir")
        paths[-1].write_text(head + text)
    outcome = run_limited(BUILD, *map(str, paths), gigabytes=1, seconds=60)
    assert [line.split()[0] for line in outcome.lines] == ["fine", "IRError", "IRError"]
    assert outcome.peak < 400 * 2**20


# ---------------------------------------------------------------- large kernels (T8)


def kernel_text(ops: int) -> str:
    """IR text of one kernel of OPS elementwise operations, as a hand may write it."""
    lines = [
        "module @m {",
        '  func @main(%x: tensor<64xf32>) -> (tensor<64xf32>) {inputs = ["x"], outputs = ["y"]} {',
        '    %y = fused.kernel %x {root = "loop"} : tensor<64xf32> {',
        "      ^(%0: tensor<64xf32>):",
    ]
    kinds = itertools.cycle(("exp", "neg", "sin"))
    lines += [f"        %{i + 1} = graph.{next(kinds)} %{i} : tensor<64xf32>" for i in range(ops)]
    lines += [f"        core.yield %{ops}", "    }", "    core.return %y", "  }", "}"]
    return "\n".join(lines) + "\n"


def test_a_chain_of_five_thousand_ops_splits_into_small_kernels() -> None:
    plan = glassrt.compile(chain(["Exp", "Neg", "Sin"], 5_000, (64,)), target="host")
    assert len(plan.spec.launches) >= 5_000 / Options().kernel_ops
    assert all(source.count(";") < 200 for source in plan.sources.values())


def test_a_kernel_with_more_statements_than_allowed_is_a_typed_error(tmp_path: Path) -> None:
    path = tmp_path / "large.ir"
    for ops in (100, MAX_STATEMENTS + 1):
        path.write_text(kernel_text(ops))
        outcome = run_limited(
            'attempt(lambda: glassrt.compile(sys.argv[1], target="sm_90a", cache=False))',
            str(path), gigabytes=8, seconds=90,
        )  # fmt: skip
        (line,) = outcome.lines
        allowed = ("fine",) if ops == 100 else ("UnsupportedError", "CompileError")
        assert line.startswith(allowed), line


def test_nested_rows_do_not_multiply() -> None:
    """Each normalisation reads its input three times; nested eight deep that must not be 3 ** 8 times."""
    names = ["x", *(f"t{i}" for i in range(1, 24)), "y"]
    nodes = [helper.make_node("Softmax", [a], [b], axis=-1) for a, b in itertools.pairwise(names)]
    plan = build(model(nodes, (4, 64)), Settings(cache=None)).plan
    assert all(source.count("row_reduce<") <= 2 * 8 for source in plan.sources.values())
    x = np.random.default_rng(0).standard_normal((4, 64), dtype=np.float32)
    expected = x.astype(np.float64)
    for _ in nodes:
        powers = np.exp(expected - expected.max(axis=-1, keepdims=True))
        expected = powers / powers.sum(axis=-1, keepdims=True)
    (y,) = glassrt.load(plan, device="host").run({"x": x}).values()
    np.testing.assert_allclose(y, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["one input", "inputs", "slices"])
def test_thousands_of_parts_are_joined_in_steps(kind: str) -> None:
    count = 2_000
    inputs = [f"i{k}" for k in range(count)] if kind == "inputs" else []
    parts = inputs or (["x"] * count if kind == "one input" else [f"s{k}" for k in range(count)])
    cuts = [helper.make_node("Slice", ["x", "zero", f"e{k % 3}"], [f"s{k}"]) for k in range(count)]
    joined = helper.make_node("Concat", parts, ["y"], axis=0)
    stored = {"zero": np.array([0]), "e0": np.array([0]), "e1": np.array([1]), "e2": np.array([2])}
    made = model([*cuts, joined] if kind == "slices" else [joined], (2, 3), **stored)
    made.graph.input.extend(helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 3]) for n in inputs)
    plan = build(made, Settings(cache=None)).plan
    assert max(source.count(";") for source in plan.sources.values()) < MAX_STATEMENTS


def test_branches_may_be_nested_as_deep_as_a_plan_allows() -> None:
    plan = glassrt.compile(branches(16), target="host")
    x = np.array([-1, 2, 3, -2], np.float32)
    with glassrt.load(plan, device="host") as engine:
        np.testing.assert_array_equal(engine.run({"x": x})["y"], np.maximum(x, 0))
        np.testing.assert_array_equal(engine.run({"x": x - 0.5})["y"], 0.5 - x)
