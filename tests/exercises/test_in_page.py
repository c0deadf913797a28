"""The judge in the page: it needs numpy alone, says what the notebook says, and never raises."""

import gzip
import inspect
import json
import re
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from marl_edu import exercises
from marl_edu.exercises.__main__ import ALL
from marl_edu.exercises.engine import exporting, in_page
from marl_edu.exercises.engine.comparing import same
from marl_edu.exercises.engine.session import known_state
from tests.exercises.answers import RIGHT, WRONG

IN_PAGE = [name for name, one in ALL.items() if exporting.expressible(one)]
HEAD = "def attention_weights(scores, mask):\n    "
# A mistake that only torch can make, or only the notebook can see.
OF_TORCH = {"numpy", "dtype", "mutated"}


@cache
def data(name: str) -> str:
    return exporting.page_data(ALL[name])


def graded(source: str, name: str = "masked_attention") -> dict:
    verdict = json.loads(in_page.graded(data(name), source))
    assert verdict.keys() == {"passed", "mistake", "message", "printed", "line"}
    return verdict


def typed(name: str) -> str:
    """The answer in numpy, with whatever stands beside it."""
    module = import_module(f"tests.exercises.{ALL[name].page}.in_numpy")
    return Path(module.__file__).read_text(encoding="utf-8")


def in_torch(answer):
    """An answer in torch, called with arrays."""

    def tensors(arg):
        if isinstance(arg, list):
            return [tensors(one) for one in arg]
        return torch.from_numpy(arg) if isinstance(arg, np.ndarray) else arg

    def call(*args):
        result = answer(*map(tensors, args))
        return result.detach().numpy() if isinstance(result, torch.Tensor) else result

    return call


def test_what_numpy_can_express_is_found():
    assert {"masked_attention", "act_alone", "worse_team"} <= set(IN_PAGE)
    left_out = {"several_rounds", "warm_up", "central_target"}  # a network is an argument
    left_out |= {"silent_team", "forgetful_agent", "upside_down"}  # the bug is in gradients
    assert not left_out & set(IN_PAGE)
    whiteboard = [name for name in IN_PAGE if ALL[name].page == "whiteboard"]
    assert len(IN_PAGE) >= 60 and len(whiteboard) >= 10


