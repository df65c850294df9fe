"""Tensors that are read by their library's table of C functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.errors import InputError
from glassrt.runtime import Plan
from glassrt.runtime.dlpack import CUDA, TensorStruct
from glassrt.runtime.dlpack_exchange import ATTRIBUTE, Exchange, ExchangeTable, exchange_of
from glassrt.runtime.tensors import taken

from .fake_driver import FakeDriver
from .fast_tensors import STREAM, FastTensor, capsule, table
from .tiny_engines import GpuTensor, batch, engine_on
from .tiny_plans import affine

GPU = (CUDA, 0)
OTHER_VERSION = table(2)
OLD = ExchangeTable(1, 3, None, None, None, None, None, None)


@pytest.mark.parametrize("busy", [False, True])
def test_a_run_reads_tensors_by_the_table_and_awaits_their_stream_once(
    fake: FakeDriver, plan: Plan, busy: bool
) -> None:
    engine = engine_on(fake, plan)
    fake.busy_streams |= {STREAM} if busy else set()
    x, y = FastTensor(batch(4)), FastTensor(np.zeros((4, 4), np.float32))
    for _ in range(2):
        start = len(fake.log)
        assert engine.run({"x": x}, {"y": y})["y"] is y
    assert not x.streams and not y.streams  # __dlpack__ was not called
    assert fake.log[start:] == [
        "cuCtxGetCurrent",
        "cuCtxPushCurrent",
        "cuStreamQuery",
        *(["cuEventRecord", "cuStreamWaitEvent"] if busy else []),
        "cuGraphLaunch",
        "cuStreamSynchronize",
        "cuCtxPopCurrent",
    ]
    np.testing.assert_array_equal(y.array, affine(x.array))


def test_what_is_kept_is_owned() -> None:
    x = FastTensor(batch(4))
    assert taken("x", x, 9, GPU, kept=True).stream is None  # type: ignore[union-attr]
    assert x.streams == [9]
    borrowed = taken("x", x, 9, GPU)
    assert borrowed.library.stream_on(GPU) == STREAM and borrowed.keeper is x  # type: ignore[union-attr]


def test_what_the_table_refuses_goes_the_usual_way(monkeypatch: pytest.MonkeyPatch) -> None:
    x = FastTensor(batch(4))
    monkeypatch.setattr(FastTensor, "refuses", True)
    assert taken("x", x, 9, GPU).shape == (4, 4)
    assert x.streams == [9]


def test_tensors_on_another_gpu_are_refused() -> None:
    with pytest.raises(InputError, match="is on DLPack device"):
        taken("x", FastTensor(batch(4), ordinal=1), 9, GPU)


def raising(*arguments: Any) -> int:
    raise RuntimeError("this library is broken")


def test_a_library_that_raises_goes_the_usual_way() -> None:
    broken = Exchange(raising, raising)
    assert broken.borrowed(FastTensor(batch(1)), TensorStruct()) is None
    for library in (broken, Exchange(raising, lambda *arguments: -1)):
        with pytest.raises(InputError, match="does not tell its current stream"):
            library.stream_on(GPU)


def test_tables_of_other_versions_or_without_the_functions_are_not_used() -> None:
    for given in (OTHER_VERSION, OLD):
        attributes = {ATTRIBUTE: capsule(given)}
        assert exchange_of(type("Other", (), attributes)) is None
    assert exchange_of(GpuTensor) is None
    assert exchange_of(type("Number", (), {ATTRIBUTE: 12345})) is None
    assert exchange_of(FastTensor) is not None
