"""GlassRT: an inference compiler with the box made of glass.

    plan = glassrt.compile("model.onnx", precision="fp16")
    engine = glassrt.load(plan)
    outputs = engine.run({"x": x})

Names are loaded when they are first used: running a plan needs numpy and cuda-python alone.
"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from .errors import (
    CalibrationError,
    CompileError,
    DeviceError,
    GlassError,
    InputError,
    IRError,
    KernelError,
    MissingError,
    ModelError,
    OutOfMemoryError,
    PlanError,
    UnsupportedError,
)
from .errors.absent import LazyModule, load_part

if TYPE_CHECKING:
    from .compiler import onnx_backend as backend
    from .compiler import ort as onnxruntime
    from .compiler.api import bench, bisect, check, compile
    from .compiler.calibration.calibrate import calibrate
    from .compiler.comparison.diff import diff
    from .compiler.export.qdq import export_qdq
    from .compiler.precision.scales.table import CalibrationTable
    from .compiler.reduction.api import reduce
    from .compiler.reproducer.write import write_reproducer
    from .compiler.search.sensitivity import sensitivity
    from .compiler.settings.policy import PrecisionPolicy
    from .compiler.surgery.extract import extract
    from .compiler.verification import verify
    from .dialects import custom
    from .runtime import Binding, Engine, Plan, load

__version__ = "0.1.0"

# Modules under short names: `glassrt.custom`, and `import glassrt.onnxruntime`.
_MODULES = {
    "backend": ".compiler.onnx_backend",
    "custom": ".dialects.custom",
    "onnxruntime": ".compiler.ort",
}
for _name, _place in _MODULES.items():
    sys.modules.setdefault(f"{__name__}.{_name}", LazyModule(f"{__name__}.{_name}", _place, __name__))
_LAZY = {
    "bench": ".compiler.api",
    "bisect": ".compiler.api",
    "check": ".compiler.api",
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
    "verify": ".compiler.verification",
    "Binding": ".runtime",
    "Engine": ".runtime",
    "Plan": ".runtime",
    "load": ".runtime",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return load_part(_MODULES[name], __name__)
    if name not in _LAZY:
        close = get_close_matches(name, __all__, 1)
        hint = f"; is {close[0]} meant?" if close else ""
        raise AttributeError(f"module 'glassrt' has no attribute {name!r}{hint}")
    return getattr(load_part(_LAZY[name], __name__), name)


def __dir__() -> list[str]:
    """The interface, for `dir` and completion: without what it is made of."""
    return sorted([*__all__, "__version__", "__doc__"])


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
    "MissingError",
    "ModelError",
    "OutOfMemoryError",
    "Plan",
    "PlanError",
    "PrecisionPolicy",
    "UnsupportedError",
    "backend",
    "bench",
    "bisect",
    "calibrate",
    "check",
    "compile",
    "custom",
    "diff",
    "export_qdq",
    "extract",
    "load",
    "onnxruntime",
    "reduce",
    "sensitivity",
    "verify",
    "write_reproducer",
]
