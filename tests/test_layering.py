"""The structure of the house, kept: who may import whom, and what may stand where."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from .places import ROOT

PARTS = ("errors", "dialects", "compiler", "codegen", "runtime", "templates", "testing")
PLAN_FORMAT = {"runtime.plan", "runtime.manifest", "runtime.manifest_arguments", "runtime.expressions"}
STANDARD = set(sys.stdlib_module_names)

# Which other parts of the package a part may import. "codegen" sees how the runtime reads a plan, "compiler"
# the face of code generation.
INSIDE = {
    "errors": set(),
    "templates": set(),
    "dialects": {"errors", "runtime.launch_rules", "runtime.contents", "runtime.cuts", "runtime.unpadded"},
    "runtime": {"errors"},
    "codegen": {"errors", "dialects", "runtime.children", "runtime.caches", "templates", *PLAN_FORMAT},
    "compiler": {"errors", "dialects", "codegen.interface", "runtime", "templates"},
    "testing": {"errors", "dialects", "codegen.interface", "runtime", "compiler"},
    "": {"errors", "dialects", "codegen", "runtime", "compiler"},
}
# Which distributions a part may import besides the standard library.
OUTSIDE = {
    "errors": set(),
    "templates": set(),
    "dialects": {"numpy", "ml_dtypes", "lark", "safetensors"},
    "runtime": {"numpy", "cuda"},
    "codegen": {"numpy", "ml_dtypes", "jinja2", "cuda"},
    "compiler": {"numpy", "ml_dtypes", "onnx", "google", "rich", "typer"},
    "testing": {"numpy", "ml_dtypes", "onnx", "hypothesis", "onnxruntime"},
    "": set(),
}
# Distributions that one place keeps to itself.
ONLY_IN = {
    "jinja2": r"codegen\.text\.(?:render|compiled_templates)",
    "cuda": r"codegen\.nvrtc\.(library|program)|runtime\.cuda\w*",
}
# The places that load modules by name: the package's lazy faces, the one loader of the CUDA device, the
# one of a witness that need not be installed, that of users' own makers, what a plan tells about itself, and
# the command, whose start may be interrupted and whose help must not wait for what commands use.
LOADERS = {
    *("", "testing", "testing.campaigns", "runtime", "runtime.looking", "errors.absent"),
    *("runtime.discovery", "compiler.checking.onnx_runtime", "compiler.cli.start", "compiler.cli.lazy"),
}
# Where a loader names what it loads for the type checker, it may name any part.
TYPED_LOADERS = {"runtime.looking"}
MAX_FILE, MAX_FUNCTION = 600, 70


@cache
def modules() -> dict[str, tuple[Path, ast.Module]]:
    """Dotted name below the package -> (path, syntax tree)."""
    paths = [ROOT / "__init__.py"]
    paths += [path for part in PARTS for path in sorted((ROOT / part).rglob("*.py"))]
    return {_name(path): (path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class RunningCode(ast.NodeTransformer):
    """Takes `if TYPE_CHECKING` blocks away."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return None
        return self.generic_visit(node)


def imports(name: str, typing_only: bool = True) -> Iterator[tuple[int, str, bool]]:
    """(line, dotted name, inside the package?) of every import of a module, relative ones resolved.

    Without `typing_only` those under `if TYPE_CHECKING` are left out: they never run.
    """
    path, tree = modules()[name]
    if not typing_only:
        tree = RunningCode().visit(ast.parse(path.read_text(encoding="utf-8")))
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module or "", False
        elif isinstance(node, ast.ImportFrom):
            base = [part for part in package if part][: len([p for p in package if p]) - node.level + 1]
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                target = ".".join([*base, alias.name])
                yield node.lineno, target if target in modules() else ".".join(base), True


