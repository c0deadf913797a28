"""PPO with a bonus, equation by equation, against loops over environments, steps and agents."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from marl_edu.algos import counts, icm, rnd
from marl_edu.algos.counts import CountBonus
from marl_edu.core.evaluate import evaluate
from marl_edu.core.normalise import ReturnNormaliser, RunningMeanStd
from marl_edu.envs.baselines.key_door_maze import plan
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.training import ppo
from marl_edu.training.bonus import NoBonus, PerAgentBonus, shuffled
from marl_edu.training.exploration_metrics import ExplorationMetrics
from marl_edu.training.ppo import ActorCritic, Batch, Rollout

B, T, N, OBS, A = 3, 6, 2, 5, 4


def Config(**settings) -> ppo.Config:  # as the class, in the maze
    return ppo.Config(KeyDoorMaze, **settings)


def rollout(seed: int = 0, ends: float = 0.2) -> Rollout:
    """Episodes of random numbers, some of which end early."""
    g = torch.Generator().manual_seed(seed)
    ended = torch.rand(B, T, generator=g) < ends
    before = torch.cat([torch.zeros(B, 1, dtype=torch.bool), ended[:, :-1]], 1)
    alive = (~before.cumsum(1).bool())[..., None].expand(-1, -1, N)
    return Rollout(
        obs=torch.randn(B, T + 1, N, OBS, generator=g),
        action=torch.randint(A, (B, T, N), generator=g),
        log_prob=-torch.rand(B, T, N, generator=g),
        value_ext=torch.randn(B, T + 1, N, generator=g),
        value_int=torch.randn(B, T + 1, N, generator=g),
        reward=torch.randn(B, T, N, generator=g),
        alive=alive,
        terminated=~alive | ended[..., None],
        available=torch.ones(B, T, N, A, dtype=torch.bool),
        paid=torch.zeros(B, T, N),
        observed=alive,
        running=alive.any(-1),
        success=ended.any(1).float(),
        cell=None,
    )


def sum_of_errors(batch: Rollout, reward, value, b, t, n, cfg, gamma, after_the_end):
    """A generalised advantage as a sum over the steps that are left, straight from its definition.

    `after_the_end`: the value of the state behind a termination.
    """
    total, weight = 0.0, 1.0
    for k in range(t, T):
        last = k == T - 1
        if not batch.terminated[b, k, n]:
            following = value[b, k + 1, n].item()
            if last and after_the_end is not None:
                following = after_the_end  # time is up: the next episode begins
        else:
            following = 0.0 if after_the_end is None else after_the_end
        total += weight * (reward[b, k, n].item() + gamma * following - value[b, k, n].item())
        if batch.terminated[b, k, n]:
            break
        weight *= gamma * cfg.gae_lambda
    return total


@pytest.mark.parametrize("episodic", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_eq_rnd_returns(seed, episodic):
    """A^E stops at the end of the environment; A^I goes on with the start of the next episode."""
    batch, cfg = (
        rollout(seed),
        Config(gamma=0.9, gamma_int=0.8, gae_lambda=0.7, episodic_bonus=episodic),
    )
    bonus = torch.rand(B, T, N, generator=torch.Generator().manual_seed(seed))
    ext, int_ = ppo.advantages(batch, bonus, cfg)
    for b, t, n in product(range(B), range(T), range(N)):
        if not batch.alive[b, t, n]:
            continue
        args = (b, t, n, cfg)
        wanted = sum_of_errors(batch, batch.reward, batch.value_ext, *args, cfg.gamma, None)
        assert ext[b, t, n].item() == pytest.approx(wanted, abs=1e-5)
        start = None if episodic else batch.value_int[b, 0, n].item()
        wanted = sum_of_errors(batch, bonus, batch.value_int, *args, cfg.gamma_int, start)
        assert int_[b, t, n].item() == pytest.approx(wanted, abs=1e-5)


def test_eq_ppo_advantage():
    """Two advantages, weighted and added; in units of their spread over the living."""
    batch, bonus = rollout(1), torch.rand(B, T, N)
    cfg = Config(ext_coef=3.0, int_coef=0.5, normalise=False)
    ext, int_ = ppo.advantages(batch, bonus, cfg)
    there = batch.alive.any(-1)
    plain = ppo.make_batch(batch, bonus, cfg)
    torch.testing.assert_close(plain.advantage, (3 * ext + 0.5 * int_)[there])
    torch.testing.assert_close(plain.return_ext, (ext + batch.value_ext[:, :-1])[there])
    torch.testing.assert_close(plain.return_int, (int_ + batch.value_int[:, :-1])[there])
    unit = ppo.make_batch(batch, bonus, replace(cfg, normalise=True)).advantage
    assert unit.mean().abs() < 1e-6 and unit.std(correction=0).sub(1).abs() < 1e-5
    both = plain.advantage
    torch.testing.assert_close(unit, (both - both.mean()) / both.std(correction=0))


def test_only_moments_with_somebody_alive_are_learned_from():
    batch = rollout(2, ends=0.5)
    samples = ppo.make_batch(batch, torch.rand(B, T, N), Config())
    assert len(samples.action) == batch.alive.any(-1).sum() < B * T
    assert samples.alive.all()
    torch.testing.assert_close(samples.next_obs, batch.obs[:, 1:][batch.alive.any(-1)])


@pytest.mark.parametrize("seed", range(3))
def test_eq_ppo_loss(seed):
    """PPO's loss, both critics and the entropy, moment by moment."""
    torch.manual_seed(seed)
    net, cfg = ActorCritic(OBS, A, 8, N), Config(clip_coef=0.2, ent_coef=0.3, vf_coef=0.7)
    samples = ppo.make_batch(rollout(seed), torch.rand(B, T, N), cfg)
    alive = torch.rand(samples.alive.shape) < 0.8
    samples = samples._replace(alive=alive)
    total, parts = ppo.loss(net, samples, cfg)
    step, gains, errors, entropies = net(samples.obs), [], [], []
    for m, n in alive.nonzero().tolist():
        pi = F.softmax(step.logits[m, n], -1)
        ratio = pi[samples.action[m, n]].item() / np.exp(samples.log_prob[m, n].item())
        advantage = samples.advantage[m, n].item()
        gains.append(min(ratio * advantage, float(np.clip(ratio, 0.8, 1.2)) * advantage))
        errors.append(
            (samples.return_ext[m, n] - step.value_ext[m, n]).item() ** 2
            + (samples.return_int[m, n] - step.value_int[m, n]).item() ** 2
        )
        entropies.append(-(pi * pi.log()).sum().item())
    wanted = -np.mean(gains) + 0.7 * np.mean(errors) - 0.3 * np.mean(entropies)
    assert total.item() == pytest.approx(wanted, rel=1e-4)
    assert parts["entropy"] == pytest.approx(np.mean(entropies), rel=1e-4)


