"""What an importer does not look at is refused, and then nothing that it emitted stays."""

from __future__ import annotations

import pytest
from glassrt.compiler.frontend.call import Call
from glassrt.compiler.frontend.direct import imported
from glassrt.compiler.frontend.problems import Refused
from glassrt.compiler.frontend.tensor import Tensor
from glassrt.dialects.graph.binary import Add

from .direct_calls import X, made


def test_a_refusal_leaves_nothing_behind() -> None:
    call, constant = made("a", "b")

    def importer(inner: Call) -> Tensor:
        return inner.emit(Add, inner.input(0), constant)

    with pytest.raises(Refused, match="its input 1"):
        imported(importer, call, {})
    assert len(call.builder.block) == 0
    assert constant.value is None
    again = call.emit(Add, call.input(0), constant)
    assert [op.name for op in call.builder.block] == ["graph.constant", "graph.add"]
    assert again.type == X
