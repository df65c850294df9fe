"""Plans for several architectures: one file, a part for each, what is equal stored once."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from glassrt.errors import DeviceError, PlanError
from glassrt.runtime.cuda import open_backend
from glassrt.runtime.cuda_driver import Driver
from glassrt.runtime.engine import Engine
from glassrt.runtime.plan import Plan
from glassrt.runtime.plan_format import decode, encode

from .fake_driver import FakeDriver
from .tiny_plans import WEIGHTS, affine_manifest, affine_plan


def other(**changes: Any) -> Plan:
    """The plan for sm_80, with another IR and another kernel source."""
    levels = dict(affine_plan().levels, launch="// for sm_80\n")
    sources = dict(affine_plan().sources, k1_add=affine_plan().sources["k1_add"] + "// sm_80\n")
    size = len(changes.get("weights", WEIGHTS.tobytes()))
    fields = {"levels": levels, "sources": sources} | changes
    return affine_plan(lambda m: m.update(targets=["sm_80"], weights_bytes=size), **fields)


def several(**changes: Any) -> Plan:
    return affine_plan(further=(other(**changes),))


def members(plan: Plan) -> dict[str, bytes]:
    return {name: bytes(data) for name, data in decode(memoryview(plan.to_bytes())).items()}


def read(changed: dict[str, bytes]) -> Plan:
    return Plan.from_bytes(b"".join(encode(changed)))


def test_what_is_read_is_what_was_written() -> None:
    plan = several()
    again = Plan.from_bytes(plan.to_bytes())
    assert again == plan and again.to_bytes() == plan.to_bytes()
    assert [part.spec.targets for part in again.parts] == [("sm_90a",), ("sm_80",)]
    assert again.part("sm_80") == other() and again.part("sm_90a") == affine_plan()
    with pytest.raises(PlanError, match="no part for 'sm_75'"):
        again.part("sm_75")


def test_a_part_has_what_the_first_has_not() -> None:
    own = {name for name in members(several()) if name.startswith("parts/")}
    assert own == {
        "parts/1/manifest.json",
        "parts/1/ir/launch.ir",
        "parts/1/kernels/k1_add.cu",
        "parts/1/cubins/sm_80/k0_double.cubin",
        "parts/1/cubins/sm_80/k1_add.cubin",
        "parts/1/weights.json",
    }


def test_a_plan_for_one_architecture_has_no_parts() -> None:
    assert affine_plan().parts == (affine_plan(),)
    assert not any(name.startswith("parts/") for name in members(affine_plan()))


def weighted(target: str, *weights: bytes) -> Plan:
    """A plan with these weights, each at a multiple of 256; its kernel reads the first."""
    image, entries = b"", []
    for index, weight in enumerate(weights):
        image += bytes(-len(image) % 256)
        entries.append({"name": f"w{index}", "space": "weights", "offset": len(image), "bytes": len(weight)})
        image += weight

    def change(manifest: dict[str, Any]) -> None:
        manifest["targets"] = [target]
        manifest["weights_bytes"] = len(image)
        manifest["buffers"] = [b for b in manifest["buffers"] if b["space"] != "weights"] + entries

    return affine_plan(change, weights=image)


def stored(*plans: Plan) -> tuple[Plan, int]:
    first, *further = plans
    whole = affine_plan(
        manifest=first.manifest, cubins=first.cubins, weights=first.weights, further=tuple(further)
    )
    return Plan.from_bytes(whole.to_bytes()), len(members(whole)["weights.bin"])


def test_equal_weights_are_stored_once() -> None:
    a, b, c = (bytes([fill]) * 1000 for fill in (1, 2, 3))
    one, two = weighted("sm_90a", a, b), weighted("sm_80", b, c, a)
    plan, size = stored(one, two)
    assert size == 3 * 1024 - 24  # a, b and c, each but the last up to a multiple of 256
    assert bytes(plan.part("sm_80").weights) == two.weights
    assert bytes(plan.part("sm_90a").weights) == one.weights


def test_weights_that_are_twice_in_a_part_come_back() -> None:
    a = bytes([7]) * 300
    plan, _ = stored(weighted("sm_90a", a), weighted("sm_80", a, a))
    assert bytes(plan.part("sm_80").weights) == weighted("sm_80", a, a).weights


def test_weights_with_something_between_are_kept_whole() -> None:
    odd = bytes(range(1, 17)) * 17
    plan = affine_plan(further=(other(weights=odd, manifest=at_offset(256)),))
    assert bytes(Plan.from_bytes(plan.to_bytes()).part("sm_80").weights) == odd


def at_offset(offset: int) -> dict[str, Any]:
    def change(manifest: dict[str, Any]) -> None:
        manifest["targets"] = ["sm_80"]
        manifest["weights_bytes"] = offset + 16
        manifest["buffers"][3]["offset"] = offset

    return affine_manifest(change)


# ---------------------------------------------------------------- what is refused


def segments(*listed: object) -> dict[str, bytes]:
    return {"parts/1/weights.json": json.dumps(listed).encode()}


FAULTS: dict[str, tuple[dict[str, bytes], str]] = {
    "a part that is not numbered": ({"parts/one/ledger.txt": b""}, "unexpected member"),
    "a part that is missing": ({"parts/3/ledger.txt": b""}, "not numbered from 1"),
    "more parts than may be": (
        {f"parts/{number}/weights.json": b"[[0, 16]]" for number in range(1, 17)},
        "numbered from 1, up to 15",
    ),
    "a member that no part has": ({"parts/1/extra.txt": b""}, "unexpected member"),
    "weights outside": (segments([0, 17]), "more than there is"),
    "weights over and over": (segments(*[[0, 16]] * 1000), "more than there is"),
    "weights before the first": (segments([-1, 16]), "an entry that is not"),
    "weights that are no pair": (segments([1]), "an entry that is not"),
    "no list": ({"parts/1/weights.json": b"{}"}, "an entry that is not"),
    "no JSON": ({"parts/1/weights.json": b"["}, "not valid JSON"),
    "too few weights": (segments([0, 8]), "weights have 8 bytes"),
    "too few of the first": ({"weights.bin": bytes(8)} | segments([0, 8]), "weights have 8 bytes"),
    "a manifest that is damaged": ({"parts/1/manifest.json": b"{}"}, "manifest"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_parts_are_refused(fault: str) -> None:
    change, message = FAULTS[fault]
    with pytest.raises(PlanError, match=message):
        read(members(several()) | change)


def test_a_part_without_weights_is_refused() -> None:
    whole = members(several())
    del whole["parts/1/weights.json"]
    with pytest.raises(PlanError, match="does not say where the weights of part 1 lie"):
        read(whole)


def test_parts_are_for_other_targets_and_the_same_model() -> None:
    with pytest.raises(PlanError, match="two parts for 'sm_90a'"):
        affine_plan(further=(affine_plan(),))
    with pytest.raises(PlanError, match="not of one model"):
        affine_plan(further=(affine_plan(lambda m: m.update(targets=["sm_80"], name="other")),))
    with pytest.raises(PlanError, match="not of one model"):
        affine_plan(further=(other(headers={}),))
    with pytest.raises(PlanError, match="not of one model"):
        affine_plan(further=(several(),))
    with pytest.raises(PlanError, match="is for no target"):
        affine_plan(further=(affine_plan(lambda m: m.update(targets=[])),))
    with pytest.raises(PlanError, match="is for no target"):
        affine_plan(lambda m: m.update(targets=[]), further=(other(),))
    with pytest.raises(PlanError, match="every item of further"):
        affine_plan(further=(3,))


# ---------------------------------------------------------------- what runs


@pytest.mark.parametrize(("capability", "target"), [((9, 0), "sm_90a"), ((8, 0), "sm_80"), ((8, 6), "sm_80")])
def test_the_gpu_runs_its_part(capability: tuple[int, int], target: str) -> None:
    doubled = (2 * WEIGHTS).tobytes()  # so that the parts give different results
    fake = FakeDriver()
    fake.capability = capability
    with Engine(several(weights=doubled), open_backend(0, False, Driver(fake))) as engine:
        assert engine.plan.spec.targets == (target,)
        x = np.ones((8, 4), np.float32)
        y = np.asarray(engine.run({"x": x})["y"])
    np.testing.assert_array_equal(y, 2 * x + (WEIGHTS if target == "sm_90a" else 2 * WEIGHTS))


def test_a_gpu_for_which_there_is_no_part_is_told_all_of_them() -> None:
    fake = FakeDriver()
    fake.capability = (12, 0)
    with pytest.raises(DeviceError, match="built for 'sm_90a', 'sm_80'; the GPU is sm_120"):
        Engine(several(), open_backend(0, False, Driver(fake)))
