"""Inputs of a trained critic are switched off where they stand, and only they."""

from dataclasses import replace

import pytest
import torch

from marl_edu import results
from marl_edu.algos import mappo
from marl_edu.envs import PredatorPrey
from marl_edu.experiments import catalogue
from marl_edu.experiments.catalogue import critics
from marl_edu.experiments.critic_inputs import (
    PARTS,
    Foresight,
    Hunts,
    choices,
    foresight,
    hunts,
    spans,
    values,
)
from marl_edu.training.recurrent_ppo import critic_input

SMALL = {"own": 0, "team": 6, "state": 9}  # numbers of e with N = 2 agents of O = 3 numbers


def team(critic: str, seed: int = 0) -> tuple[mappo.Team, mappo.Config]:
    """A team with random weights, in units that are not 1."""
    torch.manual_seed(seed)
    cfg = mappo.Config(PredatorPrey, critic=critic, hidden_dim=8, gamma=0.9)
    net = mappo.build(cfg, PredatorPrey(num_envs=1))
    with torch.no_grad():
        net.critic.last.weight.mul_(20)
    net.scale.mean.fill_(-0.5)
    net.scale.var.fill_(0.04)
    return net, cfg


@pytest.mark.parametrize("critic", PARTS)
def test_every_number_of_the_input_belongs_to_one_part(critic: str) -> None:
    where = spans(critic, 2, 3, SMALL[critic])
    assert list(where) == [part for part in PARTS[critic] if part != "memory"]
    for i in range(2):
        held = [k for part in where.values() for start, end in part[i] for k in range(start, end)]
        assert sorted(held) == list(range(3 + SMALL[critic] + 2))


def test_parts_by_hand() -> None:
    """Two agents that see three numbers each; x of the team: own, both views, number."""
    where = spans("team", 2, 3, 6)
    assert where["own"] == [[[0, 3], [3, 6]], [[0, 3], [6, 9]]]
    assert where["others"] == [[[6, 9]], [[3, 6]]]
    state = spans("state", 2, 3, 9)  # row and column of two predators and the prey: 3 numbers each
    assert state["places"] == 2 * [[[3, 9]]] and state["prey"] == 2 * [[[9, 12]]]
    assert state["number"] == 2 * [[[12, 14]]]


def test_the_parts_of_the_state_are_where_the_environment_has_them() -> None:
    env = PredatorPrey(num_envs=64, seed=0)
    env.reset()
    state = env.state
    (start, end), *_ = spans("state", 3, env.obs_dim, env.state_dim)["prey"][0]
    env.prey = (env.prey + 1) % env.size
    changed = (env.state != state).any(0).nonzero().flatten() + env.obs_dim
    assert changed.tolist() == list(range(start, end))


@pytest.mark.parametrize("critic", PARTS)
def test_with_everything_on_values_are_those_of_the_rollout(critic: str) -> None:
    """So the returns that followed are those of `mappo.foreseen`, and so is what is explained."""
    net, cfg = team(critic)
    seen = hunts(net, cfg, 50, seed=3)
    again = hunts(net, cfg, 50, seed=3)
    assert torch.equal(seen.came, again.came) and torch.equal(seen.obs, again.obs)
    value = values(net, critic, seen.obs, seen.extra)
    over = seen.success > 0
    steps = seen.alive.any(-1).sum(1)
    for b in range(50):
        follows = torch.zeros(3) if over[b] else value[b, steps[b]]
        for t in reversed(range(int(steps[b]))):
            there = seen.obs[b, t + 1, :, 27] == 1  # the prey is in this cell
            follows = -0.05 * ~there + 0.9 * follows
            assert (follows - seen.came[b, t]).abs().max() < 1e-5


