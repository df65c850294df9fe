"""Names of the model never matter: they stay in locations and in the names of inputs and outputs (T1)."""

from __future__ import annotations

import re

from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto

from .nodes import LEVEL
from .test_functions import calls
from .test_shapes import attention_block

NASTY = [
    "a\nb",
    "{{7*7}}",
    "*/",
    "\0",
    '"',
    "\\",
    "%0",
    "%s",
    "module",
    "-1",
    "é\u202e",
    "x" * 1000,
    "// y",
    "'",
]
NAMES = st.one_of(st.text(min_size=1, max_size=12), st.sampled_from(NASTY))

_NAMES_IN_TEXT = re.compile(r" loc\(.*\)$|\{inputs = \[.*\], outputs = \[.*\]\}", re.MULTILINE)


def renamed(made: ModelProto, fresh: list[str]) -> ModelProto:
    """MADE with every tensor, node and graph renamed, to one of FRESH and a number."""
    copy = ModelProto()
    copy.CopyFrom(made)
    table: dict[str, str] = {}

    def rename(name: str) -> str:
        if name and name not in table:
            table[name] = f"{fresh[len(table) % len(fresh)]}{len(table)}"
        return table.get(name, "")

    graph = copy.graph
    graph.name = fresh[0]
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = rename(value.name)
    for index, node in enumerate(graph.node):
        node.name = fresh[index % len(fresh)]
        node.input[:] = [rename(name) for name in node.input]
        node.output[:] = [rename(name) for name in node.output]
    return copy


def without_names(module: Module) -> str:
    return _NAMES_IN_TEXT.sub("", print_module(module))


ORIGINALS = [(made, without_names(import_model(made))) for made in (calls(), attention_block())]


@given(st.lists(NAMES, min_size=1, max_size=6))
def test_renaming_leaves_the_program_as_it_is(fresh: list[str]) -> None:
    for made, text in ORIGINALS:
        module = import_model(renamed(made, fresh))
        assert without_names(module) == text


@given(st.lists(NAMES, min_size=1, max_size=6))
def test_whatever_the_names_the_text_reads_back(fresh: list[str]) -> None:
    module = import_model(renamed(attention_block(), fresh))
    text = print_module(module)
    again = parse_module(text, LEVEL, module.resources)
    assert print_module(again) == text
    assert again.main.inputs == module.main.inputs


@given(NAMES)
def test_a_message_shows_names_escaped_and_short(name: str) -> None:
    made = calls()
    made.graph.node[0].input[0] = name + "?"
    made.graph.node[0].name = name
    try:
        import_model(made)
    except Exception as error:
        assert str(error).isascii()
        assert len(str(error)) < 500
        assert "\n" not in str(error)
