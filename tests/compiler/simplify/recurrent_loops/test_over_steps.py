"""What steps compute from their elements, of all steps at once."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend.builder import Builder
from glassrt.compiler.frontend.external import ExternalFiles
from glassrt.compiler.simplify.recurrent_loops.body import NoRecurrence
from glassrt.compiler.simplify.recurrent_loops.over_steps import OverSteps
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.interpreter import interpret

from .bodies import body_of

NUMBERS = "1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0"
OPS = f"""%bias = graph.constant {{value = dense<1x8xf32: {NUMBERS}>}} : tensor<1x8xf32>
        %g = graph.matmul %row, %input : tensor<3x8xf32>
        %a = graph.add %g, %bias : tensor<3x8xf32>
        %t = graph.transpose %a {{perm = [1, 0]}} : tensor<8x3xf32>
        %b = graph.transpose %t {{perm = [1, 0]}} : tensor<3x8xf32>
        %bias_rows = graph.expand %bias {{shape = [3, 8]}} : tensor<3x8xf32>
        %both = graph.concat %b, %bias_rows {{axis = 1}} : tensor<3x16xf32>
        %real = graph.cast %i {{to = f32}} : tensor<f32>
        %next = graph.add %s, %real : tensor<3x2xf32>
        %seen = graph.neg %m : tensor<3x2xf32>"""


def test_columns_of_all_steps() -> None:
    body, named = body_of(OPS)
    block = body.loop.parent
    assert block is not None
    block.terminator.erase()
    over = OverSteps(body, Builder(body.module, block, ExternalFiles(None)), 9)
    parts = [over.columns(named["a"], [(6, 2), (0, 1)]), over.lift(named["both"])]
    assert all(part.stepped for part in parts) and over.reverse is False
    block.append(Return(*(over.builder.value(part.tensor) for part in parts)))
    draw = np.random.default_rng(0)
    given = {
        value.hint: draw.standard_normal(value.type.shape).astype(np.float32)  # type: ignore[arg-type]
        for value in body.module.main.block.arguments
    }
    names = dict(zip(body.module.main.inputs, given.values(), strict=True))
    columns, both = interpret(body.module, names).values()
    whole = names["x"] @ names["k"] + np.arange(1, 9, dtype=np.float32)
    np.testing.assert_allclose(columns, whole[:, :, [6, 7, 0]], rtol=0, atol=1e-5)
    wide = np.broadcast_to(np.arange(1, 9, dtype=np.float32), whole.shape)
    np.testing.assert_allclose(both, np.concatenate([whole, wide], 2), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["next", "real"])
def test_states_and_numbers_of_steps_are_of_no_element(name: str) -> None:
    body, named = body_of(OPS)
    block = body.loop.parent
    assert block is not None
    over = OverSteps(body, Builder(body.module, block, ExternalFiles(None)), 9)
    with pytest.raises(NoRecurrence):
        over.lift(named[name])
