"""Why an answer gives nothing that can be compared, in a sentence each.

The notebook's grader and the judge in the page refuse with this file, which needs numpy alone.
"""

import traceback
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from marl_edu.exercises.engine.comparing import Array

MANY = 10**6  # numbers that no exercise asks for
MUCH = ("can't allocate memory", "not enough memory")  # what torch says when there is none


class Words(NamedTuple):
    """What the library that answers are written in calls its things."""

    library: str
    thing: str
    fill: str  # a method that writes into it


TORCH = Words("torch", "tensor", "fill_")
NUMPY = Words("numpy", "array", "fill")


class Wrong(Exception):
    """The answer gave nothing that could be compared: (name of the mistake, sentence)."""

    line: int | None = None  # of the answer's source that raised


NOT_ATTEMPTED = "not_attempted", "Write the function, then grade it again."
NOT_DETERMINISTIC = (
    "not_deterministic",
    "Two calls with the same input give different results: nothing may be drawn, and no "
    "layer made, inside the function. The weights are given.",
)


def out_of_time(when: str) -> str:
    """What is said of an answer that was stopped, `when` says when."""
    return f"It was stopped {when}: is there a loop that never ends?"


def failed(reason: str, words: Words) -> str:
    """What is said where the grader fails with the answer."""
    return f"The grader failed beside it, with {reason}: does it change {words.library} itself?"


def no_function(value: Any) -> str:
    """What is said of an answer that cannot be called."""
    return f"This is a {type(value).__name__}: pass the function itself, uncalled."


def defines(names: Sequence[str]) -> str:
    """What a source defines, in words."""
    return f"it defines {', '.join(names)}" if names else "it defines no function"


def mutated(name: str, words: Words) -> Wrong:
    """The answer writes into an argument."""
    return Wrong(
        "mutated",
        f"It changes its input `{name}`, which the caller still needs: `x[...] = `, "
        f"`x += ` and `x.{words.fill}()` write into `x` itself. Make a new {words.thing}.",
    )


def array_of(result: Any, right: Any, words: Words) -> Array:
    """What an answer in numpy returned, as an array; `right` is numpy's dtype of the right one.

    Raises:
        Wrong: it is none, or not one of numbers.
    """
    if result is ...:
        raise Wrong(*NOT_ATTEMPTED)
    if result is None:
        raise Wrong("nothing_returned", "It returns None: is there a `return` on every way out?")
    if not isinstance(result, np.ndarray | np.generic):
        raise Wrong("type", f"It returns a `{kind(result)}`: return one {words.thing}.")
    if result.dtype.kind not in "fiub":
        raise Wrong("type", f"It returns an array of `{result.dtype}`: return one of numbers.")
    array = np.array(result)
    # numpy makes float64 and int64 unless told otherwise, which is as good here.
    floats = array.dtype.kind == "f" and right.kind == "f"
    wholes = array.dtype.kind in "iu" and right == np.int64
    return array.astype(right) if floats or wholes else array


def check_size(shape: tuple[int, ...], right: tuple[int, ...]) -> None:
    """An expanded tensor may take no memory, and yet be more than can be compared.

    Raises:
        Wrong: it is more than was asked for.
    """
    numbers = 1
    for length in shape:
        numbers *= length
    if shape != right and (numbers > MANY or len(shape) > 32):
        raise Wrong("shape", f"The shape {tuple(shape)} is more than was asked for.")


def said(error: BaseException) -> str:
    """The first line of what an error says, whatever its class does."""
    try:
        return (str(error).strip() or "no message").splitlines()[0][:500]
    except BaseException:
        return "a message that cannot be shown"


def kind(value: Any) -> str:
    """What the class of a value is called, whatever it does."""
    try:
        return str(type.__getattribute__(type(value), "__name__"))
    except BaseException:
        return "thing"


def raised(error: BaseException, file: str, what: str) -> Wrong:
    """The answer, whose source is in `file`, raised on an input; `what` is special about it."""
    text, line = said(error), line_in(file, error)
    if isinstance(error, NotImplementedError) and text == "no message":
        wrong = Wrong(*NOT_ATTEMPTED)
    elif isinstance(error, MemoryError) or any(words in text for words in MUCH):
        wrong = Wrong("memory", f"With {what} it asked for more memory than there is for it.")
    else:
        where = f" The line is `{line.line}`." if line and line.line else ""
        wrong = Wrong("raised", f"With {what} it raised {kind(error)}: {text}.{where}")
    wrong.line = line.lineno if line else None
    return wrong


def line_in(file: str, error: BaseException) -> traceback.FrameSummary | None:
    """Where in a file an error was raised, or what raised it was called."""
    try:
        lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
        return lines[-1] if lines else None
    except BaseException:
        return None


def no_start(error: BaseException, file: str, when: str = "before anything was graded") -> str:
    """Why a source could not even be run, to follow its name."""
    if isinstance(error, SyntaxError):
        return f"is not Python, line {error.lineno or 1}: {error.msg}"
    line = line_in(file, error)
    where = f" in line {line.lineno}, `{line.line}`{',' * bool(when)}" if line else ""
    return f"raised {kind(error)}{where}{when and ' '}{when}: {said(error)}"
