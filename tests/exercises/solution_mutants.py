"""Change a solution in one place at a time: does the grader notice?

A mutant is different if its outcome differs from the solution's on one of 2,000 inputs that the
grader does not draw. How many of those the grader refuses is in `solution_mutants.toml`; so is each
that passes, with the reason.
"""

import ast
import copy
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from marl_edu.exercises.engine.comparing import Outcome, same
from marl_edu.exercises.engine.examination import Examination
from marl_edu.exercises.engine.grading import Exercise, source_of
from marl_edu.exercises.engine.refusing import Wrong
from marl_edu.exercises.engine.session import known_state
from marl_edu.exercises.engine.trying import Asked, Case, as_tensor, attempt, outcome
from tests.exercises import independent

INPUTS = 2_000
X = re.compile(r"\bx\b")

# At the head of the function, in place of an argument x.
FLOATS = [
    "torch.zeros_like(x)", "torch.ones_like(x)", "2 * x", "-x", "x.abs()", "x + 1", "x.flip(0)",
    "x.clamp(-3, 3)", "x.clamp(-100, 100)", "x.detach()", "x.float()", "x.roll(1, -1)",
]  # fmt: skip
FLAGS = ["torch.zeros_like(x)", "torch.ones_like(x)", "~x", "x.flip(0)", "x.roll(1, -1)"]
WHOLES = ["torch.zeros_like(x)", "x.flip(0)", "x.roll(1, -1)"]
NUMBERS = ["0.0", "1.0", "0.9", "x / 2", "x ** 2"]
COUNTS = ["1", "x + 1", "max(x - 1, 0)", "2"]
TRUTHS = ["True", "False", "not x"]
LISTS = ["x[::-1]", "x[:1] * len(x)"]
# In place of the result r.
RESULTS = ["r.detach()", "r.half()", "-r", "r + 0.01", "r.nan_to_num()[None]", "r.float()", "0 * r",
           "r.flatten()", "r.round(decimals=2)"]  # fmt: skip

OTHER: dict[type, list[type]] = {
    ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Add, ast.Div], ast.Div: [ast.Mult],
    ast.BitAnd: [ast.BitOr], ast.BitOr: [ast.BitAnd], ast.Pow: [ast.Mult], ast.Mod: [ast.FloorDiv],
    ast.FloorDiv: [ast.Div], ast.Lt: [ast.LtE, ast.Gt], ast.Gt: [ast.GtE, ast.Lt],
    ast.Eq: [ast.NotEq], ast.LtE: [ast.Lt], ast.GtE: [ast.Gt],
}  # fmt: skip
METHODS = {
    "sum": "mean", "mean": "sum", "amax": "amin", "argmax": "argmin", "square": "abs",
    "sigmoid": "tanh", "tanh": "sigmoid", "softmax": "log_softmax", "sqrt": "abs",
    "minimum": "maximum", "zeros_like": "ones_like", "elu": "relu", "abs": "neg", "any": "all",
}  # fmt: skip


class Mutant(NamedTuple):
    """A changed solution: what was changed, and the function."""

    what: str
    function: Callable[..., Any]


@dataclass
class Fate:
    """What became of the mutants of an exercise."""

    different: int
    refused: int
    survivors: list[str]  # different, and passed
    strict: list[str]  # refused, though not different


