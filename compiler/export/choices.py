"""What a build stores in eight bits, in the words of the ONNX model that it is made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import numpy as np

from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Module, Operation
from ...dialects.core.traits import Trait, has
from ...dialects.graph.binary import Add
from ...dialects.graph.contraction import Conv, Matmul
from ...dialects.graph.movement import Reshape, Transpose
from ...dialects.graph.quantization import Dequantize, Quantize
from ...errors import InputError, UnsupportedError
from ..driver.build import Settings, context_of
from ..driver.interface import check_overrides
from ..driver.pipeline import TO_GRAPH
from ..frontend.source import InputShapes, Shapes, Source, level_of, load_module
from ..passes.manager import Pass, PassContext, PassManager
from ..passes.origins import origins_of
from ..patterns.channel_scale import channel_axis, per_channel, weight_of
from ..patterns.matching import constant_array
from ..precision.quantization.insert import InsertQuantization
from ..precision.scales.names import model_hash

Array = np.ndarray[Any, Any]
Contraction = Conv | Matmul


@dataclass(frozen=True)
class StoredTensor:
    """The tensor called `name` is stored as `dtype` with one `scale`.

    only: the nodes that alone read it so, None for all that read it but those in `kept`.
    """

    name: str
    scale: Array
    dtype: DType
    only: frozenset[str] | None
    kept: frozenset[str]


@dataclass(frozen=True)
class Folded:
    """A contraction whose weights absorbed what follows it: it gives the tensor `result`, with this bias."""

    result: str
    bias: Array | None


@dataclass(frozen=True)
class StoredWeights:
    """The weights of the contraction that the node of one of these names is.

    stored: the numbers, for a product of matrices with columns as output channels; scales: one per output
    channel, along `axis` of stored; folded: None where the node's own weights are stored.
    """

    nodes: tuple[str, ...]
    stored: Array
    scales: Array
    axis: int
    dtype: DType
    folded: Folded | None


@dataclass(frozen=True)
class Choices:
    """All that is stored in eight bits; module: the network at the graph level that says so."""

    module: Module
    tensors: tuple[StoredTensor, ...]
    weights: tuple[StoredWeights, ...]


def choices_of(
    source: Source, settings: Settings, inputs: InputShapes | None, shapes: Shapes | None
) -> Choices:
    """What a build of SOURCE with SETTINGS stores in eight bits. Raises what the build would.

    UnsupportedError for a choice that the ONNX model has no words for, naming the node.
    """
    table = settings.calibration
    if table is None or not settings.precision.quantizes:
        raise InputError("scales are exported of int8 and fp8, with a calibration table")
    module = load_module(source, inputs, shapes)
    if level_of(module) != "graph":
        raise InputError("scales are exported of models at the graph level")
    table.check(model_hash(module))
    check_overrides(settings.precision, origins_of(module), "graph")
    context = context_of(plain(settings))
    given: dict[str, Array | None] = dict.fromkeys(_contraction_nodes(module))
    for op, array in _constant_weights(module):
        given |= dict.fromkeys(op.location.nodes, array)
    module = before_scales(module, context)
    old, floats = set(module.walk()), dict(_constant_weights(module))
    module = InsertQuantization().run(module, context)
    new = [op for op in module.main.block if isinstance(op, Quantize) and op not in old]
    tensors = tuple(_tensor(op, module) for op in new)
    weights = (_weights(op, array, given, module) for op, array in floats.items())
    return Choices(module, tensors, tuple(each for each in weights if each is not None))


def before_scales(module: Module, context: PassContext) -> Module:
    """MODULE after the passes that run before scales are put in."""
    steps: Iterable[Pass] = takewhile(lambda step: step.name != InsertQuantization.name, TO_GRAPH)
    return PassManager(tuple(steps), context).run(module)


def plain(settings: Settings) -> Settings:
    """SETTINGS less what says nothing of scales: which kernels are made, and who watches."""
    return replace(settings, barriers=frozenset(), keep=frozenset(), dump_dir=None, print_ir=None)


def _contraction_nodes(module: Module) -> Iterable[str]:
    found = (op for op in module.main.block if isinstance(op, (Conv, Matmul)))
    return (node for op in found for node in op.location.nodes)


# ---------------------------------------------------------------- tensors


def _tensor(op: Quantize, module: Module) -> StoredTensor:
    scale = constant_array(op.scale, module)
    assert scale is not None  # the pass made it
    function = module.main
    names = dict(zip(function.arguments, function.inputs, strict=True))
    (back,) = [user for user in op.result.users if isinstance(user, Dequantize)]
    readers = [user for user in op.x.users if user is not op and not has(user, Trait.TERMINATOR)]
    source, only = op.x, None
    while source not in names and not source.tensor and isinstance(source.producer, (Reshape, Transpose)):
        # Such as a vector that the importer reads as a matrix: the node alone reads it so.
        source = source.producer.x
        only = _nodes(back.result.users)
    name = names.get(source) or source.tensor
    if not name:
        where = op.location.nodes[-1] if op.location.nodes else str(op.x.type)
        raise UnsupportedError(
            f"the tensor behind '{where}' is stored in {op.to}, but the ONNX model has no such tensor",
            "an override keeps what reads it in floats",
        )
    return StoredTensor(name, scale, op.to, only, _nodes(readers))


def _nodes(ops: Iterable[Operation]) -> frozenset[str]:
    return frozenset(node for op in ops for node in op.location.nodes)


# ---------------------------------------------------------------- weights


def by_columns(op: Contraction, weights: Array) -> Array:
    """OP's WEIGHTS, those of a product of matrices with its columns along the last axis."""
    return weights.swapaxes(-1, -2) if isinstance(op, Matmul) and op.transpose_b else weights