def test_beyond_the_clip_an_action_is_neither_pushed_nor_pulled_further():
    net = ActorCritic(OBS, A, 8)
    obs, action = torch.randn(1, 1, OBS), torch.tensor([[1]])
    now = F.log_softmax(net(obs).logits, -1)[..., 1].detach()
    zero = torch.zeros(1, 1)
    for advantage, far in ((1.0, now - 0.5), (-1.0, now + 0.5)):
        yes, far_off = zero == 0, torch.full((1, 1), advantage)
        has = torch.ones(1, 1, A, dtype=torch.bool)
        batch = Batch(obs, action, obs, far, far_off, zero, zero, yes, yes, has)
        total, _ = ppo.loss(net, batch, Config(vf_coef=0.0, ent_coef=0.0))
        (gradient,) = torch.autograd.grad(total, net.policy.weight)
        assert not gradient.any()


def test_eq_rnd_scale():
    """The spread of R_t = gamma R_{t-1} + r_t, gathered environment by environment, forward in
    time."""
    rounds = [torch.rand(B, T, N, generator=torch.Generator().manual_seed(k)) for k in range(3)]
    living = [rollout(k).alive for k in range(3)]
    scale, R, seen = ReturnNormaliser(B, N, 0.9), np.zeros((B, N)), []
    for bonus, alive in zip(rounds, living, strict=True):
        scale.update(bonus, alive)
        for t, b, n in product(range(T), range(B), range(N)):
            if alive[b, t, n]:
                R[b, n] = 0.9 * R[b, n] + bonus[b, t, n].item()
                seen.append(R[b, n])
    bonus = rounds[0]
    torch.testing.assert_close(scale(bonus), bonus / np.std(seen), rtol=1e-4, atol=1e-5)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(0, 99))
