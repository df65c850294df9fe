"""A headless Chromium, driven by its own driver over the WebDriver protocol (W3C): no library is needed."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SECONDS, PATIENCE = 60, 5


def absent() -> str:
    """Why no browser can be driven here; empty where one can."""
    if not any(map(shutil.which, BROWSERS)):
        return f"no Chromium is installed: none of {', '.join(BROWSERS)} is found"
    return "" if shutil.which("chromedriver") else "Chromium is installed, its driver `chromedriver` is not"


class Browser:
    """A window of a browser with one page."""

    def __init__(self, session: str) -> None:
        self._session = session

    def open(self, page: Path) -> None:
        """Load PAGE, and wait until it is there."""
        _ask(f"{self._session}/url", {"url": page.resolve().as_uri()})

    def run(self, script: str, *arguments: object) -> Any:
        """What the body of a function SCRIPT returns in the page."""
        return _ask(f"{self._session}/execute/sync", {"script": script, "args": arguments})

    def until(self, condition: str) -> bool:
        """Whether CONDITION, an expression, becomes true within some seconds."""
        end = time.monotonic() + PATIENCE
        while not (found := bool(self.run(f"return {condition}"))) and time.monotonic() < end:
            time.sleep(0.02)
        return found

    def click(self, x: float, y: float) -> None:
        """Press the main button of the pointer at X, Y of the window."""
        self.drag((x, y), (x, y))

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the main button at START, and release it at END."""
        there, back = (
            {"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)} for x, y in (start, end)
        )
        down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        pointer = {"type": "pointer", "id": "mouse", "actions": [there, down, back, up]}
        _ask(f"{self._session}/actions", {"actions": [pointer]})

    def wheel(self, x: float, y: float, by: int) -> None:
        """Turn the wheel at X, Y down by BY pixels."""
        turn = {"type": "scroll", "x": round(x), "y": round(y), "deltaX": 0, "deltaY": by, "duration": 0}
        _ask(f"{self._session}/actions", {"actions": [{"type": "wheel", "id": "wheel", "actions": [turn]}]})

    def type(self, text: str) -> None:
        """Press and release a key for each character of TEXT."""
        keys = [{"type": kind, "value": each} for each in text for kind in ("keyDown", "keyUp")]
        _ask(f"{self._session}/actions", {"actions": [{"type": "key", "id": "keys", "actions": keys}]})

    def complaints(self) -> list[str]:
        """What the browser's console has since it was last asked: errors, and what the policy refused."""
        return [entry["message"] for entry in _ask(f"{self._session}/se/log", {"type": "browser"})]

    def picture(self, path: Path) -> None:
        """Write what is to be seen to PATH, as PNG."""
        path.write_bytes(base64.b64decode(_ask(f"{self._session}/screenshot")))


@contextmanager
def browser(folder: Path, width: int = 1600, height: int = 1000) -> Iterator[Browser]:
    """A browser that keeps its own files in FOLDER."""
    name = next(each for each in map(shutil.which, BROWSERS) if each)
    own = [f"--user-data-dir={folder}", f"--window-size={width},{height}"]
    driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        assert driver.stdout is not None
        said = (re.search(r"started successfully on port (\d+)", line) for line in driver.stdout)
        port = next(found[1] for found in said if found is not None)
        options = {"binary": name, "args": [*SWITCHES, *own]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        root = f"http://127.0.0.1:{port}/session"
        session = f"{root}/{_ask(root, {'capabilities': {'alwaysMatch': wanted}})['sessionId']}"
        try:
            yield Browser(session)
        finally:
            _ask(session, method="DELETE")
    finally:
        driver.terminate()
        driver.wait(SECONDS)


def _ask(address: str, data: Mapping[str, Any] | None = None, method: str | None = None) -> Any:
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method=method)
    # Not by a proxy that the environment may name.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise AssertionError(json.load(error)["value"]["message"]) from None
