"""Parts that are loaded when they are first needed, and the error where their libraries are not installed."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

from . import MissingError

# What to install for a library that is missing: the extra of this distribution that brings it.
_EXTRAS = {
    "onnxruntime": "check",
    "hypothesis": "testing",
    "sklearn": "examples",
}
_COMPILER = "compiler"


def load_part(module: str, package: str) -> ModuleType:
    """The module called MODULE, relative to PACKAGE. Raises MissingError where it needs a library that is
    not installed."""
    try:
        return import_module(module, package)
    except ModuleNotFoundError as error:
        raise missing(error) from None


class LazyModule(ModuleType):
    """A module under another name than its own, loaded when one of its names is first used."""

    def __init__(self, name: str, module: str, package: str) -> None:
        super().__init__(name)
        self._own = (module, package)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what the import system asks every module
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(load_part(*self._own), name)

    def __dir__(self) -> list[str]:
        return dir(load_part(*self._own))


def missing(error: ModuleNotFoundError) -> MissingError:
    """What to say instead of ERROR. A module of this package that is not there is no library: it is raised
    as it is."""
    library = (error.name or "").partition(".")[0]
    if not library or library == __name__.partition(".")[0]:
        raise error
    extra = _EXTRAS.get(library, _COMPILER)
    return MissingError(f"this needs {library}, which is not installed", f"pip install 'glassrt[{extra}]'")
