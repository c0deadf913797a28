"""Lines to put in order: a task without a keyboard, made from an exercise's solution and mistakes.

The pieces are the statements of the solution and, among them, a line or two as classic mistakes
have them. Which piece must come before which follows from the names that it assigns and uses, so
every order that computes the same is right. The tests run what they call right, and what not.
"""

import ast
import random
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from marl_edu.exercises.engine import reading
from marl_edu.exercises.engine.grading import Exercise, source_of

FEWEST = 3  # statements that are worth putting in order
STRAY = 2  # lines of mistakes at most

Pair = tuple[int, int]


@dataclass(frozen=True)
class Puzzle:
    """Pieces of code in a drawn order, and what is right of them."""

    id: str
    head: str  # the function's, with its docstring
    pieces: tuple[str, ...]
    own: tuple[int, ...]  # which pieces the solution is made of, in its order
    before: tuple[Pair, ...]  # pieces of it, of which the first must come before the second
    stray: dict[int, str]  # pieces that do not belong, and what the grader says of the mistake

    def source(self, order: Sequence[int]) -> str:
        """The function with these pieces, one below the other."""
        body = "\n".join(self.pieces[number] for number in order)
        return f"{self.head}\n{textwrap.indent(body, '    ')}"


@cache
def puzzle(exercise: Exercise) -> Puzzle | None:
    """The lines of an exercise to put in order; None where there are too few, or no wrong ones.

    Where a function returns early, the order says more than its names do: then there is none.
    """
    source = source_of(exercise.solution)
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    statements = definition.body[1:]  # behind the docstring
    returns = [one for one in ast.walk(definition) if isinstance(one, ast.Return)]
    if len(statements) < FEWEST or returns != statements[-1:]:
        return None
    own = [_text(source, one) for one in statements]
    rng = random.Random(f"order {exercise.name}")
    stray: dict[str, str] = {}
    for mistake in rng.sample(list(exercise.slips), len(exercise.slips)):
        old, new = exercise.slips[mistake]
        line = next((text.replace(old, new) for text in own if old in text), None)
        if line is not None and line not in [*own, *stray] and len(stray) < STRAY:
            stray[line] = reading.says(exercise, mistake)
    if not stray:
        return None
    pieces = rng.sample([*own, *stray], len(own) + len(stray))
    place = [pieces.index(text) for text in own]
    return Puzzle(
        f"order-{exercise.name}",
        reading.parts(exercise)[0],
        tuple(pieces),
        tuple(place),
        tuple((place[a], place[b]) for a, b in needs(statements)),
        {pieces.index(line): said for line, said in stray.items()},
    )


def needs(statements: Sequence[ast.stmt]) -> list[Pair]:
    """Which statements must stay in their order: one of them assigns what the other uses or
    assigns, or it is the last, which returns."""
    names = [_names(one) for one in statements]
    last = len(statements) - 1
    return [
        (a, b)
        for a, b in combinations(range(len(statements)), 2)
        if b == last
        or names[a][0] & (names[b][0] | names[b][1])
        or names[b][0] & names[a][1]
    ]  # fmt: skip


def _names(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """The names that a statement assigns, and those that it uses."""
    assigned, used, inner = set[str](), set[str](), set[str]()
    for node in ast.walk(statement):
        match node:
            case ast.comprehension(target=target):
                inner |= {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}
            case ast.arg(arg=name):
                inner.add(name)
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name) | ast.FunctionDef(name=name):
                assigned.add(name)
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                assigned.add(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
                if method.endswith("_") or method in ("append", "extend"):  # changes it in place
                    assigned.add(name)
    return assigned - inner, used - inner


def _text(source: str, statement: ast.stmt) -> str:
    """The lines of a statement without comments, from the left edge."""
    lines = source.splitlines()[statement.lineno - 1 : statement.end_lineno]
    bare = (re.sub(r"\s*#.*", "", line) for line in lines)
    return textwrap.dedent("\n".join(line for line in bare if line))
