"""Write what the judge in the page needs of an exercise: see in_page.py, which reads it.

An exercise can be posed in the page if numpy can express it. That is, every argument of every
input is an array, a number, a truth or a list of those. In a bug hunt, the suspect must also give
other results than the solution, rather than other gradients only.
"""

import ast
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from marl_edu.exercises.engine.comparing import Numbers, same
from marl_edu.exercises.engine.examination import explanation
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.refusing import out_of_time
from marl_edu.exercises.engine.trying import numbers, outcome
from marl_edu.exercises.engine.wire import as_json

ABOVE = Path(__file__).resolve().parents[3]
ENGINE = "marl_edu.exercises.engine"
SECONDS = 20  # by the clock, after which the page ends an answer: a phone is slow
MOST = 250_000  # bytes of an exercise's data, packed


def judge_files() -> dict[str, str]:
    """The files that in_page.py needs, itself among them: path -> source. Packages are empty, since
    the package's own import torch."""
    sources: dict[str, str] = {}
    left = [f"{ENGINE}.in_page"]
    while left:
        name = left.pop()
        path = f"{name.replace('.', '/')}.py"
        if path in sources:
            continue
        sources[path] = Path(ABOVE, path).read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(sources[path])):
            if isinstance(node, ast.ImportFrom) and node.module == ENGINE:
                left += [f"{ENGINE}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("marl_edu"):
                left.append(str(node.module))
    parts = ENGINE.split(".")
    packages = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    return {f"{package}/__init__.py": "" for package in packages} | sources


def expressible(exercise: Exercise) -> bool:
    """Whether numpy can express an exercise."""
    examination = exercise.examination()
    if not all(_plain(arg) for case in examination.cases for arg in case.args):
        return False
    if exercise.suspect is None:
        return True
    return any(
        not same(outcome(exercise.suspect, case.args, exercise.arguments, ()), right)
        for case, right in zip(examination.cases, examination.rights, strict=True)
    )


def _plain(arg: Any) -> bool:
    if isinstance(arg, list):
        return all(map(_plain, arg))
    return isinstance(arg, Tensor | bool | int | float)


def page_data(exercise: Exercise) -> str:
    """What the judge in the page needs of an exercise: JSON, which packed is no larger than MOST.

    Where all inputs are too much, those with most numbers are left out, the largest first.
    """
    inputs = range(len(exercise.examination().cases))
    data = _data(exercise, inputs)
    weights = [len(json.dumps(_input(exercise, number))) for number in inputs]
    by_weight = sorted(inputs, key=lambda number: weights[number])
    while len(gzip.compress(_text(data).encode())) > MOST:
        by_weight.pop()
        data = _data(exercise, sorted(by_weight))
    return _text(data)


def _text(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"), allow_nan=False)


def _input(exercise: Exercise, number: int) -> dict[str, Any]:
    """One input, what is special about it, and the right result."""
    examination = exercise.examination()
    case, right = examination.cases[number], examination.rights[number]
    return {
        "what": case.what,
        "args": [_argument(arg) for arg in case.args],
        "right": _row(right["the result"]),
    }


def _data(exercise: Exercise, inputs: Sequence[int]) -> dict[str, Any]:
    examination = exercise.examination()
    mistakes = {}
    for name, function in exercise.mistakes.items():
        outcomes, errs = examination.done_by(name, False)
        wrong = {
            place: _row(outcomes[number]["the result"])
            for place, number in enumerate(inputs)
            if number in errs
        }
        if wrong:  # another mistake shows in gradients alone
            mistakes[name] = {"said": explanation(function), "wrong": wrong}
    return {
        "function": exercise.solution.__name__,
        "arguments": exercise.arguments,
        "cases": [_input(exercise, number) for number in inputs],
        "mistakes": mistakes,
        "also": also(exercise),
        "out_of_time": out_of_time(f"after {SECONDS} seconds"),  # said by who ends the worker
    }


def also(exercise: Exercise) -> str:
    """What the notebook looks at beside results, in a sentence; "" if nothing."""
    what = ["gradients are checked"] if exercise.learned else []
    if exercise.trial is not None:
        what.append("the team is trained")
    return f"The values are right; {' and '.join(what)} in the lab." if what else ""


def _argument(arg: Any) -> Any:
    if isinstance(arg, list):
        return {"list": [_argument(one) for one in arg]}
    return _row(numbers(arg)) if isinstance(arg, Tensor) else arg


def _row(row: Numbers) -> list[Any]:
    """Numbers, with their dtype as numpy calls it."""
    return as_json(Numbers(str(row.values.dtype), row.values))
