"""The spec of a product with packed weights, and its kernel's text."""

from __future__ import annotations

from dataclasses import asdict

from glassrt.codegen.families.packed.config import PackedConfig
from glassrt.codegen.families.packed.family import PackedFamily
from glassrt.codegen.families.packed.spec import PackedSpec
from glassrt.codegen.text.render import render
from glassrt.dialects.graph.block_format import BlockFormat

from ....conftest import Golden
from .packed_cases import request_of

CONFIG = PackedConfig(8, 2, 4, 2, 3)


def spec_of(form: BlockFormat) -> PackedSpec:
    code = PackedFamily().realize(request_of(form, 5, 100, 4096), asdict(CONFIG))
    assert isinstance(code.spec, PackedSpec)
    assert code.geometry.cluster == (1, 2, 1) and code.geometry.grid == (4, 2, 1)
    return code.spec


def test_a_step_is_a_record() -> None:
    short, long = spec_of(BlockFormat(4, 32, 16, False)), spec_of(BlockFormat(8, 256, 32, True))
    assert (short.depth, short.lines, short.blocks, short.products, short.group) == (128, 2, 4, 2, 32)
    assert (long.depth, long.lines, long.blocks, long.products, long.group) == (64, 1, 1, 4, 64)
    assert (short.record, long.record) == (1024 + 128, 1024 + 128)
    assert (short.fields, short.field, long.fields, long.field) == (1, "f16", 2, "f32")
    assert (short.steps, long.steps) == (4, 8)


def test_golden(golden: Golden) -> None:
    code = PackedFamily().realize(request_of(BlockFormat(4, 32, 16, True), 5, 100, 4096), asdict(CONFIG))
    assert render(code.template, code.spec) == golden.at("packed.cu")
