"""The grader: whatever comes back gets a verdict, and no answer can hang or end the notebook."""

import functools
import os
import random
import re
import sys
import threading
import time

import pytest
import torch

from marl_edu import exercises
from marl_edu.exercises.engine import grading, isolation, progress
from marl_edu.exercises.engine.verdict import Verdict
from tests.exercises.answers import WRONG

mean = exercises.mean_of_the_others


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
            continue


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


@pytest.mark.long
def test_without_a_fork_a_thread_does(monkeypatch, capsys):
    monkeypatch.setattr(isolation, "fork_is_safe", lambda: False)
    monkeypatch.setattr(grading, "SECONDS", 20)
    assert mean.grade(mean.solution).passed
    assert mean.grade(raises).mistake == "raised"
    monkeypatch.setattr(grading, "SECONDS", 1)
    out, threads = sys.stdout, threading.active_count()
    assert mean.grade(loops).mistake == "time"
    assert sys.stdout is out
    assert threading.active_count() == threads  # one that goes on slows down whatever follows
    print("as before")
    assert capsys.readouterr().out == "as before\n"


def test_what_a_reader_passed_is_noted_whatever_it_is_called(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "CHECKOUT", None)
    monkeypatch.chdir(tmp_path)
    written = lambda z, alive: mean.solution(z, alive)  # noqa: E731  as a reader may write it
    assert "Noted in" in mean.grade(written).message
    assert "Noted in" in mean.grade(functools.partial(written)).message
    verdict = mean.grade(mean.solution)  # as a page does
    assert verdict.passed and "Noted in" not in verdict.message


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_nothing_can_be_drawn_of_is_named(seed):
    with pytest.raises(ValueError, match=f"seed must be .* got {seed}"):
        mean.grade(mean.solution, seed=seed)


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
    assert verdict.message.endswith(f"by hand: `{mean.solution.__name__}(*verdict.inputs)`.")


def test_a_verdict_is_html_that_needs_no_colour():
    verdict = Verdict(False, "raised", "`a < b` & <script>")
    text = verdict._repr_html_()
    assert "<code>a &lt; b</code> &amp; &lt;script&gt;" in text
    assert "Not right yet" in text and 'role="status"' in text
    assert "Passed" in Verdict(True, "", "")._repr_html_()


@pytest.mark.long
def test_grading_leaves_the_reader_s_random_numbers_alone():
    before = torch.random.get_rng_state()
    mean.grade(mean.solution)
    exercises.bored_explorer.train(exercises.bored_explorer.solution)
    exercises.exploding_bonus.train(exercises.exploding_bonus.solution)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_only_a_hunt_trains():
    with pytest.raises(ValueError, match="CommNet: the mean of the others"):
        mean.train(mean.solution)