@pytest.mark.parametrize("critic", PARTS)
def test_what_is_off_does_not_matter_and_the_rest_does(critic: str) -> None:
    """Values stay if the numbers of a part change, where and only where it is off."""
    net, _ = team(critic)
    generator = torch.Generator().manual_seed(0)
    N, O = 3, 29  # noqa: E741
    X = {"own": 0, "team": N * O, "state": 40}[critic]
    obs = torch.randn(4, 6, N, O, generator=generator)
    extra = torch.randn(4, 6, X, generator=generator)
    if critic == "team":
        extra = obs.flatten(2)
    other = obs.clone()
    other[:, :, 1] += 1
    told = other.flatten(2) if critic == "team" else extra
    without = values(net, critic, obs, extra, ["own"])[:, :, 1]
    if critic == "team":
        assert torch.equal(without, values(net, critic, other, told, ["own"])[:, :, 1])
        others = [values(net, critic, obs, e, ["others"])[:, :, 0] for e in (extra, told)]
        assert torch.equal(*others)
    else:
        assert torch.equal(without, values(net, critic, other, extra, ["own"])[:, :, 1])
    assert not torch.equal(
        values(net, critic, obs, extra)[:, :, 1], values(net, critic, other, told)[:, :, 1]
    )


def test_without_memory_every_step_is_the_first() -> None:
    net, _ = team("own")
    generator = torch.Generator().manual_seed(0)
    obs = torch.randn(2, 5, 3, 29, generator=generator)
    extra = obs.new_zeros(2, 5, 0)
    found = values(net, "own", obs, extra, ["memory"])
    for t in range(5):
        x = critic_input(obs[:, t], extra[:, t])
        first = net.in_units(net.critic(x, net.start(2, 3))[0][..., 0])
        assert (found[:, t] - first).abs().max() < 1e-6
    assert (found - values(net, "own", obs, extra))[:, 1:].abs().max() > 1e-3


def test_foresight_by_hand() -> None:
    """Returns 0, 1, 2 and one that does not count; values 1 too high, then the mean."""
    came = torch.tensor([[[0.0], [1.0], [2.0], [9.0]]])
    alive = torch.tensor([[[True], [True], [True], [False]]])
    seen = Hunts(came, came, came, alive, came, came)
    last = torch.zeros(1, 1, 1)
    assert foresight(seen, torch.cat([came + 1, last], 1)) == Foresight(1.0, 1.0)
    explained, error = foresight(seen, torch.ones(1, 5, 1))
    assert explained == 0 and error == pytest.approx(2 / 3)


def test_choices_are_all_of_them() -> None:
    assert choices("ab") == [(), ("a",), ("b",), ("a", "b")]


@pytest.mark.parametrize("off", ["others", "sight"])
def test_an_input_that_the_critic_does_not_have_is_named(off: str) -> None:
    net, cfg = team("own")
    seen = hunts(net, cfg, 2)
    with pytest.raises(ValueError, match=f"off must be one of .*'own'.*, got '{off}'"):
        values(net, "own", seen.obs, seen.extra, [off])


def test_a_shuffled_critic_is_refused() -> None:
    net, cfg = team("own")
    with pytest.raises(ValueError, match=r"critic must be one of \['own', 'state', 'team'\]"):
        hunts(net, replace(cfg, critic="shuffled"), 2)


@pytest.mark.parametrize("critic", critics.LIVE)
def test_stored_critics_explain_what_they_explained_in_training(critic: str) -> None:
    """Fresh hunts, the network as stored: within 0.08 of the last rows of its training."""
    name = critics.name_of("hunt", critic)
    net, cfg = catalogue.load_policy(name), catalogue.EXPERIMENTS[name].cfg
    seen = hunts(net, cfg, 400)
    explained, _ = foresight(seen, values(net, critic, seen.obs, seen.extra))
    record = results.load(name)[0]
    logged = sum(row["explained"] for row in record["rows"][-2:]) / 2
    assert explained == pytest.approx(logged, abs=0.08)
    assert seen.success.mean().item() == pytest.approx(
        record["evaluation"]["success_sampling"], abs=0.09
    )
