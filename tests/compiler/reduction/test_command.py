"""Commands as faults: the same end counts, others do not, and what hangs is stopped with its children."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from glassrt import InputError
from glassrt.compiler.reduction.command import CommandFault

from .test_candidate import FEEDS, model

RELU, ABS = model(), model("Abs")


def begun(text: str, **how: object) -> CommandFault:
    fault = CommandFault(text, **how)  # type: ignore[arg-type]
    fault.begin(RELU, FEEDS)
    return fault


def test_the_same_exit_code_counts() -> None:
    fault = begun("grep -q Relu {model} && exit 3; exit 4")
    assert fault(RELU, FEEDS) and not fault(ABS, FEEDS)


def test_braces_may_mean_other_things() -> None:
    assert begun("echo 1 | awk '{print}'; x=3; exit ${x} #")(RELU, FEEDS)


def test_the_same_words_count() -> None:
    fault = begun("grep -c Relu {model} | sed 's/^/count /'; exit 1", says="count 1")
    assert fault(RELU, FEEDS) and not fault(ABS, FEEDS)


def test_the_model_is_the_last_argument_and_inputs_have_a_file() -> None:
    assert not begun("! grep -q Relu")(ABS, FEEDS)
    assert begun("unzip -l {inputs} | grep -q x.npy && exit 9 #")(ABS, FEEDS)


def test_a_command_that_hangs_is_stopped_with_what_it_started(tmp_path: Path) -> None:
    late = tmp_path / "late"
    fault = begun(f"(sleep 1; touch {late}) & sleep 30 # {{model}}", seconds=0.3, hangs=True)
    assert fault(RELU, FEEDS)
    time.sleep(1.2)
    assert not late.exists()


@pytest.mark.parametrize(
    ("text", "how", "says"),
    [
        ("true", {}, "succeeds on the model"),
        ("false {modle}", {}, "nothing stands for {modle} in the command; is {model} meant"),
        ("false {Inputs}", {}, "is {inputs} meant"),
        ("no-such-command", {}, "cannot be run: .*no-such-command"),
        (
            "exit 2 #",
            {
                "says": "(",
            },
            "no regular expression",
        ),
        ("echo other; exit 2 #", {"says": "this"}, "does not say what it has to"),
        ("exit 2 #", {"hangs": True}, "needs a limit"),
        ("exit 2 #", {"hangs": True, "seconds": 5.0}, "exits with 2"),
        ("sleep 20 #", {"seconds": 0.2}, "took too long"),
    ],
)
def test_a_command_that_shows_no_fault_is_an_error(text: str, how: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        begun(text, **how)
