"""Loops of a constant trip count in templates: one with a single trip is emitted as its body.

Templates write the body as C, in terms of the index, inside a `call` of one of the functions below. For a
single trip the index is folded away: it is replaced by its only value, and additions of zero, multiplications
by one and products with zero are simplified, as are parentheses that become unnecessary.
"""

from __future__ import annotations

import re
from collections.abc import Callable

INDENT = "    "
# Marks for the values of a folded index and for removed terms; none occurs in the text of a kernel.
_ZERO, _ONE, _GONE = "\0", "\1", "\2"
_NESTED = r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
_NAMED = rf"\w+(?:{_NESTED}|\[[^][]*\])*"
_PRODUCT = re.compile(rf"{_ZERO}(?: [*/%] (?:{_NAMED}|{_NESTED}))+")
_SIMPLER = (
    (_PRODUCT, _ZERO),
    (re.compile(rf"\bOffset\({_ZERO}\)"), _ZERO),
    (_PRODUCT, _ZERO),
    (re.compile(rf" (?:[+-]|<<) {_ZERO}"), _GONE),
    (re.compile(rf"(?<!-)(?<![*/%] ){_ZERO} \+ "), _GONE),
    (re.compile(rf"(?<!-)(?<![*/%] ){_ZERO} - "), "-"),
    (re.compile(rf"(?<![/%] ){_ONE} \* "), _GONE),
    (re.compile(rf"(?<=[\[(,+*/%=?:&|-])( ?)\((?:{_GONE}({_NAMED})|({_NAMED}){_GONE})\)"), r"\1\2\3"),
    (re.compile(_GONE), ""),
    (re.compile(_ZERO), "0"),
    (re.compile(_ONE), "1"),
)


def unrolled(
    index: str,
    trips: int,
    bound: str | int,
    *,
    first: int = 0,
    step: int | str = 1,
    braces: bool = False,
    caller: Callable[[], str],
) -> str:
    """An unrolled loop of TRIPS over the int INDEX from FIRST to BOUND; see `loop`."""
    return loop("GLASS_UNROLL", index, trips, bound, first=first, step=step, braces=braces, caller=caller)


def loop(
    hint: str,
    index: str,
    trips: int,
    bound: str | int,
    *,
    first: int = 0,
    step: int | str = 1,
    braces: bool = False,
    caller: Callable[[], str],
) -> str:
    """A loop of TRIPS over the int INDEX from FIRST (0 or 1) to BOUND by STEP, preceded by HINT.

    ValueError for a number of trips that BOUND, FIRST and STEP contradict, where these are numbers.

    The body is that of the `call`, with the indentation that it has in a loop. A body of one line has no
    braces unless BRACES. For one trip the body alone is emitted, for none nothing. There is no newline at the
    end.
    """
    if isinstance(bound, int) and isinstance(step, int) and trips != max(0, -(-(bound - first) // step)):
        raise ValueError(f"a loop from {first} to {bound} by {step} has other than {trips} trips")
    if trips <= 1:
        return dedented(folded(_body(caller), index, first)) if trips else ""
    advance = f"{index}++" if step == 1 else f"{index} += {step}"
    return _with_head(
        f"for (int {index} = {first}; {index} < {bound}; {advance})", _body(caller), hint, braces
    )


def strided(
    index: str,
    first: str,
    bound: str | int,
    step: str | int,
    *,
    count: int | None,
    threads: int,
    exact: bool = True,
    hint: str = "",
    kind: str = "int",
    caller: Callable[[], str],
) -> str:
    """A loop over the INDEX, of type KIND, from FIRST to BOUND by STEP, which THREADS share.

    FIRST, a variable or a call, is the number of the thread. COUNT is the value of BOUND, or its maximum if
    it is not EXACT; None if it is not known. A single trip needs no test if there are as many threads;
    otherwise it becomes an `if`. The body is as in `loop`.
    """
    body = _body(caller)
    if count is None or count > threads:
        head = f"for ({kind} {index} = {first}; {index} < {bound}; {index} += {step})"
        return _with_head(head, body, hint)
    if exact and count == 1 < threads:
        return _with_head(f"if ({first} == 0)", folded(body, index))
    body = folded(body, index, first if kind == "int" else f"{kind}({first})")
    return dedented(body) if exact and count == threads else _with_head(f"if ({first} < {bound})", body)


def folded(text: str, index: str, value: int | str = 0) -> str:
    """The C text TEXT with the variable INDEX replaced by VALUE: 0, 1, a variable or a call."""
    mark = value if isinstance(value, str) else (_ZERO, _ONE)[value]
    code = re.compile(rf"//.*|\b{index}\b")
    text = code.sub(lambda found: mark if found.group() == index else found.group(), text)
    for pattern, simpler in _SIMPLER:
        text = pattern.sub(simpler, text)
    return text


def dedented(text: str) -> str:
    """TEXT with one level of indentation less."""
    return re.sub(rf"^{INDENT}", "", text, flags=re.MULTILINE)


def _body(caller: Callable[[], str]) -> str:
    return caller().rstrip("\n")


def _with_head(head: str, body: str, hint: str = "", braces: bool = False) -> str:
    inner = re.match(r"\n*( *)", body)
    pad = (inner.group(1) if inner else "")[len(INDENT) :]
    above = f"{pad}{hint}\n" if hint else ""
    if "\n" in body or braces:
        return f"{above}{pad}{head} {{\n{body}\n{pad}}}"
    return f"{above}{pad}{head} {body.strip()}"
