"""The grader in the page: run what a reader typed, in numpy, and give the notebook's verdict.

It runs in the browser, where there is numpy and no torch, on data that exporting.py has written:
the inputs of an exercise, the right results and those of the classic mistakes. What is compared,
how a mistake is named and every sentence is the notebook's, of the same files. Gradients are not.

    graded(data, source)    the verdict, as JSON
    ran(source)             what the source prints, as JSON

Neither ever raises. A loop that never ends is for the caller to end.
"""

import ast
import builtins
import json
import linecache
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import numpy as np

from marl_edu.exercises.engine import refusing
from marl_edu.exercises.engine.comparing import Numbers, Outcome, same
from marl_edu.exercises.engine.judging import Done, Judge, Seen
from marl_edu.exercises.engine.printing import FirstWords
from marl_edu.exercises.engine.refusing import NUMPY, Wrong
from marl_edu.exercises.engine.verdict import Verdict
from marl_edu.exercises.engine.wire import from_json

FILE = "<answer>"  # what the source is called in a traceback
ROOM = 4000  # characters that are shown of what a source prints when it only runs
HERE = {*sys.stdlib_module_names, "numpy"}  # what may be imported
TORCH = "torch does not run in the page: use np; the lab has torch."


class NotHere(ImportError):
    """A module that the page has not got; the message is a sentence."""


class Stopped(Exception):
    """The source could not be run: (name of the mistake, sentence, line)."""


