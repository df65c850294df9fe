"""The eight-bit tensors and weights of a build, in terms of the ONNX model that it is made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import numpy as np

from ...dialects.control import captured
from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.traits import Trait, has
from ...dialects.graph.binary import Add
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.convolution import Conv
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.quantization import Dequantize, Quantize
from ...errors import InputError, UnsupportedError
from ..driver.build import Settings, context_of
from ..driver.interface import check_overrides
from ..driver.pipeline import SIMPLIFY
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
    """A quantized activation: the tensor `name` is stored as `dtype` with a per-tensor `scale`.

    only: the nodes that read it quantized, None for all its readers except those in `kept`. reader: for a
    tensor that is read inside control flow, a node that does, whose graph gets the scale; else "".
    """

    name: str
    scale: Array
    dtype: DType
    only: frozenset[str] | None
    kept: frozenset[str]
    reader: str


@dataclass(frozen=True)
class Folded:
    """A contraction whose weights absorbed the ops after it: it produces the tensor `result`, with `bias`."""

    result: str
    bias: Array | None


@dataclass(frozen=True)
class StoredWeights:
    """The quantized weights of a contraction.

    nodes: names of ONNX nodes, one of which is the contraction; stored: the quantized numbers, for a matrix
    product with output channels in columns; scales: per-channel, along `axis` of stored; folded: None where
    the node's own weights are stored.
    """

    nodes: tuple[str, ...]
    stored: Array
    scales: Array
    axis: int
    dtype: DType
    folded: Folded | None


@dataclass(frozen=True)
class Choices:
    """All tensors and weights that are stored in eight bits; module: the quantized graph-level network."""

    module: Module
    tensors: tuple[StoredTensor, ...]
    weights: tuple[StoredWeights, ...]


def choices_of(
    source: Source, settings: Settings, inputs: InputShapes | None, shapes: Shapes | None
) -> Choices:
    """The tensors and weights that a build of SOURCE with SETTINGS stores in eight bits.

    Raises what the build would; UnsupportedError, naming the node, for a choice that Q/DQ nodes in the ONNX
    model cannot express; InputError without a calibration table or for a lowered module.
    """
    table = settings.calibration
    if table is None or not settings.precision.quantizes:
        raise InputError("exporting scales needs precision int8 or fp8, and a calibration table")
    if table.smoothing:
        raise UnsupportedError(
            "exporting scales needs a table without smoothing, whose factors are not in the model's weights",
            "calibrate without it",
        )
    module = load_module(source, inputs, shapes)
    if level_of(module) != "graph":
        raise InputError("exporting scales needs a model at the graph level")
    table.check(model_hash(module))
    check_overrides(settings.precision, origins_of(module), "graph")
    context = context_of(plain(settings))
    given: dict[str, Array | None] = dict.fromkeys(_contraction_nodes(module))
    for op, array in _constant_weights(module):
        given |= dict.fromkeys(op.location.nodes, array)
    module = before_scales(module, context)
    old, floats = set(module.walk()), dict(_constant_weights(module))
    module = InsertQuantization().run(module, context)
    new = [op for op in module.walk() if isinstance(op, Quantize) and op not in old]
    tensors = tuple(_tensor(op, module) for op in new)
    weights = (_weights(op, array, given, module) for op, array in floats.items())
    return Choices(module, tensors, tuple(each for each in weights if each is not None))


def before_scales(module: Module, context: PassContext) -> Module:
    """MODULE after the passes that run before quantization (`InsertQuantization`)."""
    steps: Iterable[Pass] = takewhile(lambda step: step.name != InsertQuantization.name, SIMPLIFY)
    return PassManager(tuple(steps), context).run(module)


def plain(settings: Settings) -> Settings:
    """SETTINGS without those that do not affect scales: switches of fusion, and dumps."""
    return replace(settings, barriers=frozenset(), keep=frozenset(), dump_dir=None, print_ir=None)


def _contraction_nodes(module: Module) -> Iterable[str]:
    found = (op for op in module.walk() if isinstance(op, (Conv, Matmul)))
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
    while not _name(source, names) and isinstance(source.producer, (Reshape, Transpose)):
        # For example a vector that the importer reshapes to a matrix for this node only.
        source = source.producer.x
        only = _nodes(back.result.users)
    name = _name(source, names)
    if not name:
        where = op.location.nodes[-1] if op.location.nodes else str(op.x.type)
        raise UnsupportedError(
            f"the tensor after '{where}' is stored in {op.to}, but the ONNX model has no such tensor",
            "use an override to keep the nodes that read it in floats",
        )
    reader = min(_nodes(back.result.users), default="") if op.holder is not None else ""
    return StoredTensor(name, scale, op.to, only, _nodes(readers), reader)


def _name(value: Value, names: Mapping[Value, str]) -> str:
    """The name of VALUE in its graph of the model, NAMES having those of inputs; "" if it has none."""
    value = captured(value)
    maker = value.producer
    if maker is None or maker.holder is None:
        return names.get(value) or value.tensor or ""
    around = maker.holder.location.nodes
    if not around:
        return ""
    prefix = f"{around[-1]}/"
    # A node without a name is called like its result, which is then not among the tensors.
    called = (*maker.location.tensors, *reversed(maker.location.nodes))
    return next((each.removeprefix(prefix) for each in called if each.startswith(prefix)), "")


def _nodes(ops: Iterable[Operation]) -> frozenset[str]:
    return frozenset(node for op in ops for node in op.location.nodes)


# ---------------------------------------------------------------- weights


def by_columns(op: Contraction, weights: Array) -> Array:
    """OP's WEIGHTS; those of a matrix product with output channels along the last axis."""
    return weights.swapaxes(-1, -2) if isinstance(op, Matmul) and op.transpose_b else weights


def _constant_weights(module: Module) -> Iterable[tuple[Contraction, Array]]:
    """The contractions of MODULE with constant weights, each with its weights `by_columns`."""
    for op in module.walk():
        array = constant_array(weight_of(op), module) if isinstance(op, (Conv, Matmul)) else None
        if array is not None:
            assert isinstance(op, (Conv, Matmul))
            yield op, by_columns(op, array)


def _weights(
    op: Contraction, floats: Array, given: Mapping[str, Array | None], module: Module
) -> StoredWeights | None:
    """The quantized weights of OP, whose float weights were FLOATS; None where they are not quantized."""
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
    """The tensor and bias that OP produces together with the constants folded into its weights."""
    result, bias = op.result, None
    add = result.users[0] if len(result.uses) == 1 else None
    if not result.tensor and isinstance(add, Add) and add.x is result:
        bias = per_channel(add.y, result.type, channel_axis(op), module)
        result = add.result
    if not result.tensor or len(nodes) != 1:
        where = op.location.nodes[-1] if op.location.nodes else op.name
        raise UnsupportedError(
            f"later ops are folded into the weights of '{where}', but the ONNX model has no tensor for the "
            "result",
            "use an override to keep it in floats",
        )
    return Folded(result.tensor, None if bias is None else bias.astype(np.float32))
