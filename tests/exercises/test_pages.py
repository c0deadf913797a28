"""The graders: right answers pass in any style, wrong ones are refused by their right name."""

import json
import os
import random
import re
import sys
import time
from pathlib import Path

import pytest
import torch
from tests.exercise_answers import RIGHT, WRONG

from marl_edu import exercises
from marl_edu.exercises import grading, isolation
from marl_edu.exercises.grading import Exercise, Verdict, source_of

ALL = {name: getattr(exercises, name) for names in exercises.PAGES.values() for name in names}
mean = exercises.mean_of_the_others
by_exercise = pytest.mark.parametrize("exercise", ALL.values(), ids=ALL)


def written(source: str):
    """The function that a cell with this source defines."""
    cell: dict = {"torch": torch}
    exec(source, cell)
    return list(cell.values())[-1]


@by_exercise
def test_the_solution_passes_and_the_starter_is_not_attempted(exercise):
    verdict = exercise.grade(exercise.solution)
    assert verdict.passed and verdict.mistake == "" and not verdict.printed, verdict
    verdict = exercise.grade(written(exercise.starter))
    assert not verdict.passed and verdict.mistake == "not_attempted", verdict
    assert "Not attempted yet" in repr(verdict)


@by_exercise
def test_the_starter_shows_the_task_and_not_the_solution(exercise):
    assert exercise.solution.__doc__ in exercise.starter
    assert exercise.starter.endswith('"""\n    return ...  # your code')
    assert source_of(exercise.solution).startswith(exercise.starter.split("\n")[0])
    assert 1 <= exercise.difficulty <= 5 and 1 <= exercise.importance <= 5
    assert exercise.header in repr(exercise)
    assert re.fullmatch(r"\d+(–\d+)?", exercise.minutes)
    assert len(exercise.statement) > 100 and len(exercise.hint) > 50


@pytest.mark.parametrize(
    "name, answer", [(name, answer) for name in RIGHT for answer in RIGHT[name]]
)
def test_a_right_answer_passes_in_any_style(name, answer):
    verdict = ALL[name].judge(answer)
    assert verdict.passed, verdict


@pytest.mark.parametrize(
    "name, mistake, answer", [(name, *wrong) for name in WRONG for wrong in WRONG[name]]
)
def test_a_wrong_answer_is_refused_by_name(name, mistake, answer):
    verdict = ALL[name].judge(answer)
    assert not verdict.passed
    assert verdict.mistake == mistake, verdict


@by_exercise
def test_every_mistake_is_told_from_every_other(exercise):
    for name, mistake in exercise.mistakes.items():
        verdict = exercise.judge(mistake)
        assert verdict.mistake == name, verdict
        assert verdict.message.startswith(" ".join(mistake.__doc__.split()))
        assert (
            "should be" in verdict.message or "NaN" in verdict.message or "shape" in verdict.message
        )


def test_chapters_pose_the_exercises_as_the_package_does():
    book = Path(__file__).parent.parent / "book"
    for page, names in exercises.PAGES.items():
        path = book / f"{page}.ipynb"
        cells = ["".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"]]
        posed = re.findall(r"exercises\.(\w+)\.grade\(", "\n".join(cells))
        assert tuple(dict.fromkeys(posed)) == names
        for name in names:
            exercise = ALL[name]
            assert exercise.name == name
            assert any(cell.startswith(exercise.starter) for cell in cells), name
            for text in (exercise.header, exercise.statement, exercise.hint):
                assert any(text in cell for cell in cells), f"{name}: {text}"
            if exercise.suspect is not None:
                assert any(source_of(exercise.suspect) in cell for cell in cells), name
            assert any(body(exercise.solution) in cell for cell in cells), name


def body(function) -> str:
    """The source of a function after its first line."""
    return source_of(function).partition("\n")[2]


def test_no_exercise_is_left_out():
    found = {name for name in exercises.__all__ if isinstance(getattr(exercises, name), Exercise)}
    assert found == set(ALL)


def test_there_are_enough_of_each():
    assert len(ALL) >= 7 and set(RIGHT) == set(WRONG) == set(ALL)
    for name, exercise in ALL.items():
        assert len(RIGHT[name]) >= 3 and len(WRONG[name]) >= 5 and len(exercise.mistakes) >= 5


def raises(z, alive):
    return z[99]


def exits(z, alive):
    sys.exit("enough")


def recurses(z, alive):
    return recurses(z, alive)


def wants_too_much(z, alive, mask):
    return z


def overwrites(z, alive):
    z[~alive] = 0
    return mean.solution(z, alive)


def flips(z, alive):
    result = mean.solution(z, alive)
    alive ^= True
    return result


def counts_calls(z, alive, calls=[]):  # noqa: B006
    calls.append(1)
    return mean.solution(z, alive) * len(calls)


def adds_noise(z, alive):
    return mean.solution(z, alive) + 0.1 * random.random()


@pytest.mark.parametrize(
    "mistake, said, answer",
    [
        ("raised", "IndexError", raises),
        ("raised", "return z\\[99\\]", raises),
        ("raised", "SystemExit: enough", exits),
        ("raised", "RecursionError", recurses),
        ("raised", "missing 1 required positional argument", wants_too_much),
        ("mutated", "`z`", overwrites),
        ("mutated", "`alive`", flips),
        ("not_deterministic", "same input", counts_calls),
        ("not_deterministic", "same input", adds_noise),
        ("nothing_returned", "None", lambda z, alive: None),
        ("not_attempted", "Write", lambda z, alive: (_ for _ in ()).throw(NotImplementedError())),
        ("type", "tuple", lambda z, alive: (z, alive)),
        ("type", "float", lambda z, alive: 1.0),
        ("type", "list", lambda z, alive: z.tolist()),
        ("numpy", "gradient", lambda z, alive: z.numpy()),
        ("shape", "broadcast", lambda z, alive: z.mean(1, keepdim=True)),
        ("shape", "broadcast", lambda z, alive: torch.tensor(0.0)),
        ("shape", r"instead of \(1, 2, ", lambda z, alive: z.sum(-1)),
        ("dtype", "float32", lambda z, alive: mean.solution(z, alive).float()),
        ("dtype", "float16", lambda z, alive: mean.solution(z, alive).half()),
        ("dtype", "int64", lambda z, alive: mean.solution(z, alive).long()),
        ("nan", "NaN", lambda z, alive: z * torch.nan),
        ("value", "should be", lambda z, alive: mean.solution(z, alive) + 1),
        ("gradient", "detached", lambda z, alive: mean.solution(z, alive).detach()),
    ],
)
def test_whatever_comes_back_gets_a_verdict(mistake, said, answer):
    verdict = mean.judge(answer)
    assert not verdict.passed and verdict.mistake == mistake, verdict
    assert re.search(said, verdict.message), verdict


def test_what_is_no_function_gets_a_verdict():
    for answer in (torch.zeros(2), None, ...):
        assert mean.grade(answer).mistake == "not_a_function"


def test_a_module_is_a_function():
    class Mean(torch.nn.Module):
        def forward(self, z, alive):
            return mean.solution(z, alive)

    assert mean.judge(Mean()).passed


def test_printing_is_shown_and_does_no_harm(capfd):
    def chatty(z, alive):
        print("z is", z.shape, file=sys.stderr if len(z) % 2 else sys.stdout)
        return mean.solution(z, alive)

    verdict = mean.grade(chatty)
    assert verdict.passed and verdict.printed.startswith("z is torch.Size([1, 2")
    assert len(verdict.printed) <= 400
    assert "z is" in repr(verdict) and "z is" in verdict._repr_html_()
    assert capfd.readouterr() == ("", "")


def loops(z, alive):
    while True:
        pass


def clings(z, alive):
    while True:
        try:
            time.sleep(0.01)
        except BaseException:  # as a bare except does
            pass


def prints_for_ever(z, alive):
    while True:
        print("still here")


@pytest.mark.parametrize("answer", [loops, prints_for_ever])
def test_an_endless_answer_is_stopped(answer, monkeypatch):
    assert grading.SECONDS <= 5
    monkeypatch.setattr(grading, "SECONDS", 1)
    verdict = mean.grade(answer)
    assert verdict.mistake == "time" and "loop" in verdict.message


def test_an_answer_that_only_waits_is_stopped(monkeypatch):
    monkeypatch.setattr(grading, "SECONDS", 1)
    monkeypatch.setattr(isolation, "PATIENCE", 1)
    assert mean.grade(clings).mistake == "time"


@pytest.mark.skipif(not isolation.fork_is_safe(), reason="answers run in a thread here")
def test_an_answer_cannot_end_the_notebook():
    here = os.getpid()
    verdict = mean.grade(lambda z, alive: os._exit(3) if os.getpid() != here else z)
    assert verdict.mistake == "died"


def test_without_a_fork_a_thread_does(monkeypatch, capsys):
    monkeypatch.setattr(isolation, "fork_is_safe", lambda: False)
    monkeypatch.setattr(grading, "SECONDS", 20)
    assert mean.grade(mean.solution).passed
    assert mean.grade(raises).mistake == "raised"
    monkeypatch.setattr(grading, "SECONDS", 1)
    out = sys.stdout
    assert mean.grade(loops).mistake == "time"
    assert sys.stdout is out
    print("as before")
    assert capsys.readouterr().out == "as before\n"


def test_a_grader_that_fails_says_so():
    def broken():
        raise KeyError("no such case")

    with pytest.raises(RuntimeError, match="no such case"):
        isolation.run_apart(broken, 5)


def test_the_verdict_hands_over_the_input_it_speaks_of():
    wrong = dict((name, answer) for name, answer in WRONG["mean_of_the_others"])["self_included"]
    verdict = mean.grade(wrong)
    z, alive = verdict.inputs
    assert not torch.allclose(wrong(z, alive), mean.solution(z, alive))
    assert "two agents" in verdict.message


def test_a_verdict_is_html_that_needs_no_colour():
    verdict = Verdict(False, "raised", "`a < b` & <script>")
    text = verdict._repr_html_()
    assert "<code>a &lt; b</code> &amp; &lt;script&gt;" in text
    assert "Not right yet" in text and 'role="status"' in text
    assert "Passed" in Verdict(True, "", "")._repr_html_()


def test_grading_leaves_the_reader_s_random_numbers_alone():
    before = torch.random.get_rng_state()
    mean.grade(mean.solution)
    exercises.bored_explorer.train(exercises.bored_explorer.solution)
    exercises.exploding_bonus.train(exercises.exploding_bonus.solution)
    assert torch.equal(torch.random.get_rng_state(), before)


HUNTS = {name: exercise for name, exercise in ALL.items() if exercise.suspect is not None}


def test_every_notebook_has_a_hunt():
    assert len(HUNTS) >= 8
    assert all(HUNTS.keys() & set(names) for names in exercises.PAGES.values())
    assert all("Bug hunt" in exercise.title for exercise in HUNTS.values())
    assert {name for name, exercise in ALL.items() if exercise.trial is not None} == set(HUNTS)


@pytest.mark.learning
@pytest.mark.parametrize("exercise", HUNTS.values(), ids=HUNTS)
def test_the_suspect_is_caught_and_what_it_trains_does_not_learn(exercise):
    assert exercise.judge(exercise.suspect).mistake in exercise.mistakes
    wrong, right = exercise.curves().values()
    assert exercise.trial.learned(right) and not exercise.trial.learned(wrong)
    assert wrong != right and exercise.trial.says(wrong) != exercise.trial.says(right)


@pytest.mark.learning
def test_who_is_right_on_the_inputs_only_is_caught_in_training():
    hunt = exercises.silent_team
    verdict = hunt.grade(
        lambda message, query, mask: (hunt.suspect if len(message) > 5 else hunt.solution)(
            message, query, mask
        )
    )
    assert verdict.mistake == "does_not_learn"
    assert re.search(r"not in training. \d\d% of the team", verdict.message)

    def breaks(message, query, mask):
        if len(message) > 5:
            raise RuntimeError("too many")
        return hunt.solution(message, query, mask)

    assert "in training it raised RuntimeError('too many')" in hunt.grade(breaks).message


def test_only_a_hunt_trains():
    with pytest.raises(ValueError, match="CommNet: the mean of the others"):
        mean.train(mean.solution)


@pytest.mark.learning
def test_the_mixer_with_the_bug_fits_as_well_and_acts_worse():
    wrong, right = (rows[-1] for rows in exercises.worse_team.curves().values())
    assert wrong["loss"] < 1e-3 and right["loss"] < 1e-3
    assert wrong["payoff"] < 4 and right["payoff"] == 8
