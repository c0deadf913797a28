"""The exercises on the command line, with the verdicts of the notebook.

    python -m marl_edu.exercises
    python -m marl_edu.exercises show masked_attention > my_answer.py
    python -m marl_edu.exercises show masked_attention --hint
    python -m marl_edu.exercises grade my_answer.py
    python -m marl_edu.exercises grade my_answer.py masked_attention
    python -m marl_edu.exercises grade my_answer.py --seed 7

The first lists all exercises, done or open. `show` prints what is asked, and the function to write;
of a bug hunt also the one with the bug. `--hint` and `--solution` print those instead.
`grade` tries every function of the file that an exercise asks for, or that of one exercise only;
another `--seed` tries it on other inputs.
What passed is noted in `marl_edu_exercises.json`; the readiness page of the book imports that file.
"""

import argparse
import io
import os
import sys
import textwrap
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from marl_edu import exercises
from marl_edu.core.checks import did_you_mean
from marl_edu.exercises.engine import progress
from marl_edu.exercises.engine.answer_file import LOAD_SECONDS, AnswerFile, Misuse
from marl_edu.exercises.engine.grading import SECONDS, Exercise, source_of
from marl_edu.exercises.engine.refusing import defines
from marl_edu.exercises.engine.verdict import Verdict

ALL: dict[str, Exercise] = {one.name: one for posed in exercises.pages().values() for one in posed}


def asked_for(file: AnswerFile, name: str | None) -> dict[str, str]:
    """Exercise -> the name of the function of the file that answers it.

    Raises:
        Misuse: there is none.
    """
    wanted = ALL if name is None else {_known(name): ALL[name]}
    functions = {one: exercise.solution.__name__ for one, exercise in wanted.items()}
    found = {one: function for one, function in functions.items() if function in file.functions}
    if found:
        return found
    has, path = defines(file.own), file.path
    if name is None:
        raise Misuse(f"{path} answers no exercise: {has}. The list says which names are asked for.")
    raise Misuse(f"{path} has no `{functions[name]}`, which {name} asks for: {has}")


def _known(name: str) -> str:
    if name in ALL:
        return name
    asked = {exercise.solution.__name__: one for one, exercise in ALL.items()}
    if name in asked:
        raise Misuse(f"no exercise is called {name!r}: {asked[name]} asks for a function of it.")
    hint = did_you_mean(name, ALL, "Without arguments this command lists them.")
    raise Misuse(f"no exercise is called {name!r}.{hint}")


def listing() -> str:
    """All exercises, done or open, by the notebook that poses them."""
    finished = progress.done()
    width = max(map(len, ALL))
    asked = max(len(exercise.solution.__name__) for exercise in ALL.values())
    head = f"{'':4}  {'exercise':{width}}  {'function':{asked}}  minutes  hard   what"
    lines = [head]
    for notebook, posed in exercises.pages().items():
        lines += ["", f"book/{notebook}.ipynb"]
        for one in posed:
            state = "done" if one.name in finished else "open"
            hard = "●" * one.difficulty + "○" * (5 - one.difficulty)
            what = f"{one.minutes:>7}  {hard}  {one.title}"
            lines.append(f"{state}  {one.name:{width}}  {one.solution.__name__:{asked}}  {what}")
    return "\n".join([*lines, "", f"{len(finished & ALL.keys())} of {len(ALL)} done"])


def page(name: str) -> str:
    """What an exercise asks for, as the beginning of a file to write the answer in."""
    exercise = ALL[_known(name)]
    tried = textwrap.fill(exercise.tried, 96)
    text = f"{exercise.title} ({exercise.header})\n\n{exercise.statement}\n\n{tried}"
    notebook = exercises.NOTEBOOKS[exercise.page]
    command = f"{_python()} -m marl_edu.exercises grade FILE {name}"
    comment = f"{text}\n\nbook/{notebook}.ipynb\n{command}"
    comment = textwrap.indent(comment, "# ", lambda line: True)
    head = "\n".join(line.rstrip() for line in comment.splitlines())
    parts = ["import torch", exercise.starter]
    if exercise.suspect is not None:
        source = source_of(exercise.suspect)
        parts = ["\n".join(_imports(source)), source, exercise.starter]
    return "\n\n".join([head, "\n\n\n".join(parts)])


def _python() -> str:
    """How this Python is called from here."""
    near = os.path.relpath(sys.executable)
    return sys.executable if near.startswith("..") else near


def _imports(source: str) -> list[str]:
    """The lines without which the source of a suspect does not run."""
    lines = {
        "F.": "from torch.nn import functional as F",
        "masked_softmax(": "from marl_edu.core.ops import masked_softmax",
    }
    return ["import torch", *(line for use, line in lines.items() if use in source)]


def shown(given: argparse.Namespace) -> str:
    """What `show` prints."""
    exercise = ALL[_known(given.name)]
    if given.hint:
        return exercise.hint
    return source_of(exercise.solution) if given.solution else page(given.name)


def grade(path: Path, name: str | None, seed: int = 0) -> dict[str, Verdict]:
    """The verdicts on what a file answers, printed as they come; what passed is noted.

    Raises:
        Misuse: see `AnswerFile` and `asked_for`.
    """
    if name is not None:
        _known(name)
    progress.done()  # complains now rather than after a minute of training
    file, verdicts = AnswerFile(path), {}
    for one, function in asked_for(file, name).items():
        load = partial(file.function, function)
        verdict = ALL[one].grade_in_child(load, LOAD_SECONDS + SECONDS, seed)
        verdicts[one] = ALL[one].noted(verdict)
        print(f"{one}: {verdicts[one]!r}", flush=True)
    return verdicts


def _seed(text: str) -> int:
    if not (text.isdecimal() and int(text) < 2**63):
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 2**63 - 1, got {text}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit code: 0, 1 (something has not passed), 2 (misuse)."""
    parser = argparse.ArgumentParser(
        prog="python -m marl_edu.exercises",
        description="Without arguments: all exercises, done or open.",
    )
    commands = parser.add_subparsers(dest="command")
    show = commands.add_parser("show", help="what an exercise asks for, and where to start")
    show.add_argument("name", metavar="NAME", help="of the exercise")
    instead = show.add_mutually_exclusive_group()
    instead.add_argument("--hint", action="store_true", help="a hint instead")
    instead.add_argument("--solution", action="store_true", help="the solution instead")
    judge = commands.add_parser("grade", help="say how a file's answers do")
    judge.add_argument("file", metavar="FILE", type=Path, help="with the functions asked for")
    judge.add_argument("name", metavar="NAME", nargs="?", help="one exercise only")
    judge.add_argument(
        "--seed", metavar="N", type=_seed, default=0, help="of other inputs, for marks"
    )
    given = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that knows no ✓ gets a question mark
        sys.stdout.reconfigure(errors="replace")
    try:
        if given.command == "grade":
            verdicts = grade(given.file, given.name, given.seed)
            return 0 if all(verdict.passed for verdict in verdicts.values()) else 1
        print(shown(given) if given.command == "show" else listing(), flush=True)
    except BrokenPipeError:  # who reads has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (Misuse, progress.Unreadable) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
