"""The package loads without hypothesis and ONNX Runtime, and says what it needs."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import glassrt.testing as testing
import pytest

WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "{library}":
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
import glassrt.testing
try:
    glassrt.testing.graphs
except glassrt.UnsupportedError as error:
    print(error)
"""


@pytest.mark.parametrize("library", testing.NEEDED)
def test_a_library_that_lacks_is_a_typed_error(library: str) -> None:
    program = WITHOUT.replace("{library}", library)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert f"needs {library}, which is not installed" in done.stdout, done.stderr
    assert "pip install 'glassrt[testing]'" in done.stdout


def test_every_name_is_there() -> None:
    for _ in range(2):  # a module that is loaded becomes an attribute of the package, too
        found = {name: getattr(testing, name) for name in testing.__all__}
        assert not [name for name, value in found.items() if isinstance(value, ModuleType)]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        testing.nothing