@pytest.mark.parametrize("name", sorted(modules()))
def test_a_module_imports_only_what_its_part_may(name: str) -> None:
    part = name.split(".")[0]
    faults = []
    for line, target, inside in imports(name, typing_only=name not in TYPED_LOADERS):
        top = target.split(".")[0]
        if inside and top != part:
            allowed = any(target == entry or target.startswith(f"{entry}.") for entry in INSIDE[part])
        elif inside or top in STANDARD:
            allowed = True
        else:
            allowed = top in OUTSIDE[part] and re.fullmatch(ONLY_IN.get(top, ".*"), name) is not None
        if not allowed:
            faults.append(f"{modules()[name][0].relative_to(ROOT)}:{line} imports {target}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_stand_at_the_top(name: str) -> None:
    path, tree = modules()[name]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    hidden = {
        node.lineno
        for f in functions
        for node in ast.walk(f)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not hidden, f"{path.relative_to(ROOT)} imports inside a function, lines {sorted(hidden)}"
    if name not in LOADERS:
        loads = re.search(r"\b(import_module|load_part|__import__)\b", path.read_text(encoding="utf-8"))
        assert loads is None, f"{path.relative_to(ROOT)} loads a module by name"


def test_no_module_imports_itself_through_others() -> None:
    graph = {
        name: {target for _, target, inside in imports(name, typing_only=False) if inside} - {name}
        for name in modules()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which shows the cycle


def test_no_folder_imports_back() -> None:
    """In every folder, the files and folders that stand side by side import each other one way only."""
    beside: dict[str, dict[str, set[str]]] = {}
    for name in modules():
        for _, target, inside in imports(name, typing_only=False):
            if not inside or target not in modules():
                continue
            own, other = name.split("."), target.split(".")
            shared = next((i for i, (a, b) in enumerate(zip(own, other, strict=False)) if a != b), None)
            if shared is not None:
                inner = beside.setdefault(".".join(own[:shared]), {})
                inner.setdefault(own[shared], set()).add(other[shared])
    for folder, graph in beside.items():
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(f"{folder or 'the package'}: {' <- '.join(error.args[1])}", pytrace=False)


def test_tests_lie_where_what_they_test_lies() -> None:
    tests = ROOT / "tests"
    folders = {path.parent.relative_to(tests) for part in PARTS for path in (tests / part).rglob("test_*.py")}
    assert folders
    assert [str(folder) for folder in sorted(folders) if not (ROOT / folder / "__init__.py").is_file()] == []


def mirrored(name: str) -> Path:
    """Where the test of the module NAME lies."""
    path = modules()[name][0].relative_to(ROOT)
    return ROOT / "tests" / path.parent / f"test_{path.name}"


def has_behaviour(tree: ast.Module) -> bool:
    """Whether a module has a function that does anything. Constants, re-exports, fields of data classes and
    protocols have none, and nothing of them runs that a test of their own could find wrong."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            return True
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not all(
            isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant) for each in node.body
        ):
            return True
    return False


def test_what_has_behaviour_is_told_by_bodies_of_functions() -> None:
    declared = [
        "X = sorted('ab')",
        "class A:\n x: int = 1",
        "class P:\n def f(self) -> int:\n  'Doc.'\n  ...",
    ]
    for text in declared:
        assert not has_behaviour(ast.parse(text)), text
    for text in ("def f():\n return 1", "class A:\n def f(self):\n  pass", "X = lambda: 1"):
        assert has_behaviour(ast.parse(text)), text


def test_modules_with_behaviour_have_tests_at_the_mirrored_path() -> None:
    """A package's `__init__.py` is tested through the names that it hands on."""
    lacking = [
        f"{name}: {mirrored(name).relative_to(ROOT)}"
        for name, (path, tree) in modules().items()
        if path.name != "__init__.py" and has_behaviour(tree) and not mirrored(name).is_file()
    ]
    assert not lacking, f"these modules have no test of their own: {', '.join(lacking)}"


def test_the_runtime_needs_neither_the_compiler_nor_its_libraries() -> None:
    program = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"lark", "jinja2", "onnx", "ml_dtypes", "typer", "rich", "safetensors"}:
            raise ImportError(f"{name} is absent")
sys.meta_path.insert(0, Absent())
import glassrt
import glassrt.runtime.engine
import glassrt.runtime.plan
assert not [name for name in sys.modules if name.startswith(("glassrt.compiler", "glassrt.codegen", "cuda"))]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", sorted(modules()))
def test_files_and_functions_stay_small(name: str) -> None:
    path, tree = modules()[name]
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_FILE, f"{path.relative_to(ROOT)} has {lines} lines"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            assert size <= MAX_FUNCTION, f"{path.relative_to(ROOT)}: {node.name} has {size} lines"


# The umbrella header, or the one that a kernel's code names.
INCLUDES = {'include "glass.cuh"', 'include "{{ header }}.cuh"'}


def test_templates_hold_no_assembly_and_one_include() -> None:
    for path in sorted((ROOT / "templates").rglob("*.j2")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\basm\b|__asm", text), f"{path.name}: assembly belongs into templates/include"
        directives = set(re.findall(r"^\s*#\s*(\w+.*)", text, re.MULTILINE))
        odd = {line for line in directives if line not in INCLUDES and not line.startswith("pragma unroll")}
        assert not odd, f"{path.name}: {odd}"


def _texts() -> Iterator[Path]:
    suffixes = {".py", ".md", ".toml", ".j2", ".cuh", ".hpp", ".lark", ".ir", ".json", ".txt", ".yml"}
    suffixes |= {".html", ".css", ".js"}
    for path in ROOT.iterdir():
        if (
            path.name.startswith(".")
            or path.name in {"build", "dist", "shared"}
            or path.suffix == ".egg-info"
        ):
            continue
        found = path.rglob("*") if path.is_dir() else [path]
        yield from (file for file in found if file.suffix in suffixes or file.name == "Makefile")


def test_no_path_of_a_machine_stands_in_a_file() -> None:
    machine = re.compile(r"(?<![\w.])/(?:home|root|Users|work|mnt|opt|scratch)/[\w.]")
    hostile = ROOT / "tests" / "codegen" / "text" / "test_source_check.py"
    allowed = {Path(__file__).resolve(), hostile}
    faults = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _texts()
        if path.resolve() not in allowed
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if machine.search(line)
    ]
    assert not faults, faults
