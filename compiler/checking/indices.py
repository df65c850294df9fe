"""Indices outside their axis: in what the kernels of a plan are about to read, or in a module as imported.

A launch that takes positions is watched: what it reads is copied out before it runs, and the ops that the
positions are computed by are evaluated in numpy. So the check sees the numbers that the device computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from ...dialects.core.defaults import completed
from ...dialects.core.interpreter import Array, bind_symbols
from ...dialects.core.ir import Block
from ...dialects.core.module import Module
from ...dialects.graph.positions import check_positions, has_positions
from ...dialects.launch import Kernel, kernels_in
from ...errors import InputError, IRError
from ...runtime.device import Observer, ReadBuffer
from ...runtime.plan import Plan
from ..kernels.members import members_of
from .accuracy import launched_module
from .replay import typed


def check_module(module: Module, inputs: Mapping[str, Array]) -> None:
    """Raise InputError, with node and value, if an op of MODULE takes an index outside its axis on INPUTS."""
    block = module.main.block
    if has_positions(block):
        given = completed(module, inputs)
        arrays = [np.asarray(given[name]) for name in module.main.inputs]
        _check(module, block, arrays, bind_symbols(module.main, arrays))


def index_watch(plan: Plan) -> Callable[[Mapping[str, int]], Observer] | None:
    """What watches a run of PLAN with given values of the symbols; None where no launch takes an index.

    Raises PlanError if the plan's launch level does not match its manifest.
    """
    kernels = list(kernels_in(launched_module(plan).main.block))
    watched = {index: op for index, op in enumerate(kernels) if has_positions(op.body.block)}
    if not watched:
        return None
    return lambda symbols: _Watch(plan, watched, symbols)


class _Watch:
    """Raises InputError before a launch that would take an index outside its axis."""

    def __init__(self, plan: Plan, watched: Mapping[int, Kernel], symbols: Mapping[str, int]) -> None:
        self._launches = plan.spec.launches
        self._watched = watched
        self._symbols = symbols

    def before(self, index: int, read: ReadBuffer) -> None:
        """Check what launch INDEX reads."""
        op = self._watched.get(index)
        if op is None:
            return
        pairs = list(zip(op.reads, self._launches[index].reads, strict=True))
        for member in members_of(op):
            if has_positions(member.body):
                own = pairs[member.reads]
                arrays = [typed(read(name), value.type, self._symbols) for value, name in own]
                _check(Module(), member.body, arrays, self._symbols)

    def after(self, index: int, read: ReadBuffer) -> None:
        """Nothing is left to look at."""


def _check(module: Module, block: Block, arrays: list[Array], symbols: Mapping[str, int]) -> None:
    try:
        check_positions(module, block, arrays, dict(symbols))
    except IRError as error:
        # The text of the level is the compiler's own; the node is what a user knows.
        raise InputError.of(replace(error.diagnostic, span=None)) from None
