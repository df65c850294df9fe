"""Registration: names in ONNX and in IR text, who may take them, and what a class must have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import glassrt
import pytest
from glassrt import custom
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.custom.registry import find, ir_name, named
from glassrt.errors import InputError, IRError

from ...custom_ops import Bend, Centre, Neighbours


@pytest.fixture(autouse=True)
def scope() -> Iterator[None]:
    with custom.registered():
        yield


class Minimal(custom.ElementwiseOp):
    x = custom.operand()
    y = custom.result()

    def compute(self, x: Any) -> Any:
        return x

    def formula(self, x: custom.Term) -> custom.Term:
        return x


MEMBERS = ("x", "y", "compute", "formula")


def derived(base: type[custom.CustomOp] = custom.ElementwiseOp, **members: Any) -> type[custom.CustomOp]:
    """A class of its own with the members of Minimal, and others; one that is None is left out."""
    own = {"__module__": __name__, **{k: v for k, v in vars(Minimal).items() if k in MEMBERS}, **members}
    return type("Derived", (base,), {name: value for name, value in own.items() if value is not None})


@pytest.mark.parametrize(
    ("domain", "type", "name"),
    [
        ("example.ops", "LowRankFusion", "example_ops.low_rank_fusion"),
        ("a", "GELU2d", "a.gelu2d"),
        ("Some", "XMLParse", "some.xml_parse"),
        ("_x", "_Y", "x.y"),
    ],
)
def test_names_in_ir_text_are_words(domain: str, type: str, name: str) -> None:
    assert ir_name(domain, type) == name


def test_an_op_is_found_by_both_names() -> None:
    assert find("glass.tests::Bend") is named("glass_tests.bend") is Bend
    assert find("glass.tests::Other") is None
    assert ALL_DIALECTS.get("glass_tests.bend") is Bend
    assert has(Bend, Trait.ELEMENTWISE)
    assert has(Centre, Trait.ROW)
    assert not has(Neighbours, Trait.ROW)


def test_after_the_context_what_was_before_is_there() -> None:
    with custom.registered():
        cls = custom.op("glass.tests::Later")(derived())
        assert find("glass.tests::Later") is cls
    assert find("glass.tests::Later") is None
    with custom.registered(cls):
        assert named("glass_tests.later") is cls


@pytest.mark.parametrize("name", ["Foo", "a::", "::Foo", "a.b::Foo::Bar", "a-b::Foo", "a::F oo", ""])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="no name of a custom op"):
        custom.op(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ai.onnx::Relu", "standard"),
        ("graph::Foo", "built-in"),
        ("glass_tests::Bend", r"glass\.tests::Bend in custom_ops\.py has its name"),
        ("glass.tests::Bend", r"glass\.tests::Bend in custom_ops\.py has its name"),
    ],
)
def test_names_that_are_taken(name: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        custom.op(name)(derived())


def test_a_file_may_register_its_op_again() -> None:
    first = custom.op("glass.tests::Again")(derived())
    again = custom.op("glass.tests::Again")(derived())
    assert find("glass.tests::Again") is again is not first


@pytest.mark.parametrize(
    ("cls", "reason"),
    [
        (derived(y=None), "needs a result"),
        (derived(z=custom.result()), "needs one result"),
        (derived(x=None), "needs an operand"),
        (derived(x=custom.optional_operand()), "needs an operand"),
        (derived(formula=None), "defines no `formula`"),
        (derived(compute=None), "defines no `compute`"),
        (derived(custom.CustomOp), "has no kernel"),
        (derived(compile_ms="x"), "its compile_ms is 'x', not a number of milliseconds"),
        (derived(compile_ms=-1.0), "its compile_ms is -1.0, not a number of milliseconds"),
        (derived(compile_ms=True), "its compile_ms is True, not a number of milliseconds"),
        (derived(cost=custom.integer(1)), "every op has something called 'cost'"),
        (derived(x=None, inputs=custom.operand()), "every op has something called 'inputs'"),
    ],
)
def test_a_class_must_have_all_of_an_op(cls: type[custom.CustomOp], reason: str) -> None:
    with pytest.raises(InputError, match=rf"glass\.tests::Lacking in test_registry\.py.*{reason}"):
        custom.op("glass.tests::Lacking")(cls)
    assert find("glass.tests::Lacking") is None


TEXT = """module @m {
  func @main(%x: tensor<4xf32>) -> (tensor<4xf32>) {inputs = ["x"], outputs = ["y"]} {
    %y = NAME %x : tensor<4xf32>
    core.return %y
  }
}
"""


def test_text_is_read_where_the_op_is_registered() -> None:
    module = parse_module(TEXT.replace("NAME", "glass_tests.bend"), ALL_DIALECTS)
    assert isinstance(module.main.block.first, Bend)
    with pytest.raises(IRError) as caught:
        parse_module(TEXT.replace("NAME", "glass_others.unheard"), ALL_DIALECTS, file="some.ir")
    assert caught.value.message == "there is no op glass_others.unheard"
    assert caught.value.hint == "no file has registered it; custom ops are loaded by --ops FILE.py"
    assert caught.value.diagnostic.span is not None


def test_a_policy_may_name_a_custom_op(tmp_path: Path) -> None:
    glassrt.PrecisionPolicy("fp16", overrides={"op:glass_tests.bend": "fp32"})
    with pytest.raises(InputError, match="there is no op"):
        glassrt.PrecisionPolicy("fp16", overrides={"op:glass_tests.unheard": "fp32"})
