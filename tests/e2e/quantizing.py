"""Models as ONNX Runtime's quantizer writes them, and where the numbers of two runs are steps apart."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.kernels.members import Member, members_of
from glassrt.compiler.passes.ledger import Ledger
from glassrt.compiler.precision.scales.table import CalibrationTable
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.launch import Kernel
from onnx import ModelProto, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

Array = np.ndarray[Any, Any]
TYPES = {"i8": QuantType.QInt8, "u8": QuantType.QUInt8}
FORMS = {"qdq": QuantFormat.QDQ, "qoperator": QuantFormat.QOperator}


class Feeds(CalibrationDataReader):
    """Batches, one after the other."""

    def __init__(self, batches: Iterable[Mapping[str, Array]]) -> None:
        self._left = iter(batches)

    def get_next(self) -> Any:
        return next(self._left, None)


def prepared(model: ModelProto) -> ModelProto:
    """MODEL with batch norms folded and shapes inferred, as the quantizer wants it."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.onnx")
        onnx.save(model, path)
        onnxruntime.set_default_logger_severity(4)
        quant_pre_process(path, path, skip_symbolic_shape=True)
        return onnx.load(path)


def quantized(
    model: ModelProto, batches: Iterable[Mapping[str, Array]], form: str, types: str, *, per_channel: bool
) -> ModelProto:
    """MODEL, which is `prepared`, in FORM; TYPES are those of activations and weights, such as 'u8 i8'."""
    activations, weights = types.split()
    logging.disable(logging.WARNING)
    try:
        with tempfile.TemporaryDirectory() as folder:
            source, target = (str(Path(folder) / name) for name in ("model.onnx", "quantized.onnx"))
            onnx.save(model, source)
            quantize_static(
                source,
                target,
                Feeds(batches),
                quant_format=FORMS[form],
                activation_type=TYPES[activations],
                weight_type=TYPES[weights],
                per_channel=per_channel,
            )
            return onnx.load(target)
    finally:
        logging.disable(logging.NOTSET)


def output_steps(model: ModelProto) -> dict[str, float]:
    """The quantization step of every output that the last node before it dequantizes."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    made = {name: node for node in model.graph.node for name in node.output}
    steps = {}
    for value in model.graph.output:
        node = made[value.name]
        assert node.op_type == "DequantizeLinear"
        steps[value.name] = float(numpy_helper.to_array(stored[node.input[1]]))
    return steps


def steps_apart(have: Mapping[str, Array], want: Mapping[str, Array], model: ModelProto) -> dict[str, Array]:
    """How many quantization steps every element of every output is off."""
    assert have.keys() == want.keys()
    steps = output_steps(model)
    return {name: np.rint(np.abs(have[name] - want[name]) / steps[name]) for name in want}


def lowered(
    model: ModelProto, precision: str, calibration: CalibrationTable | None = None
) -> tuple[Module, Ledger]:
    """MODEL at the launch level, and what the compiler decided on the way."""
    settings = Settings(precision=as_policy(precision), calibration=calibration)
    context = context_of(settings)
    return launch_level(load_module(model), settings, context), context.ledger


def contractions(module: Module) -> list[Member]:
    """The kernels of MODULE that hold a contraction, in order; those of one launch one by one."""
    launches = [op for op in module.main.block if isinstance(op, Kernel)]
    kernels = [member for op in launches for member in members_of(op)]
    return [kernel for kernel in kernels if any(has(op, Trait.CONTRACTION) for op in kernel.body)]


def multiplied(kernel: Member) -> tuple[str, ...]:
    """The element types that the contraction of KERNEL multiplies."""
    (root,) = [op for op in kernel.body if has(op, Trait.CONTRACTION)]
    return tuple(str(value.type.dtype) for value in root.inputs)


def handed_on(module: Module) -> list[str]:
    """The element types of what kernels write for other kernels, in order."""
    outputs = set(module.main.returned)
    kernels = [op for op in module.main.block if isinstance(op, Kernel)]
    return [str(v.type.dtype) for op in kernels for v in op.writes if v not in outputs]
