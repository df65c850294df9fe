"""Which cells the values are that a loop carries."""

from __future__ import annotations

from glassrt.compiler.simplify.recurrent_loops.cells import cells_in
from glassrt.dialects.graph.recurrence import Lstm

from .bodies import body_of

OPS = """%g = graph.matmul %row, %input : tensor<3x8xf32>
        %d = graph.matmul %s, %own : tensor<3x8xf32>
        %a = graph.add %g, %d : tensor<3x8xf32>
        %gates = graph.sigmoid %a : tensor<3x8xf32>
        %f = graph.slice %gates {{starts = [0, 4], sizes = [3, 2]}} : tensor<3x2xf32>
        %o = graph.slice %gates {{starts = [0, 0], sizes = [3, 2]}} : tensor<3x2xf32>
        %in = graph.slice %gates {{starts = [0, 2], sizes = [3, 2]}} : tensor<3x2xf32>
        %c = graph.slice %a {{starts = [0, 6], sizes = [3, 2]}} : tensor<3x2xf32>
        %new = graph.softsign %c : tensor<3x2xf32>
        %kept = graph.mul %m, %f : tensor<3x2xf32>
        %fresh = graph.mul %in, %new : tensor<3x2xf32>
        %seen = graph.add %fresh, %kept : tensor<3x2xf32>
        %out = graph.tanh %{shown} : tensor<3x2xf32>
        %next = graph.mul %o, %out : tensor<3x2xf32>"""


def test_functions_may_be_of_all_gates_at_once() -> None:
    body, named = body_of(OPS.format(shown="seen"))
    (cell,) = cells_in(body)
    assert cell.kind is Lstm and cell.states == (named["s"], named["m"])
    assert cell.after == (named["next"], named["seen"]) and cell.hidden == 2
    assert [function.name for function in cell.functions] == ["sigmoid", "softsign", "tanh"]
    assert [each.products[0].start for each in cell.sums] == [2, 0, 4, 6]  # i, o, f and c


def test_an_lstm_shows_its_new_memory() -> None:
    body, _ = body_of(OPS.format(shown="m"))
    assert list(cells_in(body)) == []
