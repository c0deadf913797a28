"""Every exercise: right answers pass in any style, wrong ones are refused by their right name."""

import re
import sys

import pytest
import torch

from marl_edu import exercises
from marl_edu.exercises.__main__ import ALL
from marl_edu.exercises.engine import reading
from marl_edu.exercises.engine.grading import source_of
from tests.exercises.answers import RIGHT, WRONG

by_exercise = pytest.mark.parametrize("exercise", ALL.values(), ids=ALL)


def written(source: str):
    """The function that a cell with this source defines."""
    cell: dict = {"torch": torch}
    exec(source, cell)
    return list(cell.values())[-1]


@pytest.mark.long
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


@by_exercise
def test_markdown_takes_no_line_of_the_text_for_a_list_nor_breaks_code(exercise):
    for text in (exercise.statement, exercise.hint):
        assert not re.search(r"^\s*([-+*]|\d+[.)])\s", text, re.MULTILINE)
        for line in text.splitlines():
            assert line.count("`") % 2 == 0, line


@pytest.mark.parametrize(
    "name, answer", [(name, answer) for name in RIGHT for answer in RIGHT[name]]
)
def test_a_right_answer_passes_in_any_style(name, answer):
    verdict = ALL[name].judge(answer)
    assert verdict.passed, verdict


@pytest.mark.long
@pytest.mark.parametrize(
    "name, mistake, answer", [(name, *wrong) for name in WRONG for wrong in WRONG[name]]
)
def test_a_wrong_answer_is_refused_by_name(name, mistake, answer):
    verdict = ALL[name].judge(answer)
    assert not verdict.passed
    assert verdict.mistake == mistake, verdict


@pytest.mark.long
@by_exercise
def test_every_mistake_is_told_from_every_other(exercise):
    for name, mistake in exercise.mistakes.items():
        verdict = exercise.judge(mistake)
        assert verdict.mistake == name, verdict
        assert verdict.message.startswith(" ".join(mistake.__doc__.split()))
        assert (
            "should be" in verdict.message or "NaN" in verdict.message or "shape" in verdict.message
        )


def reads(exercise, number: int | None = None, line: str = ""):
    """The verdict on the solution without its comments, or with another line."""
    _, body = reading.parts(exercise)
    place = 0 if number is None else number
    scope = dict(vars(sys.modules[exercise.solution.__module__]))
    exec(reading.with_line(exercise, place, body[0] if number is None else line), scope)
    return exercise.judge(scope[exercise.solution.__name__])


@pytest.mark.long
@by_exercise
def test_a_line_to_choose_is_what_the_grader_calls_it(exercise):
    assert reads(exercise).passed and len(exercise.slips) >= 1
    for mistake in exercise.slips:
        verdict = reads(exercise, *reading.slipped(exercise, mistake))
        assert verdict.mistake == mistake, verdict


def test_there_are_enough_of_each():
    assert len(ALL) >= 7 and set(RIGHT) == set(WRONG) == set(ALL)
    for name, exercise in ALL.items():
        assert len(RIGHT[name]) >= 3 and len(WRONG[name]) >= 5 and len(exercise.mistakes) >= 5


HUNTS = {name: exercise for name, exercise in ALL.items() if exercise.suspect is not None}


def test_every_notebook_has_a_hunt():
    assert len(HUNTS) >= 8
    assert all(HUNTS.keys() & {one.name for one in posed} for posed in exercises.pages().values())
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

    assert "in training it raised RuntimeError: too many" in hunt.grade(breaks).message


@pytest.mark.learning
def test_the_mixer_with_the_bug_fits_as_well_and_acts_worse():
    wrong, right = (rows[-1] for rows in exercises.worse_team.curves().values())
    assert wrong["loss"] < 1e-3 and right["loss"] < 1e-3
    assert wrong["payoff"] < 4 and right["payoff"] == 8
