"""Nets, and what narrowing finds out about their values."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.compiler.precision.narrowing.demands import Demands
from glassrt.compiler.precision.narrowing.forward import ForwardFacts
from glassrt.compiler.precision.narrowing.readers import Readers
from glassrt.dialects.core.dtypes import F32, I64, DType
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.elementwise import Cast
from glassrt.testing.net import Net


class Narrowed(Net):
    """A net, its facts, demands and readers once it is done."""

    def finished(self, *results: Value) -> None:
        """Analyse the net that gives RESULTS."""
        module = self.done(*results)
        self.facts = ForwardFacts(module, module.main)
        self.demands = Demands(module.main, self.facts)
        self.readers = Readers(module.main)

    def number(self, value: float) -> Value:
        return self.const(np.float32(value))

    def table(self, *shape: int, most: float = 1.0) -> Value:
        """Weights between -MOST and MOST, none of them whole."""
        return self.const(np.linspace(-most, most, int(np.prod(shape)), dtype=np.float32).reshape(shape))

    def counted(self, *shape: Any, dtype: DType = I64, name: str = "i") -> Value:
        """Integers that are an input, as floats."""
        return self.add(Cast, self.input(name, *shape, dtype=dtype), to=F32)
