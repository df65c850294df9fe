"""Boxes with places."""

from __future__ import annotations

from glassrt.compiler.report.pictures.boxes import INPUT, OP, OpBox
from glassrt.compiler.report.pictures.drawing import drawn

ONE, OTHER = OpBox(OP, "matmul", "a", ("a",), (3, 3)), OpBox(OP, "relu", "b", ("b",), (4, 4))
KERNEL = OpBox(OP, "k_matmul_relu", "simt", ("a", "b"), (2, 5), 7, (ONE, OTHER), ((0, 1),))
WHOLE = OpBox(OP, "", "", inside=(OpBox(INPUT, "x", "f32"), KERNEL, OpBox(OP, "add", "c", ("c", "b"))),
              edges=((0, 1), (1, 2)))  # fmt: skip


def test_boxes_lie_in_the_boxes_around_them() -> None:
    found = drawn(WHOLE, {"a": [0], "b": [2], "c": [2]})
    assert [box["title"] for box in found["boxes"]] == ["x", "k_matmul_relu", "matmul", "relu", "add"]
    assert [box["around"] for box in found["boxes"]] == [-1, -1, 1, 1, -1]
    for box in found["boxes"]:
        x, y, width, height = box["at"]
        around = [0, 0, *found["size"]] if box["around"] < 0 else found["boxes"][box["around"]]["at"]
        assert around[0] <= x and x + width <= around[0] + around[2] + 0.1
        assert around[1] <= y and y + height <= around[1] + around[3] + 0.1
    inner, kernel = found["boxes"][2]["at"], found["boxes"][1]["at"]
    assert inner[1] >= kernel[1] + 32  # below its title


def test_edges_join_the_boxes_that_they_name() -> None:
    found = drawn(WHOLE, {})
    assert [(edge["from"], edge["to"]) for edge in found["edges"]] == [(2, 3), (0, 1), (1, 4)]
    for edge in found["edges"]:
        x, y, width, height = found["boxes"][edge["from"]]["at"]
        assert abs(edge["points"][0] - (x + width / 2)) < 0.2 and abs(edge["points"][1] - (y + height)) < 0.2
        x, y, width, _ = found["boxes"][edge["to"]]["at"]
        assert abs(edge["points"][-2] - (x + width / 2)) < 0.2 and abs(edge["points"][-1] - y) < 0.2


def test_a_box_has_its_own_launch_or_the_one_of_the_most_of_its_nodes() -> None:
    found = drawn(WHOLE, {"a": [0, 1], "b": [2], "c": [2]})
    assert [box["launch"] for box in found["boxes"]] == [None, 7, 0, 2, 2]
    assert [box["launch"] for box in drawn(WHOLE, {})["boxes"]] == [None, 7, None, None, None]
