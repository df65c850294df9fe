"""Collects the cases of .ir files as tests; README.md says how to write one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from .case_file import Case, CaseError, cases_of, rewrite_expected
from .case_options import command
from .case_problems import problems
from .case_run import run


class CaseFailed(Exception):
    """A case whose outcome is not what it says."""


def _folder(config: pytest.Config) -> Path:
    """Where the inputs are written that the commands in failures name; pytest's cache may be switched off."""
    cache: pytest.Cache | None = getattr(config, "cache", None)
    return cache.mkdir("ir-cases") if cache else Path(tempfile.mkdtemp(prefix="ir-cases-"))


class IrCase(pytest.Item):
    """One case as a test."""

    def __init__(self, *, case: Case, **rest: object) -> None:
        super().__init__(**rest)
        self.case = case

    def runtest(self) -> None:
        folder = _folder(self.config)
        outcome = run(self.case, folder)
        case = self.case
        if self.config.getoption("--update-golden") and not case.unchanged and outcome.text != case.expected:
            rewrite_expected(case, outcome.text)
            case = replace(case, expected=outcome.text)
        found = list(problems(case, outcome))
        if found:
            listed = "\n".join(found)
            raise CaseFailed(f"{case.path.name}:{case.line}: {case.title}\n{listed}\n{command(case, folder)}")

    def repr_failure(self, info: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        if isinstance(info.value, (CaseFailed, CaseError)):
            return str(info.value)
        return str(super().repr_failure(info))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.case.path, self.case.line - 1, self.case.title


class IrFile(pytest.File):
    """A file of cases."""

    def collect(self) -> Iterator[IrCase]:
        try:
            cases = cases_of(self.path)
        except CaseError as error:
            raise self.CollectError(str(error)) from None
        for case in cases:
            yield IrCase.from_parent(self, name=case.title, case=case)


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> IrFile | None:
    return IrFile.from_parent(parent, path=file_path) if file_path.suffix == ".ir" else None
