"""The files of cases, and what makes a case fail."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from glassrt.compiler.cli.app import app
from typer.testing import CliRunner

from .case_file import RUN, Case, CaseError, cases_of, rewrite_expected
from .case_options import command, input_file
from .case_problems import problems
from .case_run import run

HERE = Path(__file__).parent
MODULE = """module @net {
  func @main(%x: tensor<4xf32>) -> (tensor<4xf32>) {inputs = ["x"], outputs = ["y"]} {
    %a = graph.neg %x : tensor<4xf32>
    %b = graph.neg %a : tensor<4xf32>
    core.return %b
  }
}
"""
AFTER = """module @net {
  func @main(%x: tensor<4xf32>) -> (tensor<4xf32>) {inputs = ["x"], outputs = ["y"]} {
    core.return %x
  }
}
"""
CASE = (
    f"// ==== twice\n// run: glassrt opt --rules involution\n// applies: involution\n{MODULE}// ----\n{AFTER}"
)


def read(tmp_path: Path, text: str) -> list[Case]:
    path = tmp_path / "some.ir"
    path.write_text(text, encoding="utf-8")
    return cases_of(path)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A case that holds."""
    (found,) = read(tmp_path, CASE)
    return found


def wrong(case: Case, tmp_path: Path) -> str:
    return "\n".join(problems(case, run(case, tmp_path)))


# ---------------------------------------------------------------- files


def test_a_file_is_its_cases(tmp_path: Path) -> None:
    head = "// About the file.\n\n"
    second = f"\n// ==== as it is\n// run: glassrt opt\n// For people.\n// expect: unchanged\n{MODULE}"
    first, other = read(tmp_path, head + CASE + second)
    assert (first.title, first.line, first.options, first.applies) == (
        "twice", 3, "--rules involution", ("involution",)
    )  # fmt: skip
    assert (first.input, first.expected, first.unchanged) == (MODULE, AFTER, False)
    assert (other.options, other.input, other.expected, other.unchanged) == ("", MODULE, None, True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (MODULE, "some.ir:1: no case: one starts with '// ==== '"),
        (CASE.replace("applies", "aplies"), "there is no 'aplies:', is 'applies:' meant?"),
        (
            CASE.replace("// run: glassrt opt", "// run: glassrt build"),
            "it needs a line '// run: glassrt opt",
        ),
        (CASE.replace("// run", "// run: glassrt opt\n// run"), "'run:' stands there twice"),
        (CASE.replace(" involution\nm", "\nm"), "nothing stands behind 'applies:'"),
        (CASE.replace("applies: inv", "expect: inv"), "'expect:' may say unchanged"),
        (CASE.replace("applies: involution", "expect: unchanged"), "and what is expected as well"),
        (CASE.replace("applies", "because"), "and names no rule that it is about"),
        (CASE.replace(MODULE, ""), "it has no module"),
        (CASE + CASE, "some.ir:17: the case 'twice': another case has this title"),
    ],
)
def test_what_is_no_case_is_an_error_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(CaseError, match=r"some\.ir:\d+: ") as caught:
        read(tmp_path, text)
    assert problem in str(caught.value)


def test_the_expected_part_is_rewritten_and_nothing_else(tmp_path: Path) -> None:
    bare = CASE.split("// ----")[0].replace("twice", "bare")
    text = f"// About the file.\n\n{bare}\n{CASE}"
    first, second = read(tmp_path, text)
    rewrite_expected(second, "error: none\n")
    rewrite_expected(first, AFTER)
    kept = f"// About the file.\n\n{bare}// ----\n{AFTER}\n{CASE.replace(AFTER, '')}error: none\n"
    assert first.path.read_text(encoding="utf-8") == kept


# ---------------------------------------------------------------- what fails


def test_a_case_that_holds_has_no_problems(case: Case, tmp_path: Path) -> None:
    assert wrong(case, tmp_path) == ""


