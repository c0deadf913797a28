"""The probe: its questions, its exact anchors, its errors."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from marl_edu.envs import SpeakerProbe
from tests.unchecked import unchecked


def parts(env: SpeakerProbe, obs: torch.Tensor):
    """Own colour, own symbol and asked colour, read off the observation `(B, N, O)`."""
    N, M = env.n_agents, env.n_actions
    own, symbol, asked = obs.split([N, M, N], -1)
    for code in (own, symbol, asked):
        assert torch.equal(code.sum(-1), torch.ones(obs.shape[:2]))
    return own.argmax(-1), symbol.argmax(-1), asked.argmax(-1)


@given(st.integers(0, 5), st.integers(2, 5), st.integers(0, 10**6))
def test_who_reads_all_observations_knows_all_answers(distractors, symbols, seed):
    env = SpeakerProbe(distractors, symbols, num_envs=4)
    obs = env.reset(seed)
    assert obs.shape == (4, distractors + 2, env.obs_dim)
    own, symbol, asked = parts(env, obs)
    answers = torch.zeros_like(own)
    for b in range(4):
        assert sorted(own[b].tolist()) == list(range(env.n_agents))  # all colours differ
        for i in range(env.n_agents):
            assert asked[b, i] != own[b, i]  # nobody is asked for its own symbol
            speaker = own[b].tolist().index(asked[b, i])
            answers[b, i] = symbol[b, speaker]
    _, reward, terminated, truncated, info = env.step(answers)
    assert (reward == 1).all() and (info["success"] == 1).all()
    assert terminated.all() and not truncated.any()
    assert not info["alive"].any() and not info["completed"].any()  # all environments have ended


@given(st.integers(0, 15), st.integers(2, 5), st.integers(0, 10**6))
def test_the_mean_of_one_hot_codes_can_be_looked_up(distractors, symbols, seed):
    """Whoever sends a code of (colour, symbol) loses nothing in the mean of all."""
    env = SpeakerProbe(distractors, symbols, num_envs=4)
    own, symbol, asked = parts(env, env.reset(seed))
    code = F.one_hot(own * symbols + symbol, env.n_agents * symbols).float()
    table = code.mean(1).view(4, env.n_agents, symbols)
    answers = table.gather(1, asked[..., None].expand(-1, -1, symbols)).argmax(-1)
    assert (env.step(answers)[1] == 1).all()


@pytest.mark.parametrize("symbols", [2, 4])
def test_without_communication_one_in_m(symbols):
    """Exact: given what an agent sees, every answer is right with probability 1 / M."""
    env = SpeakerProbe(3, symbols, num_envs=20_000)
    own, symbol, asked = parts(env, env.reset(0))
    n = 20_000  # one agent per env: those of the same environment are not independent
    allowed = 3.5 * math.sqrt(1 / symbols * (1 - 1 / symbols) / n)
    for guess in (torch.zeros_like(own), symbol, asked % symbols, (own + asked) % symbols):
        _, reward, *_ = env.step(guess)
        assert abs(reward[:, 0].mean().item() - 1 / symbols) < allowed
        env.reset(0)


def test_everybody_is_asked_for_everybody_equally_often():
    env = SpeakerProbe(2, 4, num_envs=30_000)
    env.reset(3)
    asked = torch.bincount(env.asked[:, 1], minlength=4) / 30_000
    assert asked[1] == 0
    assert torch.allclose(asked[[0, 2, 3]], torch.tensor(1 / 3), atol=3.5 * 0.0028)
    # so that how often an agent is asked says nothing about its symbol


def test_equal_seeds_and_slices():
    small, large = SpeakerProbe(3, 4, num_envs=3), SpeakerProbe(3, 4, num_envs=8)
    assert torch.equal(small.reset(9), large.reset(9)[:3])
    assert torch.equal(small.reset(), large.reset()[:3])
    assert not torch.equal(small.reset(), small.reset())


@pytest.mark.parametrize(
    "arguments, message",
    [({"distractors": -1}, "distractors must be a whole number of at least 0, got -1"),
     ({"distractors": 1.5}, "distractors must be a whole number of at least 0, got 1.5"),
     ({"symbols": 1}, "symbols must be at least 2, got 1"),
     ({"symbols": "4"}, "symbols must be a whole number of at least 1, got '4'"),
     ({"num_envs": 0}, "num_envs must be a whole number of at least 1, got 0")],
)  # fmt: skip
def test_bad_arguments_are_named(arguments, message):
    with unchecked(), pytest.raises(ValueError, match=message):
        SpeakerProbe(**arguments)


def test_bad_actions_and_the_end():
    env = SpeakerProbe(1, 3, num_envs=2)
    answers = torch.zeros(2, 3, dtype=torch.int64)
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        env.step(answers)
    env.reset(0)
    with unchecked():
        with pytest.raises(ValueError, match=r"shape \(B, N\) = \(2, 3\), got \(2, 2\)"):
            env.step(answers[:, :2])
        with pytest.raises(ValueError, match=r"must lie in 0\.\.2, got values from 3 to 3"):
            env.step(answers + 3)
        with pytest.raises(TypeError, match=r"must be int64 or int32, got torch\.float32"):
            env.step(answers.float())
    env.step(answers)
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        env.step(answers)
