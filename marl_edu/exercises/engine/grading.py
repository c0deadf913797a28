"""What an exercise is, and how an answer to it is graded: by what it does, never by its text.

An answer is called on many inputs, first on odd ones from a list, then on what hypothesis draws. It
must agree with the solution in type, shape, dtype, values and gradients. A wrong answer is compared
with a list of classic mistakes on the same inputs. The verdict names the mistake that is wrong on
the same inputs and gives exactly the same results.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from marl_edu.exercises.engine import progress
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.examination import Examination
from marl_edu.exercises.engine.isolation import (
    UNLIMITED,
    Failed,
    Garbled,
    OutOfTime,
    Stopped,
    TooMuch,
    allow,
    fork_is_safe,
    run_apart,
)
from marl_edu.exercises.engine.judging import Seen
from marl_edu.exercises.engine.refusing import TORCH, failed, no_function, out_of_time, said
from marl_edu.exercises.engine.session import known_state
from marl_edu.exercises.engine.training import Rows, Trial, judged_rows, small_training, trainable
from marl_edu.exercises.engine.trying import Case, copied
from marl_edu.exercises.engine.verdict import Verdict
from marl_edu.exercises.engine.wire import packed, unpacked

SECONDS = 3  # of computing, for all inputs together; a right answer takes a tenth of one
TRIAL_SECONDS = 40  # of computing, for an exercise's training run


@dataclass(eq=False, repr=False)
class Exercise:
    """One exercise: what `exercise` is in the file that it is called after.

    `grade(answer)` is all a reader needs. The decorators `solved_by`, `mistake` and `suspected`
    register its solution, its classic mistakes and, in a bug hunt, the function with the bug. The
    docstring of a mistake is what a reader who made it is told.
    """

    place: int  # on its page, where exercises stand in the order of these numbers
    title: str
    difficulty: int  # 1 to 5
    importance: int  # 1 to 5
    minutes: str
    statement: str  # Markdown, as is the hint
    hint: str
    domain: Domain  # of its inputs
    inputs: Callable[[torch.Generator], Iterator[Case]]  # odd ones, told in words
    gradient: bool = True  # gradients must be right; where not, numpy answers are as welcome
    data: tuple[str, ...] = ()  # arguments that are measured, not learned: their gradients are free
    trial: Trial | None = None  # of a bug hunt
    topic: str = ""  # of the interview part, if that is not called as the page
    solution: Callable[..., Any] = field(init=False)
    suspect: Callable[..., Any] | None = field(
        init=False, default=None
    )  # the function with the bug
    mistakes: dict[str, Callable[..., Any]] = field(init=False, default_factory=dict)
    # How a mistake changes a line of the solution: what stands there, and what instead of it.
    slips: dict[str, tuple[str, str]] = field(init=False, default_factory=dict)
    _examinations: dict[int, Examination] = field(init=False, default_factory=dict)

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
    def counts_for(self) -> str:
        """The topic of the interview part that it counts for."""
        return self.topic or self.page

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
    def tried(self) -> str:
        """What the grader tries, in a sentence for the page."""
        return self.domain.sentence(f"{self.statement} {self.solution.__doc__}")

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
        """Decorator: this computes what a classic mistake gives."""
        self.mistakes[function.__name__] = function
        return function

    @property
    def arguments(self) -> list[str]:
        """The names of what the function is given."""
        return list(inspect.signature(self.solution).parameters)

    @property
    def learned(self) -> list[str]:
        """Those of them whose gradients must be right."""
        return [name for name in self.arguments if self.gradient and name not in self.data]

    def cases(self, seed: int = 0) -> list[Case]:
        """The inputs an answer is tried on, the same in every call with the same `seed`."""
        return [Case(what, tuple(copied(args))) for what, args in self.examination(seed).cases]

    def examination(self, seed: int = 0) -> Examination:
        """The inputs an answer is tried on, with the right outcome of each."""
        if not 0 <= seed < 2**63:
            raise ValueError(f"seed must be a whole number from 0 to 2**63 - 1, got {seed!r}")
        if seed not in self._examinations:
            with known_state():
                rng, names = torch.Generator().manual_seed(seed), self.arguments
                cases = [*self.inputs(rng), *self.domain.cases(names, rng, seed)]
                found = Examination(self.solution, self.mistakes, cases, names, self.learned)
            self._examinations[seed] = found
        return self._examinations[seed]

    def train(self, function: Callable[..., Any]) -> Rows:
        """Of a bug hunt: the log of a training run with `function`."""
        if self.trial is None:
            raise ValueError(f"{self.title!r} trains nothing: it is no bug hunt")
        with known_state(), small_training():
            return self.trial.curve(function)

    def curves(self) -> dict[str, Rows]:
        """Of a bug hunt: what training gives with the suspect, and without the bug."""
        assert self.suspect is not None
        return {
            "with the suspect": self.train(self.suspect),
            "as it should be": self.train(self.solution),
        }

    def grade(self, answer: Any, *, seed: int = 0) -> Verdict:
        """Try `answer`, a function with the starter's arguments, and say how it did.

        What a reader passed is noted: see progress.py.
        Another `seed` draws other inputs, which nobody can have prepared for.
        """
        if not callable(answer):
            return Verdict(False, "not_a_function", no_function(answer))
        verdict = self.grade_in_child(lambda: answer, SECONDS, seed)
        if verdict.inputs and verdict.mistake != "not_attempted":
            by_hand = f"This input by hand: `{self.solution.__name__}(*verdict.inputs)`."
            verdict = replace(verdict, message=f"{verdict.message} {by_hand}")
        readers = progress.is_readers(answer, self.solution.__name__)
        return self.noted(verdict) if readers else verdict

    def noted(self, verdict: Verdict) -> Verdict:
        """`verdict`; if it is a pass, it is noted, and the verdict says where."""
        if not verdict.passed:
            return verdict
        return replace(verdict, message=f"{verdict.message} {progress.note(self.name)}")

    def grade_in_child(
        self, load: Callable[[], Callable[..., Any]], seconds: int, seed: int = 0
    ) -> Verdict:
        """The verdict on what `load` returns, which is called in the answer's own process.

        Of the `seconds` of computing, SECONDS are left when it has been loaded.
        """
        examination = self.examination(seed)

        def try_out() -> Any:
            answer = load()
            allow(SECONDS)
            with known_state():
                return packed(examination.seen(answer))

        try:
            report = run_apart(try_out, seconds)
            with known_state():
                verdict = examination.verdict(_sent(report.result, len(examination.cases)))
        except Stopped as error:
            return _unlimited(_stopped(error, f"after {SECONDS} seconds"))
        verdict = replace(verdict, printed=report.printed)
        if verdict.passed and self.trial is not None:
            verdict = self._train_in_child(load, self.trial, seconds - SECONDS)
        elif verdict.case is not None:
            verdict = replace(verdict, inputs=self.cases(seed)[verdict.case].args)
        return _unlimited(verdict)

    def _train_in_child(
        self, load: Callable[[], Callable[..., Any]], trial: Trial, seconds: int
    ) -> Verdict:
        def train() -> Any:
            answer = load()
            allow(TRIAL_SECONDS)
            try:
                return {"rows": [dict(row) for row in self.train(trainable(answer))]}
            except Exception as error:
                return {"raised": f"{type(error).__name__}: {said(error)}"}

        try:
            report = run_apart(train, seconds + TRIAL_SECONDS)
            rows = judged_rows(report.result)
            if isinstance(rows, str):
                text = f"Right on single inputs, but in training it raised {rows}."
                verdict = Verdict(False, "raised", text)
            elif trial.learned(rows):
                verdict = Verdict(True, "", f"Right, in training too. {trial.says(rows)}")
            else:
                text = f"Right on single inputs, but not in training. {trial.says(rows)}"
                verdict = Verdict(False, "does_not_learn", text)
            return replace(verdict, printed=report.printed)
        except OutOfTime:
            message = "Right on single inputs, but too slow to train with: do without Python loops."
            return Verdict(False, "too_slow", message)
        except Stopped as error:
            return _stopped(error, "in training")

    def judge(self, answer: Callable[..., Any], seed: int = 0) -> Verdict:
        """Try `answer` on every input in this very process, without limits and without trial."""
        examination = self.examination(seed)
        with known_state():
            return examination.verdict(examination.seen(answer))


def _sent(rows: Any, number: int) -> list[Seen]:
    """What the process of an answer sent, of so many cases.

    Raises:
        Garbled: it is something else.
    """
    try:
        return unpacked(rows, number)
    except (TypeError, ValueError, KeyError):
        raise Garbled from None


def _stopped(error: Stopped, when: str) -> Verdict:
    if isinstance(error, OutOfTime):
        return Verdict(False, "time", out_of_time(when))
    if isinstance(error, TooMuch):
        return Verdict(False, "too_much", f"It was stopped: it took {error}.")
    if isinstance(error, Garbled):
        message = "What it sent is no result: it writes to a file that is not its own."
        return Verdict(False, "garbled", message)
    if isinstance(error, Failed):
        reason = str(error).strip().splitlines()[-1][:200]
        return Verdict(False, "failed", failed(reason, TORCH))
    return Verdict(False, "died", "It ended the whole process that it was tried in.")


def _unlimited(verdict: Verdict) -> Verdict:
    """`verdict`, with a sentence where nothing but time could be limited."""
    if fork_is_safe():
        return verdict
    return replace(verdict, message=f"{verdict.message} {UNLIMITED}")


def source_of(function: Callable[..., Any]) -> str:
    """The source of a function, without its decorators."""
    source = textwrap.dedent(inspect.getsource(function))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    return "\n".join(source.splitlines()[definition.lineno - 1 :])
