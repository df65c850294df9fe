"""GlassRT: an inference compiler with the box made of glass.

    plan = glassrt.compile("model.onnx", precision="fp16")
    engine = glassrt.load(plan)
    outputs = engine.run({"x": x})

Names are loaded when they are first used: running a plan needs numpy and cuda-python alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import (
    CalibrationError,
    CompileError,
    DeviceError,
    GlassError,
    InputError,
    IRError,
    KernelError,
    ModelError,
    OutOfMemoryError,
    PlanError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from .compiler.api import compile
    from .compiler.calibration.calibrate import calibrate
    from .compiler.comparison.diff import diff
    from .compiler.export.qdq import export_qdq
    from .compiler.precision.scales.table import CalibrationTable
    from .compiler.reduction.api import reduce
    from .compiler.reproducer.write import write_reproducer
    from .compiler.search.sensitivity import sensitivity
    from .compiler.settings.policy import PrecisionPolicy
    from .compiler.surgery.extract import extract
    from .dialects import custom
    from .runtime import Binding, Engine, Plan, load

__version__ = "0.1.0"

_MODULES = {"custom": ".dialects.custom"}
_LAZY = {
    "compile": ".compiler.api",
    "calibrate": ".compiler.calibration.calibrate",
    "diff": ".compiler.comparison.diff",
    "extract": ".compiler.surgery.extract",
    "reduce": ".compiler.reduction.api",
    "write_reproducer": ".compiler.reproducer.write",
    "CalibrationTable": ".compiler.precision.scales.table",
    "PrecisionPolicy": ".compiler.settings.policy",
    "sensitivity": ".compiler.search.sensitivity",
    "export_qdq": ".compiler.export.qdq",
    "Binding": ".runtime",
    "Engine": ".runtime",
    "Plan": ".runtime",
    "load": ".runtime",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name], __name__)
    if name not in _LAZY:
        raise AttributeError(f"module 'glassrt' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name], __name__), name)


__all__ = [
    "Binding",
    "CalibrationError",
    "CalibrationTable",
    "CompileError",
    "DeviceError",
    "Engine",
    "GlassError",
    "IRError",
    "InputError",
    "KernelError",
    "ModelError",
    "OutOfMemoryError",
    "Plan",
    "PlanError",
    "PrecisionPolicy",
    "UnsupportedError",
    "calibrate",
    "compile",
    "custom",
    "diff",
    "export_qdq",
    "extract",
    "load",
    "reduce",
    "sensitivity",
    "write_reproducer",
]
