"""A device records what numpy does, to the last count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from glassrt.compiler.calibration.observe import Feed, Network, observer
from glassrt.compiler.calibration.recording import LEAST, MOST, TensorBins, TensorSpan, recorded
from glassrt.compiler.calibration.watch import Histograms
from glassrt.compiler.precision.scales.histogram import Histogram
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32, DType
from glassrt.dialects.core.interpreter import Evaluation
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.unary import Neg
from glassrt.testing.net import Net

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(11)
NORMAL = RANDOM.standard_normal(5000).astype(np.float32)
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0, -0.0], np.float32)

TENSORS = {
    "normal": NORMAL,
    "rectified": np.maximum(NORMAL, 0),
    "negative": -np.abs(NORMAL) - 1,
    "zeros": np.zeros(300, np.float32),
    "special": SPECIAL,
    "special among others": np.concatenate([NORMAL, SPECIAL, -SPECIAL]),
    "an outlier": np.append(NORMAL, np.float32(-3e38)),
    "subnormal": NORMAL * np.float32(1e-41),
    "a few subnormal": np.array([1, 3, 5], np.int32).view(np.float32),
    "subnormal beside normal": np.append(NORMAL * np.float32(1e-41), np.float32(1e-36)),
    "powers of two": np.float32(2.0) ** np.arange(-140, 127),
    "many": RANDOM.standard_normal(40_000).astype(np.float32),
    "one": np.array([0.75], np.float32),
}  # fmt: skip


@pytest.fixture(scope="module", params=[F32, F16], ids=str)
def host(request: pytest.FixtureRequest) -> Iterator[tuple[DType, Feed, Histograms]]:
    """The type of x, and a function that records it and -x by the host's kernels."""
    net = Net()
    net.module.symbols["N"] = SymbolRange(1, 40_000, 40_000)
    net.input("x", symbol("N"), dtype=request.param)
    network = Network.of(net.done(net.add(Neg, net.function.arguments[0])))
    histograms = network.histograms()
    with observer(network, histograms, "host", cache=True, progress=None) as feed:
        yield request.param, feed, histograms


def in_numpy(x: Array) -> Histogram:
    found = Histogram()
    found.add(x)
    return found


@pytest.mark.parametrize("name", TENSORS)
def test_the_kernels_agree_with_numpy(host: tuple[DType, Feed, Histograms], name: str) -> None:
    """Inputs and results; two batches are merged."""
    dtype, feed, histograms = host
    histograms |= {each: Histogram() for each in histograms}
    with np.errstate(over="ignore"):
        x = TENSORS[name].astype(dtype.numpy)
    feed({"x": x})
    feed({"x": x[:1]})
    own, negative = histograms
    assert own == "x" and histograms["x"] == in_numpy(np.append(x, x[:1]))
    assert histograms[negative] == in_numpy(np.append(-x, -x[:1]))


@pytest.mark.parametrize("name", TENSORS)
def test_the_ops_mean_what_the_histogram_says(name: str) -> None:
    """Their evaluation in numpy, which checks hold the kernels against."""
    x = TENSORS[name]
    block = Block([TensorType(x.shape, F32)])
    span = TensorSpan(block.arguments[0], parts=3)
    bins = TensorBins(block.arguments[0], span.result, parts=3)
    evaluation = Evaluation(Module(), {})
    facts = np.asarray(span.evaluate(evaluation, x))
    counts = np.asarray(bins.evaluate(evaluation, x, facts))
    assert facts.shape == (3, 6) and recorded(facts, counts.sum(axis=0)) == in_numpy(x)


def test_a_part_without_elements_has_the_keys_that_count_for_nothing() -> None:
    block = Block([TensorType((1,), F32)])
    facts = np.asarray(
        TensorSpan(block.arguments[0], parts=3).evaluate(Evaluation(Module(), {}), np.ones(1, np.float32))
    )
    assert facts[1].tolist() == [MOST, LEAST, MOST, 0, 0, 0]
