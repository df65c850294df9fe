"""The opset of an exported model, and the conversion to a later one."""

from __future__ import annotations

from onnx import ModelProto, helper, version_converter

from ...errors import UnsupportedError
from ..frontend.reading import normal_domain

PER_AXIS_OPSET, FLOAT8_OPSET = 13, 19


def opset_of(model: ModelProto) -> int:
    """The version of ai.onnx that MODEL imports; 0 where it imports none."""
    versions = (entry.version for entry in model.opset_import if normal_domain(entry.domain) == "")
    return int(next(versions, 0))


def raised(model: ModelProto, wanted: int) -> ModelProto:
    """A copy of MODEL in at least opset WANTED of ai.onnx, converted if its own is earlier.

    Raises UnsupportedError where onnx cannot convert it.
    """
    have = opset_of(model)
    if have < wanted:
        model = _converted(model, have, wanted)
    else:
        model = _copy(model)
    least = helper.find_min_ir_version_for(list(model.opset_import), ignore_unknown=True)
    model.ir_version = max(model.ir_version, int(least))
    return model


def _converted(model: ModelProto, have: int, wanted: int) -> ModelProto:
    message = f"scales of these types need opset {wanted}, and the model has {have}"
    if model.functions:
        raise UnsupportedError(
            f"{message}: its functions cannot be converted", "inline them with onnx.inliner"
        )
    try:
        return version_converter.convert_version(model, wanted)
    except (version_converter.ConvertError, RuntimeError, ValueError, IndexError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = "convert the model first, and calibrate the converted model"
        raise UnsupportedError(f"{message}: onnx cannot convert it ({reason})", hint) from None


def _copy(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy
