"""Makes a model whose sizes depend on data one whose memory is for the most elements.

An importer finds the sizes that data decides as symbols, in types and in attributes. When all nodes are
there, every such size becomes the largest that it may be, each op is made right for memory beyond the count
(`bounding_rules.py`), and the true sizes of the outputs become outputs themselves, by which they are cut.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...dialects.control import ControlOp
from ...dialects.core.affine import Dim, symbol
from ...dialects.core.builtin import Return
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Function, Module
from ...dialects.core.sizes.counted import Counted, DependsOnData
from ...dialects.core.sizes.substitution import in_module
from ...dialects.core.traits import Trait, has
from ...dialects.core.types import symbols_in
from ...dialects.graph.constants import Dims
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.reshape import Reshape
from ...errors.diagnostic import Diagnostic
from ...runtime.cuts import Cut
from .bounding_regions import bounded_control
from .bounding_rules import apply_rule
from .builder import Builder
from .masks import Masks
from .problems import Refused, shown


def bound_counts(builder: Builder) -> list[Diagnostic]:
    """Replace all sizes that data decides in the module of BUILDER. Returns what is not supported; the module
    is of no use then."""
    module, counted = builder.module, builder.sizes_known.counted
    masks = Masks(builder, module.main.block.terminator)
    undecided = masks.undecided
    if not undecided:
        return []
    offenders: list[Diagnostic] = []
    for op in list(module.main.block):
        offenders += _bounded(masks, op)
    if not offenders:
        _add_counts(masks, module.main)
        offenders += _at_bounds(module, counted, undecided)
    for name in undecided:
        module.derived.pop(name, None)
        del module.symbols[name]
    return offenders


def _at_bounds(module: Module, counted: Counted, undecided: set[str]) -> Iterator[Diagnostic]:
    """Give the sizes UNDECIDED their largest values; a message for each that has none and is the size of
    something. One that only numbers depend on needs none, for these are data by now."""
    largest: dict[str, Dim] = {}
    for name in sorted(undecided):
        try:
            largest[name] = counted.largest(symbol(name))
        except DependsOnData as error:
            user = next((op for op in module.main.block if name in _symbols_of(op)), None)
            if user is not None:
                yield _diagnostic(user, error)
    in_module(module, largest)


def _diagnostic(op: Operation, error: Exception) -> Diagnostic:
    node = op.location.nodes[0] if op.location.nodes else op.name
    return Diagnostic(f"node {shown(node)}: {error}", nodes=op.location.nodes)


def _symbols_of(op: Operation) -> set[str]:
    """The symbols in OP and in the ops of its regions: in types and in attributes."""
    values = [value for inner in op.walk() for value in (*inner.inputs, *inner.results)]
    attributes = [value for inner in op.walk() for value in inner.attributes.values()]
    return {name for each in (*(value.type for value in values), *attributes) for name in symbols_in(each)}


def _bounded(masks: Masks, op: Operation) -> Iterator[Diagnostic]:
    """Make OP right if data decides sizes of it; a message where that is not possible."""
    if masks.undecided.isdisjoint(_symbols_of(op)):
        return
    masks.place = op
    try:
        if isinstance(op, Dims):
            op.replace_by(_counts(masks, op))
        elif isinstance(op, ControlOp):
            yield from bounded_control(masks, op, _bounded)
        elif not has(op, Trait.TERMINATOR):
            apply_rule(masks, op)
        for value in op.results:
            for size in value.type.shape:
                masks.counted.largest(size)
    except (Refused, DependsOnData) as error:
        yield _diagnostic(op, error)


def _counts(masks: Masks, op: Dims) -> Value:
    """What OP holds as data."""
    if op.scalar:
        return masks.count(op.values[0])
    parts = [masks.emit(Reshape, masks.count(value), shape=(1,)) for value in op.values]
    return masks.emit(Concat, *parts, axis=0) if len(parts) > 1 else parts[0]


def _add_counts(masks: Masks, function: Function) -> None:
    """Return the true sizes of the outputs of FUNCTION, too."""
    end = masks.place = function.block.terminator
    counts: dict[Dim, tuple[str, Value]] = {}
    for name, value in zip(list(function.outputs), function.returned, strict=True):
        for axis in masks.counted_axes(value):
            size = value.type.shape[axis]
            if size not in counts:
                counts[size] = (_unused(function, f"{name}[{axis}]"), masks.count(size))
            assert function.module is not None  # it was found there
            function.module.cuts.append(Cut(name, axis, counts[size][0]))
    values = [*function.returned, *(value for _, value in counts.values())]
    function.outputs += [name for name, _ in counts.values()]
    function.block.insert_before(end, Return(*values, loc=end.location))
    end.erase()


def _unused(function: Function, name: str) -> str:
    """NAME, with more at its end where an input or an output is called that."""
    while name in (*function.inputs, *function.outputs):
        name += "'"
    return name
