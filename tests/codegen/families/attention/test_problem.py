"""What the families of attention take."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.families.registry import families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.dtypes import F32

from ...attention_cases import Shape, module_of
from ...one_kernel import plan_of


def test_what_the_family_does_not_take() -> None:
    family = families()["attention_mma"]
    old = replace(REFERENCE, features=frozenset())  # no tensor cores
    for shape, target, wanted in (
        (Shape(), REFERENCE, True),
        (Shape(), old, False),
        (Shape(dtype=F32), REFERENCE, False),
        (Shape(depth=256, width=200), REFERENCE, True),
        (Shape(depth=264), REFERENCE, False),
    ):
        seen: list[bool] = []

        def choose(request: Request, target: ArchSpec = target, seen: list[bool] = seen) -> Candidate:
            seen.append(bool(family.propose(replace(request, target=target))))
            raise LookupError

        with pytest.raises(LookupError):
            plan_of(module_of(shape), choose)
        assert seen == [wanted]
