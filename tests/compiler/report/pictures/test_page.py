"""The page: valid HTML, complete, without links, the same every time, and safe from the names in it."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from glassrt import Plan
from glassrt.compiler.report.pictures.contents import page_contents
from glassrt.compiler.report.pictures.page import SCRIPTS, json_in_html, page_text
from glassrt.templates import report

from .hostile import NAME, NAMES, hostile_plan

VOID = {"meta", "input"}
MAKES_HTML_OR_LOADS = re.compile(
    r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Function\(|fetch\(|XMLHttp|https?:|url\(|"
    r"\bimport\b|</"
)


class Elements(HTMLParser):
    """The elements of a page, with their text; every one has to be closed where it was opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


def page(plan: Plan) -> tuple[str, dict[str, Any]]:
    found = plan.inspect()
    contents = page_contents(plan, found.to_json(), found.launches, found.buffers)
    return page_text(contents), contents


@pytest.fixture(scope="module", params=["digits", "hostile"])
def made(request: pytest.FixtureRequest, digits_plan: Path) -> tuple[str, dict[str, Any]]:
    return page(Plan.load(digits_plan) if request.param == "digits" else hostile_plan())


def test_it_is_html_of_the_elements_of_the_template_alone(made: tuple[str, dict[str, Any]]) -> None:
    text, contents = made
    elements = Elements(text)
    empty = Elements(importlib.resources.files(report).joinpath("page.html").read_text("utf-8"))
    assert text.startswith("<!doctype html>") and text.isascii()
    assert [tag for tag, _ in elements.found] == [tag for tag, _ in empty.found]
    assert elements.texts["title"] == [f"{contents['plan']['name']} - GlassRT"]


def test_all_data_is_in_it(made: tuple[str, dict[str, Any]]) -> None:
    text, contents = made
    (data,) = re.findall(r'<script type="application/json" id="contents">(.*?)</script>', text, re.DOTALL)
    assert json.loads(data) == json.loads(json.dumps(contents))


def test_it_loads_nothing_and_runs_its_own_script_alone(made: tuple[str, dict[str, Any]]) -> None:
    text, _ = made
    elements = Elements(text)
    assert not [attrs for _, attrs in elements.found if {"src", "href", "style"} & attrs.keys()]
    assert not [name for _, attrs in elements.found for name in attrs if name.startswith("on")]
    (policy,) = (attrs["content"] for tag, attrs in elements.found if tag == "meta" and "http-equiv" in attrs)
    assert policy is not None and policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(elements.texts[tag][-1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_names_are_text_wherever_they_are() -> None:
    text, contents = page(hostile_plan())
    assert NAME not in text and set(NAMES) <= contents["nodes"].keys()
    assert "<img" not in text and "<b>" not in text and "<!--" not in text
    assert json.loads(json_in_html("</script>\u2028&\ud800")) == "</script>\u2028&\ud800"
    assert not re.search(r"[<>&\u2028\ud800]", json_in_html("</script>\u2028&\ud800"))


def test_the_same_plan_gives_the_same_page(digits_plan: Path) -> None:
    one, other = Plan.load(digits_plan), Plan.from_bytes(digits_plan.read_bytes())
    assert page(one)[0] == page(other)[0]


def test_it_is_small(made: tuple[str, dict[str, Any]]) -> None:
    text, contents = made
    assert len(text) - len(json_in_html(contents)) < 80_000


def test_scripts_set_texts_and_load_nothing() -> None:
    every = {path.name: path.read_text("utf-8") for path in importlib.resources.files(report).iterdir()
             if path.name.endswith((".js", ".css", ".html"))}  # fmt: skip
    assert set(every) == {*SCRIPTS, "page.css", "page.html"}
    for name, text in every.items():
        assert text.isascii() and max(map(len, text.splitlines())) <= 130, name
        if name != "page.html":
            assert re.findall(MAKES_HTML_OR_LOADS, text) == [], name
