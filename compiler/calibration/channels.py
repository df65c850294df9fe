"""The largest magnitude in each channel of what products read, and the network smoothed by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from ...codegen.interface import KernelCache
from ...dialects.core.builtin import Return
from ...dialects.core.clone import clone_module
from ...dialects.core.interpreter import Array, Evaluation, bind_symbols, run_block
from ...dialects.core.module import Module
from ...dialects.graph.reduction import Reduce
from ...dialects.graph.unary import Abs
from ...runtime.engine import Engine
from ..driver.build import Settings, build, chosen_targets, context_of, present_arch
from ..driver.clock import Progress
from ..precision.quantization.smooth import apply_smoothing, rows_of, smoothed_readers
from ..precision.scales.names import tensor_names
from ..precision.scales.smoothing import Exponents, exponents
from ..settings.names import HOST, INTERPRET
from .data import CalibrationSet, checked_batches
from .observe import Network

Run = Callable[[Mapping[str, Array]], Mapping[str, Array]]


def smoothed(
    network: Network,
    data: CalibrationSet,
    alpha: float,
    device: str | None,
    limit: int | None,
    cache: bool,
    progress: Progress | None,
) -> Network:
    """NETWORK, which is changed, with the factors for the share ALPHA of the ranges in DATA.

    DEVICE, LIMIT, CACHE and PROGRESS are those of `calibrate`; raises as it does.
    """
    names = {name: value for value, name in network.names.items() if smoothed_readers(value, network.module)}
    found: dict[str, Exponents] = {}
    if names:
        maxima: dict[str, Array] = {}
        with _runner(_maxima_of(network.module, list(names)), device, cache, progress) as run:
            for batch in checked_batches(data, limit, network.signature):
                for name, array in run(batch).items():
                    maxima[name] = np.maximum(maxima.get(name, array), array)
        for name, value in names.items():
            readers = smoothed_readers(value, network.module)
            powers = exponents(maxima[name], (rows_of(op, network.module) for op in readers), alpha)
            if powers.any():
                found[name] = powers
    apply_smoothing(network.module, found, context_of(Settings(cache=None)))
    return replace(network, names=tensor_names(network.module.main), smoothing=found)


def _maxima_of(module: Module, names: list[str]) -> Module:
    """A copy of MODULE whose outputs are the largest magnitudes in the channels of the tensors with NAMES."""
    copy = clone_module(module)
    known = {name: value for value, name in tensor_names(copy.main).items()}
    old, outputs = copy.main.block.terminator, []
    for name in names:
        value = known[name]
        size = copy.main.block.insert_before(old, Abs(value, loc=old.location)).result
        axes = tuple(range(value.type.rank - 1))
        most = Reduce(size, kind="max", axes=axes, keepdims=False, loc=old.location)
        outputs.append(copy.main.block.insert_before(old, most).result)
    copy.main.block.insert_before(old, Return(*outputs, loc=old.location))
    old.erase()
    copy.main.outputs, copy.cuts = names, []
    return copy


@contextmanager
def _runner(module: Module, device: str | None, cache: bool, progress: Progress | None) -> Iterator[Run]:
    """A context with a function from inputs by name to the outputs of MODULE in fp32, on DEVICE as for
    `observer`."""
    function = module.main

    def interpreted(batch: Mapping[str, Array]) -> Mapping[str, Array]:
        arrays = [np.asarray(batch[name]) for name in function.inputs]
        with np.errstate(all="ignore"):
            results = run_block(function.block, arrays, Evaluation(module, bind_symbols(function, arrays)))
        return dict(zip(function.outputs, results, strict=True))

    if device == INTERPRET or (device is None and present_arch() is None):
        yield interpreted
        return
    targets = chosen_targets(HOST if device == HOST else None, None if device == HOST else present_arch())
    plan = build(
        clone_module(module), Settings(targets, cache=KernelCache() if cache else None, progress=progress)
    ).plan
    with Engine(plan, device) as engine:
        yield engine.run