def test_another_text_is_shown_as_a_difference(case: Case, tmp_path: Path) -> None:
    shown = wrong(replace(case, expected=MODULE), tmp_path)
    assert "--- expected\n+++ what came\n" in shown
    assert "-    %a = graph.neg %x : tensor<4xf32>" in shown and "+    core.return %x" in shown
    assert "nothing is expected yet" in wrong(replace(case, expected=None), tmp_path)
    assert "+    core.return %x" in wrong(replace(case, expected=None, unchanged=True), tmp_path)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"applies": ("abs-neg",)}, "abs-neg was not applied; the ledger says:"),
        ({"applies": ("dce",)}, "dce was not applied"),
        ({"unless": ("involution",)}, "involution was applied, and must not be"),
        # Switched off by --rules; without an op to start from; of a pass that does not run.
        ({"unless": ("idempotent",)}, "idempotent had no occasion"),
        ({"options": "--passes canonicalize", "unless": ("idempotent",)}, "idempotent had no occasion"),
        ({"options": "--passes canonicalize", "unless": ("cse",)}, "cse had no occasion"),
        ({"changes_numbers": "rounds"}, "its numbers stay as they are: leave out 'changes-numbers:'"),
    ],
)
def test_what_a_case_says_must_be_so(
    case: Case, tmp_path: Path, changes: dict[str, object], problem: str
) -> None:
    assert problem in wrong(replace(case, **changes), tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("--passes dce --level fused", "give either --passes or --level"),
        ("--pases dce", "No such option: --pases"),
        ("-t sm_9", "sm_9"),
    ],
)
def test_a_run_line_that_means_nothing_is_an_error(
    case: Case, tmp_path: Path, options: str, problem: str
) -> None:
    with pytest.raises(CaseError, match=r"some\.ir:1: the case 'twice': glassrt opt ") as caught:
        run(replace(case, options=options), tmp_path)
    assert problem in str(caught.value)


def test_the_reason_of_a_refusal_must_be_so(tmp_path: Path) -> None:
    refused = next(one for one in cases_of(HERE / "fusion" / "rows.ir") if one.because)
    assert wrong(refused, tmp_path) == ""
    (rule,) = refused.unless
    assert f"no refusal of {rule} says 'it rains'" in wrong(replace(refused, because="it rains"), tmp_path)


def test_other_numbers_are_a_problem_unless_they_are_meant(tmp_path: Path) -> None:
    coarse = next(one for one in cases_of(HERE / "quantization" / "insert.ir") if one.changes_numbers)
    assert wrong(coarse, tmp_path) == ""
    assert "the interpreter finds other numbers: output 'y' is off by" in wrong(
        replace(coarse, changes_numbers=""), tmp_path
    )


def test_a_diagnostic_is_compared_as_it_is_printed(case: Case, tmp_path: Path) -> None:
    broken = replace(case, input=MODULE.replace("%b = graph.neg %a", "%b = graph.neg %c"), applies=())
    text = run(broken, tmp_path).text
    assert text.startswith("error: ") and "at input.ir:4:" in text
    assert wrong(replace(broken, expected=text), tmp_path) == ""


# ---------------------------------------------------------------- the commands


@pytest.mark.parametrize("file", ["simplify/elementwise.ir", "memory/check.ir", "quantization/insert.ir"])
def test_the_command_of_a_case_prints_what_it_expects(file: str, tmp_path: Path) -> None:
    """Its module on stdout, its diagnostic on stderr."""
    for case in cases_of(HERE / file)[-2:]:
        outcome = run(case, tmp_path)
        words = shlex.split(command(case, tmp_path).removeprefix(RUN))
        result = CliRunner().invoke(app, ["opt", *words])
        if outcome.failed:
            assert result.exit_code == 1
            told = result.stderr.replace(str(input_file(case, tmp_path)), "input.ir")
            assert [line.strip() for line in told.splitlines()] == [
                line.strip() for line in outcome.text.splitlines()
            ]
        else:
            assert result.stdout == outcome.text


def collect(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "pytest", "--import-mode=importlib", "-q", *options, "passes"]
    return subprocess.run(
        arguments, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False
    )


def test_files_are_collected_and_updated(tmp_path: Path) -> None:
    """On a folder of its own, by the command of the README."""
    passes = tmp_path / "passes"
    passes.mkdir()
    shutil.copy(HERE.parent / "conftest.py", tmp_path)
    for source in (HERE / "__init__.py", HERE / "conftest.py", *HERE.glob("case_*.py")):
        shutil.copy(source, passes)
    some, none = passes / "some.ir", passes / "none.ir"
    some.write_text(CASE.replace(AFTER, MODULE), encoding="utf-8")
    none.write_text("nothing", encoding="utf-8")
    failed = collect(tmp_path, "--continue-on-collection-errors")
    assert failed.returncode == 1
    assert "none.ir:1: no case" in failed.stdout
    assert "some.ir:1: twice" in failed.stdout and "+    core.return %x" in failed.stdout
    assert "input.ir --rules involution -t sm_90a" in failed.stdout
    none.unlink()
    assert collect(tmp_path, "--update-golden", "-p", "no:cacheprovider").returncode == 0
    assert some.read_text(encoding="utf-8") == CASE
