"""Networks that are observed: which tensors they have, and that any device records the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.plan.memory import PlanMemory
from glassrt.compiler.calibration import observe
from glassrt.compiler.calibration.observe import Histograms, Network, observer
from glassrt.compiler.calibration.recording import OPS
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.frontend import import_model
from glassrt.compiler.precision.scales.names import model_hash
from glassrt.compiler.settings.names import INTERPRET
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.custom.registry import registered
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.reduction import ArgReduce
from glassrt.errors import InputError
from glassrt.testing.net import Net

from ..driver.targeted import at
from ..driver.targeted import siblings as convolutions
from .small import WEIGHT, batches, siblings

Array = np.ndarray[Any, Any]


def recorded(device: str | None) -> tuple[Network, Histograms]:
    found = Network.of(siblings())
    histograms = found.histograms()
    with observer(found, histograms, device, cache=True, progress=None) as feed:
        for batch in feeds():
            feed(batch)
    return found, histograms


def feeds() -> list[dict[str, Array]]:
    shift = np.array([0.5, -8.0, 2.0], np.float32)
    return [{"x": batch["x"], "shift": shift * number} for number, batch in enumerate(batches())]


def exact() -> dict[str, list[Array]]:
    """Every tensor of `siblings` for each batch; the sum of both products is zero."""
    found: dict[str, list[Array]] = {name: [] for name in ("x", "shift", "p", "q", "s", "t")}
    for batch in feeds():
        p = batch["x"].astype(np.float64) @ WEIGHT
        values = {"x": batch["x"], "shift": batch["shift"], "p": p, "q": -p, "s": p - p}
        for name, array in (values | {"t": p - p + batch["shift"]}).items():
            found[name].append(array)
    return found


@pytest.mark.parametrize("device", [INTERPRET, "host"])
def test_every_tensor_of_every_batch_is_recorded(device: str) -> None:
    """Neither fusion nor joining siblings hides one."""
    _, histograms = recorded(device)
    want = exact()
    assert set(histograms) == set(want)
    for name, arrays in want.items():
        values = histograms[name]
        joined = np.concatenate([array.reshape(-1) for array in arrays])
        assert values.count == joined.size
        limits = (joined.min(), joined.max())
        assert (values.minimum, values.maximum) == pytest.approx(limits, rel=1e-5, abs=1e-6)


def test_a_network_says_what_it_is_given() -> None:
    found = Network.of(siblings())
    signature = found.signature.main
    assert signature.inputs == ["x", "shift"] and list(signature.block) == []
    assert [value.type.shape for value in signature.arguments] == [(symbol("N"), 4), (3,)]
    assert found.hash == model_hash(import_model(siblings()))
    assert set(found.names.values()) == set(exact())


def test_siblings_are_not_joined() -> None:
    products = [op for op in Network.of(siblings()).module.main.block if isinstance(op, Matmul)]
    assert len(products) == 2


@pytest.mark.parametrize("device", [INTERPRET, "host"])
def test_a_network_without_tensors_of_its_own_records_its_inputs(device: str) -> None:
    net = Net()
    net.input("x", 5, 4)
    found = Network.of(net.done(net.add(ArgReduce, net.function.arguments[0], kind="max", axis=1)))
    histograms = found.histograms()
    with observer(found, histograms, device, cache=True, progress=None) as feed:
        feed(batches()[0])
    assert {name: histogram.count for name, histogram in histograms.items()} == {"x": 20}


def arena_of_chain(length: int) -> int:
    """Bytes of the arena of what records a chain of products."""
    net = Net()
    value = net.input("x", 512, 64)
    for _ in range(length):
        value = net.add(Matmul, value, net.const(np.eye(64, dtype=np.float32)))
    network = Network.of(net.done(value))
    observe._record(network, {})
    settings = Settings(targets=(arch_named("sm_90a"),), disabled=observe.IN_TURN, cache=None)
    with registered(*OPS):
        return PlanMemory(launch_level(network.module, settings, context_of(settings))).arena_bytes


def test_what_is_recorded_need_not_stay_in_memory() -> None:
    assert arena_of_chain(8) == arena_of_chain(3) >= 2 * 512 * 64 * 4


def test_lower_levels_are_refused() -> None:
    with pytest.raises(InputError, match="this one is at the fused level"):
        Network.of(at("fused", convolutions(), "sm_90a"))


def test_numpy_observes_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels of the host, which would have to be compiled first, are for those who ask for them."""
    monkeypatch.setattr(observe, "present_arch", lambda: None)
    monkeypatch.setattr(observe, "build", lambda *_: pytest.fail("kernels are built"))
    _, histograms = recorded(None)
    assert histograms == recorded(INTERPRET)[1]


def test_a_device_gives_histograms_and_not_tensors() -> None:
    """So what it gives does not grow with the batch."""
    network, _ = recorded("host")
    shapes = [value.type.shape for value in network.module.main.returned]
    assert set(shapes) == {(1, 6), (2048,)} and len(shapes) == 2 * len(exact())
