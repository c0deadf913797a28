"""Tasks without a keyboard: one choice is right. test_exercises.py grades what they offer."""

import pytest
import torch

from marl_edu.exercises.__main__ import ALL
from marl_edu.exercises.engine import reading


@pytest.mark.parametrize("name", ALL)
def test_exactly_one_choice_is_right(name):
    exercise = ALL[name]
    _, body = reading.parts(exercise)
    for task in reading.tasks(exercise):
        right = [choice for choice in task.choices if choice.right]
        texts = [choice.text for choice in task.choices]
        assert len(right) == 1, task.id
        assert len(texts) >= 3 and texts.count(right[0].text) == 1, task.id
        assert all(choice.why.endswith((".", "?")) for choice in task.choices), task.id
        if task.id.startswith("gap-"):
            assert right[0].text in [line.strip() for line in body]
            sentences = {reading.says(exercise, mistake) for mistake in exercise.slips}
            assert {one.why for one in task.choices if not one.right} <= sentences
        if task.id.startswith("line-"):
            wrong = [n for n, text in enumerate(texts) if text != body[n]]
            assert [n for n, choice in enumerate(task.choices) if choice.right] == wrong


@pytest.mark.parametrize("name", ALL)
def test_the_shape_is_that_of_the_result(name):
    for task in reading.tasks(ALL[name]):
        if task.id.startswith("shape-"):
            said = next(choice.text for choice in task.choices if choice.right)
            shapes = [
                tuple(torch.as_tensor(ALL[name].solution(*case.args)).shape)
                for case in ALL[name].cases()
            ]
            assert any(f"`{shape}`" == said or (not shape and "single" in said) for shape in shapes)


def test_there_are_enough_and_their_names_are_unique():
    found = [task.id for exercise in ALL.values() for task in reading.tasks(exercise)]
    assert len(set(found)) == len(found) >= 100
    assert all(any(task for task in reading.tasks(exercise)) for exercise in ALL.values())


def test_the_same_tasks_every_time():
    exercise = ALL["time_limit"]
    again = reading.tasks.__wrapped__(exercise)
    assert reading.tasks(exercise) == again


def test_a_slip_that_is_not_in_the_solution_is_refused(monkeypatch):
    exercise = ALL["time_limit"]
    monkeypatch.setattr(exercise, "slips", {"never_ends": ("gone", "")})
    with pytest.raises(ValueError, match="must name what stands in the solution exactly once"):
        reading.slipped(exercise, "never_ends")
