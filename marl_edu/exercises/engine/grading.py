"""What an exercise is, and how an answer to it is graded: by what it does, never by its text.

An answer is called on many inputs, first on odd ones from a list, then on what hypothesis draws,
and must agree with the solution in type, shape, dtype, values and gradients. A wrong one is
compared with a list of classic mistakes on the same inputs, and the verdict names the one that
gives exactly the same.
"""

import ast
import html
import inspect
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from marl_edu.exercises.engine import progress
from marl_edu.exercises.engine.isolation import Died, OutOfTime, run_apart
from marl_edu.exercises.engine.training import Rows, Trial, small_training
from marl_edu.exercises.engine.trying import (
    Case,
    FirstWords,
    Wrong,
    attempt,
    difference,
    outcome,
    same,
)

SECONDS = 3  # of computing, for all inputs together; a right answer takes a tenth of one
TRIAL_SECONDS = 40  # of computing, for an exercise's training run


@dataclass(frozen=True, repr=False)
class Verdict:
    """What the grader has to say. Shown as text, and as HTML in a notebook."""

    passed: bool
    mistake: str  # its short name; "" if passed
    message: str
    case: int | None = None  # number of the input on which it showed
    inputs: tuple[Any, ...] = ()  # that input, to try it: `answer(*verdict.inputs)`
    printed: str = ""  # the start of what the answer printed

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        if self.mistake == "not_attempted":
            return "Not attempted yet"
        return "Passed" if self.passed else "Not right yet"

    def __repr__(self) -> str:
        sign = "○" if self.mistake == "not_attempted" else "✓" if self.passed else "✗"
        printed = f"\nYour function printed:\n{self.printed}" if self.printed else ""
        return f"{sign} {self.headline}. {self.message}{printed}"

    def _repr_html_(self) -> str:
        colour = "--marl-3, #009e73" if self.passed else "--marl-4, #d55e00"
        if self.mistake == "not_attempted":
            colour = "--marl-line, #8a9099"
        message = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(self.message))
        printed = ""
        if self.printed:
            printed = f"<p>Your function printed:</p><pre>{html.escape(self.printed)}</pre>"
        return (
            f'<div role="status" style="border-left: .3rem solid var({colour}); '
            f'padding: .2rem .8rem"><p><strong>{self.headline}.</strong> {message}</p>'
            f"{printed}</div>"
        )


