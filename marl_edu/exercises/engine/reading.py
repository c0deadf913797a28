"""Tasks without a keyboard: read code and choose. They are made from an exercise's own parts.

`slips` of an exercise says how a classic mistake changes a line of its solution. The line then
stands among the right one and others (which of them belongs here?), or in its place (which line is
wrong?). What a reader who chose it is told is what the grader says of that mistake. A third kind
asks for the shape of a result. The tests grade every choice.
"""

import ast
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch

from marl_edu.exercises.engine.grading import Exercise, source_of
from marl_edu.exercises.engine.trying import Case

CHOICES = 4  # of a task at most
GAP = "____"  # stands for the line that is asked for
FEWEST_LINES = 3  # of a solution in which a wrong line is looked for


@dataclass(frozen=True)
class Choice:
    """What can be chosen, and what a reader who chose it is told."""

    text: str  # a line of code, or a shape
    why: str  # Markdown
    right: bool = False


@dataclass(frozen=True)
class Task:
    """A question about code with several choices, one of them right."""

    id: str
    question: str  # Markdown
    code: str  # what it is about; "" where the choices are the code
    choices: tuple[Choice, ...]


@cache
def tasks(exercise: Exercise) -> tuple[Task, ...]:
    """All tasks of an exercise: first lines to choose, then wrong lines to find, then a shape.

    A mistake is asked for once: among the choices of a gap, or else in its place.
    """
    gaps = list(_gaps(exercise))
    offered = {choice.text for task in gaps for choice in task.choices}
    return *gaps, *_wrong_lines(exercise, offered), *_shape(exercise)


def parts(exercise: Exercise) -> tuple[str, list[str]]:
    """The solution's head with its docstring, and its lines of code without comments."""
    source = source_of(exercise.solution)
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    lines = source.splitlines()
    told = definition.body[0].end_lineno
    body = (re.sub(r"\s*#.*", "", line) for line in lines[told:])
    return "\n".join(lines[:told]), [line for line in body if line]


def slipped(exercise: Exercise, mistake: str) -> tuple[int, str]:
    """The number of the line that a mistake changes, and what it changes it to.

    Raises:
        ValueError: what is to be changed does not stand in the solution's lines exactly once.
    """
    old, new = exercise.slips[mistake]
    _, body = parts(exercise)
    found = [number for number, line in enumerate(body) if old in line]
    if len(found) != 1 or body[found[0]].count(old) != 1:
        raise ValueError(
            f"slips[{mistake!r}] of {exercise.name} must name what stands in the solution exactly "
            f"once, got {old!r}, which stands in {len(found)} lines"
        )
    return found[0], body[found[0]].replace(old, new)


def with_line(exercise: Exercise, number: int, line: str) -> str:
    """The source of the solution with another line in a place."""
    head, body = parts(exercise)
    return "\n".join([head, *body[:number], line, *body[number + 1 :]])


def says(exercise: Exercise, mistake: str) -> str:
    """What a reader who made a classic mistake is told."""
    return " ".join((exercise.mistakes[mistake].__doc__ or "").split())


def _gaps(exercise: Exercise) -> Iterator[Task]:
    head, body = parts(exercise)
    slips = {mistake: slipped(exercise, mistake) for mistake in exercise.slips}
    for number, line in enumerate(body):
        wrong = [(text, says(exercise, m)) for m, (where, text) in slips.items() if where == number]
        if len(wrong) < 2:
            continue
        rng = random.Random(f"{exercise.name} {number}")
        chosen = [Choice(*one) for one in rng.sample(wrong, min(len(wrong), CHOICES - 1))]
        chosen.append(Choice(line, "The grader of the exercise passes it.", right=True))
        rng.shuffle(chosen)
        indent = line[: len(line) - len(line.lstrip())]
        code = "\n".join([head, *body[:number], f"{indent}{GAP}", *body[number + 1 :]])
        stripped = tuple(Choice(one.text.strip(), one.why, one.right) for one in chosen)
        yield Task(
            f"gap-{exercise.name}-{number}", f"Which line belongs at `{GAP}`?", code, stripped
        )


def _wrong_lines(exercise: Exercise, offered: set[str]) -> Iterator[Task]:
    head, body = parts(exercise)
    if len(body) < FEWEST_LINES:
        return
    for mistake in exercise.slips:
        number, line = slipped(exercise, mistake)
        if line.strip() in offered:
            continue
        shown = [*body[:number], line, *body[number + 1 :]]
        right = f"{says(exercise, mistake)} It should be `{body[number].strip()}`."
        choices = tuple(
            Choice(text, right if n == number else "This line is as it should be.", n == number)
            for n, text in enumerate(shown)
        )
        yield Task(f"line-{exercise.name}-{mistake}", "Which line is wrong?", head, choices)


def _shape(exercise: Exercise) -> Iterator[Task]:
    """The input with the most different sizes, and what comes out of it."""
    names = exercise.arguments

    def sizes(case: Case) -> tuple[int, int]:
        found = [n for x in case.args if isinstance(x, torch.Tensor) for n in x.shape]
        return len(set(found) - {1}), -found.count(1)

    args = max(exercise.cases(), key=sizes).args
    result = torch.as_tensor(exercise.solution(*args))
    given = {
        name: tuple(arg.shape)
        for name, arg in zip(names, args, strict=True)
        if isinstance(arg, torch.Tensor)
    }
    wrong = _other_shapes(tuple(result.shape), given)
    if len(given) < 1 or len(wrong) < 2:
        return
    rng = random.Random(exercise.name)
    picked = rng.sample(list(wrong.items()), min(len(wrong), CHOICES - 1))
    summary = " ".join((exercise.solution.__doc__ or "").partition("\n")[0].split())
    choices = [Choice(_said(shape), why) for shape, why in picked]
    choices.append(Choice(_said(tuple(result.shape)), summary, right=True))
    rng.shuffle(choices)
    shapes = ", ".join(f"`{name}` has shape {_said(shape)}" for name, shape in given.items())
    counts = [
        f"`{name}` is {arg}"
        for name, arg in zip(names, args, strict=True)
        if isinstance(arg, int | bool)
    ]
    question = f"{', '.join([shapes, *counts])}. What shape does the function return?"
    yield Task(f"shape-{exercise.name}", question, parts(exercise)[0], tuple(choices))


def _other_shapes(
    right: tuple[int, ...], given: dict[str, tuple[int, ...]]
) -> dict[tuple[int, ...], str]:
    """Shapes that are not the right one, each with what a reader may have mistaken."""
    found = {shape: f"That is the shape of `{name}`." for name, shape in given.items()}
    if right:
        found[right[:-1]] = "An axis is missing."
        found[(*right, 1)] = "There is an axis too many: an axis of size 1 counts too."
    if len(right) > 1:
        found[(*right[:-2], right[-1], right[-2])] = "Two axes have changed places."
        found[right[1:]] = "An axis is missing."
    return {shape: why for shape, why in found.items() if shape != right}


def _said(shape: tuple[int, ...]) -> str:
    return f"`{shape}`" if shape else "`()`, a single number"
