"""Time and cost of the contraction kernels; runs from a checkout that is not installed, too."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

if importlib.util.find_spec("glassrt") is None:
    package = types.ModuleType("glassrt")
    package.__path__ = [str(Path(__file__).resolve().parents[2])]
    sys.modules["glassrt"] = package