def graded(data: str, source: str) -> str:
    """The verdict on a source, as JSON: passed, mistake, message, printed, line.

    `data` is what exporting.py has written of the exercise. `line` is that of a syntax error or of
    what raised, from 1, else null.
    """
    printed, line = FirstWords(), None
    try:
        with redirect_stdout(printed), redirect_stderr(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = _read(data)
            verdict, line = judged(read, _function(read["function"], _run(source)))
    except Stopped as stopped:
        mistake, message, line = stopped.args
        verdict = Verdict(False, mistake, message)
    except BaseException as error:
        reason = f"{refusing.kind(error)}: {refusing.said(error)}"
        verdict = Verdict(False, "failed", refusing.failed(reason, NUMPY))
    return json.dumps(
        {
            "passed": verdict.passed,
            "mistake": verdict.mistake,
            "message": verdict.message,
            "printed": printed.kept.strip(),
            "line": line,
        }
    )


def ran(source: str) -> str:
    """What a source prints, as JSON: printed, error, line. The value of a last expression is
    printed, too, as in a notebook."""
    printed, error, line = FirstWords(room=ROOM), "", None
    try:
        with redirect_stdout(printed), redirect_stderr(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _run(source, show=True)
    except Stopped as stopped:
        _, error, line = stopped.args
    except BaseException as other:
        error = f"{refusing.kind(other)}: {refusing.said(other)}"
    return json.dumps({"printed": printed.kept.strip(), "error": error, "line": line})


def _read(data: str) -> dict[str, Any]:
    """The data of an exercise.

    Raises:
        Stopped: they are damaged.
    """
    try:
        read = json.loads(data)
        parts = read["function"], read["arguments"], read["cases"], read["mistakes"], read["also"]
        if not all(isinstance(part, str | list | dict) for part in parts):
            raise TypeError
        return dict(read)
    except (ValueError, TypeError, KeyError, RecursionError):
        sentence = "The data of this exercise did not arrive whole: load the page again."
        raise Stopped("damaged", sentence, None) from None


def judged(data: Mapping[str, Any], answer: Callable[..., Any]) -> tuple[Verdict, int | None]:
    """The verdict on a function, and the line of the answer that raised, if any did."""
    cases, names = data["cases"], data["arguments"]
    rights = [{"the result": from_json(case["right"])} for case in cases]
    seen, lines = [], []
    for case, right in zip(cases, rights, strict=True):
        line = None
        try:
            seen.append(Seen(_attempt(answer, case, names, right["the result"])))
        except Wrong as wrong:
            line = wrong.line
            seen.append(Seen(None, *wrong.args))
        lines.append(line)

    def done_by(mistake: str, gradients: bool) -> Done:
        wrong = {int(n): from_json(row) for n, row in data["mistakes"][mistake]["wrong"].items()}
        does = [{"the result": wrong.get(n, one["the result"])} for n, one in enumerate(rights)]
        return Done(does, sorted(wrong))

    said = {name: mistake["said"] for name, mistake in data["mistakes"].items()}
    verdict = Judge([case["what"] for case in cases], rights, said, done_by).verdict(seen)
    if verdict.passed and data["also"]:
        verdict = Verdict(True, "", f"{verdict.message} {data['also']}")
    return verdict, None if verdict.case is None else lines[verdict.case]


def _arguments(rows: Sequence[Any]) -> list[Any]:
    """Arguments anew: an answer may spoil them."""
    return [_argument(row) for row in rows]


def _argument(row: Any) -> Any:
    if isinstance(row, dict):
        return _arguments(row["list"])
    return from_json(row).values if isinstance(row, list) else row


def _attempt(
    answer: Callable[..., Any], case: Mapping[str, Any], names: Sequence[str], right: Numbers
) -> Outcome:
    """What an answer gives on an input.

    Raises:
        Wrong: it raised, returned something else than an array, changed its input or was random.
    """
    results = []
    for _ in range(2):
        args = _arguments(case["args"])
        lists = [list(arg) if isinstance(arg, list) else None for arg in args]
        try:
            result = refusing.array_of(answer(*args), right.values.dtype, NUMPY)
        except Wrong:
            raise
        except BaseException as error:  # an answer may also call sys.exit
            raise _raised(error, case["what"]) from None
        refusing.check_size(result.shape, right.shape)
        for name, arg, before, row in zip(names, args, lists, case["args"], strict=True):
            if _changed(arg, before, row):
                raise refusing.mutated(name, NUMPY)
        results.append({"the result": Numbers(str(result.dtype), result)})
        if (result.shape, str(result.dtype)) != (right.shape, right.dtype):
            return results[0]
    if not same(results[1], results[0]):
        raise Wrong(*refusing.NOT_DETERMINISTIC)
    return results[1]


def _changed(arg: Any, before: list[Any] | None, row: Any) -> bool:
    """Whether an argument is another than it was."""
    if before is not None:
        others = len(arg) != len(before) or any(
            a is not b for a, b in zip(arg, before, strict=True)
        )
        return others or any(_changed(a, None, r) for a, r in zip(arg, row["list"], strict=True))
    if not isinstance(arg, np.ndarray):
        return False
    was = from_json(row).values
    if arg.shape != was.shape or arg.dtype != was.dtype:
        return True
    return not bool(((arg == was) | ((arg != arg) & (was != was))).all())


def _raised(error: BaseException, what: str) -> Wrong:
    """What is said of an answer that raised on an input."""
    sentence = _not_here(error)
    if not sentence:
        return refusing.raised(error, FILE, what)
    line = refusing.line_in(FILE, error)
    wrong = Wrong("not_here", sentence)
    wrong.line = line.lineno if line else None
    return wrong


def _not_here(error: BaseException) -> str:
    """A sentence, if an error is about what the page has not got."""
    if isinstance(error, NotHere):
        return refusing.said(error)
    return TORCH if isinstance(error, NameError) and error.name == "torch" else ""


def _import(name: str, *args: Any, **options: Any) -> Any:
    """`import` in what a reader typed: the standard library and numpy."""
    root = name.partition(".")[0]
    relative = (args[3] if len(args) > 3 else options.get("level", 0)) > 0
    if root == "torch":
        raise NotHere(TORCH)
    if relative or root not in HERE:
        raise NotHere(f"The page has no {name or 'file beside it'}: it has np and Python's own.")
    return builtins.__import__(name, *args, **options)


def _run(source: str, show: bool = False) -> dict[str, Any]:
    """What a source defines, when it has run; with `show` its last expression is printed.

    Raises:
        Stopped: it is no Python, or raised.
    """
    lines = source.splitlines(keepends=True)
    linecache.cache[FILE] = len(source), None, lines, FILE  # a traceback finds its lines there
    allowed = vars(builtins) | {"__import__": _import}
    scope: dict[str, Any] = {"np": np, "numpy": np, "__name__": "answer", "__builtins__": allowed}
    try:
        tree = ast.parse(source, FILE)
        last = tree.body[-1] if tree.body and show else None
        if isinstance(last, ast.Expr):
            tree.body.pop()
        exec(compile(tree, FILE, "exec"), scope)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), FILE, "eval"), scope)
            if value is not None:
                print(repr(value))
    except BaseException as error:  # also sys.exit
        place = refusing.line_in(FILE, error)
        line = error.lineno if isinstance(error, SyntaxError) else place.lineno if place else None
        mistake = "not_python" if isinstance(error, SyntaxError) else "raised"
        sentence = _not_here(error)
        if sentence:
            mistake = "not_here"
        raise Stopped(mistake, sentence or _no_start(error, show), line) from None
    return scope


def _no_start(error: BaseException, show: bool) -> str:
    return f"This {refusing.no_start(error, FILE, *[''] * show)}."


def _function(name: str, scope: Mapping[str, Any]) -> Any:
    """The function that an exercise asks for, of what a source defines.

    Raises:
        Stopped: there is none.
    """
    own = [
        each
        for each, value in scope.items()
        if callable(value) and getattr(value, "__module__", "") == "answer"
    ]
    if callable(scope.get(name)):
        return scope[name]
    has = refusing.defines(own)
    raise Stopped("no_function", f"There is no `{name}`, which the exercise asks for: {has}.", None)
