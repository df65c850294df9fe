"""A process answers; one that dies or hangs is replaced, and the next question has an answer."""

from __future__ import annotations

import os
import time
from typing import Any

from glassrt.compiler.reduction.worker import Workers


def answer(setting: str, question: Any) -> str:
    if question == "die":
        os._exit(7)
    if question == "hang":
        time.sleep(60)
    print("noise on stdout")
    return f"{setting} {question}"


def test_a_worker_is_replaced() -> None:
    workers = Workers(answer, "to", 5.0)
    assert workers.ask("this") == ("to this",)
    assert workers.ask("die") == "the process ended with 7"
    assert workers.ask("that") == ("to that",)
    workers._seconds = 0.3
    assert workers.ask("hang") == "it takes more than 0.3 s"
    workers.close()
    workers.close()
