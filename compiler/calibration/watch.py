"""Histograms of tensors, filled while the interpreter runs a network or its control flow alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...dialects.control import ControlOp
from ...dialects.core.interpreter import Array, Evaluation, bind_symbols
from ...dialects.core.ir import Operation, Region, Value
from ...dialects.core.module import Module
from ..precision.scales.histogram import Histogram

Histograms = dict[str, Histogram]


class TensorWatch(Evaluation):
    """An evaluation that adds every value with a name to its histogram at once, so that it need not be kept.

    A value inside control flow is added each time that it is computed.
    """

    def __init__(
        self,
        module: Module,
        symbols: Mapping[str, int],
        names: Mapping[Value, str],
        histograms: Histograms,
    ) -> None:
        super().__init__(module, symbols)
        self._names = names
        self._histograms = histograms

    def executed(self, op: Operation, arguments: Sequence[Array | None], results: Sequence[Array]) -> None:
        self._look(op.results, results)

    def run_region(self, region: Region, inputs: Sequence[Array]) -> tuple[Array, ...]:
        self._look(region.block.arguments, inputs)  # what a loop carries; captures have no names of their own
        return super().run_region(region, inputs)

    def _look(self, values: Sequence[Value], arrays: Sequence[Array]) -> None:
        for value, array in zip(values, arrays, strict=True):
            if value in self._names:
                self._histograms[self._names[value]].add(array)


class InnerTensors:
    """The tensors with NAMES inside the control flow of MODULE, which runs on a device.

    operands: the values that the device has to give, for the interpreter to run that control flow again, and
    the names of these outputs.
    """

    def __init__(self, module: Module, names: Mapping[Value, str], histograms: Histograms) -> None:
        self._module, self._names, self._histograms = module, names, histograms
        inside = {value.block for value in names}
        self._ops = [
            op
            for op in module.main.block
            if isinstance(op, ControlOp)
            and any(region.block in inside for each in op.walk() for region in each.regions)
        ]
        made = [v for op in self._ops for v in op.inputs if v.producer is not None and v.producer.inputs]
        self.operands = {
            value: names.get(value, f"operand {number} of control flow")
            for number, value in enumerate(dict.fromkeys(made))
        }

    def add(self, batch: Mapping[str, Array], found: Mapping[str, Array]) -> None:
        """Run the control flow for BATCH on its operands FOUND, which the device computed."""
        function = self._module.main
        arrays = [np.asarray(batch[name]) for name in function.inputs]
        watch = TensorWatch(self._module, bind_symbols(function, arrays), self._names, self._histograms)
        known = dict(zip(function.arguments, arrays, strict=True))
        known |= {value: np.asarray(found[name]) for value, name in self.operands.items()}
        for op in self._ops:
            for value in op.inputs:
                if value not in known and value.producer is not None:  # a constant, or sizes
                    known[value] = np.asarray(value.producer.evaluate(watch))
            with np.errstate(all="ignore"):
                op.evaluate(watch, *(None if value is None else known[value] for value in op.operands))
