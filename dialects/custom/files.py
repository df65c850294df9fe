"""Files of custom ops: Python that registers them when it is executed."""

from __future__ import annotations

import hashlib
import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from ...errors import GlassError, InputError
from .op import CustomOp
from .registry import every, find


def load_file(path: str | os.PathLike[str]) -> tuple[type[CustomOp], ...]:
    """Execute the Python file PATH and return the custom ops that it registered.

    It runs as any program does, so load only files that you trust. Raises InputError if it cannot be read,
    raises an exception, or registers nothing.
    """
    file = Path(path).resolve()
    if not file.is_file():
        raise InputError(f"there is no file of custom ops {os.fspath(path)!r}")
    before = {cls.onnx: cls for cls in every()}
    try:
        module = _execute(file)
    except GlassError:
        raise
    except SyntaxError as error:
        place = file.name if error.filename is None else Path(error.filename).name
        raise InputError(f"{place}{f':{error.lineno}' if error.lineno else ''}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == str(file)]
        place = f"{file.name}:{lines[-1]}" if lines else file.name
        raise InputError(f"{place}: {type(error).__name__}: {error}") from error
    _require_one_class_for_each(module)
    found = tuple(cls for cls in every() if before.get(cls.onnx) is not cls)
    if not found:
        raise InputError(f"{file.name} registers no op", "an op is a class under @custom.op(...)")
    return found


def _require_one_class_for_each(module: ModuleType) -> None:
    """Raise InputError if two classes of MODULE are one op: the later one has replaced the earlier."""
    for cls in vars(module).values():
        here = isinstance(cls, type) and cls.__module__ == module.__name__
        if here and issubclass(cls, CustomOp) and "onnx" in vars(cls) and find(cls.onnx) is not cls:
            raise InputError(f"{Path(cls.file).name} defines {cls.onnx} twice, once by {cls.__name__}")


def _execute(file: Path) -> ModuleType:
    """FILE, executed as a module under a name of its own."""
    name = f"{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InputError(f"{file.name} is no Python file", "its name ends in .py")
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
