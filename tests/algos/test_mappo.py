"""MAPPO and IPPO, equation by equation, against loops over windows, steps and agents; what each
critic sees, whose memory is whose, and that only the actor acts."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

from marl_edu.algos import mappo
from marl_edu.algos.mappo import CRITICS, Batch, Config
from marl_edu.core.evaluate import evaluate
from marl_edu.core.normalise import RunningMeanStd
from marl_edu.envs import (
    CooperativeNavigation,
    PredatorPrey,
    PredatorPreyTag,
    SpeakerListener,
    SpeakerProbe,
    TMaze,
    TrafficJunction,
)
from marl_edu.envs.games import MatrixGame, penalty_game
from marl_edu.training import recurrent_ppo as loop
from tests.training.scripted import Scripted, bools
from tests.unchecked import unchecked

E, L, N, OBS, X, A, D = 3, 4, 2, 3, 5, 4, 6
SMALL: dict[str, Any] = {"hidden_dim": 8, "updates": 2, "num_envs": 3, "log_every": 1}
SHARED = pytest.mark.parametrize("share", [True, False])


def team(share: bool = True, seed: int = 0) -> mappo.Team:
    """Random networks with random last layers."""
    torch.manual_seed(seed)

    def make(inputs: int, outputs: int) -> torch.nn.Module:
        nets = [loop.Recurrent(inputs, outputs, N, D) for _ in range(1 if share else N)]
        for net in nets:
            torch.nn.init.normal_(net.last.weight)
        return nets[0] if share else loop.PerAgent(nets)

    return mappo.Team(make(OBS, A), make(OBS + X, 1), D).double()


def windows(seed: int = 0) -> Batch:
    """Random numbers: some slots are empty, some trajectories end and others begin."""
    g = torch.Generator().manual_seed(seed)
    f64: Any = {"generator": g, "dtype": torch.float64}
    available = torch.rand(E, L, N, A, generator=g) < 0.6
    available[..., 0] = True
    weights = torch.rand(E, L, N, A, generator=g) * available
    return Batch(
        obs=torch.randn(E, L, N, OBS, **f64),
        extra=torch.randn(E, L, X, **f64),
        action=weights.argmax(-1),
        log_prob=-2 * torch.rand(E, L, N, **f64),
        value=torch.randn(E, L, N, **f64),
        advantage=torch.randn(E, L, N, **f64),
        target=torch.randn(E, L, N, **f64),
        available=available,
        alive=torch.rand(E, L, N, generator=g) < 0.7,
        terminated=torch.rand(E, L, N, generator=g) < 0.3,
        actor_h=torch.randn(E, N, D, **f64),
        critic_h=torch.randn(E, N, D, **f64),
    )


def step_by_hand(net: loop.Recurrent, seen: list[float], number: int, h: torch.Tensor):
    """One step of one agent, written out. What comes out, and the memory."""
    x = torch.tensor([*seen, *(1.0 if i == number else 0.0 for i in range(N))]).double()
    z = (net.encode.weight @ x + net.encode.bias).clamp_min(0)
    m = net.memory
    from_z = (m.weight_ih @ z + m.bias_ih).split(D)
    from_h = (m.weight_hh @ h + m.bias_hh).split(D)
    reset, keep = ((a + b).sigmoid() for a, b in list(zip(from_z, from_h, strict=True))[:2])
    h = (1 - keep) * (from_z[2] + reset * from_h[2]).tanh() + keep * h
    return net.last.weight @ h + net.last.bias, h


def by_hand(net: Any, seen: Any, start: torch.Tensor, batch: Batch) -> dict[Any, torch.Tensor]:
    """What a network says of every agent in every step; `seen(e, l, n)` is what it is shown."""
    found = {}
    for e, n in product(range(E), range(N)):
        own, h = net.nets[n] if isinstance(net, loop.PerAgent) else net, start[e, n]
        for l in range(L):  # noqa: E741
            found[e, l, n], h = step_by_hand(own, seen(e, l, n), n, h)
            if batch.terminated[e, l, n]:
                h = torch.zeros_like(h)
    return found


# -- equations -----------------------------------------------------------------------------------


@SHARED
def test_eq_mappo_see_and_eq_mappo_memory_and_eq_mappo_critic(share):
    """Window by window, agent by agent: the actor sees o_i alone, the critic o_i and e."""
    net, batch = team(share), windows()
    actor = by_hand(net.actor, lambda *at: batch.obs[at].tolist(), batch.actor_h, batch)

    def shown(e, l, n):  # noqa: E741
        return batch.obs[e, l, n].tolist() + batch.extra[e, l].tolist()

    critic = by_hand(net.critic, shown, batch.critic_h, batch)
    logits = net.actor.unroll(loop.numbered(batch.obs), batch.actor_h, batch.terminated)
    x = loop.critic_input(batch.obs, batch.extra)
    v = net.critic.unroll(x, batch.critic_h, batch.terminated)
    for at in actor:
        torch.testing.assert_close(logits[at], actor[at])
        torch.testing.assert_close(v[at], critic[at])


@SHARED
@pytest.mark.parametrize("clip_value", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_eq_mappo_ratio_and_eq_mappo_policy_loss_and_eq_mappo_value_loss(share, clip_value, seed):
    net, batch = team(share, seed), windows(seed)
    cfg = Config(TMaze, clip_coef=0.2, ent_coef=0.3, clip_value=clip_value)
    total, parts = mappo.loss(net, batch, cfg)
    logits = by_hand(net.actor, lambda *at: batch.obs[at].tolist(), batch.actor_h, batch)
    x = lambda e, l, n: batch.obs[e, l, n].tolist() + batch.extra[e, l].tolist()  # noqa: E731,E741
    values = by_hand(net.critic, x, batch.critic_h, batch)
    gains, entropies, errors, outside = [], [], [], []
    for at in product(range(E), range(L), range(N)):
        if not batch.alive[at]:
            continue
        weight = logits[at].exp() * batch.available[at]
        pi = (weight / weight.sum()).tolist()
        ratio = pi[batch.action[at]] / np.exp(batch.log_prob[at].item())
        advantage = batch.advantage[at].item()
        gains.append(min(ratio * advantage, float(np.clip(ratio, 0.8, 1.2)) * advantage))
        outside.append(abs(ratio - 1) > 0.2)
        entropies.append(-sum(p * np.log(p) for p in pi if p > 0))
        v, old, y = values[at].item(), batch.value[at].item(), batch.target[at].item()
        near = float(np.clip(v, old - 0.2, old + 0.2))
        errors.append(max((v - y) ** 2, (near - y) ** 2) if clip_value else (v - y) ** 2)
    wanted = -np.mean(gains) - 0.3 * np.mean(entropies) + np.mean(errors)
    assert total.item() == pytest.approx(wanted)
    assert parts["entropy"] == pytest.approx(np.mean(entropies))
    assert parts["value_loss"] == pytest.approx(np.mean(errors))
    assert 0 < parts["clipped"] == pytest.approx(np.mean(outside))


def test_no_error_of_the_critic_reaches_the_actor_and_none_of_the_actor_the_critic():
    net, batch, cfg = team(), windows(), Config(TMaze)
    mappo.loss(net, batch._replace(advantage=0 * batch.advantage), replace(cfg, ent_coef=0.0))[
        0
    ].backward()
    assert not any(p.grad.any() for p in net.actor.parameters())
    assert all(p.grad.any() for p in net.critic.last.parameters())


def test_what_is_beyond_both_clips_moves_nothing():
    """Too likely already and good; too far already towards the target: nothing left to learn."""
    net, batch = team(), windows()
    logits = net.actor.unroll(loop.numbered(batch.obs), batch.actor_h, batch.terminated)
    x = loop.critic_input(batch.obs, batch.extra)
    v = net.critic.unroll(x, batch.critic_h, batch.terminated)[..., 0].detach()
    log_prob = mappo.log_prob_of(logits, batch.action, batch.available)[0].detach()
    batch = batch._replace(
        log_prob=log_prob - 0.5, advantage=torch.ones_like(v), value=v - 0.5, target=v + 0.05
    )
    mappo.loss(net, batch, Config(TMaze, ent_coef=0.0))[0].backward()
    assert not any(p.grad.any() for p in net.parameters())
    net.zero_grad()
    mappo.loss(net, batch, Config(TMaze, ent_coef=0.0, clip_value=False))[0].backward()
    assert any(p.grad.any() for p in net.critic.parameters())


# Slot 0: dies in step 2. Slot 1: one leaves in step 2, the next comes at once. Slot 2 comes in 3.
STORY: dict[str, Any] = {
    "there": ("110", "110", "010", "011", "011", "011"),
    "left": ("000", "010", "000", "000", "000"),
    "paid": [[1.0, 2.0, 3.0]] * 5,
    "ends": (99, 3),
}


@pytest.mark.parametrize("window", [2, 5, 10**6])
@pytest.mark.parametrize("critic", ["own", "team", "shuffled"])
def test_in_the_first_epoch_windows_are_what_was_played(critic, window):
    """Unrolled from their starts with the weights that played: same policy, same values."""
    cfg = Config(Scripted, STORY, critic=critic, window=window, **SMALL)
    env = Scripted(**STORY, num_envs=3, seed=0)
    torch.manual_seed(0)
    net = mappo.build(cfg, env)
    told = lambda env: mappo.extra_of(env, critic)  # noqa: E731
    played = loop.rollout(net, env, torch.Generator().manual_seed(0), told)
    batch, _ = mappo.make_batch(net, played, cfg)
    assert batch.alive.sum() == played.alive.sum() > 0
    assert batch.alive.any(-1).any(-1).all()  # windows in which nobody lives are left out
    logits = net.actor.unroll(loop.numbered(batch.obs), batch.actor_h, batch.terminated)
    log_prob = mappo.log_prob_of(logits, batch.action, batch.available)[0]
    torch.testing.assert_close(log_prob[batch.alive], batch.log_prob[batch.alive])
    x = loop.critic_input(batch.obs, batch.extra)
    v = net.critic.unroll(x, batch.critic_h, batch.terminated)[..., 0]
    torch.testing.assert_close(v[batch.alive], batch.value[batch.alive])
    assert mappo.loss(net, batch, cfg)[1]["clipped"] == 0


def test_windows_of_an_episode_in_order():
    x = torch.arange(14.0).view(2, 7)
    filled = [[0, 1, 2], [3, 4, 5], [6, 0, 0], [7, 8, 9], [10, 11, 12], [13, 0, 0]]
    assert loop.cut(x, 3).tolist() == filled
    assert torch.equal(loop.cut(x, 7), x) and torch.equal(loop.cut(x, 100), x)


def played_by_chance(seed: int = 0, T: int = 6) -> loop.Rollout:
    """A round of random numbers; agents die one by one."""
    g = torch.Generator().manual_seed(seed)
    died = torch.rand(E, T, N, generator=g) < 0.25
    before = torch.cat([torch.zeros(E, 1, N, dtype=torch.bool), died[:, :-1]], 1)
    alive = ~before.cumsum(1).bool()
    f64: Any = {"generator": g, "dtype": torch.float64}
    return loop.Rollout(
        obs=torch.randn(E, T + 1, N, OBS, **f64),
        extra=torch.randn(E, T + 1, X, **f64),
        action=torch.zeros(E, T, N, dtype=torch.int64),
        log_prob=torch.zeros(E, T, N, dtype=torch.float64),
        value=torch.randn(E, T + 1, N, **f64),
        actor_h=torch.randn(E, T, N, D, **f64),
        critic_h=torch.randn(E, T, N, D, **f64),
        available=torch.ones(E, T, N, A, dtype=torch.bool),
        reward=torch.randn(E, T, N, **f64) * alive,
        paid=torch.zeros(E, T, N, dtype=torch.float64),
        alive=alive,
        terminated=~alive | died,
        observed=alive,
        running=alive.any(-1),
        success=torch.zeros(E),
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("normalise", [True, False])
def test_eq_mappo_units_and_eq_mappo_advantage_and_eq_mappo_scale(normalise, seed):
    """Two rounds: values in the units of the first, targets in those of both."""
    net = team()
    cfg = Config(TMaze, gamma=0.9, gae_lambda=0.7, window=100, normalise_value=normalise)
    seen: list[float] = []
    for k in range(2):
        played = played_by_chance(10 * seed + k)
        mean, sd = (np.mean(seen), np.std(seen)) if seen and normalise else (0.0, 1.0)
        V = mean + sd * played.value.numpy()
        batch, _ = mappo.make_batch(net, played, cfg)
        advantages, returns = {}, {}
        for e, t, n in played.alive.nonzero().tolist():
            total, weight = 0.0, 1.0
            for k2 in range(t, 6):  # the sum over the steps that are left
                on = 0.0 if played.terminated[e, k2, n] else 1.0
                error = played.reward[e, k2, n].item() + 0.9 * on * V[e, k2 + 1, n] - V[e, k2, n]
                total += weight * error
                weight *= 0.9 * 0.7 * on
            advantages[e, t, n] = total
            returns[e, t, n] = total + V[e, t, n]
        seen += list(returns.values())
        mean, sd = (np.mean(seen), np.std(seen)) if normalise else (0.0, 1.0)
        many = np.array(list(advantages.values()))
        for at, found in returns.items():
            assert batch.target[at].item() == pytest.approx((found - mean) / sd, abs=1e-6)
            unit = (advantages[at] - many.mean()) / many.std()
            assert batch.advantage[at].item() == pytest.approx(unit, abs=1e-6)


def test_time_that_is_up_has_a_value_and_an_end_has_none():
    played = played_by_chance()
    last, zero = played.alive[:, -1], torch.zeros_like(played.terminated[:, -1])
    cfg = Config(TMaze, gamma=0.5, gae_lambda=0.0, window=100, normalise_value=False)

    def target(terminated):
        ends = played.terminated.clone()
        ends[:, -1] = terminated
        batch, _ = mappo.make_batch(team(), played._replace(terminated=ends), cfg)
        return batch.target[:, -1][last[last.any(1)] if len(batch.target) < E else last]

    reward, value = played.reward[:, -1][last], played.value[:, -1][last]
    torch.testing.assert_close(target(zero), reward + 0.5 * value)
    torch.testing.assert_close(target(~zero), reward)


def test_where_all_returns_are_equal_errors_are_not_magnified():
    net = team()
    net.scale.update(torch.full((9,), 3.0).double())
    assert net.out_of_units(torch.tensor(3.01).double()).item() == pytest.approx(1.0)
    assert net.in_units(torch.tensor(1.0).double()).item() == pytest.approx(3.01)


def test_explained_is_the_share_of_the_variance_of_what_came():
    """A critic that knows every return explains all, one that always says the same nothing."""
    played = played_by_chance(1)
    cfg = Config(TMaze, gamma=0.9, normalise_value=False)
    ends = played.terminated.clone()
    ends[:, -1] = True
    R = torch.zeros(E, 7, N, dtype=torch.float64)
    for t in reversed(range(6)):
        R[:, t] = played.reward[:, t] + 0.9 * ~ends[:, t] * R[:, t + 1]
    for value, wanted in ((R, 1.0), (torch.full_like(R, 7.0), 0.0)):
        round_ = played._replace(terminated=ends, value=value)
        assert mappo.make_batch(team(), round_, cfg)[1]["explained"] == pytest.approx(wanted)


# -- what the critic sees ------------------------------------------------------------------------


def test_what_each_critic_is_told():
    env = Scripted(**STORY, num_envs=2)
    env.reset()
    env.step(torch.zeros(2, 3, dtype=torch.int64))
    env.step(torch.zeros(2, 3, dtype=torch.int64))  # now slot 1 alone holds an agent
    assert mappo.extra_of(env, "own").shape == (2, 0)
    assert mappo.extra_of(env, "team").tolist() == [[0, 0, 3, 1, 0, 0]] * 2
    env = PredatorPrey(num_envs=4, seed=0)
    env.reset()
    everything = env.obs.flatten(1)
    assert torch.equal(mappo.extra_of(env, "team"), everything)
    shuffled = mappo.extra_of(env, "shuffled")
    for b in range(4):
        assert torch.equal(shuffled[b], everything[(b - 1) % 4])
    assert torch.equal(mappo.extra_of(env, "state"), env.state)


@pytest.mark.parametrize(
    "make", [CooperativeNavigation, SpeakerListener, PredatorPrey, PredatorPreyTag]
)
def test_a_state_has_its_size_and_tells_different_moments_apart(make):
    env = make(num_envs=50, seed=0)
    env.reset()
    for _ in range(3):
        assert env.state.shape == (50, env.state_dim)
        assert len(env.state.unique(dim=0)) == 50
        env.step(torch.randint(3, (50, env.n_agents)))


def test_a_state_names_what_agents_do_not_see():
    env = PredatorPrey(num_envs=20, seed=0)
    env.reset()
    places = env.state.view(20, 4, 2, 5)
    assert torch.equal(places.argmax(-1)[:, :3], env.predators)
    assert torch.equal(places.argmax(-1)[:, 3], env.prey) and places.sum() == 20 * 8
    maze = TMaze(3, witness=True, num_envs=20, seed=0)
    maze.reset()
    cell, sign, turned = maze.state.view(20, 2, 9).split((4, 2, 3), -1)
    assert torch.equal(sign.argmax(-1) + 1, maze.sign)
    assert cell[..., 0].all() and turned[..., 0].all()
    talk = SpeakerListener(num_envs=20, seed=0)
    talk.reset()
    talk.step(torch.ones(20, 2, dtype=torch.int64))
    assert torch.equal(talk.state[:, -6:-3].argmax(1), talk.goal)
    assert talk.state[:, -3:].tolist() == [[0, 1, 0]] * 20


@pytest.mark.parametrize("critic", CRITICS)
def test_whatever_the_critic_sees_an_agent_acts_on_its_own(critic):
    """Exchange everything but the observation of agent 0: it does the same."""
    cfg = Config(PredatorPrey, critic=critic, **SMALL)
    env = PredatorPrey(num_envs=3, seed=0)
    net = mappo.build(cfg, env)
    obs = env.reset().clone()
    h = net.start(3, 3)
    logits, _ = net.actor(loop.numbered(obs), h)
    obs[:, 1:] = torch.randn_like(obs[:, 1:])
    assert torch.equal(net.actor(loop.numbered(obs), h)[0][:, 0], logits[:, 0])
    assert not torch.equal(net.actor(loop.numbered(obs), h)[0][:, 1:], logits[:, 1:])


# -- the loop ------------------------------------------------------------------------------------


def test_a_policy_remembers_what_the_loop_remembered():
    """Cars come and go and slots are used again: with equal chances play is the same in both."""
    env, again = (TrafficJunction("easy", 0.9, num_envs=20, seed=0) for _ in range(2))
    torch.manual_seed(0)
    net = mappo.build(Config(TrafficJunction, hidden_dim=8), env)
    torch.nn.init.normal_(net.actor.last.weight)
    chance = torch.Generator().manual_seed(5)
    played = loop.rollout(net, env, chance, lambda env: mappo.extra_of(env, "team"))
    policy, used_again = loop.TeamPolicy(net, greedy=False, seed=5), False
    again.reset()
    for t in range(again.max_steps):
        alive, actions = again.alive, policy(again)
        assert torch.equal(actions[alive], played.action[:, t][alive])
        again.step(actions)
        used_again |= bool((again.completed & again.alive).any())
    assert used_again and 0.1 < played.action[played.alive].float().mean() < 0.9


@SHARED
def test_stopping_and_going_on_gives_the_same_digits(share, tmp_path):
    cfg = Config(
        TrafficJunction, {"arrival": 0.9}, share=share, minibatches=2, checkpoint_every=2,
        **{**SMALL, "updates": 5},
    )  # fmt: skip
    whole = mappo.train(cfg)
    path = tmp_path / "run"

    class Stop(Exception):
        pass

    def stop(row):
        if row["update"] == 3:
            raise Stop

    with pytest.raises(Stop):
        mappo.train(cfg, on_log=stop, checkpoint=path)
    run = mappo.train(cfg, checkpoint=path)
    same = [k for k in whole.rows[0] if k != "cpu_seconds"]
    assert [[r[k] for k in same] for r in run.rows] == [[r[k] for k in same] for r in whole.rows]
    for key, value in whole.net.state_dict().items():
        assert torch.equal(run.net.state_dict()[key], value), key


def test_separate_networks_learn_each_from_its_own_agent():
    net, batch = team(share=False), windows()
    alive = batch.alive.clone()
    alive[..., 1] = False
    mappo.loss(net, batch._replace(alive=alive), Config(TMaze))[0].backward()
    for part in (net.actor, net.critic):
        assert all(p.grad.any() for p in part.nets[0].last.parameters())
        assert not any(p.grad.any() for p in part.nets[1].parameters())


def test_only_what_is_available_is_done_and_learned_from():
    masks = [["110", "011"], ["001", "111"], ["000", "100"], ["011", "110"]]
    env = Scripted(("11",) * 4, masks=masks, num_envs=50)
    torch.manual_seed(0)
    net = mappo.build(Config(Scripted, hidden_dim=8), env)
    played = loop.rollout(
        net, env, torch.Generator().manual_seed(0), lambda env: mappo.extra_of(env, "team")
    )
    has = torch.stack([bools(row) for row in masks[:3]])
    for t, n in product(range(3), range(2)):
        done = set(played.action[:, t, n].tolist())
        assert done == set(has[t, n].nonzero()[:, 0].tolist() or [0])
    torch.testing.assert_close(played.log_prob[:, 2, 0], torch.zeros(50))  # it had no choice
    policy = loop.TeamPolicy(net, greedy=False)
    evaluate(env, policy, 50)  # the environment raises on what is not there


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match=r"critic must be one of \['own', 'shuffled', 'state', 't"):
        Config(TMaze, critic="central")
    with pytest.raises(ValueError, match="num_envs must be at least 2 with critic='shuffled'"):
        Config(TMaze, critic="shuffled", num_envs=1)
    with unchecked(), pytest.raises(TypeError, match="share must be True or False, got 1"):
        Config(TMaze, share=1)
    with pytest.raises(ValueError, match=r"critic='state' needs .* SpeakerProbe has none"):
        mappo.train(Config(SpeakerProbe, critic="state", **SMALL))


def test_the_scale_starts_as_no_scale():
    scale = RunningMeanStd()
    assert (scale.mean, scale.var) == (0, 1)


# -- it learns -----------------------------------------------------------------------------------


@pytest.mark.learning
@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("critic", ["own", "team"])
def test_memory_finds_the_way(critic, share):
    """Half of those who forget the sign turn right; who remembers always does."""
    cfg = Config(TMaze, {"length": 4}, critic=critic, share=share, updates=100, num_envs=64,
                 hidden_dim=32, lr=5e-3, ent_coef=0.03)  # fmt: skip
    for seed in (0, 1):
        net = mappo.train(replace(cfg, seed=seed)).net
        found = evaluate(TMaze(4, num_envs=500, seed=0), loop.TeamPolicy(net), 1000)
        assert found["success"] > 0.95, (critic, share, seed)


@pytest.mark.learning
@pytest.mark.parametrize("seed", [0, 1])
def test_nobody_leaves_the_trap_of_the_penalty_game_by_its_critic(seed):
    """From a start that is undecided, 2 is safe and 10 costs -100 on the way: both stay at 2."""
    for critic in ("own", "team"):
        args = {"payoff": penalty_game(-100)}
        net = mappo.train(Config(MatrixGame, args, seed, critic, updates=60, hidden_dim=16)).net
        env = MatrixGame(penalty_game(-100), num_envs=4)
        assert evaluate(env, loop.TeamPolicy(net), 4)["return"] == 2
