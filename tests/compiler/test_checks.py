"""`glassrt.check` and `glassrt.bisect` from Python."""

from __future__ import annotations

import json
from pathlib import Path

import glassrt
import numpy as np
import pytest
from glassrt import InputError

from ..quantized import Layers, quantized
from .checking.test_indices import BAD, MESSAGE, embedding
from .cli.support import ADD_RELU, Glassrt
from .unpadding.encoders import HEAD


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net.ir"
    path.write_text(ADD_RELU, encoding="utf-8")
    return path


def test_a_check_is_a_table_that_knows_its_verdict(
    model: Path, glassrt_command: Glassrt, tmp_path: Path
) -> None:
    x = np.float32([[1, 2, -3, 4]])
    found = glassrt.check(model, {"x": x}, device="host")
    assert found.ok and found.device == "host" and found.symbols == {"N": 1}
    assert "within bounds" in repr(found) and "launches, worst first" in found._repr_html_()
    np.savez(tmp_path / "x.npz", x=x)
    told = glassrt_command("check", model, "-d", "host", "-i", tmp_path / "x.npz", "--json")
    assert (
        json.loads(told.stdout)
        == found.to_json()
        == glassrt.check(model, tmp_path / "x.npz", device="host").to_json()
    )
    assert glassrt.bisect(model, sizes={"N": 2}, interpret=True).ok


@pytest.fixture
def glassrt_command(request: pytest.FixtureRequest) -> Glassrt:
    return request.getfixturevalue("glassrt")


def test_arrays_that_do_not_fit_are_refused(model: Path) -> None:
    with pytest.raises(InputError, match="no array for the input 'x'"):
        glassrt.check(model, {"z": np.zeros(3)}, device="host")
    with pytest.raises(InputError, match="no symbolic dimension M"):
        glassrt.check(model, sizes={"M": 3}, device="host")


def test_a_finished_plan_is_checked_as_the_command_does_it(
    model: Path, glassrt_command: Glassrt, tmp_path: Path
) -> None:
    plan = glassrt.compile(model, target="host")
    plan.save(tmp_path / "net.plan")
    found = glassrt.check(plan, device="host", sizes={"N": 2}, seed=3)
    told = glassrt_command(
        "check", tmp_path / "net.plan", "-d", "host", "--size", "N=2", "--seed", 3, "--json"
    )
    assert found.ok and json.loads(told.stdout) == found.to_json()
    assert glassrt.check(plan, device="host", reference=model).ok
    again = glassrt.check(tmp_path / "net.plan", device="host", sizes={"N": 2}, seed=3)
    assert again.to_json() == found.to_json()
    assert glassrt.bench(tmp_path / "net.plan", device="host", repeats=1).device == "host"
    with pytest.raises(InputError, match="precision has no effect on a plan"):
        glassrt.check(plan, device="host", precision="fp16")
    with pytest.raises(InputError, match="reference is for plans"):
        glassrt.check(model, device="host", reference=model)


def test_a_check_in_numpy_runs_no_kernel(model: Path) -> None:
    found = glassrt.check(model, device="interpret")
    assert found.ok and found.device == "numpy, without kernels" and found.launches == []


def test_indices_outside_their_axis_are_refused() -> None:
    for ask in (glassrt.check, glassrt.bisect):
        with pytest.raises(InputError, match=MESSAGE):
            ask(embedding(), {"ids": BAD}, device="host")


@pytest.mark.parametrize(
    ("op", "result"),
    [
        ("graph.relu %a", "tensor<NxSx6xf32>"),
        ("graph.transpose %a {perm = [0, 2, 1]}", "tensor<Nx6xSxf32>"),
        ("graph.reshape %first {shape = [N, 6]}", "tensor<Nx6xf32>"),  # as many features as tokens: no mask
    ],
)
def test_rows_of_tokens_are_compared(tmp_path: Path, op: str, result: str) -> None:
    path = tmp_path / "net.ir"
    body = HEAD.format(result=result)
    if "%first" in op:
        body += (
            "    %first = graph.slice %a {starts = [0, 0, 0], sizes = [N, 1, 6]} : tensor<Nx1x6xf32>\n"
        )
    body += f'    %y = {op} : {result} loc("last")\n    core.return %y\n  }}\n}}\n'
    path.write_text(body, encoding="utf-8")
    sizes = {"N": 2, "S": 6}
    found = glassrt.check(path, device="host", unpadded="m", sizes=sizes)
    assert found.ok and [each.name for each in found.outputs] == ["y"]
    assert glassrt.bisect(path, interpret=True, unpadded="m", sizes=sizes).ok


def test_a_plan_without_padding_is_held_to_the_bound_of_its_reference(tmp_path: Path) -> None:
    text = HEAD.format(result="tensor<NxSx6xf32>") + "    %y = graph.relu %a : tensor<NxSx6xf32>\n"
    text += "    core.return %y\n  }\n}\n"
    right, wrong = tmp_path / "right.ir", tmp_path / "wrong.ir"
    right.write_text(text, encoding="utf-8")
    wrong.write_text(text.replace("graph.relu", "graph.neg"), encoding="utf-8")
    plan = glassrt.compile(right, target="host", unpadded="m")
    assert glassrt.check(plan, device="host", reference=right).ok
    assert not glassrt.check(plan, device="host", reference=wrong).ok


def test_a_reference_with_other_inputs_is_refused(model: Path, tmp_path: Path) -> None:
    plan = glassrt.compile(model, target="host")
    other = tmp_path / "other.ir"
    other.write_text(ADD_RELU.replace('"x"', '"z"'), encoding="utf-8")
    with pytest.raises(InputError, match=r"the reference has the inputs .*z.*, the plan .*x"):
        glassrt.check(plan, device="host", reference=other)


def test_outputs_without_a_bound_are_said_not_to_be_judged(tmp_path: Path) -> None:
    net = Layers(seed=1)
    model = quantized(net.model([2, 3, 6, 6], net.conv("x", (3, 4))), tmp_path, "qdq")
    plan = glassrt.compile(model, target="host")
    found = glassrt.check(plan, device="host", reference=model)
    assert found.ok and found.unjudged and f"not judged: {', '.join(found.unjudged)}" in str(found)
    assert not glassrt.check(plan, device="host", reference=model, tolerance=1e-3).unjudged
