"""The page: one file without links, whose scripts and styles are the only ones that it lets run.

What it shows is JSON inside of it, which scripts put into the page as text alone, never as HTML. Names come
from models, so everything that could end the element around the JSON is escaped there; and the page's own
policy (CSP) allows no script, style or request but those that are named in it by hash.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import json
from collections.abc import Mapping
from html import escape
from string import Template
from typing import Any

from ....templates import report
from ..words import printable

SCRIPTS = (
    "elements.js",
    "colours.js",
    "canvas.js",
    "graph.js",
    "timeline.js",
    "memory.js",
    "details.js",
    "ledger.js",
    "clips.js",
    "search.js",
    "start.js",
)
_ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&"}


def page_text(contents: Mapping[str, Any]) -> str:
    """The page that shows CONTENTS (see `page_contents`). It is ASCII, and the same for the same contents."""
    script = "\n".join(_text_of(name) for name in SCRIPTS)
    style = _text_of("page.css")
    parts = {
        "title": escape(printable(contents["plan"]["name"])),
        "policy": f"default-src 'none'; script-src {_hashed(script)}; style-src {_hashed(style)}",
        "script": script,
        "style": style,
        "data": json_in_html(contents),
    }
    page = Template(_text_of("page.html")).substitute(parts)
    return page.encode("ascii", "xmlcharrefreplace").decode()


def json_in_html(value: object) -> str:
    """VALUE as JSON that nothing in it can make anything else of inside of a `script` element."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).translate(_ESCAPED)


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text_of(name: str) -> str:
    return importlib.resources.files(report).joinpath(name).read_text("utf-8")