@dataclass(eq=False, repr=False)
class Exercise:
    """One exercise: what `exercise` is in the file that it is called after.

    `grade(answer)` is all a reader needs. Its solution, its classic mistakes and, in a bug hunt,
    the function with the bug are made known by the decorators `solved_by`, `mistake` and
    `suspected`; the docstring of a mistake is what a reader who made it is told.
    """

    place: int  # on its page, where exercises stand in the order of these numbers
    title: str
    difficulty: int  # 1 to 5
    importance: int  # 1 to 5
    minutes: str
    statement: str  # Markdown, as is the hint
    hint: str
    inputs: Callable[[torch.Generator], Iterator[Case]]
    gradient: bool = True  # gradients must be right; where not, numpy answers are as welcome
    data: tuple[str, ...] = ()  # arguments that are measured, not learned: their gradients are free
    trial: Trial | None = None  # of a bug hunt
    topic: str = ""  # of the interview part, if it is not the page's
    solution: Callable[..., Any] = field(init=False)
    suspect: Callable[..., Any] | None = field(
        init=False, default=None
    )  # the function with the bug
    mistakes: dict[str, Callable[..., Any]] = field(init=False, default_factory=dict)

    def __repr__(self) -> str:
        return f"{self.title}: {self.header}"

    @property
    def name(self) -> str:
        """What it is called in the package and on the command line: as its file."""
        return self.solution.__module__.rpartition(".")[2]

    @property
    def page(self) -> str:
        """What its page is called in the package: as the folder of its file."""
        return self.solution.__module__.split(".")[-2]

    @property
    def label(self) -> str:
        """What links to its statement."""
        return f"ex-{self.name.replace('_', '-')}"

    @property
    def header(self) -> str:
        """Difficulty, importance and time, in one line."""
        dots = ["●" * n + "○" * (5 - n) for n in (self.difficulty, self.importance)]
        return f"difficulty {dots[0]} · importance {dots[1]} · {self.minutes} min"

    @property
    def starter(self) -> str:
        """Source of the function to write, with the solution's signature and docstring."""
        source = source_of(self.solution)
        definition = ast.parse(source).body[0]
        assert isinstance(definition, ast.FunctionDef)
        lines = source.splitlines()[: definition.body[0].end_lineno]
        return "\n".join([*lines, "    return ...  # your code"])

    def solved_by(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: this is the solution."""
        self.solution = function
        return function

    def suspected(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: this is the function with the bug, which a reader is shown."""
        self.suspect = function
        return function

    def mistake(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: this computes what one gets from a classic mistake."""
        self.mistakes[function.__name__] = function
        return function

    def cases(self) -> list[Case]:
        """The inputs an answer is tried on, the same in every call."""
        return list(self.inputs(torch.Generator().manual_seed(0)))

    def train(self, function: Callable[..., Any]) -> Rows:
        """Of a bug hunt: the log of a training run with `function`."""
        if self.trial is None:
            raise ValueError(f"{self.title!r} trains nothing: it is no bug hunt")
        with small_training():
            return self.trial.curve(function)

    def curves(self) -> dict[str, Rows]:
        """Of a bug hunt: what training gives with the suspect, and without the bug."""
        assert self.suspect is not None
        return {
            "with the suspect": self.train(self.suspect),
            "as it should be": self.train(self.solution),
        }

    def grade(self, answer: Any) -> Verdict:
        """Try `answer`, a function with the starter's arguments, and say how it did.

        What a reader passed, with a function of the starter's name, is noted: see progress.py.
        """
        if not callable(answer):
            message = f"This is a {type(answer).__name__}: pass the function itself, uncalled."
            return Verdict(False, "not_a_function", message)
        verdict = self._tried(answer)
        own = getattr(answer, "__name__", "") == self.solution.__name__
        if not verdict.passed or not own or _in_package(answer):
            return verdict  # a page that runs the solution is not a reader's progress
        return replace(verdict, message=f"{verdict.message} {progress.note(self.name)}")

    def _tried(self, answer: Callable[..., Any]) -> Verdict:
        try:
            verdict = run_apart(lambda: self.judge(answer), SECONDS)
        except OutOfTime:
            message = f"It was stopped after {SECONDS} seconds: is there a loop that never ends?"
            return Verdict(False, "time", message)
        except Died:
            return Verdict(False, "died", "It ended the whole process that it was tried in.")
        if verdict.passed and self.trial is not None:
            return self._try_out(answer, self.trial)
        if verdict.case is None:
            return verdict
        return replace(verdict, inputs=self.cases()[verdict.case].args)

    def _try_out(self, answer: Callable[..., Any], trial: Trial) -> Verdict:
        def train(answer: Callable[..., Any]) -> Verdict:
            try:
                rows = self.train(answer)
            except Exception as error:
                said = f"Right on single inputs, but in training it raised {error!r}."
                return Verdict(False, "raised", said)
            if trial.learned(rows):
                return Verdict(True, "", f"Right, in training too. {trial.says(rows)}")
            said = f"Right on single inputs, but not in training. {trial.says(rows)}"
            return Verdict(False, "does_not_learn", said)

        try:
            return run_apart(lambda: quietly(train, answer), TRIAL_SECONDS)
        except OutOfTime:
            message = "Right on single inputs, but too slow to train with: do without Python loops."
            return Verdict(False, "too_slow", message)
        except Died:
            return Verdict(False, "died", "It ended the whole process that it was trained in.")

    def judge(self, answer: Callable[..., Any]) -> Verdict:
        """Try `answer` on every input in this very process, without limits and without trial."""
        return quietly(self._judge, answer)

    def _judge(self, answer: Callable[..., Any]) -> Verdict:
        names = list(inspect.signature(self.solution).parameters)
        learned = [name for name in names if self.gradient and name not in self.data]
        cases = self.cases()
        got: list[dict[str, Any] | None] = []
        first: Verdict | None = None
        wrong: list[int] = []
        for number, case in enumerate(cases):
            right = outcome(self.solution, case, names, learned)
            one = None
            try:
                one = attempt(answer, case, names, learned, right["the result"])
            except Wrong as error:
                if first is None:  # else what was wrong before says more
                    mistake, said = error.args
                    return Verdict(False, mistake, said, case=number)
            got.append(one)
            if one is None or not same(one, right):
                wrong.append(number)
            if first is None and one is not None and wrong:
                mistake, said = difference(one, right)
                first = Verdict(False, mistake, f"With {case.what}, {said}", case=number)
        if first is None:
            return Verdict(True, "", f"Right on all {len(cases)} inputs.")
        return self._named(first, cases, got, wrong)

    def _named(
        self, first: Verdict, cases: list[Case], got: list[dict[str, Any] | None], wrong: list[int]
    ) -> Verdict:
        """`first`, with the classic mistake that gives the same results as `got`, if one does."""
        names = list(inspect.signature(self.solution).parameters)
        known = first.mistake != "gradient"  # by its results; else they are right
        learned = [name for name in names if not known and name not in self.data]
        best, agreed = "", 0
        for name, mistake in self.mistakes.items():
            agrees = [
                seen is not None and same(seen, outcome(mistake, case, names, learned))
                for case, seen in zip(cases, got, strict=True)
            ]
            # Where the answer is wrong, a mere coincidence on a few inputs does not count.
            fits = agrees[wrong[0]] and 2 * sum(agrees[n] for n in wrong) > len(wrong)
            if fits and sum(agrees) > agreed:
                best, agreed = name, sum(agrees)
        if not best:
            return first
        explanation = " ".join((self.mistakes[best].__doc__ or "").split())
        rest = "" if agreed == len(cases) else " On some inputs there is more to it."
        return replace(first, mistake=best, message=f"{explanation} {first.message}{rest}")


def _in_package(function: Callable[..., Any]) -> bool:
    return str(getattr(function, "__module__", "")).startswith("marl_edu")


def quietly(job: Callable[[Callable[..., Any]], Verdict], answer: Callable[..., Any]) -> Verdict:
    """`job(answer)`, with what was printed on the way in the verdict."""
    printed = FirstWords()
    with redirect_stdout(printed), redirect_stderr(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verdict = job(answer)
    return replace(verdict, printed=printed.getvalue().strip())


def source_of(function: Callable[..., Any]) -> str:
    """The source of a function, without its decorators."""
    source = textwrap.dedent(inspect.getsource(function))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    return "\n".join(source.splitlines()[definition.lineno - 1 :])
