"""Shared by all tests: hypothesis profiles, threads, golden files, and the selection of GPU tests."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cuda.bindings import driver
from hypothesis import HealthCheck, settings

# numpy reads this when it is imported, which is after this file. The cores are for pytest's workers: threads
# of OpenBLAS that wait for a core in a loop made the interpreter's products cost up to four times as much.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from glassrt.runtime import host_compiler  # which imports numpy

# To import modules, to build and to interpret makes millions of objects and few cycles: looking for these
# every 700 objects, Python's own choice, took a tenth of the processor time of many tests.
gc.set_threshold(50_000, 20, 50)

USERS_FLAGS = host_compiler.KERNEL_FLAGS

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile(
    "ci",
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") == "true" else "dev"))


class Golden(str):
    """The text a test expects, kept in a file. `assert text == golden` compares, or rewrites the file.

    The file is `golden/<test module>/<test>.txt` beside the test; `golden.at("conv.cu")` is another
    file of the same folder.
    """

    path: Path
    update: bool

    def __new__(cls, path: Path, update: bool) -> Golden:
        golden = super().__new__(cls, path.read_text(encoding="utf-8") if path.exists() else "")
        golden.path = path
        golden.update = update
        return golden

    def at(self, name: str) -> Golden:
        """The golden file `name` of the same test module."""
        return Golden(self.path.parent / name, self.update)

    def __eq__(self, text: object) -> bool:
        if not isinstance(text, str):
            return NotImplemented
        if self.update:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(text, encoding="utf-8")
            return True
        if not self.path.exists():
            pytest.fail(
                f"there is no golden file {self.path.name} in {self.path.parent}; "
                "`pytest --update-golden` writes it from the present output, for you to review",
                pytrace=False,
            )
        return str.__eq__(self, text)

    def __ne__(self, text: object) -> bool:
        return not self == text

    __hash__ = str.__hash__


class RootFolder:
    """Collects the root as a folder: pytest would import the package by the name that its folder has."""

    def pytest_collect_directory(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        root = Path(__file__).parents[1]
        return pytest.Dir.from_parent(parent, path=path) if path.samefile(root) else None


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(RootFolder())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the golden files from the present output"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """The golden text of the requesting test; see `Golden`."""
    name = re.sub(r"[^\w.-]+", "_", request.node.name).strip("_")
    path = request.path.parent / "golden" / request.path.stem.removeprefix("test_") / f"{name}.txt"
    return Golden(path, request.config.getoption("--update-golden"))


@pytest.fixture(autouse=True, scope="session")
def private_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the tests away from the user's cache, unless told which to use; all workers of a run share one."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "cache"
    os.environ.setdefault("GLASSRT_CACHE_DIR", str(folder))


@pytest.fixture(autouse=True, scope="session")
def quick_compilations() -> Iterator[None]:
    """Kernels for the host are compiled in two thirds of the time: most run for microseconds, so that what
    makes them fast is not worth its time; it changes no bit of what they compute. Where workers keep all
    processors busy, a plan is one unit: to read the headers once for each processor would save nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host_compiler, "KERNEL_FLAGS", (*USERS_FLAGS, "-Og"))
        if "PYTEST_XDIST_WORKER" in os.environ:
            patch.setattr(host_compiler, "processor_count", lambda: 1)
        yield


@pytest.fixture
def compiled_as_for_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels for the host are compiled as they are outside of tests: for what runs long or is about that."""
    monkeypatch.setattr(host_compiler, "KERNEL_FLAGS", USERS_FLAGS)


@pytest.fixture(autouse=True, scope="session")
def unflushed() -> Iterator[None]:
    """Do not wait for the disk: no test outlives a loss of power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


def pytest_collection_finish() -> None:
    """Keep what collection made, which lives to the end, out of every later garbage collection."""
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a GPU the tests marked `gpu` are deselected."""
    if _gpus():
        return
    dropped = [item for item in items if item.get_closest_marker("gpu")]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if not item.get_closest_marker("gpu")]


def _gpus() -> int:
    try:
        if driver.cuInit(0)[0] != driver.CUresult.CUDA_SUCCESS:
            return 0
        return int(driver.cuDeviceGetCount()[1])
    except RuntimeError:  # no driver library
        return 0
