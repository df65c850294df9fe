"""Runs a network in fp32 over batches, and records a histogram of every tensor.

On a device, the network is built with ops that record all its tensors, so that fusion cannot hide one and the
device gives histograms. In the interpreter, each tensor is recorded as it is computed. Either way only one
batch's tensors are in memory.
What control flow computes inside changes from iteration to iteration and is no output: the interpreter runs
it, on a device's network too, on the operands that the device computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from ...codegen.interface import KernelCache
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.builtin import Return
from ...dialects.core.clone import clone_module
from ...dialects.core.interpreter import Array, bind_symbols, run_block
from ...dialects.core.ir import Value
from ...dialects.core.module import Function, Module
from ...dialects.custom.registry import registered
from ...errors import InputError
from ...runtime.engine import Engine
from ..driver.build import Settings, build, chosen_targets, context_of, present_arch
from ..driver.clock import Progress
from ..driver.pipeline import TO_UNJOINED
from ..frontend.source import InputShapes, Shapes, Source, level_of, load_module
from ..fusion.horizontal.contractions import HorizontalContraction
from ..passes.manager import PassManager
from ..precision.scales.histogram import Histogram
from ..precision.scales.names import model_hash, tensor_names
from ..precision.scales.smoothing import Exponents
from ..schedule.grouping.record import GROUP_LAUNCHES
from ..schedule.streams.assign import CONCURRENCY
from ..settings.names import HOST, INTERPRET
from .recording import OPS, insert_recording, recorded
from .watch import Histograms, InnerTensors, TensorWatch

# Whether siblings are joined depends on the target and the precision; a calibration table must not.
UNJOINED = frozenset({HorizontalContraction.name})
# A plan that runs once a batch need not be fast: its launches, three for each tensor, stay as they are.
IN_TURN = UNJOINED | {GROUP_LAUNCHES, CONCURRENCY}

Feed = Callable[[Mapping[str, Array]], None]


@dataclass(frozen=True)
class Network:
    """A model at the graph level after its passes, whose tensors calibration observes.

    signature: a module with the same inputs and symbols and no ops; hash: that of the model as imported;
    names: the name of every observed tensor; smoothing: the factors that it was changed by.
    """

    module: Module
    signature: Module
    hash: str
    names: Mapping[Value, str]
    smoothing: Mapping[str, Exponents] = field(default_factory=dict)

    @staticmethod
    def of(model: Source, inputs: InputShapes | None = None, shapes: Shapes | None = None) -> Network:
        """The network of MODEL. Raises what `load_module` raises, and InputError below the graph level."""
        module = load_module(model, inputs, shapes)
        if level_of(module) != "graph":
            raise InputError(
                f"calibration needs a model at the graph level; this one is at the {level_of(module)} level"
            )
        found = model_hash(module)
        context = context_of(Settings(cache=None, disabled=UNJOINED))
        module = PassManager(TO_UNJOINED, context).run(module)
        return Network(module, _signature(module), found, tensor_names(module.main))

    def histograms(self) -> Histograms:
        """An empty histogram for every tensor."""
        return {name: Histogram() for name in self.names.values()}


def _signature(module: Module) -> Module:
    signature = Module(symbols=dict(module.symbols))
    function = signature.add(Function("main", module.main.inputs))
    for argument in module.main.arguments:
        function.block.add_argument(argument.type)
    return signature


@contextmanager
def observer(
    network: Network, histograms: Histograms, device: str | None, cache: bool, progress: Progress | None
) -> Iterator[Feed]:
    """A context with a function that runs a batch of inputs by name and adds its tensors to HISTOGRAMS.

    DEVICE is as for `Engine`, or 'interpret' for numpy; None is a GPU, or else numpy, which is done before
    kernels for the host are compiled. On a device the network's module is consumed. Raises what `build` and
    `Engine` raise.
    """
    if device == INTERPRET or (device is None and present_arch() is None):
        yield _interpreted(network, histograms)
        return
    targets = chosen_targets(HOST if device == HOST else None, None if device == HOST else present_arch())
    settings = Settings(
        targets=targets, disabled=IN_TURN, cache=KernelCache() if cache else None, progress=progress
    )
    inner = InnerTensors(network.module, network.names, histograms)
    outputs = _record(network, inner.operands)
    if not network.module.main.outputs:
        yield lambda batch: None
        return
    with registered(*OPS):
        plan = build(clone_module(network.module), settings).plan
    with Engine(plan, device) as engine:

        def feed(batch: Mapping[str, Array]) -> None:
            found = engine.run(batch)
            for name, (span, counts) in outputs.items():
                histograms[name] = histograms[name].merged(recorded(found[span], found[counts]))
            inner.add(batch, found)

        yield feed


def _record(network: Network, more: Mapping[Value, str]) -> dict[str, tuple[str, str]]:
    """Make the outputs of the network what records each observed tensor of its function, and MORE tensors
    under these names; the names of both outputs for each observed tensor."""
    function = network.module.main
    old = function.block.terminator
    outputs, found = {name: value for value, name in more.items()}, {}
    sizes = network.module.values_at("optimum")
    for value, name in network.names.items():
        if value.block is function.block:
            count = evaluate(value.type.elements, sizes)
            found[name] = f"span of {name}", f"bins of {name}"
            outputs |= zip(found[name], insert_recording(function.block, value, count), strict=True)
    function.block.insert_before(old, Return(*outputs.values(), loc=old.location))
    old.erase()
    function.outputs = list(outputs)
    network.module.cuts = []
    return found


def _interpreted(network: Network, histograms: Histograms) -> Feed:
    function = network.module.main

    def feed(batch: Mapping[str, Array]) -> None:
        for name, array in batch.items():
            if name in histograms:
                histograms[name].add(np.asarray(array))
        arrays = [batch[name] for name in function.inputs]
        watch = TensorWatch(network.module, bind_symbols(function, arrays), network.names, histograms)
        with np.errstate(all="ignore"):
            run_block(function.block, arrays, watch)

    return feed