def test_the_judge_needs_no_torch(tmp_path):
    for path, source in exporting.judge_files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(source, encoding="utf-8")
    (tmp_path / "data.json").write_text(data("masked_attention"), encoding="utf-8")
    (tmp_path / "answer.py").write_text(typed("masked_attention"), encoding="utf-8")
    program = (
        "import sys; sys.modules['torch'] = None; sys.path.insert(0, '.')\n"
        "from marl_edu.exercises.engine import in_page\n"
        "assert not {'hypothesis', 'jaxtyping'} & {*sys.modules}\n"
        "print(in_page.graded(open('data.json').read(), open('answer.py').read()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(run.stdout)["passed"], run.stdout


@pytest.mark.long
@pytest.mark.parametrize("name", IN_PAGE)
def test_an_answer_in_numpy_passes(name):
    verdict = graded(typed(name), name)
    assert verdict["passed"] and verdict["line"] is None, verdict
    # Half of it, if the notebook looks at more.
    assert ("The values are right" in verdict["message"]) == bool(exporting.also(ALL[name]))
    if not ALL[name].examination().asked.carries:
        answer: dict = {}
        exec(typed(name), answer)
        function = answer[ALL[name].solution.__name__]

        def call(*args):
            return function(*(x.numpy() if isinstance(x, torch.Tensor) else x for x in args))

        assert ALL[name].judge(call).passed


@pytest.mark.long
@pytest.mark.parametrize("name", IN_PAGE)
def test_both_judges_agree(name):
    exercise = ALL[name]
    examination, read = exercise.examination(), json.loads(data(name))
    answers = [*RIGHT[name], *(one for _, one in WRONG[name]), *exercise.mistakes.values()]
    for answer in answers:
        with known_state():
            seen = examination.seen(answer)
            notebook = examination.verdict(seen)
            page, _ = in_page.judged(read, in_torch(answer))
        if (page.passed, page.mistake) == (notebook.passed, notebook.mistake):
            continue
        by_gradient = all(
            one.outcome is not None and same({"the result": one.outcome["the result"]}, right)
            for one, right in zip(seen, examination.rights, strict=True)
        )
        assert page.passed or notebook.mistake == "dtype", (page, notebook)
        assert by_gradient or notebook.mistake in OF_TORCH, (page, notebook)


@pytest.mark.long
@pytest.mark.parametrize("name", IN_PAGE)
def test_the_data_are_small_and_tell_the_mistakes_apart(name):
    assert len(gzip.compress(data(name).encode())) <= 250_000
    read = json.loads(data(name))
    assert len(read["mistakes"]) >= 3
    for mistake, does in read["mistakes"].items():
        assert does["said"] == " ".join(ALL[name].mistakes[mistake].__doc__.split())
        assert does["wrong"].keys() <= {str(n) for n in range(len(read["cases"]))}


@pytest.mark.parametrize(
    "source, mistake, said, line",
    [
        (f"{HEAD}return (scores", "not_python", "is not Python, line 2: '\\(' was never closed", 2),
        ("def attention(scores, mask): return scores", "no_function",
         "no `attention_weights`, .*: it defines attention", None),
        ("", "no_function", "it defines no function", None),
        ("def attention_weights(scores): return scores", "raised", "TypeError: .*1 posit", None),
        (f"{HEAD}return ...  # your code", "not_attempted", "Write the function", None),
        (f"{HEAD}scores + 1", "nothing_returned", "returns None", None),
        (f"{HEAD}return scores.tolist()", "type", "`list`: return one array", None),
        (f"{HEAD}return scores[0]", "shape", r"\(2, 2\) instead of \(1, 2, 2\)", None),
        (f"{HEAD}return scores.astype(int)", "dtype", "int64 instead of float32", None),
        (f"{HEAD}return np.zeros((2000, 1000))", "shape", "more than was asked for", None),
        (f"{HEAD}return np.zeros((10**8, 10**8))", "memory", "more memory than there is", 2),
        (f"{HEAD}return attention_weights(scores, mask)", "raised", "RecursionError", 2),
        (f"{HEAD}import sys; sys.exit('enough')", "raised", "SystemExit: enough", 2),
        ("import sys\nsys.exit(1)", "raised", "SystemExit in line 2.*before anything", 2),
        ("import torch", "not_here", "torch does not run in the page: use np; the lab has", 1),
        (f"{HEAD}return torch.softmax(scores, -1)", "not_here", "torch does not run", 2),
        ("\nimport pandas as pd", "not_here", "The page has no pandas", 2),
        (f"{HEAD}scores[:] = 0\n    return scores", "mutated", "`scores`.*Make a new array", None),
        (f"{HEAD}return np.random.rand(*scores.shape)", "not_deterministic", "same input", None),
        (f"{HEAD}return scores[99]", "raised", "IndexError: .* The line is `return scores", 2),
        ("\0", "not_python", "null bytes", None),
    ],
)  # fmt: skip
def test_whatever_is_typed_gets_a_sentence(source, mistake, said, line):
    verdict = graded(source)
    assert not verdict["passed"] and verdict["mistake"] == mistake, verdict
    assert re.search(said, verdict["message"]), verdict
    assert verdict["line"] == line


def test_damaged_data_get_a_sentence():
    for text in ("", "{}", "[1]", '{"function": 3}', data("masked_attention")[:-40]):
        verdict = json.loads(in_page.graded(text, ""))
        assert verdict["mistake"] == "damaged" and "load the page again" in verdict["message"]


def test_a_million_printed_lines_are_cut():
    source = "for n in range(10**6): print(n)\n"
    ran = json.loads(in_page.ran(source))
    assert ran["printed"].startswith("0\n1\n2")
    assert in_page.ROOM - 20 < len(ran["printed"]) <= in_page.ROOM and not ran["error"]
    assert len(graded(source)["printed"]) <= 400


def test_a_run_shows_the_last_value_and_the_line_of_an_error():
    assert json.loads(in_page.ran("x = np.arange(3)\nx.sum()")) == {
        "printed": str(repr(np.arange(3).sum())), "error": "", "line": None,
    }  # fmt: skip
    ran = json.loads(in_page.ran("print('so far')\n1 / 0"))
    assert ran["printed"] == "so far" and ran["line"] == 2
    assert ran["error"] == "This raised ZeroDivisionError in line 2, `1 / 0`: division by zero."


def test_the_solution_is_in_no_data():
    for name in ("masked_attention", "worse_team"):
        body = exercises.__getattr__(name)
        lines = [line.strip() for line in solution_lines(body)]
        assert not any(line in data(name) for line in lines if len(line) > 25)
    judge = json.dumps(exporting.judge_files())
    assert "solved_by" not in judge and "masked_softmax" not in judge


def solution_lines(exercise) -> list[str]:
    """The lines of a solution, without its docstring."""
    source = inspect.getsource(exercise.solution)
    return source[source.rindex('"""') + 3 :].splitlines()
