"""The loop that all engines share, with one that does what it is told."""

import pytest

from marl_edu.experiments.engine import Engine, execute, said
from marl_edu.experiments.processes import Processes
from tests.experiments.test_command import a_run


class Scripted:
    """An engine whose seeds end as `ends` says, one after the other."""

    def __init__(self, room: int, ends: dict):
        self.space, self.ends = room, ends
        self.active, self.most, self.stopped = [], 0, 0

    def room(self):
        return self.space

    def start(self, run):
        if run.seed not in self.ends:
            raise ValueError("another process is at work on this seed")
        self.active.append(run)
        self.most = max(self.most, len(self.active))

    def news(self):
        run = self.active[0]
        yield run, {"update": 1}
        yield run, self.ends[self.active.pop(0).seed]

    def stop(self):
        self.stopped += 1


def seeds(folder, number):
    return [a_run(folder, seed) for seed in range(number)]


@pytest.mark.parametrize("room, most", [(1, 1), (2, 2), (9, 3)])
def test_as_many_seeds_at_a_time_as_there_is_room(tmp_path, room, most):
    engine = Scripted(room, dict.fromkeys(range(3)))
    assert isinstance(engine, Engine) and isinstance(Processes(), Engine)
    assert execute(seeds(tmp_path, 3), lambda: engine) == []
    assert engine.most == most and engine.stopped == 1


def test_a_seed_that_fails_or_cannot_begin_stops_no_other(tmp_path, capsys):
    engine = Scripted(2, {0: "no memory", 2: None})
    todo = seeds(tmp_path, 3)
    assert {(run.seed, reason) for run, reason in execute(todo, lambda: engine)} == {
        (0, "no memory"),
        (1, "another process is at work on this seed"),
    }
    assert "fake-easy seed 1: failed" in (out := capsys.readouterr().out)
    assert "fake-easy seed 2: finished" in out and engine.stopped == 1


def test_no_engine_is_made_for_nothing():
    assert execute([], lambda: pytest.fail("it is made")) == []


def test_an_engine_is_stopped_whatever_happens(tmp_path):
    engine = Scripted(1, {0: None})
    engine.news = lambda: (_ for _ in ()).throw(RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        execute(seeds(tmp_path, 1), lambda: engine)
    assert engine.stopped == 1


def test_an_error_of_ours_is_a_sentence_and_any_other_is_told_in_full():
    assert said(ValueError("lr must be positive")) == "lr must be positive"
    assert "RuntimeError: a bug" in said(RuntimeError("a bug"))
