"""The page in a browser: it opens, draws, answers clicks and searches, and runs no script but its own.

Screenshots are written to the folder that GLASSRT_SCREENSHOTS names, if it does.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from glassrt import CalibrationTable, Plan
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.fusion.predicate_branches import PredicateBranches
from glassrt.compiler.report.pictures.boxes import OP, OpBox
from glassrt.compiler.report.pictures.contents import page_contents
from glassrt.compiler.report.pictures.drawing import drawn
from glassrt.compiler.report.pictures.page import page_text

from ....e2e.test_control_flow import NESTED, model
from .browser import Browser, absent, browser
from .hostile import NAME, NAMES, hostile_plan
from .test_layers import random_graph

pytestmark = pytest.mark.skipif(bool(absent()), reason=absent())
MANY = 3000
ENTER = "\ue007"
FRAME_MS, OPEN_MS = 200, 3000

Shown = Callable[[str], Browser]


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def shown(window: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shown]:
    """A function that opens a page with a text. In the end nothing must have gone wrong in it."""

    def show(text: str) -> Browser:
        (tmp_path / "page.html").write_text(text)
        window.complaints()
        window.open(tmp_path / "page.html")
        return window

    yield show
    pictures = os.environ.get("GLASSRT_SCREENSHOTS")
    if pictures:
        window.picture(Path(pictures) / f"{request.node.name}.png")
    assert window.complaints() == []
    assert window.run("return typeof window.harmed") == "undefined"


# The pixels of a canvas, by way of another one: browsers slow down canvases that are read.
PIXELS = (
    "const pixels = (from, wide = from.width, high = from.height) => {"
    "  const to = document.createElement('canvas').getContext('2d', { willReadFrequently: true });"
    "  to.canvas.width = wide; to.canvas.height = high; to.drawImage(from, 0, 0);"
    "  return to.getImageData(0, 0, wide, high).data; };"
)


def inked(page: Browser) -> int:
    """How many pixels of the canvas are drawn on."""
    count = "let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n;"
    return int(page.run(f"{PIXELS} const d = pixels(page.pane.canvas); {count}"))


def panel(page: Browser) -> str:
    return str(page.run("return document.getElementById('details').innerText"))


def press(page: Browser, text: str, label: str = "") -> None:
    """Press the button with this TEXT in the row of buttons with this LABEL."""
    script = (
        "const rows = [...document.querySelectorAll('.group')];"
        "const row = rows.find(each => each.innerText.startsWith(arguments[1]));"
        "[...row.querySelectorAll('button')].find(e => e.textContent === arguments[0]).click();"
    )
    page.run(script, text, label)


def search(page: Browser, text: str, pointer: bool = False) -> None:
    """Search for TEXT, and take the first that is found, with the POINTER or by a key."""
    page.run("const asked = document.getElementById('asked'); asked.value = ''; asked.blur()")
    page.click(3, 3)  # keys go to what was clicked last
    page.type("/")
    assert page.until("document.activeElement.id === 'asked'")
    page.type(text)
    assert page.until("!document.getElementById('hits').hidden")
    if pointer:
        page.click(*page.run("const r = document.querySelector('#hits li').getBoundingClientRect();"
                             "return [r.left + 30, r.top + 8];"))  # fmt: skip
    else:
        page.type(ENTER)
    assert page.run("return document.getElementById('hits').hidden")


def test_a_click_on_a_box_shows_its_kernel_its_text_and_its_source(digits_plan: Path, shown: Shown) -> None:
    plan = Plan.load(digits_plan)
    page = shown(plan.inspect(sizes={"N": 4}).to_html())
    assert "N: 0 to 64, tuned for 8, shown at 4" in panel(page) and inked(page) > 10_000
    place = page.run(
        "const box = page.graphs.launch.boxes.find(b => b.launch === 0 && b.around < 0);"
        "const c = page.pane.canvas.getBoundingClientRect(), m = page.graphs.launch.camera;"
        "return [c.left + m.x + (box.at[0] + 20) * m.across, c.top + m.y + (box.at[1] + 10) * m.down];"
    )
    page.click(*place)
    found, launch = panel(page), plan.spec.launches[0]
    assert launch.kernel in found and "by the cost model" in found and "expected" in found
    assert page.run("return document.querySelector('pre.cuda').textContent") == plan.sources[launch.kernel]
    text = page.run("return document.querySelector('pre.ir').textContent")
    assert text.startswith(f"launch.kernel @{launch.kernel} ") and text.endswith("}")
    assert launch.nodes[0] in found


def test_it_is_moved_by_dragging_and_zoomed_around_the_pointer(digits_plan: Path, shown: Shown) -> None:
    page = shown(Plan.load(digits_plan).inspect().to_html())
    left, top = page.run("const c = page.pane.canvas.getBoundingClientRect(); return [c.left, c.top];")
    camera = "const m = page.canvasView().camera; return [m.x, m.y, m.across, m.down];"
    for view in ("Graph", "Memory"):
        press(page, view)
        x, y, across, down = page.run(camera)
        page.drag((left + 200, top + 200), (left + 260, top + 170))
        assert page.run(camera) == pytest.approx([x + 60, y - 30, across, down])
        before = page.run(camera)
        page.wheel(left + 300, top + 200, -300)
        assert page.until(f"page.canvasView().camera.across > {before[2]}")
        after = page.run(camera)
        for at, place in ((0, 300), (1, 200)):
            # What lies under the pointer stays there.
            here, there = ((place - each[at]) / each[at + 2] for each in (before, after))
            assert here == pytest.approx(there, abs=1 / before[at + 2])
    press(page, "Timeline")
    y = page.run(camera)[1]
    page.drag((left + 200, top + 100), (left + 150, top + 150))
    assert page.run(camera)[1] == y


def test_every_level_and_colour_is_drawn(digits_plan: Path, shown: Shown) -> None:
    plan = Plan.load(digits_plan)
    count = len(plan.spec.launches)
    errors = [math.inf, None, *(1e-6 * at for at in range(count - 2))]
    page = shown(plan.inspect().to_html(measured=[2.0] * count, errors=errors))
    for level in ("graph", "fused", "precision", "launch"):
        press(page, level, "level")
        assert page.run("return page.level") == level and inked(page) > 10_000
    colours = set()
    for mode in ("expected time", "measured time", "error", "precision", "family"):
        press(page, mode, "colour")
        colours.add(page.run("return contents.launches.map(each => colourOf(each, page.mode)).join()"))
    assert len(colours) == 5
    page.run("showLaunch(0)")
    assert "not finite" in panel(page)


def test_launches_of_loops_are_boxes_of_their_own(shown: Shown) -> None:
    plan = build(model(NESTED), Settings(disabled=frozenset({PredicateBranches.name}), cache=None)).plan
    page = shown(plan.inspect().to_html())
    for at, launch in enumerate(plan.spec.launches):
        page.run("goToLaunch(arguments[0])", at)
        assert panel(page).startswith(launch.kernel)
        assert page.run("const g = page.graphs.launch; return g.boxes[g.selected].outer")
    control = "box => box.kind === 'control'"
    titles = page.run(f"return page.graphs.launch.boxes.filter({control}).map(box => box.title)")
    assert {"loop", "if"} <= set(titles)
    press(page, "Timeline")
    assert "once" in page.run("return document.getElementById('tools').innerText")


def test_a_search_finds_and_centres(digits_plan: Path, shown: Shown) -> None:
    plan = Plan.load(digits_plan)
    page = shown(plan.inspect().to_html())
    last = plan.spec.launches[-1]
    search(page, last.nodes[0])
    x, y, width, height = page.run("const g = page.graphs[page.level]; return g.boxes[g.selected].at")
    across, down, left, top = page.run(
        "const m = page.graphs[page.level].camera; return [m.across, m.down, m.x, m.y]"
    )
    wide, high = page.run("return [page.pane.width, page.pane.height]")
    assert (x + width / 2) * across + left == pytest.approx(wide / 2, abs=1)
    assert 0 <= (y + height / 2) * down + top <= high
    assert last.nodes[0] in panel(page)
    search(page, plan.spec.launches[1].kernel, pointer=True)
    assert panel(page).startswith(plan.spec.launches[1].kernel)
    assert page.run("return page.graphs.launch.boxes[page.graphs.launch.selected].launch") == 1
    rule = plan.ledger[-1]["rule"]
    search(page, rule)
    assert page.run("return page.view") == "ledger"
    assert rule in page.run("return document.querySelector('tr.on').innerText")


def test_timeline_and_memory_answer_clicks(digits_plan: Path, shown: Shown) -> None:
    plan = Plan.load(digits_plan)
    page = shown(plan.inspect().to_html())
    for view in ("Timeline", "Memory"):
        press(page, view)
        assert inked(page) > 10_000
        script = (
            "const c = page.pane.canvas.getBoundingClientRect(), v = page.canvasView(), m = v.camera;"
            "const p = page.view === 'memory'"
            " ? (b => [b.first, b.offset, b.last - b.first + 1, b.bytes])(v.buffers.find(b => b.first === 1))"
            " : v.place(contents.launches[1]);"
            "return [c.left + m.x + (p[0] + p[2] / 2) * m.across, c.top + m.y + (p[1] + p[3] / 2) * m.down];"
        )
        page.click(*page.run(script))
        assert panel(page).startswith(plan.spec.launches[1].kernel)
    press(page, "Timeline")
    assert "not measured" in page.run("return document.getElementById('tools').innerText")


def test_the_ledger_is_narrowed_and_clips_are_drawn(
    digits_plan: Path, made: CalibrationTable, shown: Shown
) -> None:
    plan = Plan.load(digits_plan)
    page = shown(plan.inspect().to_html(made))
    press(page, "Ledger")
    records = [entry for entry in plan.ledger if "rule" in entry]
    count = "return document.querySelectorAll('#rows tbody tr').length"
    assert page.run(count) == min(len(records), 300)
    page.run("document.getElementById('ledger-words').focus()")
    page.type("refused")
    few = sum(entry["verdict"] == "refused" for entry in records)
    assert 0 < few < len(records) and page.until(f"{count.removeprefix('return ')} === {few}")
    press(page, "Calibration")
    assert page.run("return document.querySelectorAll('.card canvas').length") == min(len(made.tensors), 40)
    assert inked_cards(page)


def inked_cards(page: Browser) -> bool:
    every = "[...document.querySelectorAll('.card canvas')].every(c => pixels(c).some(v => v))"
    return bool(page.run(f"{PIXELS} return {every}"))


def test_names_that_are_scripts_do_no_harm(shown: Shown) -> None:
    page = shown(hostile_plan().inspect().to_html())
    elements = page.run("return [document.images.length, document.scripts.length, document.title]")
    assert elements == [0, 2, f"{hostile_plan().spec.name} - GlassRT"]
    for name in NAMES:
        page.run("goToNode(arguments[0], 'graph')", name)
        assert repr(name)[1:4] in repr(panel(page))
    for view in ("Timeline", "Memory", "Ledger", "Graph"):
        press(page, view)
    page.run("document.getElementById('asked').focus()")
    page.type("onerror")
    assert page.until("document.querySelectorAll('#hits li').length > 1")
    assert NAME in page.run("return document.getElementById('hits').innerText")
    assert page.run("return document.images.length") == 0


def test_thousands_of_nodes_stay_usable(digits_plan: Path, shown: Shown) -> None:
    """A graph of 3000 boxes opens in time, and every frame of it is drawn in time, at any scale."""
    page = shown(page_text(_large(digits_plan)))
    took = page.run("return performance.getEntriesByType('navigation')[0].domComplete")
    assert took < OPEN_MS
    press(page, "graph", "level")
    for scale in (0, 0.02, 0.1, 0.3, 0.5, 1):
        times = page.run(
            f"{PIXELS} const v = page.graphs.graph; v.fit(page.pane); const times = [];"
            "const s = arguments[0] || v.camera.across; page.pane.centre(v.size[0] / 2, v.size[1] / 2, s);"
            "for (let at = 0; at < 12; at++) {"
            "  v.camera.y -= 40; const begun = performance.now(); page.pane.draw();"
            "  pixels(page.pane.canvas, 1, 1); times.push(performance.now() - begun); }"
            "return times.sort((a, b) => a - b);",
            scale,
        )
        assert times[len(times) // 2] < FRAME_MS, (scale, times)
    page.run("goToNode('node 2990', 'graph')")
    assert "node 2990" in panel(page)


def _large(digits_plan: Path) -> dict[str, Any]:
    plan = Plan.load(digits_plan)
    found = plan.inspect()
    contents = page_contents(plan, found.to_json(), found.launches, found.buffers)
    _, edges = random_graph(1, MANY)
    names = [f"node {at}" for at in range(MANY)]
    boxes = tuple(OpBox(OP, "conv", name, (name,), (at, at)) for at, name in enumerate(names))
    whole = OpBox(OP, "", "", inside=boxes, edges=tuple(edges))
    level = drawn(whole, {name: [at % 3] for at, name in enumerate(names)})
    fate = {"ops": ["graph.conv"], "state": "runs", "rule": "", "reason": ""}
    text = "\n".join(f"%{at} = graph.conv" for at in range(MANY))
    levels = [{"name": "graph", "text": text} | level, *contents["levels"][1:]]
    return contents | {"levels": levels, "nodes": dict.fromkeys(names, fate)}
