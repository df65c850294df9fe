"""Names for the tensors of a module of the graph level, and a hash that identifies the module."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ....dialects.core.attributes import DIM, DIMS
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Function, Module
from ....dialects.core.traits import Trait, has

HASH_DIGITS = 40
MOST_BITS = 32  # f64 tensors are never stored in eight bits


def tensor_names(function: Function) -> dict[Value, str]:
    """A name for every tensor of FUNCTION that could be stored in eight bits, in program order.

    These are the inputs and op results that are floats of at most 32 bits and not constants. Tensors inside
    control flow are left out, because they change from one iteration to the next. A tensor has the name of
    its ONNX tensor, or its name in IR text; one that only a pass or the importer created is called `node/op`
    after the last ONNX node that it stems from, with a number if that is taken. Names are distinct, and the
    same for the same module.
    """
    names = dict(zip(function.arguments, function.inputs, strict=True))
    known = {**{value: name for name, value in zip(function.outputs, function.returned, strict=True)}}
    values = [value for op in function.block if not has(op, Trait.CONSTANT) for value in op.results]
    taken = set(names.values())
    for value in values:
        own = value.tensor or known.get(value, "") or value.hint
        if own and own not in taken:
            names[value] = own
            taken.add(own)
    numbers: dict[str, int] = {}
    for value in values:
        if value not in names:
            names[value] = _derived(value, taken, numbers)
    ordered = (*function.arguments, *values)
    return {value: names[value] for value in ordered if _is_quantizable(value)}


def _is_quantizable(value: Value) -> bool:
    return value.type.dtype.is_float and value.type.dtype.bits <= MOST_BITS


def _derived(value: Value, taken: set[str], numbers: dict[str, int]) -> str:
    """A free name for VALUE from its op; NUMBERS has the last number given per stem."""
    op = value.producer
    assert op is not None  # block arguments have names
    kind = op.name.rpartition(".")[2]
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
