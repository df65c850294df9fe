"""Parts of a plan: which targets share one, and what parts share."""

from __future__ import annotations

import json

import glassrt
import numpy as np
from glassrt.compiler.driver.build import Settings, build
from glassrt.runtime.plan import Plan

from .targeted import A100, H200, at, for_several, siblings


def outputs(plan: Plan) -> list[np.ndarray]:
    x = np.random.default_rng(0).standard_normal((1, 256, 14, 14)).astype(np.float32)
    with glassrt.load(plan, device="host") as engine:
        return [np.asarray(array) for array in engine.run({"x": x}).values()]


def unnamed(part: Plan, text: str) -> str:
    """TEXT without the names of PART's kernels, which have their target in them, but for shared ones."""
    for name in sorted(part.sources, key=len, reverse=True):
        text = text.replace(name, "kernel")
    return text


def test_each_target_has_what_it_has_in_a_plan_of_its_own() -> None:
    plan = for_several("sm_90a", "sm_80")
    assert [part.spec.targets for part in plan.parts] == [("sm_90a",), ("sm_80",)]
    assert plan.targets == ("sm_90a", "sm_80")
    for part in plan.parts:
        (name,) = part.spec.targets
        alone = for_several(name)
        for level in part.levels:
            assert unnamed(part, part.ir(level)) == unnamed(alone, alone.ir(level))
        assert unnamed(part, json.dumps(part.manifest["launches"])) == unnamed(
            alone, json.dumps(alone.manifest["launches"])
        )
        assert part.manifest["buffers"] == alone.manifest["buffers"]
        texts = [{unnamed(plan, text) for text in plan.sources.values()} for plan in (part, alone)]
        assert texts[0] == texts[1]
        assert bytes(part.weights) == bytes(alone.weights)
    first, second = (plan.part(name) for name in plan.targets)
    assert first.ir("graph") != second.ir("graph") and first.ir("launch") != second.ir("launch")


def test_each_part_runs_right_on_the_host() -> None:
    plan = for_several("sm_90a", "sm_80")
    first, second = (outputs(plan.part(name)) for name in plan.targets)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    for one, other in zip(outputs(plan), first, strict=True):
        assert one.tobytes() == other.tobytes(), "the host runs the first"


def test_what_parts_share_is_stored_once() -> None:
    several = Plan.from_bytes(for_several("sm_90a", "sm_80").to_bytes())
    assert several == for_several("sm_90a", "sm_80")
    assert several.to_bytes() == for_several("sm_90a", "sm_80").to_bytes()
    sizes = [len(for_several(name).to_bytes()) for name in ("sm_90a", "sm_80")]
    assert len(several.to_bytes()) < sum(sizes) - len("".join(several.headers.values()))


def test_targets_that_are_planned_alike_share_a_part() -> None:
    plan = for_several("sm_90a", "sm_80", "sm_90")
    assert [part.spec.targets for part in plan.parts] == [("sm_90a", "sm_90"), ("sm_80",)]
    first = plan.part("sm_90")
    assert first is plan.part("sm_90a") and first.cubins.keys() == {"sm_90a", "sm_90"}
    assert first.cubins["sm_90"] != first.cubins["sm_90a"]


def test_text_that_enters_lower_down_parts_there() -> None:
    """The precision level is one for both; what is launched is planned for each."""
    module = at("precision", siblings(), "sm_90a")
    plan = build(module, Settings(targets=(H200, A100))).plan
    assert all(part.ir("graph") == part.ir("fused") == "" for part in plan.parts)
    assert len({part.ir("precision") for part in plan.parts}) == 1
    assert plan.targets == ("sm_90a", "sm_80")
