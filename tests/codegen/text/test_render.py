"""What reaches a template, and how it is rendered (threats T1, T2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import resources
from importlib.abc import Traversable

import jinja2
import pytest
from glassrt import templates
from glassrt.codegen.families.attention.families import AttentionFamily
from glassrt.codegen.families.contraction.families import TiledFamily
from glassrt.codegen.families.registry import BUILT_IN
from glassrt.codegen.families.staging.registry import STAGINGS
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.text import render as rendering
from glassrt.codegen.text.render import Code, Identifier, SpecError, Template, check_spec, render
from hypothesis import given
from hypothesis import strategies as st

MOST_LINES = 200


class Width(Enum):
    NARROW = 2
    WIDE = "float4"


class Wrong(Enum):
    HALF = 0.5
    NAME = 'x"; #include'


SUM = Code("x + 0x1.8p+1f")


@dataclass(frozen=True)
class Part:
    name: Identifier
    width: Width


@dataclass(frozen=True)
class Spec:
    name: Identifier
    threads: int
    parts: tuple[object, ...] = ()
    body: Code = SUM
    extra: object = None


@dataclass
class Loose:
    threads: int


TEMPLATE = """\
{% for part in spec.parts %}
    {% if part.width.value == "float4" %}
    load_wide({{ part.name }});
    {% endif %}
{% endfor %}
    {{ spec.name }}<{{ spec.threads }}>({{ spec.body }});{{ "   " }}


"""


@pytest.fixture
def template(monkeypatch: pytest.MonkeyPatch) -> str:
    source = {"kernels/example.cu.j2": TEMPLATE, "kernels/asks.cu.j2": "{{ spec.absent }}"}
    monkeypatch.setattr(rendering.environment(), "loader", jinja2.DictLoader(source))
    return "kernels/example.cu.j2"


def test_blocks_leave_no_blank_lines_behind(template: str) -> None:
    parts = (Part(Identifier("left"), Width.WIDE), Part(Identifier("right"), Width.NARROW))
    text = render(template, Spec(Identifier("k0"), 256, parts))
    assert text == "    load_wide(left);\n    k0<256>(x + 0x1.8p+1f);\n"


def test_a_missing_field_is_an_error(template: str) -> None:
    with pytest.raises(jinja2.UndefinedError, match="absent"):
        render("kernels/asks.cu.j2", Spec(Identifier("k0"), 1))


@pytest.mark.parametrize(
    "name", ["../errors.py", "kernels/../lib/x.cu.j2", "/etc/passwd", "kernels/none.cu.j2", "x"]
)
def test_only_kernel_templates_are_found(name: str) -> None:
    with pytest.raises(jinja2.TemplateNotFound):
        render(name, Spec(Identifier("k0"), 1))


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        "name",
        b"x",
        [1],
        {"a": 1},
        object(),
        Wrong.HALF,
        Wrong.NAME,
        Loose(1),
        1 << 64,
        Part,
        (1, (2, "x")),
    ],
)
def test_other_types_never_reach_a_template(value: object, template: str) -> None:
    with pytest.raises(SpecError, match=r"Spec\.extra"):
        render(template, Spec(Identifier("k0"), 1, extra=value))


@pytest.mark.parametrize("spec", [Spec, {"threads": 1}, Loose(1), "text", None])
def test_a_spec_is_a_frozen_dataclass(spec: object, template: str) -> None:
    with pytest.raises(SpecError):
        render(template, spec)


def test_the_faulty_field_is_named() -> None:
    with pytest.raises(SpecError, match=r"spec\.parts\[1\]\.name: str"):
        check_spec(Spec(Identifier("k0"), 1, (True, Part("x", Width.WIDE))), "spec")  # type: ignore[arg-type]


@given(st.text())
def test_an_identifier_is_one_word(text: str) -> None:
    try:
        made = Identifier(text)
    except SpecError:
        return
    assert made.isidentifier() and made.isascii()


@pytest.mark.parametrize(
    "text", ["loop.cu.j2", "kernels/../x.cu.j2", "include/glass.cuh", "kernels/x.cu.j2\n", ""]
)
def test_a_template_that_is_included_is_one_of_ours(text: str) -> None:
    with pytest.raises(SpecError, match="not the name of a template"):
        Template(text)
    check_spec(Template("kernels/loop.cu.j2"), "spec")
    with pytest.raises(SpecError):
        check_spec("kernels/loop.cu.j2", "spec")


@given(st.text())
def test_code_has_no_way_out_of_its_line_of_business(text: str) -> None:
    try:
        made = Code(text)
    except SpecError:
        return
    assert made.isascii() and not set(made) & set("#\\\"'`@$") and "*/" not in made


def test_text_joined_to_code_is_no_longer_code() -> None:
    with pytest.raises(SpecError):
        check_spec(Code("a + ") + "b", "spec")


def test_the_headers_are_found_in_the_package() -> None:
    found = headers()
    assert "glass.cuh" in found
    assert list(found) == sorted(found)


def templates_in(folder: Traversable, name: str) -> Iterator[str]:
    """The names of the templates in FOLDER and below, which is called NAME."""
    for item in folder.iterdir():
        if item.is_dir():
            yield from templates_in(item, f"{name}/{item.name}")
        elif item.name.endswith(".j2"):
            yield f"{name}/{item.name}"


def test_every_template_of_the_package_is_well_formed() -> None:
    folder = resources.files(templates)
    found = [name for kind in ("kernels", "lib") for name in templates_in(folder / kind, kind)]
    assert found
    for name in found:
        rendering.environment().get_template(name)


@pytest.mark.parametrize(
    ("kind", "offered"),
    [
        (
            [f.product.template for f in BUILT_IN.values() if isinstance(f, TiledFamily)],
            "describe constants registers main_loop store_accumulators",
        ),
        (
            [f.product.template for f in BUILT_IN.values() if isinstance(f, AttentionFamily)],
            "describe constants tiles registers fill main_loop finish",
        ),
        (
            [staging.template for staging in STAGINGS],
            "share define copy fill prefetch land",
        ),
    ],
    ids=["product", "attention", "staging"],
)
def test_templates_that_stand_for_each_other_offer_the_same_macros(kind: list[str], offered: str) -> None:
    """A kernel's template imports one of them by its name in the spec, and calls all of these."""
    assert len(kind) >= 2
    for name in kind:
        module = rendering.environment().get_template(name).module
        missing = {macro for macro in offered.split() if not hasattr(module, macro)}
        assert not missing, f"{name} lacks {sorted(missing)}"


def test_templates_stay_small() -> None:
    folder = resources.files(templates)
    for name in (name for kind in ("kernels", "lib") for name in templates_in(folder / kind, kind)):
        lines = folder.joinpath(*name.split("/")).read_text(encoding="utf-8").count("\n")
        assert lines <= MOST_LINES, f"{name} has {lines} lines"
