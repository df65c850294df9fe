"""Keeps compiled templates beside the templates, as Python keeps its modules.

A template is compiled to Python, which takes a sixth of the time that a process spends in Python on its first
build. What is found is for the same source, the same versions of Python and Jinja, and the same set-up of its
environment; it is trusted as the modules beside it are. Where the folder cannot be written, or Python is told
not to write such files, nothing is kept.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket


class CompiledTemplates(jinja2.BytecodeCache):
    """The compiled templates in FOLDER."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError), open(self._path(bucket), "rb") as file:
            bucket.load_bytecode(file)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(descriptor, "wb") as file:
                bucket.write_bytecode(file)
            os.replace(temporary, self._path(bucket))

    def _path(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.{_setup(bucket.environment)}.jinja"


def _setup(environment: jinja2.Environment) -> str:
    """What the code of a template depends on besides its source: Jinja, and the settings of ENVIRONMENT."""
    flags = (environment.trim_blocks, environment.lstrip_blocks, environment.keep_trailing_newline)
    facts = (jinja2.__version__, environment.undefined.__name__, *flags, *sorted(environment.filters))
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:8]
