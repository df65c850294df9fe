"""Names for the tensors of a module of the graph level, and a hash that identifies the module."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from ....dialects.control import ControlOp, Loop
from ....dialects.core.attributes import DIM, DIMS
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Function, Module
from ....dialects.core.traits import Trait, has

HASH_DIGITS = 40
MOST_BITS = 32  # f64 tensors are never stored in eight bits


def tensor_names(function: Function) -> dict[Value, str]:
    """A name for every tensor of FUNCTION that could be stored in eight bits, in program order.

    These are the inputs and op results that are floats of at most 32 bits and not constants, then the same
    inside control flow, where they are new in every iteration, and what loops carry. A tensor has the name of
    its ONNX tensor, or its name in IR text; one that only a pass or the importer created is called `node/op`
    after the last ONNX node that it stems from, with a number if that is taken. Names are distinct, and the
    same for the same module.
    """
    names = dict(zip(function.arguments, function.inputs, strict=True))
    known = {value: name for name, value in zip(function.outputs, function.returned, strict=True)}
    numbers: dict[str, int] = {}
    _add_names(_made_in(function.block), names, known, numbers)
    for op in function.walk():
        for region in op.regions if isinstance(op, ControlOp) else ():
            _add_names(_made_in(region.block), names, known, numbers)
    return {value: name for value, name in names.items() if _is_quantizable(value)}


def _made_in(block: Block) -> dict[Value, Operation]:
    """The values that BLOCK introduces (loop-carried arguments, results of ops), each with its op."""
    made: dict[Value, Operation] = {}
    loop = block.parent.parent if block.parent is not None else None
    if isinstance(loop, Loop):
        made = dict.fromkeys(block.arguments[1 : 1 + loop.carried], loop)
    return made | {value: op for op in block if not has(op, Trait.CONSTANT) for value in op.results}


def _add_names(
    values: Mapping[Value, Operation],
    names: dict[Value, str],
    known: Mapping[Value, str],
    numbers: dict[str, int],
) -> None:
    """Add the names of VALUES, each with its op, to NAMES; KNOWN are names of outputs, NUMBERS the last
    number used per stem."""
    taken = set(names.values())
    found: dict[Value, str] = {}
    for value in values:
        own = value.tensor or known.get(value, "") or value.hint
        if own and own not in taken:
            found[value] = own
            taken.add(own)
    for value, op in values.items():
        kind = op.name.rpartition(".")[2] if value.producer is op else "carried"
        names[value] = found.get(value) or _derived(op, kind, taken, numbers)


def _is_quantizable(value: Value) -> bool:
    return value.type.dtype.is_float and value.type.dtype.bits <= MOST_BITS


def _derived(op: Operation, kind: str, taken: set[str], numbers: dict[str, int]) -> str:
    """An unused name for a result of OP, of KIND; NUMBERS has the last number used per stem."""
    stem = f"{op.location.nodes[-1]}/{kind}" if op.location.nodes else kind
    name = stem
    while name in taken:
        numbers[stem] = numbers.get(stem, 1) + 1
        name = f"{stem}.{numbers[stem]}"
    taken.add(name)
    return name


def model_hash(module: Module) -> str:
    """The hash that identifies the network of MODULE, as imported and before any pass.

    The leading hex digits of SHA-256 over the ops, how they are connected, their attributes, weights,
    element types, and the names of nodes and tensors. Sizes are left out: the same network with another
    batch, or another range of it, has the same hash.
    """
    digest = hashlib.sha256()
    for function in module.functions:
        for part in _facts(function):
            digest.update(f"{part}\n".encode())
    return digest.hexdigest()[:HASH_DIGITS]


def _facts(function: Function) -> Iterable[object]:
    yield function.name, function.inputs, function.outputs
    yield from _block_facts(function.block, {})


def _block_facts(block: Block, numbers: dict[Value, int]) -> Iterable[object]:
    """The data that the hash covers; NUMBERS has the values outside BLOCK, and gets those inside."""
    for value in block.arguments:
        numbers[value] = len(numbers)
    yield [f"{value.type.dtype} {value.type.rank}" for value in block.arguments]
    for op in block:
        for region in op.regions:
            yield from _block_facts(region.block, numbers)
        yield op.name, [None if value is None else numbers[value] for value in op.operands]
        yield op.location.nodes, [(value.tensor, str(value.type.dtype)) for value in op.results]
        yield _attributes(op)
        for value in op.results:
            numbers[value] = len(numbers)


def _attributes(op: Operation) -> list[str]:
    """The attributes as text, except sizes."""
    fields = op.spec.attributes.items()
    given = ((name, field, op.attributes[name]) for name, field in fields if field.kind not in (DIM, DIMS))
    return [f"{name}={field.kind.encode(value)}" for name, field, value in given if value is not None]
