"""Requests for contractions with prologues."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from glassrt.codegen.families.contraction.binding import Contraction, find_contraction
from glassrt.codegen.families.registry import candidates
from glassrt.codegen.request.request import Request

from ...one_kernel import kernel_module, plan_of
from ...prologue_cases import (
    SYMBOLS,
    Case,
)

MMA, SIMT = "contraction_mma", "contraction_simt"


def request_of(case: Case) -> tuple[Request, Contraction]:
    """What the family is asked for."""
    body, inputs, outputs, _ = case
    found: list[Request] = []

    def choose(request: Request) -> Any:
        if find_contraction(request) is not None:
            found.append(request)
        return candidates(request)[0]

    plan_of(kernel_module(body, inputs, outputs, SYMBOLS), choose)
    [request] = found
    contraction = find_contraction(request)
    assert contraction is not None
    return replace(request, name="k0"), contraction
