"""Kernels of one recurrent op, under a configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.executed import executed
from glassrt.codegen.request.request import Candidate, Request
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.affine import Dim
from glassrt.dialects.core.builtin import Return, Yield
from glassrt.dialects.core.dtypes import F16, F32, I32, DType
from glassrt.dialects.core.ir import Block, Region
from glassrt.dialects.core.module import Function, Module, SymbolRange
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.recurrence import DIRECTIONS, Recurrence
from glassrt.dialects.precision import PrecisionKernel

from ...one_kernel import Array, compare, draw_inputs

SYMBOLS = {"T": SymbolRange(1, 4, 16), "B": SymbolRange(1, 4, 64)}


def op_of(
    kind: type[Recurrence],
    sizes: tuple[Dim, Dim, int],
    more: Sequence[str] = (),
    dtype: DType = F16,
    stored: DType | None = None,
    **attributes: Any,
) -> tuple[Recurrence, list[str]]:
    """An op of KIND in a block of its own for SIZES, steps, batch and hidden, with MORE operands than two;
    STORED: the type of its weights if they have scales.

    The names of all operands come with it.
    """
    steps, batch, hidden = sizes
    count = len(DIRECTIONS[attributes.get("direction", "forward")])
    state = (count, batch, hidden)
    known: dict[str, tuple[Dim, ...]] = {
        "x": (steps, batch, count * kind.gates * hidden),
        "weights": (count, kind.gates * hidden, hidden),
        **dict.fromkeys(("initial", "memory"), state),
        "lengths": (batch,),
        "peepholes": (count, 3 * hidden),
        "bias": (count, hidden),
        "scales": (count, kind.gates * hidden),
    }
    own: dict[str, DType] = {"lengths": I32, "scales": F32} | ({"weights": stored} if stored else {})
    fields = [field.name for field in kind.spec.operands]
    names = [name for name in fields if name in ("x", "weights", *more)]
    block = Block([TensorType(known[name], own.get(name, dtype)) for name in names])
    given = dict(zip(names, block.arguments, strict=True))
    return block.append(kind(*(given.get(name) for name in fields), **attributes)), names


def module_of(
    kind: type[Recurrence],
    sizes: tuple[Dim, Dim, int],
    more: Sequence[str] = (),
    dtype: DType = F16,
    stored: DType | None = None,
    **attributes: Any,
) -> Module:
    """A precision-level module of one kernel with the op `op_of` gives."""
    op, names = op_of(kind, sizes, more, dtype, stored, **attributes)
    block = op.parent
    assert block is not None
    block.append(Yield(*op.results))
    module = Module("one", symbols=dict(SYMBOLS))
    function = module.add(Function("main", names, [f"y{at}" for at in range(len(op.results))]))
    arguments = [function.block.add_argument(value.type) for value in block.arguments]
    own, region = executed(block), Region(block)
    kernel = PrecisionKernel(
        *arguments, root="recurrence", requested=own, compute=own, accumulate=F32, regions=[region]
    )
    function.block.append(kernel)
    function.block.append(Return(*kernel.results))
    verify(module, ALL_DIALECTS)
    return module


def inputs_of(module: Module, lengths: Sequence[int] = (), **symbols: int) -> dict[str, Array]:
    """Random inputs for MODULE: weights as they are drawn before training, and sequences of LENGTHS."""
    found = draw_inputs(module, np.random.default_rng(0), symbols)
    scale = np.float32(found["weights"].shape[2] ** -0.5)
    if "scales" in found:
        bits = bytes_of(found["weights"].shape)
        found["weights"] = bits.view(found["weights"].dtype)
        found["scales"] = (np.abs(found["scales"]) + np.float32(0.2)) * scale / np.float32(100)
    else:
        found["weights"] = (found["weights"].astype(np.float32) * scale).astype(found["weights"].dtype)
    return found | ({"lengths": np.array(lengths, np.int32)} if lengths else {})


def bytes_of(shape: tuple[int, ...]) -> Array:
    """Bytes of SHAPE that are numbers as i8, and as f8e4m3."""
    drawn = np.random.default_rng(1).integers(0, 0x70, shape, np.uint8)
    return drawn | np.random.default_rng(2).integers(0, 2, shape, np.uint8) << np.uint8(7)


def under(config: Any, family: str = "recurrence_cluster") -> Callable[[Request], Candidate]:
    """The choice of CONFIG, one of FAMILY."""
    return lambda request: Candidate(family, asdict(config), 1.0)


def request_of(op: Recurrence, weights: frozenset[int] = frozenset()) -> Request:
    """The request of a kernel of OP, the only op of its block; WEIGHTS are its operands that are weights."""
    block = op.parent
    assert block is not None
    block.append(Yield(*op.results))
    ranges = {name: (span.minimum, span.maximum) for name, span in SYMBOLS.items()}
    return Request(block, tuple(value.type for value in op.results), ranges, {}, REFERENCE, "k", weights)


def assert_agrees(
    module: Module, given: dict[str, Array], choose: Callable[[Request], Candidate], device: str = "host"
) -> None:
    """That the kernel of MODULE differs from the interpreter by a few roundings of its states."""
    for have, want in compare(module, given, choose, device):
        assert have.shape == want.shape and have.dtype == want.dtype
        unit = 2.0 ** -{"float16": 11, "float32": 22}.get(have.dtype.name, 8)  # f32 sums in another order
        difference = np.abs(have.astype(np.float64) - want.astype(np.float64))
        assert difference.max() <= 4 * unit * np.abs(want.astype(np.float64)).max()