def test_running_moments_are_those_of_all_rows_together(sizes, seed):
    rows = [
        3 + 2 * torch.randn(n, 4, generator=torch.Generator().manual_seed(seed + k))
        for k, n in enumerate(sizes)
    ]
    stats = RunningMeanStd(4)
    for part in rows:
        stats.update(part)
    whole = torch.cat(rows)
    if len(whole):
        torch.testing.assert_close(stats.mean, whole.mean(0), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(stats.var, whole.var(0, correction=0), rtol=1e-3, atol=1e-5)
    assert stats.count == len(whole)


def test_eq_ppo_counts():
    """1 / sqrt(n + 1), n counted observation by observation, the living only."""
    g = torch.Generator().manual_seed(0)
    counted, seen = CountBonus(4), {}
    for _ in range(4):
        obs = torch.randint(2, (5, 3, 4), generator=g).float()
        action, alive = torch.zeros(5, 3, dtype=torch.long), torch.rand(5, 3, generator=g) < 0.7
        bonus = counted.reward(obs, action, obs)
        for where in product(range(5), range(3)):
            n = seen.get(tuple(obs[where].tolist()), 0)
            assert bonus[where].item() == pytest.approx((n + 1) ** -0.5)
        counted.update(obs, action, obs, alive)
        for row in obs[alive]:
            seen[tuple(row.tolist())] = seen.get(tuple(row.tolist()), 0) + 1


def test_counts_tell_all_places_of_the_maze_apart():
    env = KeyDoorMaze(num_envs=1)
    env.reset()
    places = torch.zeros(2 * env.n_cells, env.obs_dim)
    places[:, : env.place.shape[1]] = env.place.repeat(2, 1)
    places[env.n_cells :, env.place.shape[1]] = 1  # with the key
    torch.manual_seed(0)
    assert len(CountBonus(env.obs_dim).bucket(places).unique()) == 2 * env.n_cells


MODULES = {
    "none": lambda: NoBonus(),
    "counts": lambda: CountBonus(OBS),
    "icm": lambda: icm.IntrinsicCuriosityModule(OBS, A, 6, 7),
    "rnd": lambda: rnd.RandomNetworkDistillation(OBS, 6, 7),
    "own": lambda: PerAgentBonus(rnd.RandomNetworkDistillation(OBS, 6, 7) for _ in range(N)),
}


@pytest.fixture(params=MODULES)
def module(request):
    torch.manual_seed(0)
    return MODULES[request.param]()


@pytest.mark.parametrize("lead", [(7, N), (3, 2, N)])
def test_every_bonus_keeps_the_house_s_signature(module, lead):
    obs, after = torch.randn(2, *lead, OBS)
    action = torch.randint(A, lead)
    bonus, errors = module.reward(obs, action, after), module.loss(obs, action, after)
    assert bonus.shape == errors.shape == lead
    assert not bonus.requires_grad and (bonus >= 0).all()
    module.update(obs, action, after, torch.rand(lead) < 0.5)


def test_every_bonus_judges_each_transition_by_itself(module):
    obs, after = torch.randn(2, 6, N, OBS).round()
    action = torch.randint(A, (6, N))
    whole = module.reward(obs, action, after)
    single = torch.cat(
        [module.reward(obs[k : k + 1], action[k : k + 1], after[k : k + 1]) for k in range(6)]
    )
    torch.testing.assert_close(whole, single)


@pytest.mark.parametrize("name", ["counts", "icm", "rnd", "own"])
def test_what_is_seen_again_and_again_is_old(name):
    torch.manual_seed(0)
    module, action = MODULES[name](), torch.randint(A, (5, N))
    obs, after = torch.randn(2, 5, N, OBS).round()
    first = module.reward(obs, action, after).mean()
    learned = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(learned, 1e-2) if learned else None
    for _ in range(300):
        if optimizer:
            optimizer.zero_grad()
            module.loss(obs, action, after).mean().backward()
            optimizer.step()
        if name == "counts":
            module.update(obs, action, after, torch.ones(5, N, dtype=torch.bool))
    assert module.reward(obs, action, after).mean() < 0.3 * first


def test_who_has_a_bonus_of_its_own_learns_from_what_it_saw_itself():
    own = PerAgentBonus([CountBonus(OBS) for _ in range(N)])
    obs, action = torch.zeros(4, N, OBS), torch.zeros(4, N, dtype=torch.long)
    obs[:, 1] = 1  # the two are in different places
    own.update(obs, action, obs, torch.ones(4, N, dtype=torch.bool))
    assert own.reward(obs, action, obs)[0].tolist() == pytest.approx([5**-0.5] * 2)
    elsewhere = own.reward(obs.flip(1), action, obs.flip(1))[0]
    assert elsewhere.tolist() == [1.0, 1.0]  # new to the one, though old to the other
    shared = CountBonus(OBS)
    shared.update(obs, action, obs, torch.ones(4, N, dtype=torch.bool))
    assert shared.reward(obs, action, obs.flip(1))[0].tolist() == pytest.approx([5**-0.5] * 2)


def test_shuffling_keeps_the_bonuses_and_loses_their_places():
    bonus, alive = torch.rand(B, T, N), rollout(3, ends=0.5).alive
    dealt = shuffled(bonus, alive, torch.Generator().manual_seed(0))
    torch.testing.assert_close(dealt[alive].sort().values, bonus[alive].sort().values)
    assert not torch.equal(dealt[alive], bonus[alive]) and not dealt[~alive].any()


def test_several_agents_are_told_apart_and_a_single_one_is_not_told_anything():
    torch.manual_seed(0)
    assert ActorCritic(OBS, A, 8).body[0].in_features == OBS
    net = ActorCritic(OBS, A, 8, n_agents=3)
    step = net(torch.ones(2, 3, OBS))
    assert step.logits.shape == (2, 3, A) and step.value_ext.shape == (2, 3)
    assert not torch.allclose(step.logits[:, 0], step.logits[:, 1])


class Planned(ActorCritic):
    """A network that follows a given plan, whatever it sees."""

    def __init__(self, actions, n_agents=1):
        super().__init__(1, 5, 1, n_agents)
        self.actions, self.t = actions, 0

    def forward(self, obs):
        action = self.actions[min(self.t, len(self.actions) - 1)]
        self.t += 1
        logits = torch.full((*obs.shape[:-1], 5), -30.0)
        logits[..., action] = 30.0
        return ppo.Step(logits, torch.zeros(obs.shape[:-1]), torch.ones(obs.shape[:-1]))


def test_a_rollout_records_what_happened_and_stops_when_all_have_arrived():
    env = KeyDoorMaze("small", num_envs=3, seed=0)
    way = plan(env)
    batch = ppo.rollout(Planned(way), env, torch.Generator().manual_seed(0))
    assert batch.action.shape == (3, len(way), 1) and batch.obs.shape[1] == len(way) + 1
    assert batch.action[0, :, 0].tolist() == way
    assert batch.reward.sum(1).tolist() == [[1.0]] * 3 and batch.success.all()
    assert (
        batch.alive.all() and batch.terminated[:, -1].all() and not batch.terminated[:, :-1].any()
    )
    assert batch.cell[0, -1, 0] == env.goal
    assert batch.log_prob.abs().max() < 1e-5


def test_evaluate_counts_episodes_and_steps():
    env = KeyDoorMaze("small", num_envs=4, seed=0)
    way = plan(env)
    found = evaluate(env, ppo.TeamPolicy(Planned(way)), 4)
    assert found == {"success": 1.0, "return": 1.0, "steps": len(way), "episodes": 4}
    assert evaluate(env, ppo.TeamPolicy(Planned([4])), 4)["success"] == 0.0


def test_the_metrics_remember_where_anybody_has_ever_been():
    env = KeyDoorMaze("small", n_agents=2, num_envs=2, seed=0)
    explored, batch = ExplorationMetrics(env), rollout()
    cell = torch.zeros(2, 3, 2, dtype=torch.long)
    cell[..., 1] = torch.tensor([1, 2, 3])
    one = batch._replace(
        action=torch.full((2, 3, 2), 4),
        reward=torch.zeros(2, 3, 2),
        alive=torch.ones(2, 3, 2, dtype=torch.bool),
        observed=torch.ones(2, 3, 2, dtype=torch.bool),
        cell=cell,
    )
    row = explored(one, torch.ones(2, 3, 2))
    assert row["coverage"] == pytest.approx(4 / env.n_cells)
    assert row["coverage_per_agent"] == pytest.approx(2 / env.n_cells)
    assert row["found"] == 0 and row["bonus"] == 1 and row["action_4"] == 1 and row["action_0"] == 0
    explored(one._replace(reward=one.reward + 1), torch.ones(2, 3, 2))
    assert explored(one, torch.ones(2, 3, 2))["found"] == 1


SMALL = {
    "env_args": {"layout": "small", "max_steps": 12},
    "updates": 4,
    "num_envs": 4,
    "hidden_dim": 8,
    "log_every": 2,
    "checkpoint_every": 1,
}
TRAIN = {
    "none": (Config, ppo.train),
    "counts": (counts.Config, counts.train),
    "icm": (icm.Config, icm.train),
    "rnd": (rnd.Config, rnd.train),
}


class Interrupted(Exception):
    """Stands for Ctrl-C."""


def numbers(rows):
    return [{k: v for k, v in row.items() if k != "cpu_seconds"} for row in rows]


@pytest.mark.long
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("name", TRAIN)
def test_an_interrupted_run_ends_with_the_same_numbers(name, own, tmp_path):
    make, train = TRAIN[name]
    cfg = make(**SMALL, per_agent_bonus=own, shuffle_bonus=own)
    cfg = replace(cfg, env_args={**cfg.env_args, "n_agents": 2, "noisy_tv": True})
    whole = train(cfg)

    def stop(row):
        raise Interrupted

    with pytest.raises(Interrupted):
        train(cfg, on_log=stop, checkpoint=tmp_path / "run")
    again = train(cfg, checkpoint=tmp_path / "run")
    assert numbers(again.rows) == numbers(whole.rows)
    for a, b in zip(whole.net.parameters(), again.net.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", TRAIN)
def test_equal_seeds_give_equal_numbers_and_other_seeds_others(name):
    make, train = TRAIN[name]
    cfg = replace(make(**SMALL), updates=2)
    first, second = train(cfg), train(cfg)
    assert numbers(first.rows) == numbers(second.rows)
    assert numbers(train(replace(cfg, seed=1)).rows) != numbers(first.rows)


def test_without_a_bonus_and_a_reward_there_is_nothing_to_learn_but_values():
    """All advantages are what the critics err by: the policy is pushed by noise alone."""
    run = ppo.train(Config(**{**SMALL, "updates": 2}))
    assert all(row["bonus"] == 0 and row["bonus_loss"] == 0 for row in run.rows)


def test_a_team_can_be_played_like_a_scripted_policy():
    env = KeyDoorMaze("small", num_envs=2, n_agents=2, seed=0)
    torch.manual_seed(0)
    net = ActorCritic(env.obs_dim, env.n_actions, 8, n_agents=2)
    obs = env.reset()
    assert torch.equal(ppo.TeamPolicy(net)(env), net(obs).logits.argmax(-1))
