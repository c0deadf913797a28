"""What environments check: numbers of any library are numbers, and what is none is refused."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from marl_edu.core.checks import (
    finite_number,
    one_number,
    positive_int,
    probability,
    seed_number,
    whole_number,
)
from marl_edu.envs import (
    MultiAgentGridWorld,
    PredatorPrey,
    Relay,
    SpeakerProbe,
    TMaze,
)
from marl_edu.envs.games import LeverGame
from tests.unchecked import unchecked

THREE = [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3), torch.tensor([3])]


@pytest.mark.parametrize("value", THREE, ids=repr)
def test_whole_numbers_of_any_library_become_ints(value):
    with unchecked():
        for found in (positive_int("n", value), seed_number(value)):
            assert type(found) is int and found == 3


@pytest.mark.parametrize(
    "value", [True, np.True_, torch.tensor(True), 3.0, np.float64(3), "3", None, [3], np.ones(2)]
)
def test_what_is_no_whole_number_is_refused(value):
    with unchecked():
        with pytest.raises(ValueError, match="n must be a whole number of at least 0, got"):
            whole_number("n", value)
        with pytest.raises(TypeError, match="seed must be a whole number or None, got"):
            seed_number(value)


def test_too_small_is_too_small_in_any_library():
    with pytest.raises(ValueError, match="n must be a whole number of at least 2, got 1"):
        whole_number("n", 1, 2)
    with unchecked(), pytest.raises(ValueError, match=r"of at least 1, got np.int64\(0\)"):
        positive_int("n", np.int64(0))


@pytest.mark.parametrize(
    "value", [0.25, np.float32(0.25), np.array(0.25), np.array([[0.25]]), torch.tensor(0.25)]
)
def test_one_number_is_found_in_whatever_holds_it(value):
    assert one_number(value) == 0.25 == finite_number(value)
    with unchecked():
        assert probability("p", value) == 0.25


@pytest.mark.parametrize("value", [None, "0.25", [0.1, 0.2], np.zeros(0), {}, torch.zeros(2), "x"])
def test_what_holds_no_number_or_several_holds_none(value):
    assert one_number(value) is None and finite_number(value) is None


def test_what_is_not_finite_in_float32_is_not_finite():
    for value in (np.nan, np.inf, -1e39, torch.tensor(float("inf"))):
        assert one_number(value) is not None and finite_number(value) is None
    assert finite_number(-3e38) == -3e38


@pytest.mark.parametrize("value", [True, np.False_, -0.1, np.float32(1.5), "0.5", np.nan])
def test_what_is_no_probability_is_refused(value):
    with unchecked(), pytest.raises(ValueError, match=r"p must be a number in \[0, 1\], got"):
        probability("p", value)


def test_fractions_are_beyond_us():
    assert one_number(Fraction(1, 4)) is None


def small(kind):
    """Sizes as numpy's numbers, and the same as Python's."""
    return {
        PredatorPrey: {"size": 5, "n_predators": 3, "vision": 1, "max_steps": 6},
        Relay: {"n_agents": 9, "hops": 2, "symbols": 3, "k": 2},
        SpeakerProbe: {"distractors": 2, "symbols": 3},
        MultiAgentGridWorld: {"grid_size": 4, "n_agents": 2, "n_targets": 2, "max_steps": 5},
        TMaze: {"length": 3, "n_agents": 2},
        LeverGame: {"pool": 7, "n_agents": 3, "n_levers": 4},
    }[kind]


@pytest.mark.parametrize(
    "kind", [PredatorPrey, Relay, SpeakerProbe, MultiAgentGridWorld, TMaze, LeverGame]
)
@pytest.mark.parametrize("as_number", [np.int64, np.array], ids=["int64", "0-d"])
def test_sizes_of_environments_may_be_numpy_s_numbers(kind, as_number):
    args = small(kind)
    right = kind(**args, num_envs=2, seed=3)
    with unchecked():
        given = {name: as_number(value) for name, value in args.items()}
        env = kind(**given, num_envs=as_number(2), seed=as_number(3))
        sizes = ("num_envs", "n_agents", "n_actions", "obs_dim", "max_steps")
        for name in sizes:
            assert type(getattr(env, name)) is int and getattr(env, name) == getattr(right, name)
        assert torch.equal(env.reset(), right.reset())
        assert torch.equal(env.reset(as_number(8)), right.reset(8))
        actions = torch.zeros(2, env.n_agents, dtype=torch.int64)
        assert torch.equal(env.step(actions)[0], right.step(actions)[0])