def _constant_weights(module: Module) -> Iterable[tuple[Contraction, Array]]:
    """The contractions of MODULE with constant weights, and these `by_columns`."""
    for op in module.main.block:
        array = constant_array(weight_of(op), module) if isinstance(op, (Conv, Matmul)) else None
        if array is not None:
            assert isinstance(op, (Conv, Matmul))
            yield op, by_columns(op, array)


def _weights(
    op: Contraction, floats: Array, given: Mapping[str, Array | None], module: Module
) -> StoredWeights | None:
    """How the weights of OP, which were FLOATS, are stored; None where they are not."""
    made = weight_of(op).producer
    if not isinstance(made, Dequantize):
        return None
    stored, scales = constant_array(made.x, module), constant_array(made.scale, module)
    assert stored is not None and scales is not None  # the pass made them
    stored = by_columns(op, stored)
    axis = 0 if isinstance(op, Conv) else stored.ndim - 1
    nodes = tuple(node for node in op.location.nodes if node in given)
    own = all(_same(given[node], floats) for node in nodes)
    return StoredWeights(
        nodes, stored, scales, axis, made.quantized, None if own else _folded(op, nodes, module)
    )


def _same(given: Array | None, floats: Array) -> bool:
    return given is not None and np.array_equal(given, floats)


def _folded(op: Contraction, nodes: tuple[str, ...], module: Module) -> Folded:
    """What OP gives together with the constants that were folded into its weights."""
    result, bias = op.result, None
    add = result.users[0] if len(result.uses) == 1 else None
    if not result.tensor and isinstance(add, Add) and add.x is result:
        bias = per_channel(add.y, result.type, channel_axis(op), module)
        result = add.result
    if not result.tensor or len(nodes) != 1:
        where = op.location.nodes[-1] if op.location.nodes else op.name
        raise UnsupportedError(
            f"the weights of '{where}' took in what follows, but the ONNX model has no tensor for the result",
            "an override keeps it in floats",
        )
    return Folded(result.tensor, None if bias is None else bias.astype(np.float32))
