"""The calibration as a whole: runs batches through the fp32 network and turns histograms into a table."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import chain

import numpy as np

from ...errors import InputError
from ...runtime.arguments import checked_but
from ..driver.clock import Progress
from ..frontend.source import InputShapes, Shapes, Source
from ..precision.scales.calibrators import check_calibrator
from ..precision.scales.smoothing import check_smooth
from ..precision.scales.table import SHOWN_NAMES, CalibrationTable
from .channels import smoothed
from .data import Batches, CalibrationSet, checked_batches, open_set
from .observe import Network, observer

STAGE = "calibrate"


@checked_but("model", "batches", "shapes", "inputs")
@np.errstate(all="ignore")
def calibrate(
    model: Source,
    batches: Batches,
    *,
    calibrator: str = "entropy",
    smooth: float | None = None,
    device: str | None = None,
    shapes: Shapes | None = None,
    inputs: InputShapes | None = None,
    limit: int | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> CalibrationTable:
    """Run MODEL in fp32 over BATCHES and choose the scale of every tensor from its histogram.

    model: an ONNX file, its bytes, a ModelProto, or an .ir file of the graph level; a Module is consumed.
    batches: mappings from input name to array, one per batch; an object whose `batches()` returns such
    mappings; or a path: an .npz file, whose arrays are split along their first axis, or a folder of .npy and
    .npz files, one batch each.
    calibrator: 'entropy', 'percentile' (99.99; also 'percentile-99.9', 'percentile-99.999'), 'min-max',
    'mse' or 'mse-fp8'; the table has the figures of all of them.
    smooth: the share of the ranges of channels, from 0 to 1, that products' weights take over from what they
    multiply, None for none; the batches are then run twice, and the table has the factors.
    device: 'cuda', 'cuda:N', 'host', or 'interpret' for numpy; default: cuda if present, else numpy.
    shapes, inputs, cache: as for `compile`; limit: how many batches to use, None for all;
    progress: called with ('calibrate', done, total); total is 0 where it is not known.

    Warns about tensors with NaNs or infinities, which are ignored in the choice of scales.
    Raises InputError for missing batches and for batches with wrong types, shapes or NaNs, and what `compile`
    raises.
    """
    check_calibrator(calibrator)
    check_limit(limit)
    check_smooth(smooth)
    network = Network.of(model, inputs, shapes)
    if smooth is not None:
        if isinstance(batches, Iterator):
            raise InputError("smoothing runs the batches twice, and an iterator has them once", "pass a list")
        data = open_set(batches, network.signature)
        network = smoothed(network, data, smooth, device, limit, cache, progress)
    table = run(network, open_set(batches, network.signature), calibrator, device, limit, cache, progress)
    warn_of_odd(table)
    return table


def warn_of_odd(table: CalibrationTable) -> None:
    """Warn about tensors of TABLE with NaNs or infinities, which are ignored in the choice of scales."""
    seen = [(name, tensor.values) for name, tensor in table.tensors.items() if tensor.values is not None]
    odd = [
        f"'{name}' ({values.nans} NaN and {values.infinities} infinite of {values.count})"
        for name, values in seen
        if values.nans or values.infinities
    ]
    if odd:
        more = f" and {len(odd) - SHOWN_NAMES} more" if len(odd) > SHOWN_NAMES else ""
        names = ", ".join(odd[:SHOWN_NAMES])
        warnings.warn(
            f"tensors with values that are not finite, which scales ignore: {names}{more}", stacklevel=3
        )


def check_limit(limit: int | None) -> None:
    """Raise InputError for a LIMIT on the number of batches that is less than one."""
    if limit is not None and limit < 1:
        raise InputError(f"at least one batch is needed, not {limit}")


def run(
    network: Network,
    data: CalibrationSet,
    calibrator: str,
    device: str | None,
    limit: int | None,
    cache: bool,
    progress: Progress | None,
) -> CalibrationTable:
    """Calibrate NETWORK, which is consumed, on DATA; arguments and errors are those of `calibrate`."""
    tell = progress or (lambda stage, done, total: None)
    counts = [count for count in (data.count, limit) if count is not None]
    total = min(counts) if data.count is not None else 0
    checked = checked_batches(data, limit, network.signature)
    first = next(checked)  # reports a bad set before anything is built
    histograms = network.histograms()
    done = 0
    with observer(network, histograms, device, cache, progress) as feed:
        tell(STAGE, done, total)
        for batch in chain((first,), checked):
            feed(batch)
            done += 1
            tell(STAGE, done, total)
    if not any(histogram.count for histogram in histograms.values()):
        raise InputError("the batches hold no elements", "calibrate with batches that are not empty")
    return CalibrationTable.of(network.hash, calibrator, done, histograms, network.smoothing)
