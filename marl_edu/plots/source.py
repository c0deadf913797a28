"""Lines of the package on a page: shown from the file, so that page and code cannot differ."""

import inspect
import textwrap
from pathlib import Path
from typing import Any

from IPython.display import Markdown


def lines(thing: Any, first: str, last: str | None = None) -> Markdown:
    """Some lines of a function, class or module, as a code block with their place.

    Args:
        thing: what to look in. first: the block starts at the first line that contains this.
        last: it ends with the first line from there on that contains this; None: one line.
    Raises:
        ValueError: a text occurs nowhere in `thing`, so that a page fails when the code changes.
    """
    source, start = inspect.getsourcelines(thing)
    begin = _find(thing, source, first, 0)
    end = begin if last is None else _find(thing, source, last, begin)
    path = Path(inspect.getsourcefile(inspect.unwrap(thing)) or "")
    place = path.relative_to(Path(__file__).parents[2]).as_posix()
    number = max(start, 1) + begin
    body = textwrap.dedent("".join(source[begin : end + 1])).rstrip()
    return Markdown(f"`{place}`, from line {number}:\n\n```python\n{body}\n```")


def _find(thing: Any, source: list[str], text: str, begin: int) -> int:
    for i in range(begin, len(source)):
        if text in source[i]:
            return i
    name = getattr(thing, "__qualname__", getattr(thing, "__name__", repr(thing)))
    raise ValueError(f"no line of {name} contains {text!r}")
