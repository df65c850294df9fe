"""The spec of a depthwise convolution for its template."""

from __future__ import annotations

from dataclasses import dataclass

from ...emit.early_reads import StructCode
from ...text.affine_c import factor_to_c
from ...text.literals import c_type
from ...text.render import Code, Identifier
from .depthwise import columns_held, dots, held_weights, quads, shifts, windows_of
from .problem import Problem
from .spec import KernelBinding
from .strips import StripConfig, StripsSpec, strips_spec, weights_first_line


@dataclass(frozen=True)
class DotSpec:
    """How four products of bytes are summed at once along a line of the window.

    A word of inputs starts at an even column, so a pixel's taps have `shifts` places in their words, and fill
    `quads` of them. weights: the C type of the weights.
    """

    shifts: int
    quads: int
    weights: Identifier


@dataclass(frozen=True)
class DepthwiseSpec:
    """The spec of a depthwise kernel for its template.

    A window has `taps` taps; `first_line` is the flat index of its first line in the plane of the window that
    is summed. A thread keeps `held` weights (words of them, with `dot`) of a channel in registers, or reads
    them from shared memory where that is 0.
    """

    name: Identifier
    title: Code
    parameters: Code
    strips: StripsSpec
    b: Identifier
    accumulate: Identifier
    b_offset: Code
    b_is_weight: bool
    taps: int
    first_line: Code
    held: int
    dot: DotSpec | None
    epilogue: Code
    beside: StructCode | None
    along: StructCode | None


def specialize(problem: Problem, config: StripConfig, binding: KernelBinding) -> DepthwiseSpec:
    """The spec of PROBLEM under CONFIG, which must be legal; BINDING was made for CONFIG's vector."""
    names, dot = binding.names, None
    if dots(problem, config.vector):
        dot = DotSpec(shifts(problem, config), quads(problem, config), Identifier(c_type(problem.b)))
    types = ("i64" if problem.wide else binding.index_type, c_type(problem.a))
    columns = columns_held(problem, config)
    strips = strips_spec(windows_of(problem), config, names, binding.a, types, columns)
    return DepthwiseSpec(
        name=binding.name,
        title=binding.title,
        parameters=binding.parameters,
        strips=strips,
        b=binding.b,
        accumulate=Identifier(c_type(problem.accumulate)),
        b_offset=Code(factor_to_c(problem.b_offset, names)),
        b_is_weight=problem.b_is_weight,
        taps=problem.taps,
        first_line=Code(weights_first_line(strips.outer, strips.y.taps)),
        held=held_weights(problem, config),
        dot=dot,
        epilogue=binding.epilogue,
        beside=binding.beside,
        along=binding.along,
    )
