"""Lines of the package on a page: shown from the file, so that page and code cannot differ."""

import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

from IPython.display import Markdown


def lines(thing: Any, first: str, last: str | None = None, *equations: str) -> Markdown:
    """Some lines of a function, class or module, as a code block with their place.

    Args:
        thing: what to look in. first: the block starts at the first line that contains this.
        last: it ends with the first line from there on that contains this; None: one line.
        equations: labels, such as "eq-tarmac-attention", of the page's equations that these lines
            are, in their order. The file counts its own, as the paper does (`# eq. (3)`); in the
            book a label becomes the number that the equation has on the page.
    Raises:
        ValueError: a text occurs nowhere in `thing`, or the lines hold no equation and should, so
            that a page fails when the code changes.
    """
    source, start = inspect.getsourcelines(thing)
    begin = _find(thing, source, first, 0)
    end = begin if last is None else _find(thing, source, last, begin)
    path = Path(inspect.getsourcefile(inspect.unwrap(thing)) or "")
    number = max(start, 1) + begin
    body = textwrap.dedent("".join(source[begin : end + 1])).rstrip()
    place = f"`{path.relative_to(Path(__file__).parents[2]).as_posix()}`, line {number}"
    if equations:
        place = f"{_name(body, equations)} of {place}"
    return Markdown(  # type: ignore[no-untyped-call]
        f"{place}:\n\n```python\n{body}\n```"
    )


def _name(body: str, equations: tuple[str, ...]) -> str:
    """`eq-here` is eq. (3), or several of them."""
    marks = re.findall(r"\(\d+\)", " ".join(re.findall(r"# eqs?\. (.*)", body)))
    numbers = list(dict.fromkeys(marks))  # an equation of two lines is one
    if not numbers:
        raise ValueError(f"no equation is marked (# eq.) in these lines:\n{body}")
    labels = _listed([f"`{label}`" for label in equations])
    kind = "eqs." if len(numbers) > 1 else "eq."
    return f"{labels} {'are' if len(equations) > 1 else 'is'} {kind} {_listed(numbers)}"


def _listed(texts: list[str]) -> str:
    """*a, b and c*."""
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if texts[1:] else texts)


def _find(thing: Any, source: list[str], text: str, begin: int) -> int:
    for i in range(begin, len(source)):
        if text in source[i]:
            return i
    name = getattr(thing, "__qualname__", getattr(thing, "__name__", repr(thing)))
    raise ValueError(f"no line of {name} contains {text!r}")
