"""`check` on networks with control flow: what runs several times is reported once, at its worst."""

from __future__ import annotations

from dataclasses import replace

from glassrt.compiler.checking.check import Case, check
from glassrt.compiler.frontend.source import load_module

from ...e2e.test_control_flow import FEEDS, NESTED, model
from .small import settings


def test_each_output_of_a_launch_is_reported_once() -> None:
    made = model(NESTED)
    module, inputs = load_module(made), FEEDS[NESTED][1]
    report = check(Case(made, module, inputs), settings(), "host")
    assert report.ok
    places = [(launch.index, launch.position) for launch in report.launches]
    assert len(set(places)) == len(places) and any(position for _, position in places)
    excess = [launch.excess(None) for launch in report.launches]
    assert excess == sorted(excess, reverse=True)
    assert not replace(report, launches=[replace(report.launches[0], worst=2.0)]).ok