class Others:
    """Inputs of an exercise that its grader does not draw, made as they are asked for."""

    def __init__(self, exercise: Exercise, asked: Asked) -> None:
        self.solution, self.asked = exercise.solution, asked
        self.source = independent.inputs(exercise.domain, list(exercise.arguments), seed=1)
        self.made: list[tuple[tuple[Any, ...], Outcome]] = []

    def __iter__(self) -> Iterator[tuple[tuple[Any, ...], Outcome]]:
        for number in range(INPUTS):
            if number == len(self.made):
                args = next(self.source)
                self.made.append((args, self.outcome(self.solution, args)))
            yield self.made[number]

    def outcome(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Outcome:
        return outcome(function, args, self.asked.names, self.asked.learned)

    def tell(self, function: Callable[..., Any]) -> bool:
        """Whether a function gives another result on one of them."""
        return any(self._differs(function, args, right) for args, right in self)

    def _differs(self, function: Callable[..., Any], args: tuple[Any, ...], right: Outcome) -> bool:
        def plain(*args: Any) -> torch.Tensor:
            result = as_tensor(function(*args), right["the result"], self.asked)
            if any(isinstance(arg, torch.Tensor) and arg._version for arg in args):
                raise ValueError("it writes into its input")
            return result

        try:
            return not same(self.outcome(plain, args), right)
        except Exception:
            return True


def judged(exercise: Exercise) -> Fate:
    """Try all mutants of an exercise's solution, in this process."""
    with known_state():
        examination = exercise.examination()
        others = Others(exercise, examination.asked)
        fate = Fate(0, 0, [], [])
        for what, function in mutants(exercise):
            refused, different = _refused(examination, function), others.tell(function)
            fate.different += different
            fate.refused += refused and different
            if different and not refused:
                fate.survivors.append(what)
            if refused and not different:
                fate.strict.append(what)
    return fate


def _refused(examination: Examination, function: Callable[..., Any]) -> bool:
    """Whether the grader refuses a function: at the first input on which it is wrong."""
    for case, right in zip(examination.cases, examination.rights, strict=True):
        try:
            if not same(attempt(function, case, examination.asked, right), right):
                return True
        except Wrong:
            return True
    return False


def mutants(exercise: Exercise) -> Iterator[Mutant]:
    """The changed solutions that can be called at all."""
    solution = exercise.solution
    tree = ast.parse(source_of(solution))
    seen = {ast.unparse(tree)}
    case = exercise.cases()[0]
    for what, changed in [*_of_arguments(tree, exercise, case), *_of_results(tree), *_inside(tree)]:
        text = ast.unparse(ast.fix_missing_locations(changed))
        if text in seen:
            continue
        seen.add(text)
        scope = dict(vars(sys.modules[solution.__module__]))
        try:
            exec(compile(text, "mutant", "exec"), scope)
            scope[solution.__name__](*copy.deepcopy(case.args))
        except Exception:  # it would not survive its first call
            continue
        yield Mutant(what, scope[solution.__name__])


def _of_arguments(
    tree: ast.Module, exercise: Exercise, case: Case
) -> Iterator[tuple[str, ast.Module]]:
    for name, value in zip(exercise.arguments, case.args, strict=True):
        for text in _changes(value):
            line = f"{name} = {X.sub(name, text)}"
            changed = copy.deepcopy(tree)
            _function(changed).body.insert(1, ast.parse(line).body[0])
            yield line, changed


def _changes(value: Any) -> list[str]:
    if isinstance(value, torch.Tensor):
        kinds = {torch.bool: FLAGS, torch.int64: WHOLES}
        return kinds.get(value.dtype, FLOATS)
    if isinstance(value, bool):
        return TRUTHS
    kinds_of_value = {int: COUNTS, float: NUMBERS, list: LISTS}
    return kinds_of_value.get(type(value), [])


def _of_results(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    for text in RESULTS:
        changed = copy.deepcopy(tree)
        for node in ast.walk(changed):
            if isinstance(node, ast.Return) and node.value is not None:
                given = ast.parse(text, mode="eval").body
                node.value = _Put(node.value).visit(given)
        yield f"return {text}", changed


class _Put(ast.NodeTransformer):
    """Puts an expression in the place of `r`."""

    def __init__(self, value: ast.expr) -> None:
        self.value = value

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.value if node.id == "r" else node


def _inside(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    count = sum(1 for _ in ast.walk(tree))
    for number in range(count):
        for choice in range(4):
            changed = copy.deepcopy(tree)
            node = list(ast.walk(changed))[number]
            before = ast.unparse(node) if hasattr(node, "lineno") else ""
            new = _changed(node, choice)
            if new is None:
                continue
            if new is not node:
                _replace(changed, node, new)
            yield f"line {node.lineno}: {before} -> {ast.unparse(new)}", changed


def _changed(node: ast.AST, choice: int) -> ast.AST | None:  # noqa: C901  a table
    """The node in another form; None if there is no such choice."""
    match node:
        case ast.Constant(bool() as value):
            return ast.Constant(not value, lineno=node.lineno) if choice == 0 else None
        case ast.Constant(int() | float() as value):
            new = [value + 1, value - 1, 2 * value, 0][choice]
            return ast.Constant(new, lineno=node.lineno) if new != value else None
        case ast.BinOp(op=op) if choice < len(OTHER.get(type(op), [])):
            node.op = OTHER[type(op)][choice]()
            return node
        case ast.BinOp(left=left, right=right) if choice in (2, 3):
            return left if choice == 2 else right
        case ast.Compare(ops=[op]) if choice < len(OTHER.get(type(op), [])):
            node.ops = [OTHER[type(op)][choice]()]
            return node
        case ast.UnaryOp(operand=operand) if choice == 0:
            return operand
        case ast.Call(func=ast.Attribute(value=value, attr=attr) as function):
            if choice == 0 and attr in METHODS:
                function.attr = METHODS[attr]
                return node
            if choice == 1 and ast.unparse(value) not in ("torch", "F"):
                return value
            if choice == 2 and node.args and ast.unparse(value) in ("torch", "F"):
                return node.args[0]
    return None


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list):
                value[:] = [new if one is old else one for one in value]


def _function(tree: ast.Module) -> ast.FunctionDef:
    assert isinstance(tree.body[0], ast.FunctionDef)
    return tree.body[0]
