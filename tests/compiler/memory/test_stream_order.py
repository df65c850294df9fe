"""The waits that are chosen are enough, and none could be left out."""

from __future__ import annotations

from glassrt.compiler.memory.stream_order import StreamOrder, order_on_streams
from hypothesis import given

from .stream_cases import Case, cases, ended


@given(cases())
def test_waits_give_every_launch_what_it_needs(case: Case) -> None:
    needs, streams = case
    order = order_on_streams(needs, streams)
    for index, known in enumerate(ended(order)):
        assert needs[index] <= known
        last = [max((n for n in known if streams[n] == s), default=-1) for s in range(1 + max(streams))]
        assert list(order.clocks[index]) == last
        assert all(streams[wait] != streams[index] and wait in needs[index] for wait in order.waits[index])


@given(cases())
def test_no_wait_could_be_left_out(case: Case) -> None:
    needs, streams = case
    order = order_on_streams(needs, streams)
    for index, waits in enumerate(order.waits):
        for wait in waits:
            fewer = [tuple(w for w in ws if (i, w) != (index, wait)) for i, ws in enumerate(order.waits)]
            known = ended(StreamOrder(order.streams, tuple(fewer), ()))
            assert any(not needs[i] <= known[i] for i in range(len(needs)))
